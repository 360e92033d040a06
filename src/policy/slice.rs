//! Slices: the policies of one layer that can apply in one request environment.
//!
//! Settled when the ruleset is built, so that a request's cost grows neither with the number of
//! accounts nor with the operations of the API. Guards are in every slice of the platform (RULES 27).

use super::environment::Shape;
use super::reads::Reads;
use super::review::Rule;
use crate::clock::Timestamp;
use cedar_policy::{
    ActionConstraint, Effect, PolicyId, PolicySet, PrincipalConstraint, ResourceConstraint,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Policies to be asked together.
#[derive(Debug, Default)]
pub struct Slice {
    /// All of them.
    pub(super) policies: PolicySet,
    /// Those that forbid, where some do not.
    pub(super) forbids: Option<PolicySet>,
    /// What they can depend on.
    pub reads: Reads,
    pub(super) facts: HashMap<PolicyId, Fact>,
}

/// What is to be known of a policy that answered.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) id: Arc<str>,
    pub(super) effect: Effect,
    pub(super) isolation: bool,
    pub(super) not_after: Option<Timestamp>,
}

impl Slice {
    /// Whether nobody is to be asked.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// The ids of the policies.
    pub fn policy_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.facts.values().map(|fact| &fact.id)
    }

    pub(super) fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut slice = Self::default();
        let mut forbids = PolicySet::new();
        let mut permits = false;
        for rule in rules {
            let effect = rule.policy.effect();
            // Ids are unique in a layer, so adding cannot clash.
            let _ = slice.policies.add(rule.policy.clone());
            if effect == Effect::Forbid {
                let _ = forbids.add(rule.policy.clone());
            } else {
                permits = true;
            }
            slice.reads.add(&rule.reads);
            let fact = Fact {
                id: Arc::clone(&rule.id),
                effect,
                isolation: rule.annotations.isolation,
                not_after: rule.annotations.not_after,
            };
            slice.facts.insert(rule.policy.id().clone(), fact);
        }
        slice.forbids = permits.then_some(forbids);
        slice
    }
}

/// Makes each different slice once.
#[derive(Debug, Default)]
pub(super) struct Slicer {
    made: HashMap<Vec<usize>, u32>,
    pub(super) slices: Vec<Arc<Slice>>,
}

impl Slicer {
    /// The number of the slice of `rules` for that environment.
    pub(super) fn slice(&mut self, rules: &[Rule], shape: &Shape) -> u32 {
        let chosen: Vec<usize> = rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.guard || can_apply(rule, shape))
            .map(|(index, _)| index)
            .collect();
        let slices = &mut self.slices;
        *self.made.entry(chosen).or_insert_with_key(|chosen| {
            let rules = chosen.iter().filter_map(|index| rules.get(*index));
            slices.push(Arc::new(Slice::of(rules)));
            u32::try_from(slices.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// Whether the policy's head can match at all: types and action are the environment's.
fn can_apply(rule: &Rule, shape: &Shape) -> bool {
    let (principal_type, resource_type) = &shape.types;
    let action = match rule.policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid == shape.action,
        ActionConstraint::In(uids) => uids.iter().any(|uid| shape.lineage.contains(uid)),
    };
    let principal = match rule.policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Eq(uid) => uid.type_name() == principal_type,
        PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => {
            name == *principal_type
        }
    };
    let resource = match rule.policy.resource_constraint() {
        ResourceConstraint::Any | ResourceConstraint::In(_) => true,
        ResourceConstraint::Eq(uid) => uid.type_name() == resource_type,
        ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => name == *resource_type,
    };
    action && principal && resource
}
