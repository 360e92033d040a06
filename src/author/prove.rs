//! Proofs about policies: over every question that the schema lists, and every store that conforms to it.
//!
//! Policies become formulas (`cedar-policy-symcc`), and a solver in a process of its own (`solver`) looks for a
//! question that breaks a claim. Proved is what it says it cannot find in any environment, and nothing else.
//! What it finds is put to the code that serves before anybody is told of it (`example`).
//!
//! **The lemma of isolation**: if the guards, with a permit for everything, allow only what a spec allows, then so
//! does every set of policies with these guards in it: whatever accounts write, today or later.

mod asker;
mod compare;
mod diff;
mod example;
mod found;
mod isolation;
mod overlays;
mod report;
mod solver;
mod specs;
mod write;

pub use diff::diff;
pub use example::Example;
pub use found::{Asking, Found, HELP, NoSolver};
pub use isolation::isolation;
pub use overlays::overlays;
pub use report::Report;
pub use specs::{Kind, Spec, specs};
pub use write::{Unwritten, Wanted, write};

use crate::fault::Fault;
use cedar_policy::RequestEnv;
use serde::Serialize;
use std::io;

/// Why nothing was proved or refuted.
#[derive(Debug)]
pub enum Failure {
    /// The files are not valid.
    Invalid(Vec<Fault>),
    /// The machine.
    Machine(io::Error),
}

impl From<Vec<Fault>> for Failure {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Invalid(faults)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Machine(error)
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unanswered {
    /// The solver gave up, most often after its time.
    #[error("the solver does not know; a longer `--time-limit` may help")]
    Unknown,
    /// The solver went past its time, and was ended.
    #[error("the solver did not answer within {0:?}, and was ended")]
    Hung(std::time::Duration),
    /// The solver ended, or said what is no answer.
    #[error("the solver gave no answer: {0}")]
    Lost(String),
    /// The question cannot be put.
    #[error("it cannot be put to a solver: {0}")]
    Engine(String),
    /// Somebody ended us.
    #[error("interrupted")]
    Interrupted,
    /// Too many before it had no answer.
    #[error("not asked: too many questions before it had no answer")]
    NotAsked,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds in every environment.
    Proved,
    /// There is a question that breaks it, and the code that serves says so too.
    Refuted,
    /// Neither.
    Unknown,
}

/// One claim, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// What of: a spec, an account, a policy.
    pub of: String,
    /// What is claimed, in a word for machines.
    pub claim: &'static str,
    /// The same for people.
    pub says: String,
    /// Its file; `null`: it is part of the program.
    pub file: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// In how many environments it was looked at: types of principal and resource, and an operation that
    /// stands for all of its class.
    pub environments: usize,
    /// Those where it does not hold.
    pub refuted: Vec<String>,
    /// Those where nobody knows.
    pub unknown: Vec<String>,
    /// Why it is neither proved nor refuted.
    pub why: Option<String>,
    /// A question that breaks it.
    pub example: Option<Example>,
}

/// Questions without an answer, and the first reason.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    environments: usize,
    refuted: Vec<usize>,
    unknown: Vec<usize>,
    why: Option<String>,
}

impl Tally {
    /// Adds what was answered for an environment.
    fn add(&mut self, environment: usize, holds: Result<bool, Unanswered>) {
        self.environments += 1;
        match holds {
            Ok(true) => {}
            Ok(false) => self.refuted.push(environment),
            Err(why) => {
                self.unknown.push(environment);
                self.why.get_or_insert_with(|| why.to_string());
            }
        }
    }

    /// It holds for a reason that makes it worth nothing.
    fn nothing(&mut self, why: &str) {
        self.environments = 0;
        self.why.get_or_insert_with(|| why.to_owned());
    }

    /// Proved is what holds everywhere, and somewhere at all. Refuted is only what there is an example of.
    fn verdict(&self, example: Option<&Example>) -> Verdict {
        if example.is_some() {
            Verdict::Refuted
        } else if self.environments > 0 && self.refuted.is_empty() && self.unknown.is_empty() {
            Verdict::Proved
        } else {
            Verdict::Unknown
        }
    }

    /// The claim that was looked at in these environments.
    fn claim(
        self,
        (of, claim, says): (String, &'static str, &str),
        environments: &[RequestEnv],
        example: Option<Result<Example, String>>,
    ) -> Claim {
        let (example, unconfirmed) = match example {
            Some(Ok(example)) => (Some(example), None),
            Some(Err(why)) => (
                None,
                Some(format!("a counterexample is not confirmed: {why}")),
            ),
            None => (None, None),
        };
        let named = |found: &[usize]| {
            let found = found.iter().filter_map(|index| environments.get(*index));
            found.map(isolation::shown).collect()
        };
        Claim {
            of,
            claim,
            says: says.to_owned(),
            file: None,
            verdict: self.verdict(example.as_ref()),
            environments: self.environments,
            refuted: named(&self.refuted),
            unknown: named(&self.unknown),
            why: unconfirmed.or(self.why),
            example,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_holds_everywhere_is_proved() {
        let tally = |answers: &[Result<bool, Unanswered>]| {
            let mut tally = Tally::default();
            for (index, answer) in answers.iter().enumerate() {
                tally.add(index, answer.clone());
            }
            tally.verdict(None)
        };
        assert_eq!(tally(&[Ok(true), Ok(true)]), Verdict::Proved);
        assert_eq!(tally(&[]), Verdict::Unknown);
        assert_eq!(tally(&[Ok(true), Ok(false)]), Verdict::Unknown);
        for why in [
            Unanswered::Unknown,
            Unanswered::Interrupted,
            Unanswered::NotAsked,
            Unanswered::Lost("x".to_owned()),
            Unanswered::Engine("x".to_owned()),
        ] {
            assert_eq!(tally(&[Ok(true), Err(why)]), Verdict::Unknown);
        }
    }
}
