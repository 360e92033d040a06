//! Which user a request is about, and for which one it is made.

use super::{Acting, Error, Inside};
use crate::head::Head;
use crate::operation::ApiContext;
use crate::route::{ReferenceKind, Target};
use crate::tenant::{Status, UserId};
use crate::token::{Caller, Service};
use std::sync::Arc;

/// Only machine clients act for a user, and in App and Dashboard only (RULES 8).
pub(super) fn may_act(caller: &Caller, route: ApiContext, head: &Head) -> Result<(), Error> {
    match (&head.on_behalf_of, caller, route) {
        (None, _, _) | (Some(_), Caller::Service(_), ApiContext::App | ApiContext::Dashboard) => {
            Ok(())
        }
        (Some(_), _, _) => Err(Error::Impersonation(caller.kind())),
    }
}

/// The user that `service` acts for. The directory says who may be acted for, where it knows the
/// workspace's users at all; where it does not, nobody has verified that there is such a one.
pub(super) fn acting(
    service: &Service,
    inside: &Inside,
    route: ApiContext,
    head: &Head,
) -> Result<Option<Acting>, Error> {
    let Some(named) = &head.on_behalf_of else {
        return Ok(None);
    };
    if !service.scopes.contains(&format!("{}/write", route.label())) {
        return Err(Error::ActingScope(route.label()));
    }
    let unknown = || Error::ActingUser(named.chars().take(80).collect());
    let user = UserId::parse(named).map_err(|_| unknown())?;
    // A token from before the user's `not_before` must not bring the user back (RULES 10).
    let boundary = inside.account.not_before.users.get(&user);
    let since = service.proof.since;
    if boundary.is_some_and(|boundary| since.is_none_or(|since| since < *boundary)) {
        return Err(Error::ActingRevoked(user));
    }
    let member = match &inside.workspace.users {
        None => None,
        Some(users) => match users.get(&user) {
            Some(member) if member.status == Status::Active => Some(Arc::clone(member)),
            Some(_) | None => return Err(unknown()),
        },
    };
    Ok(Some(Acting { user, member }))
}

/// Users are not tenants, but a request that names two of them is decided about one and may be read
/// by the upstream as about the other (RULES 12).
pub(super) fn one_user(caller: &Caller, target: &Target, head: &Head) -> Result<(), Error> {
    let mut named = path_user(caller, target, head);
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
fn path_user<'a>(caller: &'a Caller, target: &'a Target, head: &'a Head) -> Option<&'a str> {
    if !target.route.template.ends_with("/users/me") {
        let is_user = &*target.route.kind == "users";
        return target.id.as_deref().filter(|_| is_user);
    }
    match caller {
        Caller::User(user) => Some(user.user.as_str()),
        Caller::Service(_) => head.on_behalf_of.as_deref(),
        Caller::Anonymous | Caller::Principal(_) => None,
    }
}
