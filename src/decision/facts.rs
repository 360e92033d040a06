//! The facts of one question, read once from caller, target, scope and head.
//!
//! The cache's key encodes these facts, and the Cedar question is built of them: what is not a
//! fact here reaches neither. Caller, references and scope stay apart all the way, because the guards
//! compare them (RULES 32).

use super::Question;
use crate::head::Head;
use crate::operation::{ApiContext, Operation, ResourceType, catalog_use};
use crate::policy::PrincipalType;
use crate::route::Target;
use crate::scope::{Grant, Held, Inside, Lies};
use crate::tenant::{AccountId, Member, UserId, WorkspaceId};
use crate::token::{Caller, ContextSet};

/// Who is asked about: a machine client that acts for a user must be allowed itself, and so must the
/// user, where the directory knows it (RULES 8).
#[derive(Clone, Copy, Debug)]
pub(super) enum Who<'a> {
    /// The caller itself.
    Caller,
    /// The user that the caller acts for.
    ActedFor(&'a Member),
}

/// What is asked about: a write that takes something from a catalog is asked about there too (RULES
/// 18).
#[derive(Clone, Copy, Debug)]
pub(super) enum What<'a> {
    /// The route's operation on its resource.
    Route,
    /// Taking something from a catalog.
    TakeFrom(&'a Lies),
}

/// What a question is made of.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    pub(super) caller: &'a Caller,
    /// The Cedar principal, where the caller acts for it; the caller is the actor then.
    pub(super) acted_for: Option<&'a Member>,
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
    /// App and Dashboard: the account in which the resource lies.
    pub(super) resource_account: Option<&'a AccountId>,
    /// By which a Principal may.
    pub(super) grant: Option<&'a Grant>,
    /// Why a Principal does it, as it says itself.
    pub(super) reason: Option<&'a str>,
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
    #[error("only a machine client acts for a user")]
    Actor,
    #[error("a public route has no question")]
    Public,
    #[error("a resource of that type cannot lie where the request is held to")]
    Place,
}

/// Everything that is to be asked of one request: all of it must be allowed.
pub(super) fn asked<'a>(question: &'a Question<'_>) -> impl Iterator<Item = (Who<'a>, What<'a>)> {
    let inside = match question.scope.held() {
        Held::Workspace(inside) => Some(inside),
        _ => None,
    };
    let acting = inside.and_then(|inside| inside.acting.as_ref());
    let member = acting.and_then(|acting| acting.member.as_deref());
    let taken = inside.and_then(|inside| inside.takes_from.as_ref());
    std::iter::once(Who::Caller)
        .chain(member.map(Who::ActedFor))
        .flat_map(move |who| {
            let what = std::iter::once(What::Route).chain(taken.map(What::TakeFrom));
            what.map(move |what| (who, what))
        })
}

impl<'a> Facts<'a> {
    pub(super) fn read(
        question: &'a Question<'_>,
        (who, what): (Who<'a>, What<'a>),
    ) -> Result<Self, Error> {
        let caller = question.caller.as_ref();
        let target = question.target.as_ref();
        let (principal_type, contexts) = match (caller, who) {
            (Caller::Anonymous, _) => return Err(Error::Anonymous),
            (Caller::User(user), Who::Caller) => (PrincipalType::User, user.contexts),
            (Caller::Service(service), Who::Caller) => (PrincipalType::Service, service.contexts),
            (Caller::Service(service), Who::ActedFor(_)) => (PrincipalType::User, service.contexts),
            (Caller::Principal(_), Who::Caller) => {
                (PrincipalType::Principal, ContextSet::default())
            }
            (Caller::User(_) | Caller::Principal(_), Who::ActedFor(_)) => {
                return Err(Error::Actor);
            }
        };
        let proof = caller.proof().ok_or(Error::Anonymous)?;
        let held = question.scope.held();
        let from = match held {
            Held::Public => return Err(Error::Public),
            Held::Workspace(inside) => Some(inside.as_ref()),
            Held::GrantedWorkspace { .. } | Held::GrantedAccount { .. } | Held::Platform { .. } => {
                None
            }
        };
        // Nobody else is asked why (RULES 31): what anybody can write must open nothing.
        let states = principal_type == PrincipalType::Principal;
        let reason = question.head.reason.as_deref().filter(|_| states);
        let facts = Self {
            caller,
            acted_for: match who {
                Who::Caller => None,
                Who::ActedFor(member) => Some(member),
            },
            principal_type,
            fingerprint: &proof.fingerprint,
            contexts: accepted(contexts, target),
            operation: &target.route.operation,
            kind: &target.route.kind,
            id: target.id.as_deref(),
            captures: &target.captures,
            owner: from.and_then(|inside| owner(caller, target, inside)),
            place: Place::of(held, target.route.operation.resource)?,
            from,
            resource_account: from.map(|inside| &inside.resource.account.id),
            grant: question.scope.grant(),
            reason,
            head: question.head,
        };
        match what {
            What::Route => Ok(facts),
            What::TakeFrom(lies) => facts.taking_from(lies),
        }
    }

    /// The same question about the catalog that something is taken from.
    fn taking_from(self, lies: &'a Lies) -> Result<Self, Error> {
        let operation = catalog_use(self.operation.api_context).ok_or(Error::Place)?;
        Ok(Self {
            operation,
            place: Place::Workspace(&lies.account.id, &lies.workspace.id),
            kind: "catalog",
            id: None,
            captures: &[],
            owner: None,
            resource_account: Some(&lies.account.id),
            ..self
        })
    }

    /// Whose overlay decides: that of the resource's account, never of the caller's. Not in the
    /// Portal: a tenant cannot lock the operators out.
    pub(super) fn overlay_of(&self) -> Option<&'a AccountId> {
        self.resource_account
    }

    /// Who reads another account's catalog: its own forbids hold there too (RULES 18).
    pub(super) fn reader(&self) -> Option<&'a AccountId> {
        let own = &self.from?.account.id;
        (self.resource_account != Some(own)).then_some(own)
    }
}

impl<'a> Place<'a> {
    fn of(held: &'a Held, resource: ResourceType) -> Result<Self, Error> {
        match (held, resource) {
            (Held::Workspace(inside), ResourceType::Resource) => Ok(Self::Workspace(
                &inside.resource.account.id,
                &inside.resource.workspace.id,
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
fn owner<'a>(caller: &'a Caller, target: &'a Target, inside: &'a Inside) -> Option<&'a str> {
    let at_home = inside.resource.workspace.id == inside.workspace.id;
    if !at_home || &*target.route.kind != "users" {
        return None;
    }
    let template = &*target.route.template;
    if template.ends_with("/users/me") {
        let member = inside
            .acting
            .as_ref()
            .and_then(|acting| acting.member.as_ref());
        return match caller {
            Caller::User(user) => Some(&user.subject),
            Caller::Service(_) => member.map(|member| &*member.subject),
            Caller::Anonymous | Caller::Principal(_) => None,
        };
    }
    let parameter = target.route.id_parameter.as_deref()?;
    let (before, after) = template.split_once(&format!("{{{parameter}}}"))?;
    let is_user = before.ends_with("/users/") && !after.contains('{');
    let id = target.id.as_deref().filter(|_| is_user)?;
    match &inside.workspace.users {
        // By the uid that the user's own tokens have, whoever issues them (RULES 6).
        Some(users) => users.get(id).map(|member| &*member.subject),
        None => UserId::parse(id).is_ok().then_some(id),
    }
}
