//! The description of a family of series, and the one place that makes series from it.

use prometheus::core::Collector;
use prometheus::{
    Counter, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// What the reference page says of one family of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesDoc {
    /// Its whole name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Label names.
    pub labels: &'static [&'static str],
    /// What it counts or measures.
    pub help: &'static str,
    /// Whether alerts and dashboards may rely on it.
    pub stability: Stability,
}

/// Whether a name and its labels may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// They change with a major version only.
    Stable,
    /// They may change with any version.
    Experimental,
}

impl Stability {
    /// As the reference page spells it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Experimental => "experimental",
        }
    }
}

/// A family still to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    stability: Stability,
}

/// A family whose name and labels are promised.
pub(super) const fn stable(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family {
        name,
        labels,
        help,
        stability: Stability::Stable,
    }
}

/// A family that may still change.
pub(super) const fn experimental(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family {
        stability: Stability::Experimental,
        ..stable(name, labels, help)
    }
}

/// Makes families and remembers what it made. Its own registry, never the global one, so that
/// tests run side by side.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) registry: Registry,
    pub(super) docs: Vec<SeriesDoc>,
}

impl Builder {
    pub(super) fn counters(&mut self, family: Family) -> IntCounterVec {
        let made = IntCounterVec::new(Opts::new(family.name, family.help), family.labels);
        self.add(family, "counter", made)
    }

    pub(super) fn counter(&mut self, family: Family) -> IntCounter {
        let made = IntCounter::new(family.name, family.help);
        self.add(family, "counter", made)
    }

    pub(super) fn seconds_counter(&mut self, family: Family) -> Counter {
        let made = Counter::new(family.name, family.help);
        self.add(family, "counter", made)
    }

    pub(super) fn gauges(&mut self, family: Family) -> IntGaugeVec {
        let made = IntGaugeVec::new(Opts::new(family.name, family.help), family.labels);
        self.add(family, "gauge", made)
    }

    pub(super) fn gauge(&mut self, family: Family) -> IntGauge {
        let made = IntGauge::new(family.name, family.help);
        self.add(family, "gauge", made)
    }

    pub(super) fn histogram(&mut self, family: Family, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
        self.add(family, "histogram", Histogram::with_opts(opts))
    }

    pub(super) fn histograms(&mut self, family: Family, buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
        self.add(family, "histogram", HistogramVec::new(opts, family.labels))
    }

    fn add<C: Collector + Clone + 'static>(
        &mut self,
        family: Family,
        kind: &'static str,
        made: prometheus::Result<C>,
    ) -> C {
        let made = made.expect("names and labels are literals, tried by every test");
        self.registry
            .register(Box::new(made.clone()))
            .expect("names are literals, tried by every test");
        self.docs.push(SeriesDoc {
            name: family.name,
            kind,
            labels: family.labels,
            help: family.help,
            stability: family.stability,
        });
        made
    }
}
