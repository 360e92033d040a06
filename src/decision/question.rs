//! Facts become a Cedar request and its store of entities.
//!
//! The store is complete for level-1 policies: principal, resource with its workspace AND its account
//! as direct parents, and the action with its groups (RULES 30); whatever else a policy names has
//! nothing but its name.

use super::entity::{
    ACCOUNT_ROLES, Fields, WORKSPACE_ROLES, account_roles_of, boolean, record, reference, roles,
    set, text, uid, workspace_id, workspace_roles_of,
};
use super::extension::{address, datetime};
use super::facts::{Facts, Place};
use crate::policy::{Environment, Kind, Names, Store};
use crate::scope::{Grant, Inside};
use crate::tenant::{AccountId, Member, Role, Status, WorkspaceId};
use crate::token::{Caller, ContextSet, Principal, Scopes, Service, User};
use crate::x509::Identity;
use cedar_policy::{Context, Entities, EntityUid, Request};
use cedar_policy_core::ast::{self, Entity, EntityUID, PartialValue, Value, ValueKind};
use cedar_policy_core::entities::{self, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use std::collections::HashSet;
use std::sync::Arc;

/// Memory for callers' entities, about: some 4,000 of them.
const PRINCIPALS_BYTES_MAX: u64 = 18 << 20;
/// An entity without parents.
const ENTITY_BYTES: u32 = 4_096;
/// A role or a group: a token may name a thousand.
const PARENT_BYTES: u32 = 150;

/// The question cannot be built, or does not conform to the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("nobody asks")]
    Anonymous,
    #[error("group `{0}` is not one of account `{1}`")]
    ForeignGroup(Arc<str>, AccountId),
    #[error("cedar refuses the question: {0}")]
    Cedar(String),
}

/// Callers' entities, built once for each fingerprint.
#[derive(Debug)]
pub(super) struct Principals(moka::sync::Cache<([u8; 32], ContextSet), Arc<Entity>>);

impl Principals {
    pub(super) fn new() -> Self {
        let cache = moka::sync::Cache::builder()
            .max_capacity(PRINCIPALS_BYTES_MAX)
            .weigher(|_, entity: &Arc<Entity>| weight(entity));
        Self(cache.build())
    }

    pub(super) fn of(&self, facts: &Facts<'_>) -> Result<Arc<Entity>, Error> {
        if let (Some(member), Caller::Service(actor)) = (facts.acted_for, facts.caller) {
            return Ok(Arc::new(acted_for(member, actor, facts.contexts)));
        }
        let key = (*facts.fingerprint, facts.contexts);
        if let Some(entity) = self.0.get(&key) {
            return Ok(entity);
        }
        let entity = match facts.caller {
            Caller::Anonymous => return Err(Error::Anonymous),
            Caller::User(caller) => user(caller, facts.contexts)?,
            Caller::Service(caller) => service(caller, facts.contexts),
            Caller::Principal(caller) => principal(caller),
        };
        let entity = Arc::new(entity);
        self.0.insert(key, Arc::clone(&entity));
        Ok(entity)
    }
}

fn weight(entity: &Entity) -> u32 {
    let parents = u32::try_from(entity.ancestors().count()).unwrap_or(u32::MAX);
    ENTITY_BYTES.saturating_add(parents.saturating_mul(PARENT_BYTES))
}

/// The request and everything it can look at. With `checked` both are held to the schema, which costs as
/// much as everything else: the environment was looked up and every value is typed, so it is for tests,
/// and for whoever looks after the answers.
pub(super) fn build(
    store: &Store,
    environment: &Environment,
    facts: &Facts<'_>,
    principal: &Arc<Entity>,
    checked: bool,
) -> Result<(Request, Entities), Error> {
    let resource = resource(facts);
    let schema = checked.then(|| store.schema());
    let request = Request::new(
        EntityUid::from(principal.uid().clone()),
        environment.action.clone(),
        EntityUid::from(resource.uid().clone()),
        context(facts)?,
        schema,
    )
    .map_err(|error| cedar(&error))?;
    let actor = actor(facts).map(Arc::new);
    let all = [Arc::clone(principal), Arc::new(resource)];
    let all = all.into_iter().chain(actor);
    let base = environment.base.clone();
    if checked {
        let all = all.map(|entity| cedar_policy::Entity::from(Entity::clone(&entity)));
        let entities = base.add_entities(all, schema);
        return Ok((request, entities.map_err(|error| cedar(&error))?));
    }
    // Parents are names and have none themselves, so that there is no closure to be computed.
    let base: &entities::Entities = base.as_ref();
    let entities = base.clone().add_entities(
        all,
        None::<&NoEntitiesSchema>,
        TCComputation::AssumeAlreadyComputed,
        Extensions::all_available(),
    );
    let entities = entities.map_err(|error| cedar(&error))?;
    Ok((request, entities.into()))
}

fn cedar(error: &impl std::fmt::Display) -> Error {
    Error::Cedar(error.to_string())
}

fn entity(uid: EntityUID, attributes: Fields, parents: HashSet<EntityUID>) -> Entity {
    tagged(uid, attributes, parents, Vec::new())
}

fn tagged(
    uid: EntityUID,
    attributes: Fields,
    parents: HashSet<EntityUID>,
    tags: Vec<(&str, Value)>,
) -> Entity {
    let known = |(name, value): (&str, Value)| (name.into(), PartialValue::Value(value));
    Entity::new_with_attr_partial_value(
        uid,
        attributes.into_iter().map(known),
        HashSet::new(),
        parents,
        tags.into_iter().map(known),
    )
}

fn user(user: &User, contexts: ContextSet) -> Result<Entity, Error> {
    let mut attributes = member(&user.account, &user.workspace, contexts);
    attributes.extend(scopes(user.scopes, user.scopeless));
    attributes.push(("bearer", boolean(true)));
    attributes.push(("mfa", boolean(user.mfa)));
    if let Some(id) = &user.principal_id {
        attributes.push(("principalId", text(id)));
    }
    if let Some(email) = &user.email {
        attributes.push(("email", text(email)));
    }
    let mut parents = role_parents(&user.account, &user.workspace, &user.roles);
    for group in &user.groups {
        let own = group
            .strip_prefix(user.account.as_str())
            .is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'));
        if !own {
            return Err(Error::ForeignGroup(Arc::clone(group), user.account.clone()));
        }
        parents.insert(uid(Kind::Group, group));
    }
    let id = format!("{}/{}", user.account, user.subject);
    Ok(entity(uid(Kind::User, id), attributes, parents))
}

/// A user for whom a machine client acts: with the reach of the client's token, and never as if the
/// user's own token had been seen.
fn acted_for(member: &Member, actor: &Service, contexts: ContextSet) -> Entity {
    let mut attributes = self::member(&actor.account, &actor.workspace, contexts);
    attributes.extend(scopes(actor.scopes, actor.scopeless));
    attributes.push(("bearer", boolean(false)));
    attributes.push(("mfa", boolean(false)));
    let mut parents = role_parents(&actor.account, &actor.workspace, &member.roles);
    parents.extend(member.groups.iter().map(|group| uid(Kind::Group, group)));
    let id = format!("{}/{}", actor.account, member.subject);
    entity(uid(Kind::User, id), attributes, parents)
}

/// The machine client that acts for the principal: policies look at it through the context.
fn actor(facts: &Facts<'_>) -> Option<Entity> {
    match (facts.acted_for, facts.caller) {
        (Some(_), Caller::Service(caller)) => Some(service(caller, facts.contexts)),
        _ => None,
    }
}

fn service(service: &Service, contexts: ContextSet) -> Entity {
    let mut attributes = member(&service.account, &service.workspace, contexts);
    attributes.extend(scopes(service.scopes, service.scopeless));
    attributes.push(("bearer", boolean(true)));
    let roles: Vec<Role> = service.role.map(Role::Workspace).into_iter().collect();
    let parents = role_parents(&service.account, &service.workspace, &roles);
    let id = format!("{}/{}", service.account, service.client);
    entity(uid(Kind::Service, id), attributes, parents)
}

fn principal(principal: &Principal) -> Entity {
    let mut attributes: Fields = vec![("bearer", boolean(true)), ("mfa", boolean(principal.mfa))];
    if let Some(email) = &principal.email {
        attributes.push(("email", text(email)));
    }
    let roles = principal.roles.iter();
    let parents = roles.map(|role| uid(Kind::PlatformRole, role.label()));
    entity(
        uid(Kind::Principal, &principal.subject),
        attributes,
        parents.collect(),
    )
}

fn member(account: &AccountId, workspace: &WorkspaceId, contexts: ContextSet) -> Fields {
    let home = reference(Kind::Workspace, workspace_id(account, workspace));
    let contexts = contexts
        .iter()
        .map(|context| reference(Kind::ApiContext, context.label()));
    vec![
        ("account", reference(Kind::Account, account.as_str())),
        ("workspaces", set([home])),
        ("contexts", set(contexts)),
    ]
}

fn scopes(scopes: Scopes, scopeless: bool) -> Fields {
    let held = scopes.iter().map(|scope| reference(Kind::Scope, scope));
    vec![("scopes", set(held)), ("scopeless", boolean(scopeless))]
}

/// Every role with the lower ones that it implies. All of them name the caller's own account.
fn role_parents(
    account: &AccountId,
    workspace: &WorkspaceId,
    roles: &[Role],
) -> HashSet<EntityUID> {
    let home = workspace_id(account, workspace);
    let here = workspace_roles_of(roles).iter();
    let here = here.map(|name| format!("{home}#{}", name.text()));
    let above = account_roles_of(roles).iter();
    let above = above.map(|name| format!("{account}#{}", name.text()));
    here.chain(above).map(|id| uid(Kind::Role, id)).collect()
}

fn resource(facts: &Facts<'_>) -> Entity {
    let mut attributes: Fields = vec![("kind", text(facts.kind))];
    if let Some(id) = facts.id {
        attributes.push(("id", text(id)));
    }
    let end = format!("{}/{}", facts.kind, facts.id.unwrap_or_default());
    let mut parents = HashSet::new();
    let of_account = |account: &AccountId| {
        let own = reference(Kind::Account, account.as_str());
        let roles = roles(account.as_str(), ACCOUNT_ROLES);
        [("account", own), ("accountRole", roles)]
    };
    let uid_of = match facts.place {
        Place::Platform => uid(Kind::PlatformResource, &end),
        Place::Account(account) => {
            attributes.extend(of_account(account));
            parents.insert(uid(Kind::Account, account.as_str()));
            uid(Kind::AccountResource, format!("{account}/{end}"))
        }
        Place::Workspace(account, workspace) => {
            let place = workspace_id(account, workspace);
            attributes.extend(of_account(account));
            attributes.push(("role", roles(&place, WORKSPACE_ROLES)));
            attributes.push(("workspace", reference(Kind::Workspace, &place)));
            if let Some(owner) = facts.owner {
                let owner = reference(Kind::User, format!("{account}/{owner}"));
                attributes.push(("owner", owner));
            }
            parents.insert(uid(Kind::Account, account.as_str()));
            parents.insert(uid(Kind::Workspace, &place));
            uid(Kind::Resource, format!("{place}/{end}"))
        }
    };
    let tags = facts.captures.iter();
    let tags = tags.map(|(name, value)| (&**name, text(value)));
    tagged(uid_of, attributes, parents, tags.collect())
}

fn context(facts: &Facts<'_>) -> Result<Context, Error> {
    let head = facts.head;
    let http = record([
        ("method", text(head.method.as_str())),
        ("path", text(head.path.as_str())),
        ("host", text(&head.authority)),
    ]);
    let mut fields: Fields = vec![
        ("http", http),
        ("now", datetime(head.now).map_err(Error::Cedar)?),
        ("ip", address(head.client).map_err(Error::Cedar)?),
    ];
    if let Some(inside) = facts.from {
        fields.extend(from(inside));
    }
    if let (Some(_), Caller::Service(actor)) = (facts.acted_for, facts.caller) {
        let id = format!("{}/{}", actor.account, actor.client);
        fields.push(("actor", reference(Kind::Service, id)));
    }
    if let Some(identity) = &head.certificate {
        fields.push(("certificate", certificate(identity)));
    }
    if let Some(grant) = facts.grant {
        fields.push(("grant", granted(grant)?));
    }
    if let Some(reason) = facts.reason {
        fields.push(("reason", text(reason)));
    }
    match record(fields).value {
        ValueKind::Record(fields) => Ok(ast::Context::Value(fields).into()),
        _ => Err(Error::Cedar("a context is a record".to_owned())),
    }
}

/// Whose certificate the client showed.
fn certificate(identity: &Identity) -> Value {
    let (spiffe, dns) = identity.parts();
    let spiffe = spiffe.map(|id| ("spiffe", text(id)));
    let dns = [("dns", set(dns.map(text)))];
    record(dns.into_iter().chain(spiffe))
}

/// App and Dashboard: the workspace that the request is made from.
fn from(inside: &Inside) -> [(&'static str, Value); 6] {
    let account = &inside.account;
    let workspace = &inside.workspace;
    let place = workspace_id(&account.id, &workspace.id);
    let catalogs = inside
        .catalogs
        .iter()
        .map(|catalog| reference(Kind::Workspace, workspace_id(&catalog.account, &catalog.id)));
    let active = account.status == Status::Active && workspace.status == Status::Active;
    let plan = workspace.plan.as_deref().unwrap_or(&account.plan);
    let features = workspace.features.iter().map(|feature| text(feature));
    let tenant = record([
        ("active", boolean(active)),
        ("plan", text(plan)),
        ("kind", text(&workspace.kind)),
        ("features", set(features)),
    ]);
    let own = reference(Kind::Account, account.id.as_str());
    [
        ("account", own),
        ("workspace", reference(Kind::Workspace, &place)),
        ("role", roles(&place, WORKSPACE_ROLES)),
        ("accountRole", roles(account.id.as_str(), ACCOUNT_ROLES)),
        ("catalogs", set(catalogs)),
        ("tenant", tenant),
    ]
}

fn granted(grant: &Grant) -> Result<Value, Error> {
    let mut fields: Fields = vec![
        ("all", boolean(grant.all)),
        ("until", datetime(grant.until).map_err(Error::Cedar)?),
    ];
    if let Some(account) = &grant.account {
        let account = reference(Kind::Account, account.as_str());
        fields.push(("account", account));
    }
    Ok(record(fields))
}

#[cfg(test)]
mod tests {
    //! What is kept of callers.

    use super::*;

    #[test]
    fn whoever_is_in_many_groups_takes_the_room_of_many() {
        let of = |groups: usize| {
            let groups = (0..groups).map(|at| uid(Kind::Group, format!("acme/{at}")));
            weight(&entity(
                uid(Kind::User, "acme/ana"),
                Vec::new(),
                groups.collect(),
            ))
        };
        assert!(of(1_000) > 30 * of(3));
        assert!(u64::from(of(3)) * 4_000 < PRINCIPALS_BYTES_MAX);
    }
}
