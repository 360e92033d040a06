//! What a tenant's file says of status and `not_before`, whatever else is wrong with it (RULES 35).

use super::lines::{LINES_BYTES_MAX, split, usable};
use super::{Former, Layout, account};
use crate::config::disk::Disk;
use crate::config::file::{NotBefore, Status};
use crate::config::files::FILE_BYTES_MAX;
use crate::config::seen::digest;
use crate::document::{Document, json};
use crate::tenant::{self, Account, AccountId, Directory, Narrowing, UserId, WorkspaceId};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Of every entry that can be read and says something else than in `former`; of an account whose entry
/// says nothing, what is `serving` by now.
pub(crate) fn narrowings(
    layout: &Layout,
    disk: &Disk,
    former: &Former,
    serving: &Directory,
) -> HashMap<AccountId, Narrowing> {
    let silent = serving.accounts().map(|one| (&one.id, one));
    let mut found = Found {
        disk,
        former,
        silent: silent.collect(),
        narrowings: HashMap::new(),
    };
    match layout {
        Layout::Folder(folder) => found.folder(folder),
        Layout::Lines { file, .. } => found.lines(file),
    }
    let stay = found.silent.into_iter();
    let stay = stay.map(|(id, account)| (id.clone(), Narrowing::of(account)));
    found.narrowings.extend(stay);
    found.narrowings
}

struct Found<'a> {
    disk: &'a Disk,
    former: &'a Former,
    /// Accounts whose entry has said nothing so far.
    silent: HashMap<&'a AccountId, &'a Arc<Account>>,
    narrowings: HashMap<AccountId, Narrowing>,
}

impl Found<'_> {
    fn folder(&mut self, folder: &Path) {
        let listing = self.disk.list_any(folder).unwrap_or_default();
        for entry in listing.entries.iter().filter(|entry| !entry.is_folder) {
            let id = entry.stem("yaml");
            let id = id.and_then(|stem| AccountId::parse(stem).ok());
            let looked = self.disk.look(&entry.path, FILE_BYTES_MAX);
            let (Some(id), Ok(looked)) = (id, looked) else {
                continue;
            };
            let said = self.former.said(&looked.digest);
            if said.is_some_and(|parsed| parsed.account.id == id) {
                self.silent.remove(&id);
            } else if let Ok(text) = self.disk.text(looked, &entry.path, FILE_BYTES_MAX)
                && let Ok(document) = Document::parse(&entry.name, text)
            {
                self.says(id, read(document.value()));
            }
        }
    }

    fn lines(&mut self, file: &Path) {
        let looked = self.disk.look(file, LINES_BYTES_MAX);
        let bytes = looked.and_then(|looked| self.disk.bytes_of(looked, file, LINES_BYTES_MAX));
        let bytes = bytes.unwrap_or_default();
        for (number, range) in split(&bytes) {
            let bytes = bytes.get(range).unwrap_or_default();
            if let Some(parsed) = self.former.said(&digest(&[b"text", bytes])) {
                self.silent.remove(&parsed.account.id);
                continue;
            }
            let object = usable(bytes, "", number).ok();
            let object = object.and_then(|text| json::read_object(text.as_bytes()).ok());
            let Some(object) = object.map(Value::Object) else {
                continue;
            };
            let id = object.get("account").and_then(Value::as_str);
            if let Some(id) = id.and_then(|id| AccountId::parse(id).ok()) {
                self.says(id, read(&object));
            }
        }
    }

    fn says(&mut self, id: AccountId, narrowing: Narrowing) {
        self.silent.remove(&id);
        let narrowing = match self.narrowings.remove(&id) {
            Some(other) => narrowing.and(other),
            None => narrowing,
        };
        self.narrowings.insert(id, narrowing);
    }
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
