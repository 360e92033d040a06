//! Client connections that Palisade ended of itself, by cause. Most of them were in no request, so
//! that no record tells of them.

use super::family::{Builder, stable};
use prometheus::IntCounter;

/// Why a client connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// A head was not whole in time.
    Head,
    /// Nothing was asked on it for too long.
    Idle,
    /// The client took nothing of what was sent to it for too long.
    Write,
    /// It took back requests in masses (HTTP/2).
    Resets,
}

impl Cut {
    const ALL: [Self; 4] = [Self::Head, Self::Idle, Self::Write, Self::Resets];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Write => "write",
            Self::Resets => "resets",
        }
    }
}

#[derive(Debug)]
pub(super) struct Cuts(Vec<IntCounter>);

impl Cuts {
    pub(super) fn new(build: &mut Builder) -> Self {
        let cut = build.counters(stable(
            "palisade_connections_cut_total",
            &["cause"],
            "Client connections that Palisade ended, by cause: the timeouts `head`, `idle` and `write` of `listen.timeouts`, or `resets`: a client of HTTP/2 took back requests in masses.",
        ));
        let each = Cut::ALL.iter();
        Self(
            each.map(|one| cut.with_label_values(&[one.label()]))
                .collect(),
        )
    }

    pub(super) fn count(&self, cut: Cut) {
        if let Some(counter) = self.0.get(cut as usize) {
            counter.inc();
        }
    }
}
