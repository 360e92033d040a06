//! Worker threads, and who is turned away at a transparent door.

use super::Metrics;
use super::family::{Builder, stable};
use prometheus::IntCounter;

/// Why a connection was closed that the kernel should have led here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransparentFault {
    /// Nobody led it: it was made straight to the door.
    Direct,
    /// It was going to a port that is not listed.
    Port,
}

impl TransparentFault {
    const ALL: [Self; 2] = [Self::Direct, Self::Port];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Port => "port",
        }
    }
}

#[derive(Debug)]
pub(super) struct Doors {
    restarts: IntCounter,
    refused: Vec<IntCounter>,
}

impl Doors {
    pub(super) fn new(build: &mut Builder) -> Self {
        let refused = build.counters(stable(
            "palisade_transparent_refused_total",
            &["cause"],
            "Connections closed at a transparent door, by cause (`direct`: made straight to it; `port`: they were going to a port that is not listed).",
        ));
        Self {
            restarts: build.counter(stable(
                "palisade_worker_restarts_total",
                &[],
                "Worker threads that broke and began anew. Anything but 0 is a fault in Palisade; the connections of that worker were lost.",
            )),
            refused: TransparentFault::ALL
                .iter()
                .map(|fault| refused.with_label_values(&[fault.label()]))
                .collect(),
        }
    }
}

impl Metrics {
    /// A worker thread broke, and begins anew.
    pub fn worker_restarted(&self) {
        self.doors.restarts.inc();
    }

    /// A connection was closed at a transparent door.
    pub fn transparent_refused(&self, fault: TransparentFault) {
        if let Some(counter) = self.doors.refused.get(fault as usize) {
            counter.inc();
        }
    }
}
