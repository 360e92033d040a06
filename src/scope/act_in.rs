//! App and Dashboard for Principals: support that reads inside a workspace of a granted account
//! (RULES 17).
//!
//! Off unless the configuration says `principals.act_in`. The one exception to RULES 1 that no route set
//! names: a Principal's token is for the Portal, and no scope of it says what it may do here. What stands
//! in its place is all asked here, and again by `guard.grant` and `guard.support`: a live grant for the
//! workspace's account, a read, a second factor, and a stated reason.

use super::{Error, Grant, Inside, inside, portal};
use crate::head::Head;
use crate::operation::{Access, ApiContext};
use crate::route::Target;
use crate::tenant::{Directory, WorkspaceId};
use crate::token::{Caller, Principal};

/// Only Principals name the workspace that they act in, and only where they are in none.
pub(super) fn may_name(caller: &Caller, route: ApiContext, head: &Head) -> Result<(), Error> {
    match (&head.act_in, caller, route) {
        (None, _, _) | (Some(_), Caller::Principal(_), ApiContext::App | ApiContext::Dashboard) => {
            Ok(())
        }
        (Some(_), Caller::Principal(_), ApiContext::Portal) => Err(Error::ActIn("in the Portal")),
        (Some(_), Caller::Anonymous | Caller::User(_) | Caller::Service(_), _) => {
            Err(Error::ActIn("from somebody who is no Principal"))
        }
    }
}

/// A request that `principal` makes inside the workspace that it names.
pub(super) fn hold(
    principal: &Principal,
    target: &Target,
    directory: &Directory,
    head: &Head,
) -> Result<Inside, Error> {
    let named = head.act_in.as_deref();
    let named = named.ok_or(Error::ActIn("that names no workspace"))?;
    reads_with_reason(principal, target, head)?;
    let until = portal::live_until(principal, head.now)?;
    let id = WorkspaceId::parse(named).ok();
    let workspace = id.as_ref().and_then(|id| directory.workspace(id));
    let found = workspace.and_then(|found| {
        let account = portal::granted(principal, &found.account)?;
        Some((found, account))
    });
    // Whether it is unknown or another's: whoever has no grant learns nothing about what exists.
    let (workspace, account) = found.ok_or_else(|| {
        let named: String = named.chars().take(80).collect();
        Error::Grant(format!("workspace `{named}`"))
    })?;
    let grant = Grant {
        all: principal.grant.all,
        account: Some(account.clone()),
        until,
    };
    let inside = inside::hold(&workspace.account, &workspace.id, target, directory)?;
    Ok(Inside {
        grant: Some(grant),
        ..inside
    })
}

fn reads_with_reason(principal: &Principal, target: &Target, head: &Head) -> Result<(), Error> {
    if target.route.operation.access != Access::Read {
        return Err(Error::ActIn("that changes something"));
    }
    // Nobody looks into its frames, so nobody knows that they only read.
    if head.websocket.is_some() {
        return Err(Error::ActIn("by a WebSocket"));
    }
    if !principal.mfa {
        return Err(Error::ActIn("without a second factor"));
    }
    if head.reason.is_none() {
        return Err(Error::ActIn("without a stated reason"));
    }
    Ok(())
}
