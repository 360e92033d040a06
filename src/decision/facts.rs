//! The facts of one question, read once from caller, target, scope and head.
//!
//! The cache's key encodes these facts, and the Cedar question is built of them: what is not a
//! fact here reaches neither. Caller, references and scope stay apart all the way, because the guards
//! compare them (RULES 32).

use super::Question;
use crate::head::Head;
use crate::operation::{ApiContext, Operation, ResourceType};
use crate::policy::PrincipalType;
use crate::route::Target;
use crate::scope::{Grant, Held, Inside};
use crate::tenant::{AccountId, UserId, WorkspaceId};
use crate::token::{Caller, ContextSet};

/// What a question is made of.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    pub(super) caller: &'a Caller,
    pub(super) principal_type: PrincipalType,
    /// Equal fingerprints mean equal Cedar principals.
    pub(super) fingerprint: &'a [u8; 32],
    /// Where the caller's token may be used; with the route's own API where the route set accepts
    /// tokens of another one (RULES 1, exceptions).
    pub(super) contexts: ContextSet,
    pub(super) operation: &'a Operation,
    /// Where the resource lies.
    pub(super) place: Place<'a>,
    /// First part of the operation id.
    pub(super) kind: &'a str,
    pub(super) id: Option<&'a str>,
    /// The route's parameters, as the resource's tags.
    pub(super) captures: &'a [(std::sync::Arc<str>, String)],
    /// The user that the resource is, by the second half of its uid.
    pub(super) owner: Option<&'a str>,
    /// App and Dashboard: where the request is made from.
    pub(super) from: Option<&'a Inside>,
    /// Portal: by which the Principal may.
    pub(super) grant: Option<&'a Grant>,
    pub(super) head: &'a Head,
}

/// Where a resource lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// In a workspace.
    Workspace(&'a AccountId, &'a WorkspaceId),
    /// In an account, outside its workspaces.
    Account(&'a AccountId),
    /// Of the platform.
    Platform,
}

/// The question does not fit the schema; `scope` and `route` are to see that this never happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("nobody asks")]
    Anonymous,
    #[error("a public route has no question")]
    Public,
    #[error("a resource of that type cannot lie where the request is held to")]
    Place,
}

impl<'a> Facts<'a> {
    pub(super) fn read(question: &'a Question<'_>) -> Result<Self, Error> {
        let caller = question.caller.as_ref();
        let target = question.target.as_ref();
        let (principal_type, contexts) = match caller {
            Caller::Anonymous => return Err(Error::Anonymous),
            Caller::User(user) => (PrincipalType::User, user.contexts),
            Caller::Service(service) => (PrincipalType::Service, service.contexts),
            Caller::Principal(_) => (PrincipalType::Principal, ContextSet::default()),
        };
        let proof = caller.proof().ok_or(Error::Anonymous)?;
        let held = question.scope.held();
        let (from, grant) = match held {
            Held::Public => return Err(Error::Public),
            Held::Workspace(inside) => (Some(inside.as_ref()), None),
            Held::GrantedWorkspace { grant, .. }
            | Held::GrantedAccount { grant, .. }
            | Held::Platform { grant } => (None, Some(grant)),
        };
        let place = Place::of(held, target.route.operation.resource)?;
        Ok(Self {
            caller,
            principal_type,
            fingerprint: &proof.fingerprint,
            contexts: accepted(contexts, target),
            operation: &target.route.operation,
            kind: &target.route.kind,
            id: target.id.as_deref(),
            captures: &target.captures,
            owner: owner(caller, target, from),
            place,
            from,
            grant,
            head: question.head,
        })
    }

    /// Whose overlay decides: that of the resource's account, never of the caller's. Not in the
    /// Portal: a tenant cannot lock the operators out.
    pub(super) fn overlay_of(&self) -> Option<&'a AccountId> {
        self.from.map(|inside| &inside.resource_account.id)
    }

    /// Who reads another account's catalog: its own forbids hold there too (RULES 18).
    pub(super) fn reader(&self) -> Option<&'a AccountId> {
        self.from
            .filter(|inside| inside.resource_account.id != inside.account.id)
            .map(|inside| &inside.account.id)
    }
}

impl<'a> Place<'a> {
    fn of(held: &'a Held, resource: ResourceType) -> Result<Self, Error> {
        match (held, resource) {
            (Held::Workspace(inside), ResourceType::Resource) => Ok(Self::Workspace(
                &inside.resource_account.id,
                &inside.resource_workspace.id,
            )),
            (
                Held::GrantedWorkspace {
                    account, workspace, ..
                },
                ResourceType::Resource,
            ) => Ok(Self::Workspace(&account.id, &workspace.id)),
            (
                Held::GrantedWorkspace { account, .. } | Held::GrantedAccount { account, .. },
                ResourceType::AccountResource,
            ) => Ok(Self::Account(&account.id)),
            (Held::Platform { .. }, ResourceType::PlatformResource) => Ok(Self::Platform),
            (
                Held::Public
                | Held::Workspace(_)
                | Held::GrantedWorkspace { .. }
                | Held::GrantedAccount { .. }
                | Held::Platform { .. },
                _,
            ) => Err(Error::Place),
        }
    }
}

fn accepted(contexts: ContextSet, target: &Target) -> ContextSet {
    let set = &target.route.set;
    let other = |context: &ApiContext| contexts.contains(*context);
    if set.also_accepts.iter().any(other) {
        contexts.with(target.route.operation.api_context)
    } else {
        contexts
    }
}

/// `owner` is set only where the resource IS a user: the one that the canonical path names, in the
/// caller's own workspace (RULES 31).
fn owner<'a>(caller: &'a Caller, target: &'a Target, from: Option<&Inside>) -> Option<&'a str> {
    let inside = from?;
    let at_home = inside.resource_workspace.id == inside.workspace.id;
    if !at_home || &*target.route.kind != "users" {
        return None;
    }
    let template = &*target.route.template;
    if let (Caller::User(user), true) = (caller, template.ends_with("/users/me")) {
        return Some(&user.subject);
    }
    let parameter = target.route.id_parameter.as_deref()?;
    let (before, after) = template.split_once(&format!("{{{parameter}}}"))?;
    let is_user = before.ends_with("/users/") && !after.contains('{');
    let id = target.id.as_deref().filter(|_| is_user)?;
    UserId::parse(id).is_ok().then_some(id)
}
