//! The request environments of the schema: which questions may be asked at all (RULES 29).

use super::operations;
use super::present;
use super::reads::{Name, Path};
use super::slice::Slice;
use crate::operation::{Operation, ResourceType};
use cedar_policy::{Entities, EntityTypeName, EntityUid, RequestEnv, Schema};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Which Cedar entity type the principal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalType {
    /// A person in one account.
    User,
    /// A machine client of one account.
    Service,
    /// Someone of the platform.
    Principal,
}

/// One (principal type, action, resource type) that the schema lists, with what is the same for every
/// question about it.
#[derive(Debug)]
pub struct Environment {
    /// Its number among the store's; the same in every store of one revision.
    pub index: u32,
    /// Of the environments that differ by the action's name alone.
    pub(super) class: u32,
    /// The action.
    pub action: EntityUid,
    /// The principal's type.
    pub principal: PrincipalType,
    /// The resource's type.
    pub resource: ResourceType,
    /// The action and its groups, as entities: the start of every store of entities.
    pub base: Entities,
    /// The platform's policies that can apply.
    pub platform: Arc<Slice>,
}

impl PrincipalType {
    /// All three.
    pub const ALL: [Self; 3] = [Self::User, Self::Service, Self::Principal];

    /// The entity type's name in the schema.
    pub fn label(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Service => "Service",
            Self::Principal => "Principal",
        }
    }
}

/// An environment's types and action, read from the schema.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Its number.
    pub(super) index: u32,
    /// The number of its class.
    pub(super) class: u32,
    pub(super) name: Arc<str>,
    pub(super) action: EntityUid,
    /// The groups of the action, sorted.
    pub(super) groups: Vec<EntityUid>,
    pub(super) principal: PrincipalType,
    pub(super) resource: ResourceType,
    /// The names that heads of policies give to the two types.
    pub(super) types: (EntityTypeName, EntityTypeName),
    pub(super) base: Entities,
    /// What every question has.
    pub(super) present: Arc<BTreeSet<Path>>,
}

/// All of the schema's, by action name and types.
#[derive(Debug)]
pub(super) struct Shapes(Vec<Shape>);

impl Shapes {
    /// An environment of a type that we never build a question for is left out, which denies.
    pub(super) fn of(schema: &Schema) -> Self {
        let actions = schema.action_entities();
        let shapes = actions.map(|actions| {
            let environments = schema.request_envs();
            let shapes =
                environments.filter_map(|environment| shape(schema, &environment, &actions));
            shapes.collect()
        });
        Self::numbered(shapes.unwrap_or_default())
    }

    pub(super) fn numbered(mut shapes: Vec<Shape>) -> Self {
        shapes.sort_by(|a, b| {
            (&a.name, a.principal, a.resource).cmp(&(&b.name, b.principal, b.resource))
        });
        let mut classes = HashMap::new();
        for (index, shape) in (0..).zip(&mut shapes) {
            let next = u32::try_from(classes.len()).unwrap_or(u32::MAX);
            let present = Arc::clone(&shape.present);
            let class = (
                shape.principal,
                shape.resource,
                shape.groups.clone(),
                present,
            );
            shape.index = index;
            shape.class = *classes.entry(class).or_insert(next);
        }
        Self(shapes)
    }

    pub(super) fn all(&self) -> &[Shape] {
        &self.0
    }

    /// One of each class, in the order of their numbers.
    pub(super) fn classes(&self) -> impl Iterator<Item = &Shape> {
        let mut next = 0;
        let first = move |shape: &&Shape| {
            let first = shape.class == next;
            next += u32::from(first);
            first
        };
        self.0.iter().filter(first)
    }

    /// The groups of all actions, but those that are actions themselves.
    pub(super) fn groups(&self) -> BTreeSet<Name> {
        let groups = self.0.iter().flat_map(|shape| &shape.groups);
        let all: HashSet<&EntityUid> = groups.collect();
        let groups = all
            .into_iter()
            .filter(|uid| self.of_action(uid).next().is_none());
        groups.map(Name::from).collect()
    }

    /// Those of one action.
    pub(super) fn of_action(&self, action: &EntityUid) -> impl Iterator<Item = &Shape> {
        let name = action.id().unescaped();
        let from = self.0.partition_point(|shape| *shape.name < *name);
        let named = self.0.iter().skip(from);
        named.take_while(move |shape| shape.action == *action)
    }
}

fn shape(schema: &Schema, environment: &RequestEnv, actions: &Entities) -> Option<Shape> {
    let action = environment.action();
    let principal = PrincipalType::ALL
        .into_iter()
        .find(|known| known.label() == environment.principal().basename())?;
    let resource = [
        ResourceType::Resource,
        ResourceType::AccountResource,
        ResourceType::PlatformResource,
    ]
    .into_iter()
    .find(|known| operations::type_name(*known) == environment.resource().basename())?;
    let groups = actions.ancestors(action).into_iter().flatten();
    let mut groups: Vec<EntityUid> = groups.cloned().collect();
    groups.sort_by_cached_key(ToString::to_string);
    let lineage = std::iter::once(action).chain(&groups);
    let entities = lineage.filter_map(|uid| actions.get(uid)).cloned();
    Some(Shape {
        index: 0,
        class: 0,
        name: action.id().unescaped().into(),
        action: action.clone(),
        principal,
        resource,
        types: (
            environment.principal().clone(),
            environment.resource().clone(),
        ),
        base: Entities::from_entities(entities, None).ok()?,
        present: Arc::new(present::of(schema, environment)),
        groups,
    })
}

/// Environments by the action's name.
#[derive(Debug, Default)]
pub(super) struct Environments {
    by_action: HashMap<Arc<str>, [Option<Arc<Environment>>; 3]>,
}

impl Environments {
    pub(super) fn insert(&mut self, name: Arc<str>, environment: Environment) {
        let principal = environment.principal as usize;
        let slots = self.by_action.entry(name).or_default();
        if let Some(slot) = slots.get_mut(principal) {
            *slot = Some(Arc::new(environment));
        }
    }

    pub(super) fn find(
        &self,
        principal: PrincipalType,
        operation: &Operation,
    ) -> Option<&Arc<Environment>> {
        let found = self.by_action.get(&operation.name)?;
        let found = found.get(principal as usize)?.as_ref()?;
        (found.resource == operation.resource).then_some(found)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Environment>> {
        self.by_action.values().flatten().flatten()
    }
}
