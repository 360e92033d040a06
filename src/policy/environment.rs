//! The request environments of the schema: which questions may be asked at all (RULES 29).

use super::operations;
use super::slice::Slice;
use crate::operation::{Operation, ResourceType};
use cedar_policy::{Entities, EntityTypeName, EntityUid, RequestEnv, Schema};
use std::collections::HashMap;
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
    pub(super) name: Arc<str>,
    pub(super) action: EntityUid,
    pub(super) lineage: Vec<EntityUid>,
    pub(super) principal: PrincipalType,
    pub(super) resource: ResourceType,
    /// The names that heads of policies give to the two types.
    pub(super) types: (EntityTypeName, EntityTypeName),
    pub(super) base: Entities,
}

/// All of the schema's, by action name and types. An environment of a type that we never build a
/// question for is left out, which denies.
pub(super) fn shapes(schema: &Schema) -> Vec<Shape> {
    let Ok(actions) = schema.action_entities() else {
        return Vec::new();
    };
    let mut shapes: Vec<Shape> = schema
        .request_envs()
        .filter_map(|environment| shape(&environment, &actions))
        .collect();
    shapes.sort_by(|a, b| {
        (&a.name, a.principal, a.resource).cmp(&(&b.name, b.principal, b.resource))
    });
    shapes
}

fn shape(environment: &RequestEnv, actions: &Entities) -> Option<Shape> {
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
    let mut lineage = vec![action.clone()];
    lineage.extend(actions.ancestors(action).into_iter().flatten().cloned());
    let entities = lineage.iter().filter_map(|uid| actions.get(uid)).cloned();
    Some(Shape {
        name: action.id().unescaped().into(),
        action: action.clone(),
        principal,
        resource,
        types: (
            environment.principal().clone(),
            environment.resource().clone(),
        ),
        base: Entities::from_entities(entities, None).ok()?,
        lineage,
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
