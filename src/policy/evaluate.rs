//! Asking the layers apart, and combining what they say (DESIGN 4).

use super::slice::{Compiled, Slice};
use super::slow;
use crate::clock::Timestamp;
use cedar_policy::{Effect, Entities, EvaluationError, Request};
use cedar_policy_core::ast::{self, Literal, SlotEnv, ValueKind};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use std::sync::Arc;

/// A layer's policies, and which of them are asked.
#[derive(Clone, Copy, Debug)]
pub struct Consulted<'a> {
    /// The policies.
    pub slice: &'a Slice,
    /// Which settles how they are asked.
    pub whose: Whose,
    /// As they are written, with nothing settled before: for whoever checks the answers.
    pub as_written: bool,
}

/// Whose policies a layer's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The platform's: nobody bounds how long they may take.
    Platform,
    /// Of the account in which the resource lies.
    Owner,
    /// Of the account that reads another one's catalog: only those that forbid are asked (RULES 18).
    Reader,
}

/// What the layers say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Some policy permits it, none forbids it, and every forbid could be evaluated.
    Allow,
    /// A policy forbids it, or none permits it.
    Deny,
    /// A forbid could not be evaluated. Cedar alone would skip it, and might allow.
    Error,
}

/// The combined answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Allow, deny or error.
    pub ruling: Ruling,
    /// Ids of the permits that allow, or of the forbids that deny; sorted. Empty: nothing permits.
    pub determining: Vec<Arc<str>>,
    /// What could not be evaluated.
    pub errors: Vec<Erring>,
    /// Whether a guard marked `@isolation` is among the forbids that deny.
    pub isolation: bool,
    /// Which of the accounts' layers took longer than they may, by their order.
    pub slow: Slow,
}

/// Layers that took long. How long it took is no part of what is answered.
#[derive(Clone, Debug, Default)]
pub struct Slow(pub Vec<usize>);

impl PartialEq for Slow {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Slow {}

/// A policy that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erring {
    /// Its id.
    pub policy: Arc<str>,
    /// Whether it forbids: then the request is denied.
    pub forbids: bool,
    /// What Cedar says.
    pub message: String,
    /// It failed for want of stack, and may succeed elsewhere.
    pub transient: bool,
}

/// Asks each layer and combines: a satisfied forbid in any layer denies; an error in any consulted
/// forbid denies; else a satisfied permit in any layer allows; else it is denied. A permit that
/// errs, or whose `@not_after` has passed, counts as not satisfied.
pub fn evaluate(
    consulted: &[Consulted<'_>],
    request: &Request,
    entities: &Entities,
    now: Timestamp,
) -> Answer {
    let extensions = Extensions::all_available();
    let request: &ast::Request = request.as_ref();
    let evaluator = Evaluator::new(request.clone(), entities.as_ref(), extensions);
    let mut tally = Tally::default();
    for (index, layer) in consulted.iter().enumerate() {
        let ask = |policy| {
            let found = is_satisfied(&evaluator, policy, layer.as_written);
            (policy, found)
        };
        let ask_all = || layer.policies().map(ask).collect::<Vec<_>>();
        let (found, slow) = match layer.whose {
            Whose::Platform => (ask_all(), false),
            Whose::Owner | Whose::Reader => slow::timed(ask_all),
        };
        if slow {
            tally.slow.0.push(index);
        }
        for (policy, found) in found {
            tally.add(policy, found, now);
        }
    }
    tally.combine()
}

impl<'a> Consulted<'a> {
    fn policies(&self) -> impl Iterator<Item = &'a Compiled> {
        let forbids_only = self.whose == Whose::Reader;
        let policies = self.slice.policies.iter().map(AsRef::as_ref);
        policies.filter(move |policy| !forbids_only || policy.effect == Effect::Forbid)
    }
}

/// What Cedar's authorizer finds out about each policy of a set.
fn is_satisfied(
    evaluator: &Evaluator<'_>,
    policy: &Compiled,
    as_written: bool,
) -> Result<bool, Box<EvaluationError>> {
    let written = policy.written.as_ref().filter(|_| as_written);
    let condition = written.unwrap_or(&policy.condition);
    // None is linked to a template, so there are no slots.
    let value = evaluator.interpret(condition, &SlotEnv::new())?;
    match value.value {
        ValueKind::Lit(Literal::Bool(satisfied)) => Ok(satisfied),
        // A condition is a conjunction, which errs where a part of it is neither true nor false.
        _ => Ok(policy.effect == Effect::Forbid),
    }
}

#[derive(Default)]
struct Tally {
    permits: Vec<Arc<str>>,
    forbids: Vec<Arc<str>>,
    errors: Vec<Erring>,
    isolation: bool,
    slow: Slow,
}

impl Tally {
    fn add(
        &mut self,
        policy: &Compiled,
        found: Result<bool, Box<EvaluationError>>,
        now: Timestamp,
    ) {
        let forbids = policy.effect == Effect::Forbid;
        match found {
            Ok(false) => {}
            Ok(true) if forbids => {
                self.isolation |= policy.isolation;
                self.forbids.push(Arc::clone(&policy.id));
            }
            Ok(true) => {
                if policy.not_after.is_none_or(|end| now < end) {
                    self.permits.push(Arc::clone(&policy.id));
                }
            }
            Err(error) => self.errors.push(Erring {
                policy: Arc::clone(&policy.id),
                forbids,
                transient: matches!(*error, EvaluationError::RecursionLimit(_)),
                message: error.to_string(),
            }),
        }
    }

    fn combine(mut self) -> Answer {
        self.errors.sort_by(|a, b| a.policy.cmp(&b.policy));
        let (ruling, mut determining) = if !self.forbids.is_empty() {
            (Ruling::Deny, self.forbids)
        } else if self.errors.iter().any(|error| error.forbids) {
            (Ruling::Error, Vec::new())
        } else if !self.permits.is_empty() {
            (Ruling::Allow, self.permits)
        } else {
            (Ruling::Deny, Vec::new())
        };
        determining.sort();
        Answer {
            ruling,
            determining,
            errors: self.errors,
            isolation: self.isolation,
            slow: self.slow,
        }
    }
}
