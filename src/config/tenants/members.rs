//! The users of a workspace, whom its machine clients may act for.

use super::Known;
use super::account::{id, status};
use crate::config::file;
use crate::config::findings::Findings;
use crate::config::resolve::role;
use crate::document::child;
use crate::tenant::{AccountId, Member, Role, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The users by their ids. `None`: the file does not speak of users.
pub(super) fn resolve(
    shapes: Option<&[file::Member]>,
    account: &AccountId,
    pointer: &str,
    known: Known<'_>,
    findings: &mut Findings<'_>,
) -> Option<BTreeMap<UserId, Arc<Member>>> {
    let mut members = BTreeMap::new();
    let mut subjects = BTreeSet::new();
    for (at, shape) in shapes?.iter().enumerate() {
        let at = child(pointer, &at.to_string());
        let Some(member) = member(shape, account, &at, known, findings) else {
            continue;
        };
        // By either, policies could not tell the two apart.
        let key = if members.contains_key(&member.id) {
            "id"
        } else {
            "subject"
        };
        if !subjects.insert(Arc::clone(&member.subject)) || key == "id" {
            let message = format!("another user of the list has the {key} of `{}`", member.id);
            let help = "keep one of the two";
            findings.error(&child(&at, key), "tenant_duplicate_user", message, help);
        }
        members.insert(member.id.clone(), Arc::new(member));
    }
    Some(members)
}

fn member(
    shape: &file::Member,
    account: &AccountId,
    at: &str,
    known: Known<'_>,
    findings: &mut Findings<'_>,
) -> Option<Member> {
    let user = id(findings, &child(at, "id"), UserId::parse(&shape.id))?;
    if let Some(subject) = &shape.subject {
        check_subject(subject, &child(at, "subject"), known, findings);
    }
    for (index, group) in shape.groups.iter().enumerate() {
        if UserId::parse(group).is_err() {
            let pointer = child(&child(at, "groups"), &index.to_string());
            let message = format!("`{group}` is not a group: 1 to 64 of A-Z a-z 0-9 _ -");
            let help = "write it without the account: `contractors`";
            findings.error(&pointer, "tenant_bad_group", message, help);
        }
    }
    let mut roles: Vec<Role> = shape.roles.iter().copied().map(role).collect();
    roles.sort_unstable();
    roles.dedup();
    let groups = shape.groups.iter();
    Some(Member {
        status: status(shape.status),
        subject: shape.subject.as_deref().unwrap_or(user.as_str()).into(),
        roles,
        groups: groups
            .map(|group| format!("{account}/{group}").into())
            .collect(),
        id: user,
    })
}

fn check_subject(subject: &str, pointer: &str, known: Known<'_>, findings: &mut Findings<'_>) {
    let parts = subject.split_once('|').filter(|(_, sub)| !sub.is_empty());
    let sound =
        parts.is_some_and(|(issuer, _)| known.issuers.is_none_or(|all| all.contains(&issuer)));
    if !sound {
        let message = format!("`{subject}` is not `<issuer>|<sub>` of a configured issuer");
        let help = "name an issuer of `palisade.yaml`, or leave it out where user ids are shared";
        findings.error(pointer, "tenant_bad_subject", message, help);
    }
}
