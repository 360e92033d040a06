//! Slices: the policies of one layer that can apply in one request environment.
//!
//! Settled when the ruleset is built, so that a request's cost grows neither with the number of
//! accounts nor with the operations of the API. Guards are in every slice of the platform (RULES 27).

use super::annotation::Annotations;
use super::environment::{Shape, Shapes};
use super::reads::Reads;
use super::review::Rule;
use crate::clock::Timestamp;
use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PrincipalConstraint, ResourceConstraint,
};
use cedar_policy_core::ast::Expr;
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
    pub(super) condition: Expr,
}

impl Compiled {
    pub(super) fn of(id: &Arc<str>, policy: &Policy, annotations: &Annotations) -> Self {
        Self {
            id: Arc::clone(id),
            effect: policy.effect(),
            isolation: annotations.isolation,
            not_after: annotations.not_after,
            condition: policy.as_ref().condition(),
        }
    }
}

impl Slice {
    /// Whether nobody is to be asked.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The ids of the policies.
    pub fn policy_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.policies.iter().map(|policy| &policy.id)
    }

    pub(super) fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Self {
        let mut slice = Self::default();
        for rule in rules {
            slice.policies.push(Arc::clone(&rule.compiled));
            slice.reads.add(&rule.reads);
        }
        slice
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
    pub(super) fn build(rules: &[Rule], shapes: &Shapes) -> Self {
        let mut slicer = Slicer::new(rules);
        let classes = shapes.classes();
        let by_class = classes.map(|shape| slicer.slice(shape, None)).collect();
        let heads: Vec<EntityUid> = rules.iter().flat_map(actions).collect();
        let named = heads.iter().flat_map(|action| shapes.of_action(action));
        let slice = |shape: &Shape| (shape.index, slicer.slice(shape, Some(&shape.action)));
        Self {
            by_class,
            named: named.map(slice).collect(),
        }
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

/// The actions and groups that the policy's head names.
fn actions(rule: &Rule) -> Vec<EntityUid> {
    match rule.policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::Eq(uid) => vec![uid],
        ActionConstraint::In(uids) => uids,
    }
}

/// Makes each different slice once.
struct Slicer<'a> {
    rules: &'a [Rule],
    made: HashMap<Vec<usize>, Arc<Slice>>,
}

impl<'a> Slicer<'a> {
    fn new(rules: &'a [Rule]) -> Self {
        let made = HashMap::new();
        Self { rules, made }
    }

    /// The slice for the types and groups of `shape`, and for `action`; `None`: an action of that class
    /// that no head names.
    fn slice(&mut self, shape: &Shape, action: Option<&EntityUid>) -> Arc<Slice> {
        let rules = self.rules.iter().enumerate();
        let chosen: Vec<usize> = rules
            .filter(|(_, rule)| rule.guard || can_apply(rule, shape, action))
            .map(|(index, _)| index)
            .collect();
        let slice = self.made.entry(chosen).or_insert_with_key(|chosen| {
            let chosen = chosen.iter().filter_map(|index| self.rules.get(*index));
            Arc::new(Slice::of(chosen))
        });
        Arc::clone(slice)
    }
}

/// Whether the policy's head can match at all.
fn can_apply(rule: &Rule, shape: &Shape, action: Option<&EntityUid>) -> bool {
    let (principal_type, resource_type) = &shape.types;
    let is_action = |uid: &EntityUid| action == Some(uid);
    let action = match rule.policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => is_action(&uid),
        ActionConstraint::In(uids) => uids
            .iter()
            .any(|uid| is_action(uid) || shape.groups.contains(uid)),
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
