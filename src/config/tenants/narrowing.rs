//! What a tenant's file says of status and `not_before`, whatever else is wrong with it (RULES 35).

use super::{Former, account};
use crate::config::disk::Disk;
use crate::config::file::{NotBefore, Status};
use crate::config::files::FILE_BYTES_MAX;
use crate::document::Document;
use crate::tenant::{self, Account, AccountId, Directory, Narrowing, UserId, WorkspaceId};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Of every file of the folder that is YAML and says something else than in `former`; of an account whose
/// file says nothing, what is `serving` by now.
pub(crate) fn narrowings(
    folder: &Path,
    disk: &Disk,
    former: &Former,
    serving: &Directory,
) -> HashMap<AccountId, Narrowing> {
    let (entries, _) = disk.list_any(folder).unwrap_or_default();
    let mut silent: HashMap<&AccountId, &Arc<Account>> =
        serving.accounts().map(|one| (&one.id, one)).collect();
    let mut narrowings = HashMap::new();
    for entry in entries.iter().filter(|entry| !entry.is_folder) {
        let id = entry
            .stem("yaml")
            .and_then(|stem| AccountId::parse(stem).ok());
        let text = disk.read(&entry.path, FILE_BYTES_MAX);
        let (Some(id), Ok(text)) = (id, text) else {
            continue;
        };
        if former.knows(&entry.name, &text) {
            silent.remove(&id);
        } else if let Ok(document) = Document::parse(&entry.name, text) {
            silent.remove(&id);
            narrowings.insert(id, read(document.value()));
        }
    }
    let stay = silent.into_iter();
    narrowings.extend(stay.map(|(id, account)| (id.clone(), Narrowing::of(account))));
    narrowings
}

/// Of one file. A part that cannot be read narrows nothing.
pub(super) fn read(file: &Value) -> Narrowing {
    let mut workspaces = HashMap::new();
    let mut of_users = HashMap::new();
    for workspace in list(file, "workspaces") {
        let Some(id) = id(workspace).and_then(|id| WorkspaceId::parse(id).ok()) else {
            continue;
        };
        for user in list(workspace, "users") {
            if let Some(user_id) = self::id(user).and_then(|id| UserId::parse(id).ok()) {
                of_users.insert((id.clone(), user_id), status(user));
            }
        }
        workspaces.insert(id, status(workspace));
    }
    let not_before: NotBefore = part(file, "not_before").unwrap_or_default();
    let users = not_before.users.iter();
    let users = users.filter_map(|(user, moment)| Some((UserId::parse(user).ok()?, moment.0)));
    Narrowing {
        status: status(file),
        not_before: tenant::NotBefore {
            account: not_before.account.map(|moment| moment.0),
            users: users.collect(),
        },
        workspaces,
        users: of_users,
    }
}

fn list<'a>(of: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    of.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn id(of: &Value) -> Option<&str> {
    of.get("id").and_then(Value::as_str)
}

fn status(of: &Value) -> tenant::Status {
    let shape: Option<Status> = part(of, "status");
    shape.map_or(tenant::Status::Active, account::status)
}

fn part<T: for<'de> Deserialize<'de>>(of: &Value, key: &str) -> Option<T> {
    T::deserialize(of.get(key)?).ok()
}
