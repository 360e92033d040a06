//! What stands somewhere in a question, and its one encoding.

use super::attributes::{of_account, of_workspace};
use crate::clock::Timestamp;
use crate::decision::entity::{Kind, in_cedars_years};
use crate::head::Head;
use crate::policy::Name;
use crate::scope::{Grant, Inside};
use crate::tenant::{Status, Workspace};
use crate::token::{ContextSet, Scopes};
use crate::x509::Identity;
use std::net::IpAddr;
use std::sync::Arc;

/// A value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen<'a> {
    Flag(bool),
    Number(i64),
    Text(&'a str),
    Moment(Timestamp),
    Address(IpAddr),
    Entity(Uid<'a>),
    Set(Set<'a>),
    Record(Record<'a>),
}

/// The name of an entity; its id is all parts together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uid<'a> {
    pub(super) entity_type: &'a str,
    pub(super) parts: [&'a str; 7],
}

/// A set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Set<'a> {
    /// Of one entity.
    One(Uid<'a>),
    Contexts(ContextSet),
    Scopes(Scopes),
    Workspaces(&'a [Arc<Workspace>]),
    Texts(&'a [String]),
    Names(&'a [Arc<str>]),
}

/// A record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Record<'a> {
    Http(&'a Head),
    Tenant(&'a Inside),
    Certificate(&'a Identity),
    Grant(&'a Grant),
    /// Of a workspace (`account/workspace`) or of an account.
    Roles([&'a str; 3], &'static [&'static str; 3]),
}

impl Seen<'_> {
    /// As Cedar's `==`: values of different types are not the same.
    pub(super) fn same(self, other: Seen<'_>) -> bool {
        match (self, other) {
            (Seen::Flag(one), Seen::Flag(other)) => one == other,
            (Seen::Number(one), Seen::Number(other)) => one == other,
            (Seen::Text(one), Seen::Text(other)) => one == other,
            (Seen::Moment(one), Seen::Moment(other)) => one == other,
            (Seen::Address(one), Seen::Address(other)) => one == other,
            (Seen::Entity(one), Seen::Entity(other)) => one.same(other),
            (Seen::Set(one), Seen::Set(other)) => one.within(other) && other.within(one),
            (Seen::Record(one), Seen::Record(other)) => one.same(other),
            _ => false,
        }
    }
}

impl<'a> Uid<'a> {
    /// As a policy names it.
    pub(super) fn written(name: &'a Name) -> Self {
        Self {
            entity_type: &name.entity_type,
            parts: [&name.id, "", "", "", "", "", ""],
        }
    }

    /// One of ours.
    pub(super) fn of<const N: usize>(kind: Kind, some: [&'a str; N]) -> Self {
        const { assert!(N <= 7, "an id has at most seven parts") };
        let mut parts = [""; 7];
        for (part, given) in parts.iter_mut().zip(some) {
            *part = given;
        }
        Self {
            entity_type: kind.name(),
            parts,
        }
    }

    pub(super) fn same(self, other: Uid<'_>) -> bool {
        if self.entity_type != other.entity_type || self.len() != other.len() {
            return false;
        }
        self.parts == other.parts || self.bytes().eq(other.bytes())
    }

    fn len(self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    fn bytes(self) -> impl Iterator<Item = u8> {
        self.parts.into_iter().flat_map(str::bytes)
    }
}

impl Set<'_> {
    pub(super) fn is_empty(self) -> bool {
        !self.any(|_| true)
    }

    pub(super) fn is_of_entities(self) -> bool {
        !matches!(self, Self::Texts(_) | Self::Names(_))
    }

    /// Whether one of its elements is such; all of them are looked at in turn.
    pub(super) fn any(self, mut such: impl FnMut(Seen<'_>) -> bool) -> bool {
        let named = |kind: Kind, id| Seen::Entity(Uid::of(kind, [id]));
        match self {
            Self::One(uid) => such(Seen::Entity(uid)),
            Self::Contexts(contexts) => contexts
                .iter()
                .any(|one| such(named(Kind::ApiContext, one.label()))),
            Self::Scopes(scopes) => scopes.iter().any(|one| such(named(Kind::Scope, one))),
            Self::Workspaces(all) => all
                .iter()
                .any(|one| such(Seen::Entity(of_workspace(&one.account, &one.id)))),
            Self::Texts(texts) => texts.iter().any(|text| such(Seen::Text(text))),
            Self::Names(all) => all.iter().any(|name| such(Seen::Text(name))),
        }
    }

    fn within(self, other: Set<'_>) -> bool {
        !self.any(|one| !other.any(|another| one.same(another)))
    }
}

impl<'a> Record<'a> {
    /// All that it may have.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Http(_) => &["host", "method", "path"],
            Self::Tenant(_) => &["active", "features", "kind", "plan"],
            Self::Certificate(_) => &["dns", "spiffe"],
            Self::Grant(_) => &["account", "all", "until"],
            Self::Roles(_, names) => names,
        }
    }

    pub(super) fn field(self, name: &str) -> Option<Seen<'a>> {
        match self {
            Self::Http(head) => match name {
                "host" => Some(Seen::Text(&head.authority)),
                "method" => Some(Seen::Text(head.method.as_str())),
                "path" => Some(Seen::Text(head.path.as_str())),
                _ => None,
            },
            Self::Tenant(inside) => tenant(inside, name),
            Self::Certificate(identity) => match name {
                "dns" => Some(Seen::Set(Set::Names(&identity.dns))),
                "spiffe" => identity.spiffe.as_deref().map(Seen::Text),
                _ => None,
            },
            Self::Grant(grant) => match name {
                "account" => grant.account.as_ref().map(of_account),
                "all" => Some(Seen::Flag(grant.all)),
                "until" => Some(Seen::Moment(in_cedars_years(grant.until))),
                _ => None,
            },
            Self::Roles([a, b, c], names) => {
                let role = *names.iter().find(|role| **role == name)?;
                Some(Seen::Entity(Uid::of(Kind::Role, [a, b, c, "#", role])))
            }
        }
    }

    fn same(self, other: Record<'_>) -> bool {
        let field = |name: &&str| match (self.field(name), other.field(name)) {
            (Some(one), Some(other)) => one.same(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.names().iter().chain(other.names()).all(field)
    }
}

fn tenant<'a>(inside: &'a Inside, name: &str) -> Option<Seen<'a>> {
    let (account, workspace) = (&inside.account, &inside.workspace);
    Some(match name {
        "active" => {
            let active = Status::Active;
            Seen::Flag(account.status == active && workspace.status == active)
        }
        "features" => Seen::Set(Set::Texts(&workspace.features)),
        "kind" => Seen::Text(&workspace.kind),
        "plan" => Seen::Text(workspace.plan.as_deref().unwrap_or(&account.plan)),
        _ => return None,
    })
}

/// Appends what was seen, or that nothing was: no such text is the beginning of another.
pub(super) fn encode(seen: Option<Seen<'_>>, out: &mut Vec<u8>) {
    let Some(seen) = seen else {
        return out.push(0);
    };
    match seen {
        Seen::Flag(false) => out.push(1),
        Seen::Flag(true) => out.push(2),
        Seen::Number(number) => {
            out.push(3);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Seen::Text(text) => {
            out.push(4);
            length(text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Seen::Moment(at) => {
            out.push(5);
            out.extend_from_slice(&at.millis().to_be_bytes());
        }
        Seen::Address(IpAddr::V4(address)) => {
            out.push(6);
            out.extend_from_slice(&address.octets());
        }
        Seen::Address(IpAddr::V6(address)) => {
            out.push(7);
            out.extend_from_slice(&address.octets());
        }
        Seen::Entity(uid) => {
            out.push(8);
            encode(Some(Seen::Text(uid.entity_type)), out);
            length(uid.len(), out);
            uid.parts
                .iter()
                .for_each(|part| out.extend_from_slice(part.as_bytes()));
        }
        Seen::Set(set) => {
            // Between its marks: how many there are is not known before.
            out.push(9);
            set.any(|one| {
                encode(Some(one), out);
                false
            });
            out.push(END);
        }
        Seen::Record(record) => {
            out.push(10);
            for name in record.names() {
                encode(Some(Seen::Text(name)), out);
                encode(record.field(name), out);
            }
            out.push(END);
        }
    }
}

/// No value begins so.
const END: u8 = 255;

fn length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u64).to_be_bytes());
}
