//! What of an account's access was used, by the records of requests.
//!
//! A log is read as a stream, file after file: what is kept of it is no larger than the account, whatever
//! the log's size. Lines that are no records (the last one of a machine that lost its power) are counted
//! and told.

use super::{Error, cast};
use crate::author::log::{self, Line, Unread};
use crate::clock::Timestamp;
use crate::tenant::Role;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// An audit log, and how far back to look.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// The file, the folder that the gate writes, or `-` for standard input.
    pub path: &'a Path,
    /// What was not used for so many days is unused.
    pub days: u32,
}

/// What was read of a log.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// The days that were asked for.
    pub days: u32,
    /// From when on uses count.
    pub since: String,
    /// The earliest record; `None`: there is none.
    pub first: Option<String>,
    /// The latest.
    pub last: Option<String>,
    /// Whether the log goes back to `since`, and beyond it: what it does not show is unused only then.
    pub covers: bool,
    /// How many lines were records, of any account.
    pub records: u64,
    /// How many lines were none.
    pub torn: u64,
    /// Where the first of those stands.
    pub torn_at: Option<String>,
    /// How many of the account's records say nothing of roles, as older versions wrote them: each counts for
    /// all roles.
    pub without_roles: u64,
}

/// Whether something was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// In these days.
    Used,
    /// Not in these days, and the log shows all of them.
    Unused,
    /// Not as far as the log goes back.
    Unknown,
}

/// Whether something was used, and when last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Last {
    /// When last, in the whole of the log.
    pub last_used: Option<String>,
    /// Whether in the days that were asked for.
    pub usage: Use,
}

/// What can be used of an account: nothing else is remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) account: String,
    pub(super) workspaces: HashSet<String>,
    pub(super) operations: HashSet<String>,
    pub(super) clients: HashSet<String>,
    /// Workspace and user.
    pub(super) users: HashSet<(String, String)>,
    /// Issuer and `sub`.
    pub(super) principals: HashSet<(String, String)>,
}

/// Something that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    /// In a workspace, an operation, by a role; an empty role stands for any.
    Permission(String, String, String),
    /// A machine client.
    Client(String),
    /// A user of a workspace.
    User(String, String),
    /// A Principal, by issuer and `sub`.
    Principal(String, String),
    /// An operation by a Principal.
    Crossing(String, String, String),
}

/// When what was used last.
#[derive(Clone, Debug)]
pub(super) struct Usage {
    days: u32,
    since: Timestamp,
    span: Option<(Timestamp, Timestamp)>,
    records: u64,
    torn: u64,
    torn_at: Option<String>,
    without_roles: u64,
    last: HashMap<Thing, Timestamp>,
}

/// What counts of a record.
#[derive(Deserialize)]
struct Record {
    outcome: Option<String>,
    account: Option<String>,
    workspace: Option<String>,
    action: Option<String>,
    caller: Option<String>,
    subject: Option<String>,
    issuer: Option<String>,
    client: Option<String>,
    user: Option<String>,
    roles: Option<Vec<String>>,
    #[serde(default)]
    policies: Vec<String>,
}

/// Every line has it.
#[derive(Deserialize)]
struct When {
    time: String,
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Usage {
    /// Reads a log.
    pub(super) fn read(log: &Log<'_>, known: &Known, now: Timestamp) -> Result<Self, Error> {
        let mut usage = Self {
            days: log.days,
            since: now.plus_millis(-i64::from(log.days) * DAY_MS),
            span: None,
            records: 0,
            torn: 0,
            torn_at: None,
            without_roles: 0,
            last: HashMap::new(),
        };
        // Ids have no escapes, so a line without it is of somebody else.
        let own = format!("\"{}\"", known.account);
        let read = log::read(log.path, |name, number, line| {
            let taken = match line {
                Line::Whole(bytes) => usage.take(bytes, &own, known),
                Line::TooLong => None,
            };
            if taken.is_none() {
                usage.torn += 1;
                usage
                    .torn_at
                    .get_or_insert_with(|| format!("{name}:{number}"));
            }
        });
        read.map_err(|Unread(why)| Error::File(why))?;
        Ok(usage)
    }

    /// One line; `None`: it is no record.
    fn take(&mut self, bytes: &[u8], own: &str, known: &Known) -> Option<()> {
        let text = std::str::from_utf8(bytes).ok()?;
        let when: When = serde_json::from_str(text).ok()?;
        let at = Timestamp::parse_rfc3339(&when.time)?;
        if text.contains(own) {
            let record: Record = serde_json::from_str(text).ok()?;
            self.count(&record, at, known);
        }
        self.records += 1;
        self.span = Some(match self.span {
            Some((first, last)) => (first.min(at), last.max(at)),
            None => (at, at),
        });
        Some(())
    }

    fn count(&mut self, record: &Record, at: Timestamp, known: &Known) {
        // What was permitted and failed later was used, too.
        let permitted = match record.outcome.as_deref() {
            Some("allow") => true,
            Some("error" | "aborted") => !record.policies.is_empty(),
            _ => false,
        };
        if !permitted || record.account.as_deref() != Some(&known.account) {
            return;
        }
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (workspace, operation) = (text(&record.workspace), text(&record.action));
        if record.roles.is_none() {
            self.without_roles += 1;
        }
        let kind = record.caller.as_deref();
        if kind == Some("principal") {
            let (issuer, subject) = (text(&record.issuer), text(&record.subject));
            if known
                .principals
                .contains(&(issuer.clone(), subject.clone()))
            {
                if known.operations.contains(&operation) {
                    let crossing = Thing::Crossing(issuer.clone(), subject.clone(), operation);
                    self.used(crossing, at);
                }
                self.used(Thing::Principal(issuer, subject), at);
            }
            return;
        }
        let is_service = kind == Some("service");
        if known.workspaces.contains(&workspace) && known.operations.contains(&operation) {
            for role in used_roles(record, is_service) {
                let (place, name) = (workspace.clone(), operation.clone());
                self.used(Thing::Permission(place, name, role), at);
            }
        }
        let client = text(&record.client);
        if is_service && known.clients.contains(&client) {
            self.used(Thing::Client(client), at);
        }
        let user = (workspace, text(&record.user));
        if known.users.contains(&user) {
            self.used(Thing::User(user.0, user.1), at);
        }
    }

    fn used(&mut self, thing: Thing, at: Timestamp) {
        let last = self.last.entry(thing).or_insert(at);
        *last = at.max(*last);
    }

    /// When something of these was used last.
    pub(super) fn of(&self, things: &[Thing]) -> Last {
        let last = things.iter().filter_map(|thing| self.last.get(thing)).max();
        Last {
            last_used: last.map(|at| at.rfc3339()),
            usage: match last {
                Some(at) if *at >= self.since => Use::Used,
                _ if self.covers() => Use::Unused,
                _ => Use::Unknown,
            },
        }
    }

    fn covers(&self) -> bool {
        let span = self.span;
        span.is_some_and(|(first, last)| first <= self.since && last >= self.since)
    }

    /// What was read.
    pub(super) fn seen(&self) -> Seen {
        Seen {
            days: self.days,
            since: self.since.rfc3339(),
            first: self.span.map(|(first, _)| first.rfc3339()),
            last: self.span.map(|(_, last)| last.rfc3339()),
            covers: self.covers(),
            records: self.records,
            torn: self.torn,
            torn_at: self.torn_at.clone(),
            without_roles: self.without_roles,
        }
    }
}

/// The roles that a record counts for.
fn used_roles(record: &Record, is_service: bool) -> Vec<String> {
    match &record.roles {
        // Whom a machine client acts for has roles of its own, and the record says the client's.
        _ if is_service && record.user.is_some() => vec![String::new()],
        None => vec![String::new()],
        Some(roles) if roles.is_empty() => vec![cast::label(None).to_owned()],
        // Names of roles are few, and a log may say anything.
        Some(roles) => {
            let known = roles.iter().filter(|role| Role::parse(role).is_some());
            known.cloned().collect()
        }
    }
}

#[cfg(test)]
mod tests;
