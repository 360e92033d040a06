//! Streams that are open, and how they ended.

use super::family::{Builder, stable};
use crate::lease::Ended;
use crate::reason::Reason;
use prometheus::{IntCounter, IntGauge};

#[derive(Debug)]
pub(super) struct Streams {
    pub(super) open: IntGauge,
    complete: IntCounter,
    upstream: IntCounter,
    client: IntCounter,
    idle: IntCounter,
    drain: IntCounter,
    /// In the order of the reasons.
    gate: Vec<IntCounter>,
}

impl Streams {
    pub(super) fn new(build: &mut Builder) -> Self {
        let ended = build.counters(stable(
            "palisade_streams_ended_total",
            &["reason"],
            "Streams of known callers that ended, by how: `complete`, `upstream` (it broke off or paused too long), `client` (it went away, or the gate stopped), `idle` and `drain` (a WebSocket that the gate closed for silence, or because it stops), or the reason code for which the gate ended it.",
        ));
        let of = |how: &str| ended.with_label_values(&[how]);
        Self {
            open: build.gauge(stable(
                "palisade_streams_open",
                &[],
                "Streams of known callers that are open: uploads, replies that are passed on as they come, tunnels.",
            )),
            complete: of("complete"),
            upstream: of("upstream"),
            client: of("client"),
            idle: of("idle"),
            drain: of("drain"),
            gate: Reason::ALL.iter().map(|reason| of(reason.code())).collect(),
        }
    }

    pub(super) fn ended(&self, how: Ended) {
        match how {
            Ended::Complete => self.complete.inc(),
            Ended::Upstream => self.upstream.inc(),
            Ended::Client => self.client.inc(),
            Ended::Idle => self.idle.inc(),
            Ended::Drain => self.drain.inc(),
            Ended::Gate(reason) => {
                if let Some(counter) = self.gate.get(reason as usize) {
                    counter.inc();
                }
            }
        }
    }
}
