//! Tenant isolation in Rust, before any policy: which account and workspace a request is held to.
//!
//! [`admit`] is a pure function of caller, target and directory. Its answer, [`Scope`], cannot be
//! made elsewhere: whoever holds one knows that the request stays inside one tenant (RULES 1-7,
//! 16-18). The platform's Cedar guards decide the same again, over values that take other ways
//! (RULES 32).

use crate::clock::Timestamp;
use crate::head::Head;
use crate::operation::{Access, ApiContext};
use crate::reason::Reason;
use crate::route::{AccountOf, Reference, ReferenceKind, Target};
use crate::tenant::{Account, AccountId, Directory, Status, Workspace, WorkspaceId};
use crate::token::{Caller, ContextSet, Principal};
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
    /// Where the resource lies, found from the references through the directory. The same account,
    /// unless a catalog is read.
    pub resource_account: Arc<Account>,
    /// The same workspace, unless a catalog is read.
    pub resource_workspace: Arc<Workspace>,
    /// Catalogs that the workspace may read: both sides agree and both are active (RULES 18).
    pub catalogs: Vec<Arc<Workspace>>,
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

/// Why a request is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No token on a route that needs one.
    #[error("no token")]
    Anonymous,
    /// The token is for another API (RULES 1).
    #[error("the token is for {token:?}, the route is of `{route}`")]
    Context {
        /// Labels of the token's contexts.
        token: Vec<&'static str>,
        /// The route's.
        route: &'static str,
    },
    /// Not a Principal in the Portal, or a Principal outside it (RULES 3, 17).
    #[error("a {caller} in `{route}`")]
    Portal {
        /// Kind of the caller.
        caller: &'static str,
        /// The route's context.
        route: &'static str,
    },
    /// `x-user-id` from a caller that may not send it (RULES 8).
    #[error("`x-user-id` from a {0}")]
    Impersonation(&'static str),
    /// A reference that is not the caller's, or names nothing.
    #[error("{place} names `{value}`, outside of `{own}`")]
    Outside {
        /// Where it stands.
        place: Arc<str>,
        /// What it names, cut.
        value: String,
        /// What it had to be.
        own: String,
    },
    /// The references of one request contradict each other.
    #[error("{0} contradicts another reference")]
    Contradiction(Arc<str>),
    /// A catalog that is not shared, or not on a catalog read (RULES 18).
    #[error("catalog `{0}` is not readable here")]
    Catalog(String),
    /// No live grant (RULES 16).
    #[error("no live grant for {0}")]
    Grant(String),
    /// The account is not active.
    #[error("account `{0}` is {1}")]
    Account(AccountId, &'static str),
    /// The workspace is not active.
    #[error("workspace `{0}` is {1}")]
    Workspace(WorkspaceId, &'static str),
}

impl Error {
    /// The code that the client gets.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Anonymous => Reason::TokenMissing,
            Self::Context { .. } => Reason::ContextMismatch,
            Self::Portal { .. } => Reason::PortalNeedsPrincipal,
            Self::Impersonation(_) => Reason::ImpersonationRefused,
            Self::Outside { .. } => Reason::OutsideTenant,
            Self::Contradiction(_) => Reason::RequestAmbiguous,
            Self::Catalog(_) => Reason::CatalogNotGranted,
            Self::Grant(_) => Reason::GrantMissing,
            Self::Account(..) => Reason::AccountSuspended,
            Self::Workspace(..) => Reason::WorkspaceSuspended,
        }
    }
}

impl Scope {
    /// What the request is held to.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// The account of the resource, which also selects the overlay. `None`: public, or the platform.
    pub fn resource_account(&self) -> Option<&Arc<Account>> {
        match &self.held {
            Held::Public | Held::Platform { .. } => None,
            Held::Workspace(inside) => Some(&inside.resource_account),
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

    /// The catalog workspace that is read, if it is not the request's own.
    pub fn catalog(&self) -> Option<&WorkspaceId> {
        match &self.held {
            Held::Workspace(inside) if inside.resource_workspace.id != inside.workspace.id => {
                Some(&inside.resource_workspace.id)
            }
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
        return Ok(Scope { held: Held::Public });
    }
    if head.on_behalf_of.is_some() {
        return Err(Error::Impersonation(caller.kind()));
    }
    let route = target.route.operation.api_context;
    one_user(caller, target)?;
    let place = match (caller, route) {
        (Caller::Anonymous, _) => return Err(Error::Anonymous),
        (Caller::User(user), ApiContext::App | ApiContext::Dashboard) => {
            same_context(user.contexts, target)?;
            inside(&user.account, &user.workspace, target, directory)?
        }
        (Caller::Service(service), ApiContext::App | ApiContext::Dashboard) => {
            same_context(service.contexts, target)?;
            inside(&service.account, &service.workspace, target, directory)?
        }
        (Caller::Principal(principal), ApiContext::Portal) => {
            portal(principal, target, directory, head.now)?
        }
        (Caller::User(_) | Caller::Service(_), ApiContext::Portal)
        | (Caller::Principal(_), ApiContext::App | ApiContext::Dashboard) => {
            return Err(Error::Portal {
                caller: caller.kind(),
                route: route.label(),
            });
        }
    };
    Ok(Scope { held: place })
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

/// App and Dashboard: every reference equals the caller's own, or names a catalog on a catalog read.
fn inside(
    account: &AccountId,
    workspace: &WorkspaceId,
    target: &Target,
    directory: &Directory,
) -> Result<Held, Error> {
    let mut catalog = None;
    for reference in &target.references {
        match reference.kind {
            ReferenceKind::Account => equal(reference, account.as_str())?,
            ReferenceKind::Workspace => equal(reference, workspace.as_str())?,
            ReferenceKind::Catalog if reference.value == workspace.as_str() => {}
            ReferenceKind::Catalog => {
                if catalog
                    .as_ref()
                    .is_some_and(|other: &&Reference| other.value != reference.value)
                {
                    return Err(Error::Contradiction(Arc::clone(&reference.place)));
                }
                catalog = Some(reference);
            }
            // Users are not tenants: whether this one may be acted on is for the policies to say,
            // and the resource never lies outside the caller's workspace because of it.
            ReferenceKind::User => {}
        }
    }
    let (account, workspace) = active(account, workspace, directory)?;
    let catalogs = readable_catalogs(&workspace, directory);
    let (resource_account, resource_workspace) = match catalog {
        None => (Arc::clone(&account), Arc::clone(&workspace)),
        Some(reference) => catalog_of(reference, target, &catalogs, directory)?,
    };
    Ok(Held::Workspace(Box::new(Inside {
        account,
        workspace,
        resource_account,
        resource_workspace,
        catalogs,
    })))
}

/// Users are not tenants, but a request that names two of them is decided about one and may be read
/// by the upstream as about the other (RULES 12).
fn one_user(caller: &Caller, target: &Target) -> Result<(), Error> {
    let mut named = path_user(caller, target);
    let users = target
        .references
        .iter()
        .filter(|one| one.kind == ReferenceKind::User);
    for reference in users {
        if named.is_some_and(|other| other != reference.value) {
            return Err(Error::Contradiction(Arc::clone(&reference.place)));
        }
        named = Some(&reference.value);
    }
    Ok(())
}

/// The user that the path itself names, where the resource is one.
fn path_user<'a>(caller: &'a Caller, target: &'a Target) -> Option<&'a str> {
    match caller {
        Caller::User(user) if target.route.template.ends_with("/users/me") => {
            Some(user.user.as_str())
        }
        _ if &*target.route.kind == "users" => target.id.as_deref(),
        _ => None,
    }
}

fn equal(reference: &Reference, own: &str) -> Result<(), Error> {
    if reference.value == own {
        return Ok(());
    }
    Err(outside(reference, own))
}

fn outside(reference: &Reference, own: &str) -> Error {
    Error::Outside {
        place: Arc::clone(&reference.place),
        value: reference.value.chars().take(80).collect(),
        own: own.to_owned(),
    }
}

fn active(
    account: &AccountId,
    workspace: &WorkspaceId,
    directory: &Directory,
) -> Result<(Arc<Account>, Arc<Workspace>), Error> {
    let account = directory
        .account(account)
        .ok_or_else(|| Error::Account(account.clone(), "unknown"))?;
    // Looked up in the account, not in the whole directory: a workspace of another account is none.
    let workspace = account
        .workspace(workspace)
        .ok_or_else(|| Error::Workspace(workspace.clone(), "unknown"))?;
    if account.status != Status::Active {
        return Err(Error::Account(account.id.clone(), account.status.label()));
    }
    if workspace.status != Status::Active {
        return Err(Error::Workspace(
            workspace.id.clone(),
            workspace.status.label(),
        ));
    }
    Ok((Arc::clone(account), Arc::clone(workspace)))
}

/// The catalogs a workspace may read: it declares them, their owners share them with it, they are of
/// type `catalog`, and they and their accounts are active (RULES 18).
fn readable_catalogs(workspace: &Workspace, directory: &Directory) -> Vec<Arc<Workspace>> {
    let readable = |catalog: &&Arc<Workspace>| {
        let owner = directory.account(&catalog.account);
        catalog.kind == "catalog"
            && catalog.status == Status::Active
            && catalog.shared_with.contains(&workspace.id)
            && owner.is_some_and(|owner| owner.status == Status::Active)
    };
    let declared = workspace
        .catalogs
        .iter()
        .filter_map(|id| directory.workspace(id));
    declared.filter(readable).map(Arc::clone).collect()
}

fn catalog_of(
    reference: &Reference,
    target: &Target,
    catalogs: &[Arc<Workspace>],
    directory: &Directory,
) -> Result<(Arc<Account>, Arc<Workspace>), Error> {
    let refused = || Error::Catalog(reference.value.chars().take(80).collect());
    let operation = &target.route.operation;
    if !operation.catalog || operation.access != Access::Read {
        return Err(refused());
    }
    let catalog = catalogs
        .iter()
        .find(|catalog| catalog.id.as_str() == reference.value);
    let catalog = catalog.ok_or_else(refused)?;
    let owner = directory.account(&catalog.account).ok_or_else(refused)?;
    Ok((Arc::clone(owner), Arc::clone(catalog)))
}

/// Portal: a Principal, under a live grant for exactly the account that the references name.
fn portal(
    principal: &Principal,
    target: &Target,
    directory: &Directory,
    now: Timestamp,
) -> Result<Held, Error> {
    let until = principal
        .grant
        .until
        .unwrap_or(Timestamp::MAX)
        .min(principal.proof.expires);
    if now >= until {
        return Err(Error::Grant("anything any more".to_owned()));
    }
    if target.route.account_of == AccountOf::Platform {
        if let Some(reference) = tenant_references(target).next() {
            return Err(outside(reference, "the platform"));
        }
        if !principal.grant.all {
            return Err(Error::Grant("the platform".to_owned()));
        }
        return Ok(Held::Platform {
            grant: Grant {
                all: true,
                account: None,
                until,
            },
        });
    }
    let (account, workspace) = named(principal, target, directory)?;
    let grant = Grant {
        all: principal.grant.all,
        account: Some(account.id.clone()),
        until,
    };
    Ok(match workspace {
        Some(workspace) => Held::GrantedWorkspace {
            account,
            workspace,
            grant,
        },
        None => Held::GrantedAccount { account, grant },
    })
}

fn tenant_references(target: &Target) -> impl Iterator<Item = &Reference> {
    target
        .references
        .iter()
        .filter(|reference| reference.kind != ReferenceKind::User)
}

/// The one account, and the workspace if any, that a Portal request names; all references agree.
fn named(
    principal: &Principal,
    target: &Target,
    directory: &Directory,
) -> Result<(Arc<Account>, Option<Arc<Workspace>>), Error> {
    let granted = |id: &AccountId| principal.grant.all || principal.grant.accounts.contains(id);
    let mut account: Option<Arc<Account>> = None;
    let mut workspace: Option<Arc<Workspace>> = None;
    for reference in tenant_references(target) {
        let unknown = || outside(reference, "the accounts granted");
        let (owner, inner) = match reference.kind {
            ReferenceKind::Account => {
                let id = AccountId::parse(&reference.value).map_err(|_| unknown())?;
                // Before the look-up: whoever has no grant learns nothing about what exists.
                if !granted(&id) {
                    return Err(Error::Grant(format!("account `{id}`")));
                }
                (directory.account(&id).ok_or_else(unknown)?, None)
            }
            ReferenceKind::Workspace | ReferenceKind::Catalog | ReferenceKind::User => {
                let id = WorkspaceId::parse(&reference.value).map_err(|_| unknown())?;
                let found = directory
                    .workspace(&id)
                    .filter(|found| granted(&found.account));
                let found = found.ok_or_else(|| Error::Grant(format!("workspace `{id}`")))?;
                (
                    directory.account(&found.account).ok_or_else(unknown)?,
                    Some(found),
                )
            }
        };
        if account.as_ref().is_some_and(|other| other.id != owner.id) {
            return Err(Error::Contradiction(Arc::clone(&reference.place)));
        }
        account = Some(Arc::clone(owner));
        if let Some(inner) = inner {
            if workspace.as_ref().is_some_and(|other| other.id != inner.id) {
                return Err(Error::Contradiction(Arc::clone(&reference.place)));
            }
            workspace = Some(Arc::clone(inner));
        }
    }
    // A route that names no account does not start (RULES 16); a request that leaves an optional
    // reference out ends here.
    let account = account.ok_or_else(|| Error::Grant("no account named".to_owned()))?;
    Ok((account, workspace))
}

#[cfg(test)]
mod tests;
