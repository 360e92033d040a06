//! What stands somewhere in a question, and its one encoding.

use super::attributes::of_account;
use super::short::{is_active, plan};
use super::uid::Uid;
use crate::clock::Timestamp;
use crate::decision::entity::{ACCOUNT_ROLES, WORKSPACE_ROLES, in_cedars_years};
use crate::head::Head;
use crate::policy::{Attribute, Kind, Names};
use crate::scope::{Grant, Inside};
use crate::tenant::{AccountId, Workspace, WorkspaceId};
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

/// A set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Set<'a> {
    /// Of one workspace.
    Home(&'a AccountId, &'a WorkspaceId),
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
    /// Of the workspace, or else of the account.
    Roles(&'a AccountId, Option<&'a WorkspaceId>),
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

impl Set<'_> {
    pub(super) fn is_empty(self) -> bool {
        !self.any(|_| true)
    }

    pub(super) fn is_of_entities(self) -> bool {
        !matches!(self, Self::Texts(_) | Self::Names(_))
    }

    /// Whether one of its elements is such; all of them are looked at in turn.
    pub(super) fn any(self, mut such: impl FnMut(Seen<'_>) -> bool) -> bool {
        let named = |kind: Kind, id| Seen::Entity(Uid::Named(kind, id));
        match self {
            Self::Home(account, id) => such(Seen::Entity(Uid::Workspace(account, id))),
            Self::Contexts(contexts) => contexts
                .iter()
                .any(|one| such(named(Kind::ApiContext, one.label()))),
            Self::Scopes(scopes) => scopes.iter().any(|one| such(named(Kind::Scope, one))),
            Self::Workspaces(all) => all
                .iter()
                .any(|one| such(Seen::Entity(Uid::Workspace(&one.account, &one.id)))),
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
    fn names(self) -> &'static [Attribute] {
        use Attribute::{
            Account, Active, All, Dns, Features, Host, Kind, Method, Path, Plan, Spiffe, Until,
        };
        match self {
            Self::Http(_) => &[Host, Method, Path],
            Self::Tenant(_) => &[Active, Features, Kind, Plan],
            Self::Certificate(_) => &[Dns, Spiffe],
            Self::Grant(_) => &[Account, All, Until],
            Self::Roles(_, None) => &ACCOUNT_ROLES,
            Self::Roles(_, Some(_)) => &WORKSPACE_ROLES,
        }
    }

    pub(super) fn field(self, name: Attribute) -> Option<Seen<'a>> {
        match self {
            Self::Http(head) => match name {
                Attribute::Host => Some(Seen::Text(&head.authority)),
                Attribute::Method => Some(Seen::Text(head.method.as_str())),
                Attribute::Path => Some(Seen::Text(head.path.as_str())),
                _ => None,
            },
            Self::Tenant(inside) => tenant(inside, name),
            Self::Certificate(identity) => match name {
                Attribute::Dns => Some(Seen::Set(Set::Names(&identity.dns))),
                Attribute::Spiffe => identity.spiffe.as_deref().map(Seen::Text),
                _ => None,
            },
            Self::Grant(grant) => match name {
                Attribute::Account => grant.account.as_ref().map(of_account),
                Attribute::All => Some(Seen::Flag(grant.all)),
                Attribute::Until => Some(Seen::Moment(in_cedars_years(grant.until))),
                _ => None,
            },
            Self::Roles(account, workspace) => {
                let role = || Seen::Entity(Uid::Role(account, workspace, name));
                self.names().contains(&name).then(role)
            }
        }
    }

    fn same(self, other: Record<'_>) -> bool {
        let field = |name: &Attribute| match (self.field(*name), other.field(*name)) {
            (Some(one), Some(other)) => one.same(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.names().iter().chain(other.names()).all(field)
    }
}

fn tenant(inside: &Inside, name: Attribute) -> Option<Seen<'_>> {
    let workspace = &inside.workspace;
    Some(match name {
        Attribute::Active => Seen::Flag(is_active(inside)),
        Attribute::Features => Seen::Set(Set::Texts(&workspace.features)),
        Attribute::Kind => Seen::Text(&workspace.kind),
        Attribute::Plan => Seen::Text(plan(inside)),
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
            encode(Some(Seen::Text(uid.entity_type())), out);
            let parts = uid.parts();
            length(parts.iter().map(|part| part.len()).sum(), out);
            for part in parts {
                out.extend_from_slice(part.as_bytes());
            }
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
                encode(Some(Seen::Text(name.text())), out);
                encode(record.field(*name), out);
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
