//! Facts become a Cedar request and its store of entities.
//!
//! The store is complete for level-1 policies: principal, resource with its workspace AND its account
//! as direct parents, and the action with its groups (RULES 30); whatever else a policy names has
//! nothing but its name.

use super::entity::{
    ACCOUNT_ROLES, Fields, Kind, WORKSPACE_ROLES, account_roles_of, boolean, datetime, record,
    reference, roles, set, text, uid, workspace_id, workspace_roles_of,
};
use super::facts::{Facts, Place};
use crate::policy::{Environment, Store};
use crate::scope::{Grant, Inside};
use crate::tenant::{AccountId, Member, Role, WorkspaceId};
use crate::token::{Caller, ContextSet, Principal, Scopes, Service, User};
use crate::x509::Identity;
use cedar_policy::{Context, Entities, Entity, EntityUid, Request};
use std::collections::HashSet;
use std::sync::Arc;

/// How many callers' entities are kept. One is some 4.5 KB.
const PRINCIPALS_MAX: u64 = 4_096;

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
pub(super) struct Principals(moka::sync::Cache<([u8; 32], ContextSet), Entity>);

impl Principals {
    pub(super) fn new() -> Self {
        Self(moka::sync::Cache::new(PRINCIPALS_MAX))
    }

    pub(super) fn of(&self, facts: &Facts<'_>) -> Result<Entity, Error> {
        if let (Some(member), Caller::Service(actor)) = (facts.acted_for, facts.caller) {
            return acted_for(member, actor, facts.contexts);
        }
        let key = (*facts.fingerprint, facts.contexts);
        if let Some(entity) = self.0.get(&key) {
            return Ok(entity);
        }
        let entity = match facts.caller {
            Caller::Anonymous => return Err(Error::Anonymous),
            Caller::User(caller) => user(caller, facts.contexts)?,
            Caller::Service(caller) => service(caller, facts.contexts)?,
            Caller::Principal(caller) => principal(caller)?,
        };
        self.0.insert(key, entity.clone());
        Ok(entity)
    }
}

/// The request and everything it can look at.
pub(super) fn build(
    store: &Store,
    environment: &Environment,
    facts: &Facts<'_>,
    principal: &Entity,
) -> Result<(Request, Entities), Error> {
    let resource = resource(facts)?;
    let schema = cfg!(debug_assertions).then(|| store.schema());
    let request = Request::new(
        principal.uid(),
        environment.action.clone(),
        resource.uid(),
        context(facts)?,
        // The environment was looked up and every value is typed, so checking costs a quarter of the
        // answer for nothing; tests and debug builds do it all the same.
        schema,
    )
    .map_err(|error| cedar(&error))?;
    let actor = actor(facts)?;
    let entities = environment
        .base
        .clone()
        .add_entities(
            [principal.clone(), resource].into_iter().chain(actor),
            schema,
        )
        .map_err(|error| cedar(&error))?;
    Ok((request, entities))
}

fn cedar(error: &impl std::fmt::Display) -> Error {
    Error::Cedar(error.to_string())
}

fn entity(
    uid: EntityUid,
    attributes: Fields,
    parents: HashSet<EntityUid>,
) -> Result<Entity, Error> {
    Entity::new(uid, attributes.into_iter().collect(), parents).map_err(|error| cedar(&error))
}

fn user(user: &User, contexts: ContextSet) -> Result<Entity, Error> {
    let mut attributes = member(&user.account, &user.workspace, contexts);
    attributes.extend(scopes(user.scopes, user.scopeless));
    attributes.push(("bearer".to_owned(), boolean(true)));
    attributes.push(("mfa".to_owned(), boolean(user.mfa)));
    if let Some(id) = &user.principal_id {
        attributes.push(("principalId".to_owned(), text(id)));
    }
    if let Some(email) = &user.email {
        attributes.push(("email".to_owned(), text(email)));
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
    entity(uid(Kind::User, id), attributes, parents)
}

/// A user for whom a machine client acts: with the reach of the client's token, and never as if the
/// user's own token had been seen.
fn acted_for(member: &Member, actor: &Service, contexts: ContextSet) -> Result<Entity, Error> {
    let mut attributes = self::member(&actor.account, &actor.workspace, contexts);
    attributes.extend(scopes(actor.scopes, actor.scopeless));
    attributes.push(("bearer".to_owned(), boolean(false)));
    attributes.push(("mfa".to_owned(), boolean(false)));
    let mut parents = role_parents(&actor.account, &actor.workspace, &member.roles);
    parents.extend(member.groups.iter().map(|group| uid(Kind::Group, group)));
    let id = format!("{}/{}", actor.account, member.subject);
    entity(uid(Kind::User, id), attributes, parents)
}

/// The machine client that acts for the principal: policies look at it through the context.
fn actor(facts: &Facts<'_>) -> Result<Option<Entity>, Error> {
    match (facts.acted_for, facts.caller) {
        (Some(_), Caller::Service(caller)) => service(caller, facts.contexts).map(Some),
        _ => Ok(None),
    }
}

fn service(service: &Service, contexts: ContextSet) -> Result<Entity, Error> {
    let mut attributes = member(&service.account, &service.workspace, contexts);
    attributes.extend(scopes(service.scopes, service.scopeless));
    attributes.push(("bearer".to_owned(), boolean(true)));
    let roles: Vec<Role> = service.role.map(Role::Workspace).into_iter().collect();
    let parents = role_parents(&service.account, &service.workspace, &roles);
    let id = format!("{}/{}", service.account, service.client);
    entity(uid(Kind::Service, id), attributes, parents)
}

fn principal(principal: &Principal) -> Result<Entity, Error> {
    let mut attributes: Fields = vec![
        ("bearer".to_owned(), boolean(true)),
        ("mfa".to_owned(), boolean(principal.mfa)),
    ];
    if let Some(email) = &principal.email {
        attributes.push(("email".to_owned(), text(email)));
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
        (
            "account".to_owned(),
            reference(Kind::Account, account.as_str()),
        ),
        ("workspaces".to_owned(), set([home])),
        ("contexts".to_owned(), set(contexts)),
    ]
}

fn scopes(scopes: Scopes, scopeless: bool) -> Fields {
    let held = scopes.iter().map(|scope| reference(Kind::Scope, scope));
    vec![
        ("scopes".to_owned(), set(held)),
        ("scopeless".to_owned(), boolean(scopeless)),
    ]
}

/// Every role with the lower ones that it implies. All of them name the caller's own account.
fn role_parents(
    account: &AccountId,
    workspace: &WorkspaceId,
    roles: &[Role],
) -> HashSet<EntityUid> {
    let home = workspace_id(account, workspace);
    let here = workspace_roles_of(roles).iter();
    let here = here.map(|name| format!("{home}#{name}"));
    let above = account_roles_of(roles).iter();
    let above = above.map(|name| format!("{account}#{name}"));
    here.chain(above).map(|id| uid(Kind::Role, id)).collect()
}

fn resource(facts: &Facts<'_>) -> Result<Entity, Error> {
    let mut attributes: Fields = vec![("kind".to_owned(), text(facts.kind))];
    if let Some(id) = facts.id {
        attributes.push(("id".to_owned(), text(id)));
    }
    let end = format!("{}/{}", facts.kind, facts.id.unwrap_or_default());
    let mut parents = HashSet::new();
    let of_account = |account: &AccountId| {
        let roles = roles(account.as_str(), ACCOUNT_ROLES).map_err(Error::Cedar)?;
        Ok::<Fields, Error>(vec![
            (
                "account".to_owned(),
                reference(Kind::Account, account.as_str()),
            ),
            ("accountRole".to_owned(), roles),
        ])
    };
    let uid_of = match facts.place {
        Place::Platform => uid(Kind::PlatformResource, &end),
        Place::Account(account) => {
            attributes.extend(of_account(account)?);
            parents.insert(uid(Kind::Account, account.as_str()));
            uid(Kind::AccountResource, format!("{account}/{end}"))
        }
        Place::Workspace(account, workspace) => {
            let place = workspace_id(account, workspace);
            attributes.extend(of_account(account)?);
            let workspace_roles = roles(&place, WORKSPACE_ROLES).map_err(Error::Cedar)?;
            attributes.push(("role".to_owned(), workspace_roles));
            attributes.push(("workspace".to_owned(), reference(Kind::Workspace, &place)));
            if let Some(owner) = facts.owner {
                let owner = reference(Kind::User, format!("{account}/{owner}"));
                attributes.push(("owner".to_owned(), owner));
            }
            parents.insert(uid(Kind::Account, account.as_str()));
            parents.insert(uid(Kind::Workspace, &place));
            uid(Kind::Resource, format!("{place}/{end}"))
        }
    };
    let tags = facts.captures.iter();
    let tags = tags.map(|(name, value)| (name.to_string(), text(value)));
    let attributes = attributes.into_iter().collect::<Vec<_>>();
    Entity::new_with_tags(uid_of, attributes, parents, tags).map_err(|error| cedar(&error))
}

fn context(facts: &Facts<'_>) -> Result<Context, Error> {
    let head = facts.head;
    let http = record([
        ("method".to_owned(), text(head.method.as_str())),
        ("path".to_owned(), text(head.path.as_str())),
        ("host".to_owned(), text(&head.authority)),
    ])
    .map_err(Error::Cedar)?;
    // An IPv4 client in IPv6 clothes would slip every range of IPv4 addresses.
    let client = head.client.to_canonical().to_string();
    let mut fields: Fields = vec![
        ("http".to_owned(), http),
        ("now".to_owned(), datetime(head.now)),
        (
            "ip".to_owned(),
            cedar_policy::RestrictedExpression::new_ip(client),
        ),
    ];
    if let Some(inside) = facts.from {
        fields.extend(from(inside)?);
    }
    if let (Some(_), Caller::Service(actor)) = (facts.acted_for, facts.caller) {
        let id = format!("{}/{}", actor.account, actor.client);
        fields.push(("actor".to_owned(), reference(Kind::Service, id)));
    }
    if let Some(identity) = &head.certificate {
        fields.push(("certificate".to_owned(), certificate(identity)?));
    }
    if let Some(grant) = facts.grant {
        fields.push(("grant".to_owned(), granted(grant)?));
    }
    if let Some(reason) = facts.reason {
        fields.push(("reason".to_owned(), text(reason)));
    }
    Context::from_pairs(fields).map_err(|error| cedar(&error))
}

/// Whose certificate the client showed.
fn certificate(identity: &Identity) -> Result<cedar_policy::RestrictedExpression, Error> {
    let (spiffe, dns) = identity.parts();
    let spiffe = spiffe.map(|id| ("spiffe".to_owned(), text(id)));
    let dns = [("dns".to_owned(), set(dns.map(text)))];
    record(dns.into_iter().chain(spiffe)).map_err(Error::Cedar)
}

/// App and Dashboard: the workspace that the request is made from.
fn from(inside: &Inside) -> Result<Fields, Error> {
    let account = &inside.account;
    let workspace = &inside.workspace;
    let place = workspace_id(&account.id, &workspace.id);
    let catalogs = inside
        .catalogs
        .iter()
        .map(|catalog| reference(Kind::Workspace, workspace_id(&catalog.account, &catalog.id)));
    let active = crate::tenant::Status::Active;
    let plan = workspace.plan.as_deref().unwrap_or(&account.plan);
    let features = workspace.features.iter().map(|feature| text(feature));
    let tenant = record([
        (
            "active".to_owned(),
            boolean(account.status == active && workspace.status == active),
        ),
        ("plan".to_owned(), text(plan)),
        ("kind".to_owned(), text(&workspace.kind)),
        ("features".to_owned(), set(features)),
    ]);
    let account_roles = roles(account.id.as_str(), ACCOUNT_ROLES);
    Ok(vec![
        (
            "account".to_owned(),
            reference(Kind::Account, account.id.as_str()),
        ),
        ("workspace".to_owned(), reference(Kind::Workspace, &place)),
        (
            "role".to_owned(),
            roles(&place, WORKSPACE_ROLES).map_err(Error::Cedar)?,
        ),
        (
            "accountRole".to_owned(),
            account_roles.map_err(Error::Cedar)?,
        ),
        ("catalogs".to_owned(), set(catalogs)),
        ("tenant".to_owned(), tenant.map_err(Error::Cedar)?),
    ])
}

fn granted(grant: &Grant) -> Result<cedar_policy::RestrictedExpression, Error> {
    let mut fields: Fields = vec![
        ("all".to_owned(), boolean(grant.all)),
        ("until".to_owned(), datetime(grant.until)),
    ];
    if let Some(account) = &grant.account {
        fields.push((
            "account".to_owned(),
            reference(Kind::Account, account.as_str()),
        ));
    }
    record(fields).map_err(Error::Cedar)
}
