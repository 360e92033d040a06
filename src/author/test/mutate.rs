//! Whether the cases notice: each policy is replaced by what it might be by mistake, and a case must fail.

use super::mutant::{self, Mutant};
use super::prover::Prover;
use super::trial::{Question, Trial, Vote};
use crate::policy::{Bench, Judged, Subject};
use serde::Serialize;
use std::fmt;

/// What became of the mutants.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Mutation {
    /// How many made a case fail.
    pub killed: usize,
    /// How many are not valid, or proved to be no different; nobody can tell them.
    pub not_counted: usize,
    /// Those that no case notices.
    pub survivors: Vec<Survivor>,
}

/// A mutant that no case notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survivor {
    /// The policy.
    pub policy: String,
    /// Its file.
    pub file: String,
    /// The line of what differs.
    pub line: usize,
    /// What differs.
    pub what: String,
    /// Whether the policy is a guard.
    pub guard: bool,
}

/// Puts every mutant to the trials.
pub(super) fn run(bench: &Bench<'_>, trials: &[Trial<'_>]) -> Mutation {
    let subjects = bench.subjects();
    let prover = Prover::new(bench);
    let mut mutation = Mutation::default();
    let mut alive = Vec::new();
    for (number, subject) in subjects.iter().enumerate() {
        for mutant in mutant::all(bench, &prover, number, subject) {
            if trials.iter().all(|trial| holds(trial, subjects, &mutant)) {
                alive.push(mutant);
            } else {
                mutation.killed += 1;
            }
        }
    }
    let differ = differing(bench, &alive);
    for (mutant, differs) in alive.iter().zip(differ) {
        match subjects.get(mutant.subject) {
            Some(subject) if differs => mutation.survivors.push(survivor(subject, mutant)),
            _ => mutation.not_counted += 1,
        }
    }
    mutation
}

fn holds(trial: &Trial<'_>, subjects: &[Subject], mutant: &Mutant) -> bool {
    trial.holds(subjects, mutant.subject, |question: &Question<'_>| {
        let changed = mutant.policy.as_ref()?;
        let subject = subjects.get(mutant.subject)?;
        Some(Vote {
            subject: mutant.subject,
            effect: changed.effect,
            said: question.says(subject, changed.effect, &changed.condition),
        })
    })
}

/// Which of them are valid policies that may answer something else, as far as the validator can tell.
fn differing(bench: &Bench<'_>, mutants: &[Mutant]) -> Vec<bool> {
    let nothing = || "permit (principal, action, resource);".to_owned();
    let texts: Vec<String> = mutants
        .iter()
        .flat_map(|mutant| {
            let text = mutant.policy.as_ref().map(|policy| policy.text.clone());
            let witness = mutant.witness.clone();
            [
                text.unwrap_or_else(nothing),
                witness.unwrap_or_else(nothing),
            ]
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let judged = bench.judge(&texts);
    let pairs = judged.chunks(2);
    pairs
        .map(|pair| {
            pair.first() != Some(&Judged::Refused) && pair.last() != Some(&Judged::Impossible)
        })
        .collect()
}

fn survivor(subject: &Subject, mutant: &Mutant) -> Survivor {
    Survivor {
        policy: subject.id.to_string(),
        file: subject.file.clone(),
        line: mutant.line,
        what: mutant.what.clone(),
        guard: subject.guard,
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for survivor in &self.survivors {
            let (file, line, policy) = (&survivor.file, survivor.line, &survivor.policy);
            writeln!(f, "survives   {file}:{line}: {policy}: {}", survivor.what)?;
        }
        let (killed, survived) = (self.killed, self.survivors.len());
        writeln!(
            f,
            "mutants    {killed} killed, {survived} survived, {} not counted",
            self.not_counted
        )
    }
}
