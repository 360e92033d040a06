//! Asking the layers apart, and combining what they say (DESIGN 4).

use super::slice::Slice;
use super::slow;
use crate::clock::Timestamp;
use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Effect, Entities, EvaluationError, PolicySet,
    Request, Response,
};
use std::sync::Arc;

/// A layer's policies, and which of them are asked.
#[derive(Clone, Copy, Debug)]
pub struct Consulted<'a> {
    /// The policies.
    pub slice: &'a Slice,
    /// Only those that forbid: the reader's overlay on a catalog (RULES 18).
    pub forbids_only: bool,
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
    /// Which of the layers took longer than an account's may, by their order.
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
    let mut tally = Tally::default();
    let authorizer = Authorizer::new();
    for (index, layer) in consulted.iter().enumerate() {
        let policies = layer.policies();
        if policies.is_empty() {
            continue;
        }
        let (response, slow) =
            slow::timed(|| authorizer.is_authorized(request, policies, entities));
        if slow {
            tally.slow.0.push(index);
        }
        tally.add(layer.slice, &response, now);
    }
    tally.combine()
}

impl Consulted<'_> {
    fn policies(&self) -> &PolicySet {
        match &self.slice.forbids {
            Some(forbids) if self.forbids_only => forbids,
            _ => &self.slice.policies,
        }
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
    fn add(&mut self, slice: &Slice, response: &Response, now: Timestamp) {
        let denies = response.decision() == Decision::Deny;
        for id in response.diagnostics().reason() {
            let fact = slice.facts.get(id);
            let name = fact.map_or_else(|| id.to_string().into(), |fact| Arc::clone(&fact.id));
            if denies {
                self.isolation |= fact.is_some_and(|fact| fact.isolation);
                self.forbids.push(name);
            } else if fact.is_some_and(|fact| fact.not_after.is_none_or(|end| now < end)) {
                self.permits.push(name);
            }
        }
        for error in response.diagnostics().errors() {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            let fact = slice.facts.get(error.policy_id());
            self.errors.push(Erring {
                policy: fact.map_or_else(
                    || error.policy_id().to_string().into(),
                    |fact| Arc::clone(&fact.id),
                ),
                // A policy that we do not know counts as the worse.
                forbids: fact.is_none_or(|fact| fact.effect == Effect::Forbid),
                message: error.inner().to_string(),
                transient: matches!(error.inner(), EvaluationError::RecursionLimit(_)),
            });
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
