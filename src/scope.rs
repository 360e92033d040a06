//! Tenant isolation in Rust, before any policy: which account and workspace a request is held to.
//!
//! [`admit`] is a pure function of caller, target and directory. Its answer, [`Scope`], cannot be
//! made elsewhere: whoever holds one knows that the request stays inside one tenant (RULES 1-7,
//! 16-18). The platform's Cedar guards decide the same again, over values that take other ways
//! (RULES 32).

mod act_in;
mod error;
mod inside;
mod portal;
mod users;

pub use error::Error;

use crate::clock::Timestamp;
use crate::head::Head;
use crate::operation::ApiContext;
use crate::route::Target;
use crate::tenant::{Account, AccountId, Directory, Member, UserId, Workspace, WorkspaceId};
use crate::token::{Caller, ContextSet};
use std::sync::Arc;

/// Proof that a request stays inside what its caller belongs to or was granted.
#[derive(Clone, Debug)]
pub struct Scope {
    held: Held,
}

/// What a request is held to.
#[derive(Clone, Debug)]
pub enum Held {
    /// A public route: no tenant at all.
    Public,
    /// App and Dashboard: one workspace.
    Workspace(Box<Inside>),
    /// Portal: one workspace of a granted account.
    GrantedWorkspace {
        /// The workspace's account.
        account: Arc<Account>,
        /// The workspace that the request names.
        workspace: Arc<Workspace>,
        /// By which it may.
        grant: Grant,
    },
    /// Portal: one granted account.
    GrantedAccount {
        /// The account that the request names.
        account: Arc<Account>,
        /// By which it may.
        grant: Grant,
    },
    /// Portal: the platform itself.
    Platform {
        /// By which it may; `all` is true.
        grant: Grant,
    },
}

/// A request inside one workspace.
#[derive(Clone, Debug)]
pub struct Inside {
    /// The account the request is made from: the caller's.
    pub account: Arc<Account>,
    /// The workspace the request is made from: the caller's.
    pub workspace: Arc<Workspace>,
    /// Where the resource lies, found from the references through the directory: the same workspace,
    /// unless a catalog is read.
    pub resource: Lies,
    /// Catalogs that the workspace may read: both sides agree and both are active (RULES 18).
    pub catalogs: Vec<Arc<Workspace>>,
    /// The catalog that a write takes something from: a question of its own.
    pub takes_from: Option<Lies>,
    /// The user that the caller, a machine client, acts for.
    pub acting: Option<Acting>,
    /// By which a Principal reads here: nobody else has one.
    pub grant: Option<Grant>,
}

/// Where something lies.
#[derive(Clone, Debug)]
pub struct Lies {
    /// The workspace's account.
    pub account: Arc<Account>,
    /// In which workspace.
    pub workspace: Arc<Workspace>,
}

/// For whom a machine client acts (RULES 8).
#[derive(Clone, Debug)]
pub struct Acting {
    /// As the client names it.
    pub user: UserId,
    /// What the directory knows of it. `None`: it knows no users of that workspace, and nobody has
    /// verified that there is such a one.
    pub member: Option<Arc<Member>>,
}

/// A Principal's live grant for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// It covers every account and the platform.
    pub all: bool,
    /// The account of this request; `None` on platform resources.
    pub account: Option<AccountId>,
    /// The earlier of the grant's end and the token's.
    pub until: Timestamp,
}

impl Scope {
    fn of(held: Held) -> Self {
        Self { held }
    }

    /// What the request is held to.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// The account of the resource, which also selects the overlay. `None`: public, or the platform.
    pub fn resource_account(&self) -> Option<&Arc<Account>> {
        match &self.held {
            Held::Public | Held::Platform { .. } => None,
            Held::Workspace(inside) => Some(&inside.resource.account),
            Held::GrantedWorkspace { account, .. } | Held::GrantedAccount { account, .. } => {
                Some(account)
            }
        }
    }

    /// The account to annotate: the one the request is made from, or acts on in the Portal.
    pub fn account(&self) -> Option<&AccountId> {
        match &self.held {
            Held::Public | Held::Platform { .. } => None,
            Held::Workspace(inside) => Some(&inside.account.id),
            Held::GrantedWorkspace { account, .. } | Held::GrantedAccount { account, .. } => {
                Some(&account.id)
            }
        }
    }

    /// The workspace to annotate: the one the request is made from, or acts on in the Portal.
    pub fn workspace(&self) -> Option<&WorkspaceId> {
        match &self.held {
            Held::Public | Held::Platform { .. } | Held::GrantedAccount { .. } => None,
            Held::Workspace(inside) => Some(&inside.workspace.id),
            Held::GrantedWorkspace { workspace, .. } => Some(&workspace.id),
        }
    }

    /// The catalog workspace that is read, or taken from.
    pub fn catalog(&self) -> Option<&WorkspaceId> {
        let Held::Workspace(inside) = &self.held else {
            return None;
        };
        let read = &inside.resource.workspace.id;
        let taken = inside.takes_from.as_ref().map(|lies| &lies.workspace.id);
        taken.or_else(|| (*read != inside.workspace.id).then_some(read))
    }

    /// By which a Principal may, wherever it is.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.held {
            Held::Public => None,
            Held::Workspace(inside) => inside.grant.as_ref(),
            Held::GrantedWorkspace { grant, .. }
            | Held::GrantedAccount { grant, .. }
            | Held::Platform { grant } => Some(grant),
        }
    }

    /// The user that a machine client acts for.
    pub fn acting(&self) -> Option<&Acting> {
        match &self.held {
            Held::Workspace(inside) => inside.acting.as_ref(),
            _ => None,
        }
    }
}

/// Holds a request to its tenant.
///
/// The named ids are compared with the caller's before anything is looked up, so that the answer
/// tells nobody which ids exist (RULES 39).
pub fn admit(
    caller: &Caller,
    target: &Target,
    directory: &Directory,
    head: &Head,
) -> Result<Scope, Error> {
    if target.route.set.public {
        return Ok(Scope::of(Held::Public));
    }
    let route = target.route.operation.api_context;
    users::may_act(caller, route, head)?;
    act_in::may_name(caller, route, head)?;
    users::one_user(caller, target, head)?;
    let inside = match (caller, route) {
        (Caller::Anonymous, _) => return Err(Error::Anonymous),
        (Caller::User(user), ApiContext::App | ApiContext::Dashboard) => {
            same_context(user.contexts, target)?;
            inside::hold(&user.account, &user.workspace, target, directory)?
        }
        (Caller::Service(service), ApiContext::App | ApiContext::Dashboard) => {
            same_context(service.contexts, target)?;
            let mut inside = inside::hold(&service.account, &service.workspace, target, directory)?;
            inside.acting = users::acting(service, &inside, route, head)?;
            inside
        }
        (Caller::Principal(principal), ApiContext::Portal) => {
            return portal::hold(principal, target, directory, head.now).map(Scope::of);
        }
        (Caller::Principal(principal), ApiContext::App | ApiContext::Dashboard)
            if principal.grant.act_in =>
        {
            act_in::hold(principal, target, directory, head)?
        }
        (Caller::User(_) | Caller::Service(_), ApiContext::Portal)
        | (Caller::Principal(_), ApiContext::App | ApiContext::Dashboard) => {
            return Err(Error::Portal {
                caller: caller.kind(),
                route: route.label(),
            });
        }
    };
    Ok(Scope::of(Held::Workspace(Box::new(inside))))
}

fn same_context(token: ContextSet, target: &Target) -> Result<(), Error> {
    let route = target.route.operation.api_context;
    let accepted = |context| context == route || target.route.set.also_accepts.contains(&context);
    if token.iter().any(accepted) {
        return Ok(());
    }
    Err(Error::Context {
        token: token.iter().map(ApiContext::label).collect(),
        route: route.label(),
    })
}

#[cfg(test)]
mod tests;
