//! Slices: the policies of one layer that can apply in one request environment.
//!
//! Settled when the ruleset is built, so that a request's cost grows neither with the number of
//! accounts nor with the operations of the API. Guards are in every slice of the platform (RULES 27).

use super::annotation::Annotations;
use super::compact::Pool;
use super::environment::{Shape, Shapes};
use super::reads::{self, Name, Reads};
use super::review::Rule;
use super::settled::Settled;
use crate::clock::Timestamp;
use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, Policy, PrincipalConstraint,
    ResourceConstraint,
};
use cedar_policy_core::ast::Expr;
use std::collections::{BTreeSet, HashMap, HashSet};
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
        let slicer = Slicer::new(rules, usize::MAX);
        let slicer = Slicer {
            groups: Some(shapes.groups()),
            ..slicer
        };
        slicer.all(shapes).unwrap_or_default()
    }

    /// Of one account's policies, which stay as they are written: a form of them for each environment would
    /// be paid by everybody. `None`: they would hold more than an account may.
    pub(super) fn of_overlay(rules: &[Rule], shapes: &Shapes) -> Option<Self> {
        Slicer::new(rules, PLACES_MAX).all(shapes)
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

/// Policies and what they read, in all slices of an account together: each place takes some 200 bytes. The
/// largest overlay that treats every operation alike has a hundredth of it.
const PLACES_MAX: usize = 50_000;

/// Makes each different slice once.
struct Slicer<'a> {
    rules: &'a [Rule],
    heads: Vec<Head>,
    /// By the rules, and by what settles them.
    made: HashMap<(Vec<usize>, Option<By>), Arc<Slice>>,
    /// Policies and reads of those that may still be made.
    places_left: usize,
    /// The groups of all actions. `None`: nothing is settled.
    groups: Option<BTreeSet<Name>>,
    /// What is left of a rule; `None`: it stays as it is.
    left: HashMap<(usize, By), Option<Left>>,
    /// What these have in common.
    pool: Pool,
}

/// What settles a policy: the class of the environment, and the action, if the policy names it.
type By = (u32, Option<Name>);

/// What is asked then, and what that reads.
type Left = (Arc<Compiled>, Reads);

impl<'a> Slicer<'a> {
    fn new(rules: &'a [Rule], places_max: usize) -> Self {
        Self {
            rules,
            heads: rules.iter().map(Head::of).collect(),
            made: HashMap::new(),
            places_left: places_max,
            groups: None,
            left: HashMap::new(),
            pool: Pool::default(),
        }
    }

    fn all(mut self, shapes: &Shapes) -> Option<Slices> {
        let by_class = shapes.classes().map(|shape| self.slice(shape, None));
        let by_class = by_class.collect::<Option<_>>()?;
        let heads = self.heads.iter().flat_map(Head::actions);
        let heads: HashSet<EntityUid> = heads.cloned().collect();
        let named = heads.iter().flat_map(|action| shapes.of_action(action));
        let slice = |shape: &Shape| {
            let slice = self.slice(shape, Some(&shape.action))?;
            Some((shape.index, slice))
        };
        Some(Slices {
            by_class,
            named: named.map(slice).collect::<Option<_>>()?,
        })
    }

    /// The slice for the types and groups of `shape`, and for `action`; without one, for an action of that
    /// class that no head names. `None`: it would be too much.
    fn slice(&mut self, shape: &Shape, action: Option<&EntityUid>) -> Option<Arc<Slice>> {
        let all = self.rules.iter().zip(&self.heads).enumerate();
        let chosen: Vec<(usize, &Rule)> = all
            .filter(|(_, (rule, head))| rule.guard || head.can_apply(shape, action))
            .map(|(index, (rule, _))| (index, rule))
            .collect();
        let action = action.map(Name::from);
        let is_named =
            |names: &BTreeSet<Name>| action.as_ref().is_some_and(|one| names.contains(one));
        let names = |rule: &Rule| rule.depends.as_ref().is_some_and(is_named);
        let by_name = chosen.iter().any(|(_, rule)| names(rule));
        let settles = self.groups.is_some();
        let by = settles.then(|| (shape.class, action.clone().filter(|_| by_name)));
        let what = (chosen.iter().map(|(index, _)| *index).collect(), by);
        if let Some(made) = self.made.get(&what) {
            return Some(Arc::clone(made));
        }
        let places: usize = chosen.iter().map(|(_, rule)| places(rule)).sum();
        self.places_left = self.places_left.checked_sub(places)?;
        let mut slice = Slice::default();
        for (index, rule) in chosen {
            let action = action.as_ref().filter(|_| names(rule));
            match self.left(index, rule, (shape, action)) {
                Some((policy, reads)) => slice.add(policy, reads),
                None => slice.add(&rule.compiled, &rule.reads),
            }
        }
        let slice = Arc::new(slice);
        self.made.insert(what, Arc::clone(&slice));
        Some(slice)
    }

    /// What is left of the rule there.
    fn left(
        &mut self,
        index: usize,
        rule: &Rule,
        (shape, action): (&Shape, Option<&Name>),
    ) -> Option<&Left> {
        let groups = self.groups.as_ref()?;
        rule.depends.as_ref()?;
        let by = (shape.class, action.cloned());
        let pool = &mut self.pool;
        let left = self.left.entry((index, by)).or_insert_with(|| {
            let settled = Settled::of(shape, action, groups).apply(&rule.policy)?;
            let compiled = Arc::new(rule.compiled.settled(&settled, pool));
            Some((compiled, reads::left(&settled, &rule.reads)))
        });
        left.as_ref()
    }
}

/// What a policy is counted as in each slice: itself, and what it reads.
fn places(rule: &Rule) -> usize {
    1 + rule.reads.bits.len() + rule.reads.values.len()
}

/// What a policy's head asks of action and types, read once.
struct Head {
    action: ActionConstraint,
    principal: Option<EntityTypeName>,
    resource: Option<EntityTypeName>,
}

impl Head {
    fn of(rule: &Rule) -> Self {
        let policy = &rule.policy;
        Self {
            action: policy.action_constraint(),
            principal: match policy.principal_constraint() {
                PrincipalConstraint::Any | PrincipalConstraint::In(_) => None,
                PrincipalConstraint::Eq(uid) => Some(uid.type_name().clone()),
                PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => Some(name),
            },
            resource: match policy.resource_constraint() {
                ResourceConstraint::Any | ResourceConstraint::In(_) => None,
                ResourceConstraint::Eq(uid) => Some(uid.type_name().clone()),
                ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => Some(name),
            },
        }
    }

    /// The actions and groups that it names.
    fn actions(&self) -> &[EntityUid] {
        match &self.action {
            ActionConstraint::Any => &[],
            ActionConstraint::Eq(uid) => std::slice::from_ref(uid),
            ActionConstraint::In(uids) => uids,
        }
    }

    /// Whether it can match at all.
    fn can_apply(&self, shape: &Shape, action: Option<&EntityUid>) -> bool {
        let (principal, resource) = &shape.types;
        let is_action = |uid: &EntityUid| action == Some(uid);
        let is_any_of = |uid: &EntityUid| is_action(uid) || shape.groups.contains(uid);
        let of_action = match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => is_action(uid),
            ActionConstraint::In(uids) => uids.iter().any(is_any_of),
        };
        of_action
            && self.principal.as_ref().is_none_or(|name| name == principal)
            && self.resource.as_ref().is_none_or(|name| name == resource)
    }
}
