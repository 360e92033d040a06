//! The Portal: Principals, each under a grant for exactly what the request names (RULES 16).

use super::inside::outside;
use super::{Error, Grant, Held};
use crate::clock::Timestamp;
use crate::route::{AccountOf, Reference, ReferenceKind, Target};
use crate::tenant::{Account, AccountId, Directory, Workspace, WorkspaceId};
use crate::token::Principal;
use std::sync::Arc;

/// Portal: a Principal, under a live grant for exactly the account that the references name.
pub(super) fn hold(
    principal: &Principal,
    target: &Target,
    directory: &Directory,
    now: Timestamp,
) -> Result<Held, Error> {
    let until = live_until(principal, now)?;
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

/// When the grant ends, which is not over: with the token at the latest.
pub(super) fn live_until(principal: &Principal, now: Timestamp) -> Result<Timestamp, Error> {
    let end = principal.grant.until.unwrap_or(Timestamp::MAX);
    let until = end.min(principal.proof.expires);
    if now >= until {
        return Err(Error::Grant("anything any more".to_owned()));
    }
    Ok(until)
}

/// `account` as the grant names it; `None`: it was not granted.
pub(super) fn granted<'a>(
    principal: &'a Principal,
    account: &'a AccountId,
) -> Option<&'a AccountId> {
    let mut listed = principal.grant.accounts.iter();
    let listed = listed.find(|granted| *granted == account);
    listed.or_else(|| principal.grant.all.then_some(account))
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
    let granted = |id: &AccountId| granted(principal, id).is_some();
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
