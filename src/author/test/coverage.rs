//! What the cases leave out: policies, parts of their conditions, operations, routes.

use super::prover::Prover;
use super::trial::Trial;
use crate::author::permits;
use crate::policy::{Bench, Judged, Leaf, Node, Reach, Said, Store, Subject};
use crate::route::Router;
use cedar_policy_core::ast::Expr;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// What the cases cover.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Coverage {
    /// Policies that settle a case.
    pub policies: Share,
    /// Sides of leaves that were seen: each of them can be true and false.
    pub sides: Share,
    /// Policies that settle no case.
    pub undetermined: Vec<Unseen>,
    /// Leaves that were not seen both ways, though they can be.
    pub leaves: Vec<Unseen>,
    /// Operations that no policy of the platform permits.
    pub without_permit: Vec<String>,
    /// Routes that no case of the HTTP level reaches.
    pub without_case: Vec<String>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// So many.
    pub seen: usize,
    /// Of so many.
    pub all: usize,
}

/// A place in the policies that no case looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// The policy.
    pub policy: String,
    /// Its file.
    pub file: String,
    /// The line there.
    pub line: usize,
    /// What was not seen.
    pub what: String,
}

impl Share {
    /// In percent, rounded down; of nothing, everything.
    pub fn percent(self) -> usize {
        (self.seen * 100).checked_div(self.all).unwrap_or(100)
    }
}

/// What was seen of one leaf.
#[derive(Clone, Copy, Default)]
struct Sides {
    yes: bool,
    no: bool,
}

/// A side of a leaf that was not seen, and the policy that is satisfied where it would be.
struct Missing {
    unseen: Unseen,
    witness: String,
}

/// What `trials` see of the policies. `determining` holds ids of the policies that settle a case.
pub(super) fn of(
    bench: &Bench<'_>,
    trials: &[Trial<'_>],
    determining: &BTreeSet<String>,
) -> Coverage {
    let subjects = bench.subjects();
    let settles = |subject: &&Subject| determining.contains(&*subject.id);
    let prover = Prover::new(bench);
    let silent = subjects.iter().filter(|subject| !settles(subject));
    let silent = silent.map(|subject| Missing {
        unseen: unseen(subject, subject.line, "it settles no case"),
        witness: prover.satisfied(subject, subject.policy.non_scope_constraints().cloned()),
    });
    let undetermined = holes(bench, silent.collect());
    let seen = subjects.iter().filter(settles).count();
    let mut coverage = Coverage {
        policies: Share {
            seen,
            all: seen + undetermined.len(),
        },
        undetermined,
        ..Coverage::default()
    };
    let mut missing = Vec::new();
    for subject in subjects {
        let Some(condition) = Node::of(subject) else {
            continue;
        };
        let sides = look(subject, &condition, trials);
        for ((leaf, reach), sides) in condition.leaves().into_iter().zip(sides) {
            coverage.sides.seen += usize::from(sides.yes) + usize::from(sides.no);
            missing.extend(lacking(&prover, subject, (leaf, reach), sides));
        }
    }
    coverage.leaves = holes(bench, missing);
    coverage.sides.all = coverage.sides.seen + coverage.leaves.len();
    coverage
}

/// What the validator proves can never be is no hole in the tests.
fn holes(bench: &Bench<'_>, missing: Vec<Missing>) -> Vec<Unseen> {
    let witnesses: Vec<&str> = missing.iter().map(|one| one.witness.as_str()).collect();
    let judged = bench.judge(&witnesses);
    let holes = missing.into_iter().zip(judged);
    let holes = holes.filter(|(_, judged)| *judged != Judged::Impossible);
    holes.map(|(one, _)| one.unseen).collect()
}

/// What each leaf was to the questions that the policy's head is for, where it was reached.
fn look(subject: &Subject, condition: &Node, trials: &[Trial<'_>]) -> Vec<Sides> {
    let mut sides = vec![Sides::default(); condition.leaves().len()];
    let head = head(subject);
    let questions = trials.iter().flat_map(|trial| &trial.questions);
    for question in questions {
        if !question.asks(subject, subject.policy.effect())
            || question.panel.says(&head) != Said::True
        {
            continue;
        }
        condition.ask(&question.panel, &mut |leaf, said| {
            if let Some(sides) = sides.get_mut(leaf) {
                sides.yes |= said == Said::True;
                sides.no |= said == Said::False;
            }
        });
    }
    sides
}

fn lacking(
    prover: &Prover<'_>,
    subject: &Subject,
    (leaf, reach): (&Leaf, Reach),
    sides: Sides,
) -> Vec<Missing> {
    let line = leaf.line().unwrap_or(subject.line);
    let side = |name: &str, expression: Expr| Missing {
        unseen: unseen(subject, line, &format!("`{}` is never {name}", leaf.text())),
        witness: prover.satisfied(subject, reach.iter().cloned().chain([expression])),
    };
    let expression = || leaf.expression.as_ref().clone();
    let mut missing = Vec::new();
    if !sides.yes {
        missing.push(side("true", expression()));
    }
    if !sides.no {
        missing.push(side("false", Expr::not(expression())));
    }
    missing
}

fn unseen(subject: &Subject, line: usize, what: &str) -> Unseen {
    Unseen {
        policy: subject.id.to_string(),
        file: subject.file.clone(),
        line,
        what: what.to_owned(),
    }
}

/// The head of a policy as one expression.
pub(super) fn head(subject: &Subject) -> Expr {
    let policy = &subject.policy;
    let who = policy.principal_constraint().as_expr();
    let what = policy.action_constraint().as_expr();
    Expr::and(Expr::and(who, what), policy.resource_constraint().as_expr())
}

impl Coverage {
    /// Adds what no case can reach or does reach of the API.
    #[must_use]
    pub(super) fn with_routes(
        self,
        router: &Router,
        store: &Store,
        seen: &BTreeSet<String>,
    ) -> Self {
        let without_permit = permits::unpermitted(router, store);
        let mut without_case = BTreeSet::new();
        for route in router.routes() {
            let name = route_name(route);
            if !seen.contains(&name) {
                without_case.insert(name);
            }
        }
        Self {
            without_permit,
            without_case: without_case.into_iter().collect(),
            ..self
        }
    }

    /// The smaller of the two shares.
    pub fn percent(&self) -> usize {
        self.policies.percent().min(self.sides.percent())
    }
}

/// As people know a route.
pub(super) fn route_name(route: &crate::route::Route) -> String {
    format!("{} {}", route.method, route.template)
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % ({} of {})", self.percent(), self.seen, self.all)
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line, policy, what) = (&self.file, self.line, &self.policy, &self.what);
        write!(f, "{file}:{line}: {policy}: {what}")
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "policies   {}", self.policies)?;
        writeln!(f, "conditions {}", self.sides)?;
        for unseen in self.undetermined.iter().chain(&self.leaves) {
            writeln!(f, "not seen   {unseen}")?;
        }
        for operation in &self.without_permit {
            writeln!(f, "no permit  {operation}")?;
        }
        for route in &self.without_case {
            writeln!(f, "no case    {route}")?;
        }
        Ok(())
    }
}
