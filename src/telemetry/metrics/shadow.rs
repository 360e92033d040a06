//! Policies that are to be: what they would have answered.

use super::family::{Builder, experimental};
use prometheus::{IntCounter, IntGauge};

/// What policies that are to be say of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compared {
    /// The same, by the same policies.
    Same,
    /// It was denied, and would be allowed.
    Opened,
    /// It was allowed, and would be denied.
    Closed,
    /// The same, by other policies.
    OtherPolicies,
    /// They cannot answer, or one of them cannot be evaluated.
    Error,
}

impl Compared {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Same,
        Self::Opened,
        Self::Closed,
        Self::OtherPolicies,
        Self::Error,
    ];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::OtherPolicies => "other_policies",
            Self::Error => "error",
        }
    }
}

#[derive(Debug)]
pub(super) struct Shadow {
    compared: Vec<IntCounter>,
    pub(super) dropped: IntCounter,
    pub(super) loaded: IntGauge,
    pub(super) faults: IntGauge,
}

impl Shadow {
    pub(super) fn new(build: &mut Builder) -> Self {
        let compared = build.counters(experimental(
            "palisade_shadow_decisions_total",
            &["result"],
            "Decisions that were put to the policies of `shadow`, by what these say: `same`, `opened` (it was denied and would be allowed), `closed` (it was allowed and would be denied), `other_policies` (the same answer, by others), `error` (they cannot answer, or one of them cannot be evaluated).",
        ));
        Self {
            compared: Compared::ALL
                .iter()
                .map(|one| compared.with_label_values(&[one.label()]))
                .collect(),
            dropped: build.counter(experimental(
                "palisade_shadow_dropped_total",
                &[],
                "Decisions that were not put to the policies of `shadow`: too many waited.",
            )),
            loaded: build.gauge(experimental(
                "palisade_shadow_loaded",
                &[],
                "Whether policies of `shadow` are asked: 0 where there are none, while they are built, and where they do not load.",
            )),
            faults: build.gauge(experimental(
                "palisade_shadow_faults",
                &[],
                "Errors in the files of `shadow`. They keep nothing from serving.",
            )),
        }
    }

    pub(super) fn count(&self, what: Compared) {
        if let Some(counter) = self.compared.get(what as usize) {
            counter.inc();
        }
    }
}
