//! What the token is supposed to say, written where its issuer's entry reads it.

use super::{Cannot, no_token, unknown};
use crate::author::ask::World;
use crate::tenant::{Role, WorkspaceRole};
use crate::token::IssuerSettings;
use serde_json::{Map, Value};

/// The deepest place in the claims.
const DEPTH_MAX: usize = 8;

/// Puts a JSON value, or a text, where `name` says: a name, or a JSON pointer. `null` takes it away.
pub(super) fn set(world: &mut World, name: &str, value: &str) -> Result<(), Cannot> {
    let pointer = if name.starts_with('/') {
        name.to_owned()
    } else {
        format!("/{}", name.replace('~', "~0").replace('/', "~1"))
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    edit(world, &pointer, |slot| {
        *slot = value;
        Ok(())
    })
}

/// A role by the issuer's table, where it has a claim for it, or by a group.
pub(super) fn role(world: &mut World, name: &str) -> Result<(), Cannot> {
    let settings = settings(world)?;
    let listed = |role: Role| settings.roles.iter().find(|(_, given)| *given == role);
    let meant = by_label(name);
    let by_claim = settings.mapping.role.as_ref().and_then(|pointer| {
        let exact = settings.roles.iter().find(|(known, _)| known == name);
        let (known, _) = exact.or_else(|| listed(meant?))?;
        Some((pointer.clone(), known.clone()))
    });
    if let Some((pointer, known)) = by_claim {
        return edit(world, &pointer, |slot| {
            *slot = Value::String(known);
            Ok(())
        });
    }
    let Some(role) = meant else {
        let known: Vec<&str> = settings
            .roles
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let known = [known.as_slice(), &LABELS.map(|(label, _)| label)].concat();
        return Err(unknown("role", name, &known));
    };
    let pointers = [&settings.mapping.account, &settings.mapping.workspace].map(Clone::clone);
    let claimed = pointers.map(|pointer| {
        let claims = Value::Object(world.claims()?.clone());
        claims.pointer(&pointer?)?.as_str().map(str::to_owned)
    });
    let [Some(account), Some(workspace)] = claimed else {
        return Err(Cannot::new(
            "the token names no workspace to have a role in",
        ));
    };
    let group = match role {
        Role::Workspace(role) => format!("{account}/{workspace}#{}", role.label()),
        Role::AccountMember => format!("{account}#member"),
        Role::AccountAdmin => format!("{account}#admin"),
        Role::AccountOwner => format!("{account}#owner"),
    };
    add_group(world, group)
}

/// One more group; a bare name is one of the caller's own account.
pub(super) fn group(world: &mut World, name: &str) -> Result<(), Cannot> {
    if name.is_empty() {
        return Err(Cannot::new("a group has a name"));
    }
    if name.contains(['/', '#', ':']) {
        return add_group(world, name.to_owned());
    }
    let pointer = settings(world)?.mapping.account.clone();
    let claims = Value::Object(world.claims().ok_or_else(no_token)?.clone());
    let account = pointer.and_then(|pointer| claims.pointer(&pointer)?.as_str().map(str::to_owned));
    let account = account.ok_or_else(|| Cannot::new("the token names no account"))?;
    add_group(world, format!("{account}/{name}"))
}

fn add_group(world: &mut World, group: String) -> Result<(), Cannot> {
    let pointer = place(world, "groups", |settings| settings.mapping.groups.as_ref())?;
    edit(world, &pointer, |slot| add_to_list(slot, group))
}

/// One more scope, in the form in which the token has them.
pub(super) fn scope(world: &mut World, name: &str) -> Result<(), Cannot> {
    let pointer = place(world, "scope", |settings| settings.mapping.scope.as_ref())?;
    let name = name.to_owned();
    edit(world, &pointer, |slot| match slot {
        Value::Null => {
            *slot = Value::String(name);
            Ok(())
        }
        Value::String(text) => {
            if !text.split(' ').any(|one| one == name) {
                format!("{text} {name}").trim().clone_into(text);
            }
            Ok(())
        }
        _ => add_to_list(slot, name),
    })
}

/// `true`, `false`.
pub(super) fn mfa(world: &mut World, value: &str) -> Result<(), Cannot> {
    let flag: bool = value
        .parse()
        .map_err(|_| Cannot::new("`principal.mfa` is `true` or `false`"))?;
    let pointer = place(world, "mfa", |settings| settings.mapping.mfa.as_ref())?;
    edit(world, &pointer, |slot| {
        *slot = Value::Bool(flag);
        Ok(())
    })
}

/// A mail address.
pub(super) fn email(world: &mut World, value: &str) -> Result<(), Cannot> {
    let pointer = place(world, "email", |settings| settings.mapping.email.as_ref())?;
    let value = value.to_owned();
    edit(world, &pointer, |slot| {
        *slot = Value::String(value);
        Ok(())
    })
}

/// What users can be, by the names that stories use.
pub(in crate::author::ask) const LABELS: [(&str, Role); 6] = [
    ("viewer", Role::Workspace(WorkspaceRole::Viewer)),
    ("editor", Role::Workspace(WorkspaceRole::Editor)),
    ("admin", Role::Workspace(WorkspaceRole::Admin)),
    ("account-member", Role::AccountMember),
    ("account-admin", Role::AccountAdmin),
    ("account-owner", Role::AccountOwner),
];

fn by_label(name: &str) -> Option<Role> {
    let found = LABELS.iter().find(|(label, _)| *label == name);
    found.map(|(_, role)| *role)
}

fn settings(world: &World) -> Result<&IssuerSettings, Cannot> {
    let claims = world.claims().ok_or_else(no_token)?;
    let found = world.generation.rules.issuers.settings_of(claims);
    found.ok_or_else(|| Cannot::new("the token names no issuer that is configured"))
}

/// Where the issuer's entry reads something.
fn place(
    world: &World,
    what: &str,
    find: impl Fn(&IssuerSettings) -> Option<&String>,
) -> Result<String, Cannot> {
    let settings = settings(world)?;
    find(settings).cloned().ok_or_else(|| {
        let name = &settings.name;
        Cannot::new(format!(
            "issuer `{name}` maps no claim to `{what}`: say so in its entry (`claims`), or nothing that a token says can change it"
        ))
    })
}

fn add_to_list(slot: &mut Value, text: String) -> Result<(), Cannot> {
    if slot.is_null() {
        *slot = Value::Array(Vec::new());
    }
    let Value::Array(list) = slot else {
        return Err(Cannot::new("the claim is no list"));
    };
    if !list.iter().any(|one| *one == text) {
        list.push(Value::String(text));
    }
    Ok(())
}

/// Whether `after` says that the caller is somebody of another account or workspace.
fn leaves(world: &World, after: &Map<String, Value>) -> bool {
    let (Ok(settings), Some(before)) = (settings(world), world.claims()) else {
        return false;
    };
    let mapping = &settings.mapping;
    let own = [&mapping.account, &mapping.workspace].into_iter().flatten();
    let (before, after) = (Value::Object(before.clone()), Value::Object(after.clone()));
    own.into_iter().any(|pointer| {
        let text = |claims: &Value| claims.pointer(pointer)?.as_str().map(str::to_owned);
        let now = text(&after);
        now.is_some() && now != text(&before)
    })
}

/// Changes the value at `pointer`, `null` where there is none; what is `null` after it is taken away.
fn edit(
    world: &mut World,
    pointer: &str,
    change: impl FnOnce(&mut Value) -> Result<(), Cannot>,
) -> Result<(), Cannot> {
    let mut claims = world.claims().cloned().ok_or_else(no_token)?;
    let steps = pointer.split('/').skip(1);
    let steps = steps.map(|step| step.replace("~1", "/").replace("~0", "~"));
    let steps: Vec<String> = steps.collect();
    let Some((last, before)) = steps.split_last().filter(|_| steps.len() <= DEPTH_MAX) else {
        return Err(Cannot::new(format!("`{pointer}` is no place in a token")));
    };
    let mut here: &mut Map<String, Value> = &mut claims;
    for step in before {
        let next = here.entry(step.clone());
        let next = next.or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(inner) = next else {
            return Err(Cannot::new(format!(
                "`{pointer}` is no place in this token"
            )));
        };
        here = inner;
    }
    let slot = here.entry(last.clone()).or_insert(Value::Null);
    change(slot)?;
    if slot.is_null() {
        here.remove(last);
    }
    if leaves(world, &claims) {
        return Err(Cannot::new(
            "the caller's account and workspace are nothing to suppose; give other `claims` instead",
        ));
    }
    world.claim(claims);
    Ok(())
}
