//! Connections that became a WebSocket.

use super::family::{Builder, experimental, stable};
use super::{Metrics, Present};
use prometheus::{IntCounter, IntGauge};

/// Who ended a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TunnelEnd {
    /// The client closed first, or broke off.
    Client,
    /// The upstream did.
    Upstream,
    /// Nothing was sent for too long.
    Idle,
    /// The gate stopped.
    Drain,
    /// The caller may not have it any more.
    Revoked,
}

#[derive(Debug)]
pub(super) struct Tunnels {
    open: IntGauge,
    closed: Vec<IntCounter>,
}

impl Tunnels {
    pub(super) fn new(build: &mut Builder) -> Self {
        let closed = build.counters(experimental(
            "palisade_tunnels_closed_total",
            &["by"],
            "WebSockets that ended, by who ended them (`client`, `upstream`, `idle`, `drain`, `revoked`).",
        ));
        Self {
            open: build.gauge(stable("palisade_tunnels", &[], "Open WebSockets.")),
            closed: TunnelEnd::ALL
                .iter()
                .map(|end| closed.with_label_values(&[end.label()]))
                .collect(),
        }
    }
}

impl Metrics {
    /// A WebSocket was opened.
    pub fn tunnel(&self) -> Present {
        Present::new(&self.tunnels.open)
    }

    /// It ended.
    pub fn tunnel_closed(&self, end: TunnelEnd) {
        if let Some(counter) = self.tunnels.closed.get(end as usize) {
            counter.inc();
        }
    }
}

impl TunnelEnd {
    const ALL: [Self; 5] = [
        Self::Client,
        Self::Upstream,
        Self::Idle,
        Self::Drain,
        Self::Revoked,
    ];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Idle => "idle",
            Self::Drain => "drain",
            Self::Revoked => "revoked",
        }
    }
}
