//! Series whose label is a name from the files: platform policies and issuers.
//!
//! Names are registered when a ruleset is built; a name that was not is not counted, so that no
//! label can grow from outside (RULES 49).

use super::family::{Builder, stable};
use crate::clock::Timestamp;
use crate::snapshot::Snapshot;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// How often a platform policy decided; resolved once, counted without a look-up.
#[derive(Clone, Debug)]
pub struct PolicyCounter(IntCounter);

impl PolicyCounter {
    /// The policy was among those that determined a decision.
    pub fn inc(&self) {
        self.0.inc();
    }
}

#[derive(Debug)]
pub(super) struct Policies {
    family: IntCounterVec,
    known: Snapshot<HashMap<Box<str>, PolicyCounter>>,
}

impl Policies {
    pub(super) fn new(build: &mut Builder) -> Self {
        Self {
            family: build.counters(stable(
                "palisade_policy_determining_total",
                &["policy"],
                "Decisions that a platform policy determined, by policy id.",
            )),
            known: Snapshot::new(HashMap::new()),
        }
    }

    /// Puts `names` in the place of those known before; a policy that stays keeps its count.
    pub(super) fn register<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let next: HashMap<Box<str>, PolicyCounter> = names
            .into_iter()
            .map(|name| {
                let counter = self.family.with_label_values(&[name]);
                (name.into(), PolicyCounter(counter))
            })
            .collect();
        let former = self.known.load();
        for gone in former.keys().filter(|name| !next.contains_key(*name)) {
            // An error says that the series is gone already.
            let _ = self.family.remove_label_values(&[gone]);
        }
        self.known.replace(next);
    }

    pub(super) fn get(&self, name: &str) -> Option<PolicyCounter> {
        self.known.peek().get(name).cloned()
    }
}

#[derive(Debug)]
pub(super) struct Keys {
    refreshes: IntCounterVec,
    last_success: IntGaugeVec,
    known: Mutex<HashSet<Box<str>>>,
}

impl Keys {
    pub(super) fn new(build: &mut Builder) -> Self {
        Self {
            refreshes: build.counters(stable(
                "palisade_jwks_refresh_total",
                &["issuer", "result"],
                "Attempts to fetch an issuer's keys, by issuer name and result (`ok`, `error`).",
            )),
            last_success: build.gauges(stable(
                "palisade_jwks_last_success_timestamp_seconds",
                &["issuer"],
                "When an issuer's keys were last fetched, in seconds since the epoch; 0: never.",
            )),
            known: Mutex::new(HashSet::new()),
        }
    }

    /// Puts `names` in the place of those known before; an issuer that stays keeps its counts.
    pub(super) fn register<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let next: HashSet<Box<str>> = names.into_iter().map(Box::from).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in known.difference(&next) {
            for result in ["ok", "error"] {
                // An error says that the series is gone already.
                let _ = self.refreshes.remove_label_values(&[gone, result]);
            }
            let _ = self.last_success.remove_label_values(&[gone]);
        }
        for issuer in &next {
            for ok in [true, false] {
                self.refreshes(issuer, ok);
            }
            self.last_success.with_label_values(&[issuer]);
        }
        *known = next;
    }

    pub(super) fn refreshed(&self, issuer: &str, ok: bool, at: Timestamp) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(issuer) {
            self.refreshes(issuer, ok).inc();
            if ok {
                let last: IntGauge = self.last_success.with_label_values(&[issuer]);
                last.set(at.millis().div_euclid(1000));
            }
        }
    }

    fn refreshes(&self, issuer: &str, ok: bool) -> IntCounter {
        let result = if ok { "ok" } else { "error" };
        self.refreshes.with_label_values(&[issuer, result])
    }
}
