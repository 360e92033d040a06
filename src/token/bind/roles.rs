//! What a role claim and groups give (RULES 7).
//!
//! | text | gives |
//! |---|---|
//! | the role claim | what the issuer's table says, in the token's own workspace or account |
//! | group `account/workspace#role` | `viewer`, `editor` or `admin` there, if both are the token's own |
//! | group `account#role` | `member`, `admin` or `owner` of the account, if it is the token's own |
//! | group `workspace:role` | the same as the first, from an issuer that is bound to one account |
//! | group `account/name` | the Cedar group of that text, if the account is the token's own |
//! | group `name` | what the table says, else the Cedar group `account/name`, from an issuer that is bound to one account |
//!
//! Everything else gives nothing. Whatever gives a role makes its holder a member of the account.

use super::Token;
use super::read::{malformed, string};
use crate::tenant::{AccountId, Role, WorkspaceId, WorkspaceRole};
use crate::token::error::Error;
use serde_json::Value;
use std::sync::Arc;

/// The longest group name inside an account, in bytes.
const GROUP_BYTES_MAX: usize = 128;

/// Roles and groups of a person, each sorted and once.
type Given = (Vec<Role>, Vec<Arc<str>>);

/// The one group of a claim.
enum Gives {
    Role(Role),
    Group(Arc<str>),
    Nothing,
}

/// Roles and groups that the token gives in `account` and `workspace`.
pub(super) fn of(
    token: &Token<'_>,
    account: &AccountId,
    workspace: &WorkspaceId,
) -> Result<Given, Error> {
    let mapping = &token.verified.issuer.settings.mapping;
    let claimed = string(token.claims, mapping.role.as_ref(), "role")?;
    let mut roles: Vec<Role> = claimed
        .and_then(|name| listed(token, name))
        .into_iter()
        .collect();
    let mut groups = Vec::new();
    for group in groups_of(token)? {
        match read(token, group, account, workspace) {
            Gives::Role(role) => roles.push(role),
            Gives::Group(name) => groups.push(name),
            Gives::Nothing => {}
        }
    }
    if !roles.is_empty() {
        roles.push(Role::AccountMember);
    }
    roles.sort_unstable();
    roles.dedup();
    groups.sort_unstable();
    groups.dedup();
    Ok((roles, groups))
}

fn groups_of<'a>(token: &Token<'a>) -> Result<Vec<&'a str>, Error> {
    let mapping = &token.verified.issuer.settings.mapping;
    match token.claims.at(mapping.groups.as_ref()) {
        None => Ok(Vec::new()),
        Some(Value::Array(groups)) => groups
            .iter()
            .map(|group| group.as_str().ok_or_else(|| malformed("groups")))
            .collect(),
        Some(_) => Err(malformed("groups")),
    }
}

fn read(token: &Token<'_>, group: &str, account: &AccountId, workspace: &WorkspaceId) -> Gives {
    let one_account = token.verified.issuer.has_one_account();
    if let Some((place, role)) = group.split_once('#') {
        let role = match place.split_once('/') {
            Some((a, w)) if a == account.as_str() && w == workspace.as_str() => {
                workspace_role(role)
            }
            None if place == account.as_str() => account_role(role),
            Some(_) | None => None,
        };
        return role.map_or(Gives::Nothing, Gives::Role);
    }
    if let Some((place, role)) = group.split_once(':') {
        let own = one_account && place == workspace.as_str();
        let role = own.then(|| workspace_role(role)).flatten();
        return role.map_or(Gives::Nothing, Gives::Role);
    }
    match group.split_once('/') {
        Some((a, name)) if a == account.as_str() && is_name(name) => Gives::Group(group.into()),
        None if one_account => match listed(token, group) {
            Some(role) => Gives::Role(role),
            None if is_name(group) => Gives::Group(format!("{account}/{group}").into()),
            None => Gives::Nothing,
        },
        Some(_) | None => Gives::Nothing,
    }
}

/// The issuer's table: exact spelling, never a default.
fn listed(token: &Token<'_>, name: &str) -> Option<Role> {
    let table = &token.verified.issuer.settings.roles;
    table
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, role)| *role)
}

fn workspace_role(name: &str) -> Option<Role> {
    WorkspaceRole::parse(name).map(Role::Workspace)
}

fn account_role(name: &str) -> Option<Role> {
    match name {
        "member" => Some(Role::AccountMember),
        "admin" => Some(Role::AccountAdmin),
        "owner" => Some(Role::AccountOwner),
        _ => None,
    }
}

/// A group's own name cannot be mistaken for a workspace's path, a role or another account's.
fn is_name(name: &str) -> bool {
    (1..=GROUP_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}
