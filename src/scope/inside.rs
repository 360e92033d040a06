//! App and Dashboard: a request inside the caller's own workspace.

use super::{Error, Inside, Lies};
use crate::operation::Access;
use crate::route::{Reference, ReferenceKind, Target};
use crate::tenant::{AccountId, Directory, Status, Workspace, WorkspaceId};
use std::sync::Arc;

/// Every reference equals the caller's own, or names a catalog: one that is read, or one that a write
/// takes something from.
pub(super) fn hold(
    account: &AccountId,
    workspace: &WorkspaceId,
    target: &Target,
    directory: &Directory,
) -> Result<Inside, Error> {
    for reference in &target.references {
        match reference.kind {
            ReferenceKind::Account => equal(reference, account.as_str())?,
            ReferenceKind::Workspace => equal(reference, workspace.as_str())?,
            // Users are not tenants: whether this one may be acted on is for the policies to say,
            // and the resource never lies outside the caller's workspace because of it.
            ReferenceKind::User | ReferenceKind::Catalog => {}
        }
    }
    let home = active(account, workspace, directory)?;
    let named = named_catalog(workspace, target)?;
    let catalogs = readable_catalogs(&home.workspace, directory);
    let (resource, takes_from) = match named {
        None => (home.clone(), None),
        Some((reference, used)) => {
            let catalog = catalog_of(reference, &catalogs, directory)?;
            match used {
                Use::Read => (catalog, None),
                Use::TakenFrom => (home.clone(), Some(catalog)),
            }
        }
    };
    Ok(Inside {
        account: home.account,
        workspace: home.workspace,
        resource,
        catalogs,
        takes_from,
        acting: None,
        grant: None,
    })
}

/// What a request does with the catalog that it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// The resource lies in it.
    Read,
    /// A write at home names it in its body.
    TakenFrom,
}

/// The one catalog that a request names, beside its own workspace. All references agree: what one of
/// them says is what is decided, and an upstream may read any of them.
fn named_catalog<'t>(
    own: &WorkspaceId,
    target: &'t Target,
) -> Result<Option<(&'t Reference, Use)>, Error> {
    let is_own = |reference: &Reference| reference.value == own.as_str();
    let of_catalogs = |one: &&Reference| one.kind == ReferenceKind::Catalog;
    let references = || target.references.iter().filter(of_catalogs);
    let Some(first) = references().find(|one| !is_own(one)) else {
        return Ok(None);
    };
    let mut used = Use::Read;
    for reference in references() {
        let at_home = is_own(reference);
        used = used_for(reference, target)?;
        // A read is of one place; a write is at home anyway.
        if reference.value != first.value && !(at_home && used == Use::TakenFrom) {
            return Err(Error::Contradiction(Arc::clone(&reference.place)));
        }
    }
    Ok(Some((first, used)))
}

fn used_for(reference: &Reference, target: &Target) -> Result<Use, Error> {
    let operation = &target.route.operation;
    match operation.access {
        Access::Read if operation.catalog => Ok(Use::Read),
        Access::Create | Access::Update | Access::Delete | Access::Manage if reference.in_body => {
            Ok(Use::TakenFrom)
        }
        _ => Err(refused(reference)),
    }
}

fn refused(reference: &Reference) -> Error {
    Error::Catalog(reference.value.chars().take(80).collect())
}

fn equal(reference: &Reference, own: &str) -> Result<(), Error> {
    if reference.value == own {
        return Ok(());
    }
    Err(outside(reference, own))
}

pub(super) fn outside(reference: &Reference, own: &str) -> Error {
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
) -> Result<Lies, Error> {
    let account = directory
        .account(account)
        .ok_or_else(|| Error::Account(account.clone(), "unknown"))?;
    // A workspace of another account is none.
    let workspace = directory
        .workspace_of(&account.id, workspace)
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
    Ok(Lies {
        account: Arc::clone(account),
        workspace: Arc::clone(workspace),
    })
}

/// The catalogs a workspace may read: it declares them, their owners share them with it, they are of
/// type `catalog`, and they and their accounts are active (RULES 18).
fn readable_catalogs(workspace: &Workspace, directory: &Directory) -> Vec<Arc<Workspace>> {
    let readable = |catalog: &&Arc<Workspace>| {
        let owner = directory.account(&catalog.account);
        catalog.kind == "catalog"
            && catalog.status == Status::Active
            && catalog.is_shared_with(&workspace.id)
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
    catalogs: &[Arc<Workspace>],
    directory: &Directory,
) -> Result<Lies, Error> {
    let named = |catalog: &&Arc<Workspace>| catalog.id.as_str() == reference.value;
    let workspace = catalogs
        .iter()
        .find(named)
        .ok_or_else(|| refused(reference))?;
    let account = directory.account(&workspace.account);
    Ok(Lies {
        account: Arc::clone(account.ok_or_else(|| refused(reference))?),
        workspace: Arc::clone(workspace),
    })
}
