//! Slices: the policies of one layer that can apply in one request environment.
//!
//! Settled when the ruleset is built, so that a request's cost grows neither with the number of
//! accounts nor with the operations of the API. Guards are in every slice of the platform (RULES 27).

mod slicer;

use super::annotation::Annotations;
use super::compact::Pool;
use super::environment::Shapes;
use super::reads::Reads;
use super::review::Rule;
use crate::clock::Timestamp;
use cedar_policy::{Effect, Policy};
use cedar_policy_core::ast::Expr;
use slicer::{PLACES_MAX, Slicer};
use std::collections::HashMap;
use std::sync::Arc;

/// Policies to be asked together.
#[derive(Debug, Default)]
pub struct Slice {
    pub(super) policies: Vec<Arc<Compiled>>,
    /// What they can depend on.
    pub reads: Reads,
}

/// A policy, ready to be asked. Slices share it.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) id: Arc<str>,
    pub(super) effect: Effect,
    pub(super) isolation: bool,
    pub(super) not_after: Option<Timestamp>,
    /// Head and conditions as one expression. Cedar's own authorizer puts it together anew for each
    /// question, which costs as much as evaluating it.
    pub(super) condition: Arc<Expr>,
    /// The same before the environment settled some of it; `None`: that is all the same.
    pub(super) written: Option<Arc<Expr>>,
}

impl Compiled {
    pub(super) fn of(
        id: &Arc<str>,
        policy: &Policy,
        annotations: &Annotations,
        pool: &mut Pool,
    ) -> Self {
        Self {
            id: Arc::clone(id),
            effect: policy.effect(),
            isolation: annotations.isolation,
            not_after: annotations.not_after,
            condition: pool.compact(&policy.as_ref().condition()),
            written: None,
        }
    }

    /// The same policy, of which an environment has settled something.
    fn settled(&self, policy: &Policy, pool: &mut Pool) -> Self {
        Self {
            id: Arc::clone(&self.id),
            effect: self.effect,
            isolation: self.isolation,
            not_after: self.not_after,
            condition: pool.compact(&policy.as_ref().condition()),
            written: Some(Arc::clone(&self.condition)),
        }
    }
}

impl Slice {
    /// Whether nobody is to be asked.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// Whether one of them permits.
    pub fn permits(&self) -> bool {
        let mut policies = self.policies.iter();
        policies.any(|policy| policy.effect == Effect::Permit)
    }

    /// The ids of the policies.
    pub fn policy_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.policies.iter().map(|policy| &policy.id)
    }

    /// Whether both ask the same of every question, under the same names.
    #[cfg(test)]
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let same = |(one, other): (&Arc<Compiled>, &Arc<Compiled>)| {
            (&one.id, one.effect, one.isolation) == (&other.id, other.effect, other.isolation)
                && one.not_after == other.not_after
                && (&one.condition, &one.written) == (&other.condition, &other.written)
        };
        self.policies.len() == other.policies.len()
            && self.policies.iter().zip(&other.policies).all(same)
    }

    fn add(&mut self, policy: &Arc<Compiled>, reads: &Reads) {
        self.policies.push(Arc::clone(policy));
        self.reads.add(reads);
    }
}

/// The slices of one layer: one for each class of environments, and one for each environment whose
/// action a policy's head names. Their number does not grow with the operations of the API.
#[derive(Debug, Default)]
pub(super) struct Slices {
    by_class: Box<[Arc<Slice>]>,
    /// By the environment's number.
    named: HashMap<u32, Arc<Slice>>,
}

impl Slices {
    /// Of policies whose writer pays for them. What an environment settles is settled here, once.
    pub(super) fn of_platform(rules: &[Rule], shapes: &Shapes) -> Self {
        let slicer = Slicer::settling(rules, shapes.groups());
        slicer.all(shapes).unwrap_or_default()
    }

    /// Of one account's policies, which stay as they are written: a form of them for each environment would
    /// be paid by everybody. `None`: they would hold more than an account may.
    pub(super) fn of_overlay(rules: &[Rule], shapes: &Shapes) -> Option<Self> {
        Slicer::plain(rules, PLACES_MAX).all(shapes)
    }

    /// How often policies stand in slices, all together.
    pub(super) fn entries(&self) -> usize {
        let mut seen = Vec::new();
        let slices = self.by_class.iter().chain(self.named.values());
        slices
            .filter(|slice| {
                let new = !seen.contains(&Arc::as_ptr(slice));
                seen.push(Arc::as_ptr(slice));
                new
            })
            .map(|slice| slice.policies.len())
            .sum()
    }

    /// The slice of that environment. `None`: an environment of other types.
    pub(super) fn of(&self, index: u32, class: u32) -> Option<&Arc<Slice>> {
        let by_class = || self.by_class.get(usize::try_from(class).ok()?);
        self.named.get(&index).or_else(by_class)
    }
}
