//! Answers that are kept under what a slice can read of a question, and asked for again.

use crate::clock::Timestamp;
use crate::policy::oracle::Oracle;
use crate::policy::{Answer, Consulted, Ruling, Slice, Whose, Window, evaluate};
use cedar_policy::{Entities, Request};
use std::collections::HashMap;
use std::sync::Arc;

/// What has to be the same for everybody who shares an answer. Texts of errors need not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    ruling: Ruling,
    determining: Vec<Arc<str>>,
    pub(super) erring: Vec<Arc<str>>,
}

impl Verdict {
    pub(super) fn of(slices: &[&Slice], question: (&Request, &Entities), now: Timestamp) -> Self {
        let ask = |as_written| {
            let consulted: Vec<Consulted<'_>> = slices
                .iter()
                .map(|slice| Consulted {
                    slice,
                    whose: Whose::Platform,
                    as_written,
                })
                .collect();
            evaluate(&consulted, question.0, question.1, now)
        };
        let answer = ask(false);
        assert_eq!(answer, ask(true), "what is settled changed the answer");
        let Answer {
            ruling,
            determining,
            errors,
            ..
        } = answer;
        let erring = errors.into_iter().map(|error| error.policy);
        Self {
            ruling,
            determining,
            erring: erring.collect(),
        }
    }
}

/// Everything that slices of one environment can read of a question.
pub(super) fn key(slices: &[&Slice], asked: &Oracle<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for slice in slices {
        slice.reads.answer(asked, &mut bytes);
    }
    bytes
}

/// The stretch of time over which all of them say the same. `None`: nothing is to be kept.
pub(super) fn window(
    slices: &[&Slice],
    now: Timestamp,
    grant_end: Option<Timestamp>,
) -> Option<Window> {
    let mut whole = Window {
        from: Timestamp(i64::MIN),
        until: Timestamp::MAX,
    };
    for slice in slices {
        whole = whole.and(slice.reads.clock.window(now, grant_end)?);
    }
    Some(whole)
}

/// Kept answers of one environment, by key; `Q` says who asked.
#[derive(Debug)]
pub(super) struct Kept<Q>(HashMap<Vec<u8>, Vec<(Window, Verdict, Q)>>);

impl<Q> Default for Kept<Q> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Q: Copy> Kept<Q> {
    /// What is kept for that key and holds now; if there is nothing, `fresh` is kept.
    pub(super) fn find(
        &mut self,
        key: Vec<u8>,
        now: Timestamp,
        fresh: (Window, Verdict, Q),
    ) -> Option<(Verdict, Q)> {
        let kept = self.0.entry(key).or_default();
        let holds = kept.iter().find(|(window, ..)| window.contains(now));
        let found = holds.map(|(_, verdict, asked)| (verdict.clone(), *asked));
        if found.is_none() {
            kept.push(fresh);
        }
        found
    }
}
