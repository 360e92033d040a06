//! Series of upstreams, labelled with their configured names.

use super::family::{Builder, Family, experimental, stable};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

const STATES: [&str; 3] = ["healthy", "ejected", "unhealthy"];
const LIMITS: [&str; 3] = ["max_in_flight", "max_pending", "max_connections"];
const FAILURES: [&str; 4] = ["connect", "timeout", "broken", "status"];
const RETRIES: [&str; 2] = ["sent", "no_budget"];
const RESULTS: [&str; 2] = ["ok", "error"];

/// Why an attempt at an endpoint is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamFailure {
    /// No connection.
    Connect,
    /// No head of a reply in time.
    Timeout,
    /// It broke off before one.
    Broken,
    /// A status that counts as failure.
    Status,
}

#[derive(Debug)]
pub(super) struct Upstreams {
    endpoints: IntGaugeVec,
    pending: IntGaugeVec,
    ejections: IntCounterVec,
    failures: IntCounterVec,
    retries: IntCounterVec,
    refused: IntCounterVec,
    resolutions: IntCounterVec,
    own_listener: IntCounterVec,
    checks: IntCounterVec,
    known: Mutex<HashSet<Box<str>>>,
}

/// The series of one upstream; looked up once, counted without a look-up.
#[derive(Clone, Debug)]
pub struct UpstreamSeries {
    endpoints: [IntGauge; 3],
    pending: IntGauge,
    ejections: IntCounter,
    failures: [IntCounter; 4],
    retries: [IntCounter; 2],
    refused: [IntCounter; 3],
    resolutions: [IntCounter; 2],
    own_listener: IntCounter,
    checks: [IntCounter; 2],
}

const ENDPOINTS: Family = stable(
    "palisade_upstream_endpoints",
    &["upstream", "state"],
    "Endpoints of an upstream, by state (`healthy`, `ejected`: left out for its answers, `unhealthy`: left out for its health check).",
);
const PENDING: Family = stable(
    "palisade_upstream_pending_requests",
    &["upstream"],
    "Requests that wait for a connection to an upstream.",
);
const EJECTIONS: Family = stable(
    "palisade_upstream_ejections_total",
    &["upstream"],
    "How often an endpoint of an upstream was left out because its answers kept failing.",
);
const ATTEMPTS: Family = stable(
    "palisade_upstream_failures_total",
    &["upstream", "cause"],
    "Attempts at an endpoint that failed, by cause (`connect`, `timeout`, `broken`, `status`), those that were made up for included.",
);
const AGAIN: Family = stable(
    "palisade_upstream_retries_total",
    &["upstream", "result"],
    "Failed attempts that could be repeated, by what became of that (`sent`: they were, `no_budget`: there were too many).",
);
const REFUSED: Family = stable(
    "palisade_upstream_refused_total",
    &["upstream", "limit"],
    "Requests refused because an upstream has all that it may take, by limit (`max_in_flight`, `max_pending`, `max_connections`).",
);
const RESOLUTIONS: Family = stable(
    "palisade_upstream_resolutions_total",
    &["upstream", "result"],
    "Look-ups of an upstream's names, by result (`ok`, `error`: the former addresses stay).",
);
const OWN: Family = stable(
    "palisade_upstream_own_listener_total",
    &["upstream"],
    "Addresses of an upstream's names that were left out because they are our own listeners, and connections to it that came back to one and were closed. Anything but 0 is a fault in DNS, redirection or configuration.",
);
const CHECKS: Family = experimental(
    "palisade_upstream_health_checks_total",
    &["upstream", "result"],
    "Health checks of an upstream's endpoints, by result (`ok`, `error`).",
);

impl Upstreams {
    pub(super) fn new(build: &mut Builder) -> Self {
        Self {
            endpoints: build.gauges(ENDPOINTS),
            pending: build.gauges(PENDING),
            ejections: build.counters(EJECTIONS),
            failures: build.counters(ATTEMPTS),
            retries: build.counters(AGAIN),
            refused: build.counters(REFUSED),
            resolutions: build.counters(RESOLUTIONS),
            own_listener: build.counters(OWN),
            checks: build.counters(CHECKS),
            known: Mutex::default(),
        }
    }

    pub(super) fn series(&self, name: &str) -> UpstreamSeries {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.into());
        let each = |family: &IntCounterVec, label: &str| family.with_label_values(&[name, label]);
        UpstreamSeries {
            endpoints: STATES.map(|state| self.endpoints.with_label_values(&[name, state])),
            pending: self.pending.with_label_values(&[name]),
            ejections: self.ejections.with_label_values(&[name]),
            failures: FAILURES.map(|cause| each(&self.failures, cause)),
            retries: RETRIES.map(|result| each(&self.retries, result)),
            refused: LIMITS.map(|limit| each(&self.refused, limit)),
            resolutions: RESULTS.map(|result| each(&self.resolutions, result)),
            own_listener: self.own_listener.with_label_values(&[name]),
            checks: RESULTS.map(|result| each(&self.checks, result)),
        }
    }

    /// Upstreams that are not among `names` any more lose their series.
    pub(super) fn keep<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let names: HashSet<Box<str>> = names.into_iter().map(Box::from).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in known.difference(&names) {
            self.remove(gone);
        }
        known.retain(|name| names.contains(name));
    }

    fn remove(&self, name: &str) {
        // An error says that the series is gone already.
        let of = |family: &IntCounterVec, labels: &[&str]| {
            for label in labels {
                let _ = family.remove_label_values(&[name, label]);
            }
        };
        for state in STATES {
            let _ = self.endpoints.remove_label_values(&[name, state]);
        }
        let _ = self.pending.remove_label_values(&[name]);
        let _ = self.ejections.remove_label_values(&[name]);
        let _ = self.own_listener.remove_label_values(&[name]);
        of(&self.failures, &FAILURES);
        of(&self.retries, &RETRIES);
        of(&self.refused, &LIMITS);
        of(&self.resolutions, &RESULTS);
        of(&self.checks, &RESULTS);
    }
}

impl UpstreamSeries {
    /// So many endpoints are in that state, one of `healthy`, `ejected`, `unhealthy`.
    pub fn endpoints(&self, state: &str, count: usize) {
        let each = STATES.iter().zip(&self.endpoints);
        for (_, gauge) in each.filter(|(name, _)| **name == state) {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// A request waits for a connection.
    pub fn pending(&self) -> super::Present {
        super::Present::new(&self.pending)
    }

    /// An endpoint is left out for its answers.
    pub fn ejected(&self) {
        self.ejections.inc();
    }

    /// An attempt failed.
    pub fn failed(&self, cause: UpstreamFailure) {
        if let Some(counter) = self.failures.get(cause as usize) {
            counter.inc();
        }
    }

    /// A failed attempt is repeated, or would be if the budget had room.
    pub fn retry(&self, sent: bool) {
        let [made, no_budget] = &self.retries;
        if sent { made.inc() } else { no_budget.inc() }
    }

    /// A limit refused a request: `max_in_flight`, `max_pending` or `max_connections`.
    pub fn refused(&self, limit: &str) {
        let each = LIMITS.iter().zip(&self.refused);
        for (_, counter) in each.filter(|(name, _)| **name == limit) {
            counter.inc();
        }
    }

    /// A name was looked up.
    pub fn resolved(&self, ok: bool) {
        count(&self.resolutions, ok);
    }

    /// An address of ours was left out.
    pub fn own_listener(&self) {
        self.own_listener.inc();
    }

    /// An endpoint was asked how it is.
    pub fn checked(&self, ok: bool) {
        count(&self.checks, ok);
    }
}

fn count([good, bad]: &[IntCounter; 2], ok: bool) {
    if ok { good.inc() } else { bad.inc() }
}
