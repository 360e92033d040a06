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
    /// It sent frames that carry nothing, in masses (HTTP/2).
    Frames,
    /// It was not used, and another client needed its place.
    Room,
}

/// Why a client got no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Crowded {
    /// There are too many in all.
    Total,
    /// Its address has too many.
    Peer,
}

impl Crowded {
    const ALL: [Self; 2] = [Self::Total, Self::Peer];

    fn label(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Peer => "peer",
        }
    }
}

impl Cut {
    const ALL: [Self; 6] = [
        Self::Head,
        Self::Idle,
        Self::Write,
        Self::Resets,
        Self::Frames,
        Self::Room,
    ];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Write => "write",
            Self::Resets => "resets",
            Self::Frames => "frames",
            Self::Room => "room",
        }
    }
}

#[derive(Debug)]
pub(super) struct Cuts {
    cut: Vec<IntCounter>,
    refused: Vec<IntCounter>,
}

impl Cuts {
    pub(super) fn new(build: &mut Builder) -> Self {
        let cut = build.counters(stable(
            "palisade_connections_cut_total",
            &["cause"],
            "Client connections that Palisade ended, by cause: the timeouts `head`, `idle` and `write` of `listen.timeouts`, or `resets` and `frames`: a client of HTTP/2 took back requests, or sent frames that carry nothing, in masses, or `room`: another client needed the place of an unused one. `write` counts single requests of HTTP/2, too: their connection goes on.",
        ));
        let refused = build.counters(stable(
            "palisade_connections_refused_total",
            &["cause"],
            "Client connections that were closed at once, by what was full (`total`: `listen.limits.connections`, `peer`: `listen.peers.connections`).",
        ));
        let (cuts, crowded) = (Cut::ALL.iter(), Crowded::ALL.iter());
        Self {
            cut: cuts
                .map(|one| cut.with_label_values(&[one.label()]))
                .collect(),
            refused: crowded
                .map(|one| refused.with_label_values(&[one.label()]))
                .collect(),
        }
    }

    pub(super) fn count(&self, cut: Cut) {
        if let Some(counter) = self.cut.get(cut as usize) {
            counter.inc();
        }
    }

    pub(super) fn refused(&self, crowded: Crowded) {
        if let Some(counter) = self.refused.get(crowded as usize) {
            counter.inc();
        }
    }
}
