//! Which policies stand in which slice, and what of them an environment leaves.

use super::{Compiled, Slice, Slices};
use crate::policy::compact::Pool;
use crate::policy::environment::{Shape, Shapes};
use crate::policy::reads::{self, Name, Reads};
use crate::policy::review::Rule;
use crate::policy::settled::Settled;
use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, PrincipalConstraint, ResourceConstraint,
};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Policies and what they read, in all slices of an account together: each place takes some 200 bytes. The
/// largest overlay that treats every operation alike has a hundredth of it.
pub(super) const PLACES_MAX: usize = 50_000;

/// Makes each different slice once.
pub(super) struct Slicer<'a> {
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
    /// Of rules as they are written.
    pub(super) fn plain(rules: &'a [Rule], places_max: usize) -> Self {
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

    /// Of what environments leave of them; `groups` are those of all actions.
    pub(super) fn settling(rules: &'a [Rule], groups: BTreeSet<Name>) -> Self {
        Self {
            groups: Some(groups),
            ..Self::plain(rules, usize::MAX)
        }
    }

    pub(super) fn all(mut self, shapes: &Shapes) -> Option<Slices> {
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
        slice.reads.arrange();
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
