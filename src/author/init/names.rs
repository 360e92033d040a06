//! Every operation gets an action of a name that no other has.
//!
//! A name that the document gives and the gate takes stays. All others are made of method and path, so that
//! they do not depend on the order of the document; of two operations with one name neither keeps it, because
//! nobody knows which of them is meant by it.

use super::findings::{At, Findings};
use super::parameters::name_of;
use super::survey::{Found, cut};
use crate::operation::ApiContext;
use crate::route::operation_id;
use std::collections::{BTreeMap, BTreeSet};

/// The longest part of a name that is made.
const PART_BYTES_MAX: usize = 60;
const CODE: &str = "openapi_operation_id";

/// Gives all of them a name; those that can have none are left out.
pub(super) fn give(found: &mut Vec<Found>, findings: &mut Findings) {
    let shared = shared(found);
    let mut taken: BTreeSet<(ApiContext, String)> = BTreeSet::new();
    for one in found.iter_mut() {
        let own = one.id.as_deref().and_then(operation_id);
        if let Some(own) = own.filter(|own| !shared.contains(&(one.context, own.clone()))) {
            one.action.clone_from(&own);
            taken.insert((one.context, own));
        }
    }
    // Made names that meet give way to longer ones, all of them.
    let mut made: BTreeMap<(ApiContext, String), usize> = BTreeMap::new();
    for one in found.iter().filter(|one| one.action.is_empty()) {
        *made.entry((one.context, short(one))).or_default() += 1;
    }
    let mut renamed = 0;
    for one in found.iter_mut().filter(|one| one.action.is_empty()) {
        let short = (one.context, short(one));
        let sole = made.get(&short) == Some(&1) && !taken.contains(&short);
        let free = sole && operation_id(&short.1).is_some();
        let (action, first) = if free {
            (short.1, true)
        } else {
            let long = long(one);
            let first = taken.insert((one.context, long.clone()));
            (long, first)
        };
        if free {
            taken.insert((one.context, action.clone()));
        }
        if first && operation_id(&action).is_some() {
            one.action = action;
            renamed += usize::from(told(one, &shared, findings));
        }
    }
    found.retain(|one| {
        if one.action.is_empty() {
            let message = "left out: no name can be made for it that no other has";
            let help = "give it an `operationId` of its own: `missions/list` names its action";
            findings.warn(&one.at, CODE, message, help);
        }
        !one.action.is_empty()
    });
    if let Some(one) = found.first().filter(|_| renamed > 0) {
        let message = format!(
            "{renamed} operation ids are no kind and verb; the actions are made of them and their paths"
        );
        let help = "the files in `apis/` say which is which (`x-operation-id`)";
        let at = At::new(&one.at.file, "/paths");
        findings.note(&at, CODE, &message, help);
    }
}

/// Names that several operations have.
fn shared(found: &[Found]) -> BTreeSet<(ApiContext, String)> {
    let mut seen = BTreeSet::new();
    let ids = found
        .iter()
        .filter_map(|one| Some((one.context, same(one.id.as_deref()?))));
    ids.filter(|id| !seen.insert(id.clone())).collect()
}

/// `a.b` and `a/b` are one action, so they are one id.
fn same(id: &str) -> String {
    id.replace('.', "/")
}

/// Says why the name is another; whether it was only of another form, which is said once for all.
fn told(one: &Found, shared: &BTreeSet<(ApiContext, String)>, findings: &mut Findings) -> bool {
    let becomes = format!("its action is `{}`", one.action);
    let help = "give it an `operationId` of its own: `missions/list` names its action";
    match &one.id {
        None => {
            let message = format!("an operation without an id; {becomes}");
            findings.warn(&one.at, CODE, &message, help);
        }
        Some(id) if shared.contains(&(one.context, same(id))) => {
            let message = format!(
                "operation id `{}` stands at another one, too; {becomes}",
                cut(id)
            );
            findings.warn(&one.at.child("operationId"), CODE, &message, help);
        }
        Some(_) => return true,
    }
    false
}

/// `pets/list`.
fn short(one: &Found) -> String {
    let (kind, verb) = kind_and_verb(one);
    let Some(id) = one.id.as_deref().map(plain).filter(|id| !id.is_empty()) else {
        return format!("{kind}/{verb}");
    };
    // `listPets` of `/pets` is `pets/list`; of another name nothing is taken away.
    let at = id.find(|c: char| c.is_ascii_uppercase() || c == '-' || c == '_');
    let parts = at.and_then(|at| id.split_at_checked(at));
    if let Some((verb, noun)) = parts.filter(|(verb, _)| !verb.is_empty()) {
        let stem = |text: &str| {
            let text: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
            text.to_ascii_lowercase().trim_end_matches('s').to_owned()
        };
        if stem(noun) == stem(&kind) {
            return format!("{kind}/{verb}");
        }
    }
    format!("{kind}/{id}")
}

/// All of the path: `v1-pets-by-petId/get`.
fn long(one: &Found) -> String {
    let parts = one.template.split('/').filter(|part| !part.is_empty());
    let parts = parts.map(|part| match name_of(part) {
        Some(name) => format!("by-{}", plain(name)),
        None => plain(part),
    });
    format!("{}/{}", parts.collect::<Vec<_>>().join("-"), one.method)
}

/// What the path is about, and what the method does with it.
fn kind_and_verb(one: &Found) -> (String, String) {
    let parts: Vec<&str> = one
        .template
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let literal = |part: &&&str| name_of(part).is_none() && !is_version(part);
    let ends_with_id = parts.last().is_some_and(|part| name_of(part).is_some());
    let behind_id = parts
        .iter()
        .rev()
        .nth(1)
        .is_some_and(|part| name_of(part).is_some());
    let last = parts.iter().rev().find(literal).copied().unwrap_or("root");
    // `POST /missions/{id}/publish` does something to a mission; `/missions/{id}/badges` holds others.
    let is_verb = !ends_with_id && behind_id && one.method != "get" && !last.ends_with('s');
    if is_verb {
        let before = parts.iter().rev().skip(1).find(literal).copied();
        return (
            plain_or(before.unwrap_or("root"), "root"),
            plain_or(last, one.method),
        );
    }
    let verb = match (one.method, ends_with_id) {
        ("get", true) => "get",
        ("get", false) => "list",
        ("post", false) => "create",
        ("put", _) => "replace",
        ("patch", _) => "update",
        (method, _) => method,
    };
    (plain_or(last, "root"), verb.to_owned())
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn plain_or(text: &str, other: &str) -> String {
    Some(plain(text))
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| other.to_owned())
}

/// In the characters that an action may have.
fn plain(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    let text: String = text.chars().take(PART_BYTES_MAX).map(plain).collect();
    let parts = text.split('-').filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}
