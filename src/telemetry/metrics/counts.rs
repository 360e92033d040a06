//! The families with few series: token, decision, ruleset, audit, connections.

use super::family::{Builder, experimental, stable};
use super::{DECISION_BUCKETS, DecisionSource, Dropped, LimitScope, ProxyFault};
use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec};

#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) hits: IntCounter,
    pub(super) misses: IntCounter,
    pub(super) evictions: IntCounter,
    pub(super) entries: IntGauge,
}

#[derive(Debug)]
pub(super) struct Decisions {
    pub(super) durations: Vec<Histogram>,
    pub(super) hits: IntCounter,
    pub(super) misses: IntCounter,
    pub(super) evictions: IntCounter,
    pub(super) entries: IntGauge,
    pub(super) audits: IntCounter,
    pub(super) mismatches: IntCounter,
    pub(super) shares_exceeded: IntCounter,
    pub(super) disagreements: IntCounter,
}

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) info: IntGaugeVec,
    pub(super) successful: IntGauge,
    pub(super) at: IntGauge,
    pub(super) loaded: IntCounter,
    pub(super) failed: IntCounter,
    pub(super) quarantined: IntGauge,
    pub(super) slow: IntCounter,
}

#[derive(Debug)]
pub(super) struct Records {
    pub(super) written: IntCounter,
    pub(super) stream_ends: IntCounter,
    pub(super) dropped: IntCounter,
    pub(super) queued: IntGauge,
    pub(super) write_errors: IntCounter,
}

#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) connections: IntGauge,
    pub(super) in_flight: IntGauge,
    pub(super) malformed: IntCounter,
    pub(super) upstream_connections: IntGauge,
    pub(super) upstream_opened: IntCounter,
    pub(super) upstream_failed: IntCounter,
    /// By [`Dropped`].
    pub(super) upstream_dropped: Vec<IntCounter>,
    pub(super) limited: Vec<IntCounter>,
    pub(super) proxy_refused: Vec<IntCounter>,
}

impl Tokens {
    pub(super) fn new(build: &mut Builder) -> Self {
        Self {
            hits: build.counter(stable(
                "palisade_token_cache_hits_total",
                &[],
                "Tokens whose verified claims were found in the cache.",
            )),
            misses: build.counter(stable(
                "palisade_token_cache_misses_total",
                &[],
                "Tokens that had to be verified.",
            )),
            evictions: build.counter(stable(
                "palisade_token_cache_evictions_total",
                &[],
                "Verified tokens that left the cache.",
            )),
            entries: build.gauge(stable(
                "palisade_token_cache_entries",
                &[],
                "Verified tokens in the cache.",
            )),
        }
    }
}

impl Decisions {
    pub(super) fn new(build: &mut Builder) -> Self {
        let durations = build.histograms(
            stable(
                "palisade_decision_duration_seconds",
                &["source"],
                "Time to decide one question, by source (`cache`, `evaluated`).",
            ),
            DECISION_BUCKETS,
        );
        Self {
            durations: DecisionSource::ALL
                .iter()
                .map(|source| durations.with_label_values(&[source.label()]))
                .collect(),
            hits: build.counter(stable(
                "palisade_decision_cache_hits_total",
                &[],
                "Questions answered from the decision cache.",
            )),
            misses: build.counter(stable(
                "palisade_decision_cache_misses_total",
                &[],
                "Questions that were evaluated, those that may not be cached included.",
            )),
            evictions: build.counter(stable(
                "palisade_decision_cache_evictions_total",
                &[],
                "Decisions that left the cache.",
            )),
            entries: build.gauge(stable(
                "palisade_decision_cache_entries",
                &[],
                "Decisions in the cache.",
            )),
            audits: build.counter(experimental(
                "palisade_decision_cache_audits_total",
                &[],
                "Remembered decisions that were asked for afresh and compared.",
            )),
            mismatches: build.counter(stable(
                "palisade_decision_cache_mismatch_total",
                &[],
                "Remembered decisions that were not what the policies say. Anything but 0 is a fault in Palisade; decisions are not remembered from then on.",
            )),
            shares_exceeded: build.counter(experimental(
                "palisade_decision_cache_share_exceeded_total",
                &[],
                "Decisions that were not remembered because their account has filled its share of the cache.",
            )),
            disagreements: build.counter(stable(
                "palisade_isolation_disagreement_total",
                &[],
                "Requests that the isolation rules passed and an `@isolation` guard forbade. Anything but 0 is a fault in Palisade or its configuration.",
            )),
        }
    }
}

impl Rules {
    pub(super) fn new(build: &mut Builder) -> Self {
        let loads = build.counters(experimental(
            "palisade_ruleset_loads_total",
            &["result"],
            "Attempts to load the rules, the one at start included, by result (`ok`, `error`).",
        ));
        Self {
            loaded: loads.with_label_values(&["ok"]),
            failed: loads.with_label_values(&["error"]),
            info: build.gauges(stable(
                "palisade_ruleset_info",
                &["revision"],
                "Always 1; the label is the content hash of the rules that serve.",
            )),
            successful: build.gauge(stable(
                "palisade_ruleset_last_reload_successful",
                &[],
                "Whether the last attempt to load the rules succeeded (1) or left the former ones serving (0).",
            )),
            at: build.gauge(stable(
                "palisade_ruleset_last_reload_timestamp_seconds",
                &[],
                "When the last attempt to load the rules ended, in seconds since the epoch.",
            )),
            quarantined: build.gauge(stable(
                "palisade_overlay_quarantined",
                &[],
                "Accounts whose own policies are set aside because they do not load, or take too long.",
            )),
            slow: build.counter(stable(
                "palisade_overlay_evaluations_slow_total",
                &[],
                "Evaluations of an account's own policies that computed for more than a millisecond.",
            )),
        }
    }
}

impl Records {
    pub(super) fn new(build: &mut Builder) -> Self {
        Self {
            written: build.counter(stable(
                "palisade_audit_records_total",
                &[],
                "Lines of the audit record that were written: one for each request, and one for each of `palisade_audit_stream_ends_total`.",
            )),
            stream_ends: build.counter(stable(
                "palisade_audit_stream_ends_total",
                &[],
                "Ends of streams that were recorded beside their requests.",
            )),
            dropped: build.counter(stable(
                "palisade_audit_dropped_total",
                &[],
                "Lines of the audit record that were lost: no room, or never written.",
            )),
            queued: build.gauge(stable(
                "palisade_audit_queue_length",
                &[],
                "Audit records reserved or waiting to be written.",
            )),
            write_errors: build.counter(experimental(
                "palisade_audit_write_errors_total",
                &[],
                "Failed attempts to write audit records; each is retried.",
            )),
        }
    }
}

impl Traffic {
    pub(super) fn new(build: &mut Builder) -> Self {
        let limited = build.counters(stable(
            "palisade_rate_limited_total",
            &["scope"],
            "Requests refused by a limit, by what the limit is about (`peer`, `signatures`, `account`, `workspace`, `caller`, `principal`).",
        ));
        let proxy = build.counters(stable(
            "palisade_proxy_header_refused_total",
            &["cause"],
            "Connections closed at the PROXY header that they had to begin with, by cause (`untrusted`, `missing`, `malformed`, `late`).",
        ));
        let opened = build.counters(experimental(
            "palisade_upstream_connects_total",
            &["result"],
            "Attempts to open a connection to an upstream, by result (`ok`, `error`).",
        ));
        let dropped = build.counters(stable(
            "palisade_upstream_headers_dropped_total",
            &["header"],
            "Request heads that went without a header because the upstream takes no larger one (`header_bytes_max`), by header (`baggage`, `tracestate`, `client_hints`, `preferences`, `user_agent`, `cookie`).",
        ));
        Self {
            connections: build.gauge(stable(
                "palisade_connections",
                &[],
                "Open client connections.",
            )),
            in_flight: build.gauge(stable(
                "palisade_in_flight_requests",
                &[],
                "Requests whose reply has not ended.",
            )),
            malformed: build.counter(stable(
                "palisade_malformed_heads_total",
                &[],
                "Request heads that were not HTTP, or too large for the parser; they are not in palisade_requests_total.",
            )),
            upstream_connections: build.gauge(experimental(
                "palisade_upstream_connections",
                &[],
                "Open connections to upstreams, pooled ones included.",
            )),
            upstream_opened: opened.with_label_values(&["ok"]),
            upstream_failed: opened.with_label_values(&["error"]),
            upstream_dropped: Dropped::ALL
                .iter()
                .map(|what| dropped.with_label_values(&[what.label()]))
                .collect(),
            limited: LimitScope::ALL
                .iter()
                .map(|scope| limited.with_label_values(&[scope.label()]))
                .collect(),
            proxy_refused: ProxyFault::ALL
                .iter()
                .map(|fault| proxy.with_label_values(&[fault.label()]))
                .collect(),
        }
    }
}
