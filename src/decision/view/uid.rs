//! The names of entities, without a text being put together for them.

use crate::decision::facts::{Facts, Place};
use crate::policy::{Attribute, Kind, Name, Names, Word};
use crate::tenant::{AccountId, WorkspaceId};

/// The name of an entity. Our own are told apart by what they are made of, which costs less than their
/// texts: no id has a `/` or `#`, so that equal texts are made of equal parts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Uid<'a> {
    Account(&'a AccountId),
    Workspace(&'a AccountId, &'a WorkspaceId),
    /// Of the workspace, or else of the account.
    Role(&'a AccountId, Option<&'a WorkspaceId>, Attribute),
    /// A user or machine client of an account.
    Member(Kind, &'a AccountId, &'a str),
    /// The resource of the question.
    Resource(&'a Facts<'a>),
    /// Whatever has an id of one part.
    Named(Kind, &'a str),
    /// As a policy names it.
    Written(&'a Name),
}

impl<'a> Uid<'a> {
    #[inline]
    pub(super) fn same(self, other: Uid<'_>) -> bool {
        match (self, other) {
            (Self::Account(one), Uid::Account(other)) => one == other,
            (Self::Workspace(account, one), Uid::Workspace(of, other)) => {
                account == of && one == other
            }
            (Self::Role(account, place, one), Uid::Role(of, other_place, other)) => {
                one == other && account == of && place == other_place
            }
            (Self::Member(kind, account, one), Uid::Member(other_kind, of, other)) => {
                kind == other_kind && account == of && one == other
            }
            (Self::Resource(one), Uid::Resource(other)) => {
                let (own, id) = (one.id.unwrap_or_default(), other.id.unwrap_or_default());
                one.place == other.place && one.kind == other.kind && own == id
            }
            (Self::Named(kind, one), Uid::Named(other_kind, other)) => {
                kind == other_kind && one == other
            }
            (Self::Written(one), Uid::Written(other)) => one == other,
            (Self::Written(name), other) => other.is(name),
            (own, Uid::Written(name)) => own.is(name),
            // Those of different kinds.
            _ => false,
        }
    }

    /// Whether it may be the principal, the resource or the actor: most names are of none of their types.
    #[inline]
    pub(super) fn may_be_asked_about(self) -> bool {
        match self {
            Self::Account(_) | Self::Workspace(..) | Self::Role(..) => false,
            Self::Member(..) | Self::Resource(_) | Self::Named(..) | Self::Written(_) => true,
        }
    }

    /// Whether one of ours is what a policy names.
    fn is(self, name: &Name) -> bool {
        if let Self::Named(kind, id) = self {
            return name.entity_type == Word::Known(kind) && *id == *name.id;
        }
        let mut rest = Some(&*name.id);
        let mut parts = self.parts().into_iter();
        self.kind()
            .is_some_and(|kind| name.entity_type == Word::Known(kind))
            && parts.all(|part| {
                rest = rest.and_then(|rest| rest.strip_prefix(part));
                rest.is_some()
            })
            && rest == Some("")
    }

    /// `None`: a name that a policy writes.
    fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Account(_) => Kind::Account,
            Self::Workspace(..) => Kind::Workspace,
            Self::Role(..) => Kind::Role,
            Self::Member(kind, ..) | Self::Named(kind, _) => kind,
            Self::Resource(facts) => match facts.place {
                Place::Workspace(..) => Kind::Resource,
                Place::Account(_) => Kind::AccountResource,
                Place::Platform => Kind::PlatformResource,
            },
            Self::Written(_) => return None,
        })
    }

    pub(super) fn entity_type(self) -> &'a str {
        match self {
            Self::Written(name) => name.entity_type.text(),
            own => own.kind().map_or("", Names::text),
        }
    }

    /// The parts of its id.
    pub(super) fn parts(self) -> [&'a str; 7] {
        match self {
            Self::Account(account) => padded([account.as_str()]),
            Self::Workspace(account, id) => padded([account.as_str(), "/", id.as_str()]),
            Self::Role(account, None, role) => padded([account.as_str(), "#", role.text()]),
            Self::Role(account, Some(place), role) => {
                padded([account.as_str(), "/", place.as_str(), "#", role.text()])
            }
            Self::Member(_, account, id) => padded([account.as_str(), "/", id]),
            Self::Resource(facts) => {
                let (kind, id) = (facts.kind, facts.id.unwrap_or_default());
                match facts.place {
                    Place::Workspace(account, workspace) => {
                        let (account, workspace) = (account.as_str(), workspace.as_str());
                        padded([account, "/", workspace, "/", kind, "/", id])
                    }
                    Place::Account(account) => padded([account.as_str(), "/", kind, "/", id]),
                    Place::Platform => padded([kind, "/", id]),
                }
            }
            Self::Named(_, id) => padded([id]),
            Self::Written(name) => padded([&name.id]),
        }
    }
}

fn padded<const N: usize>(some: [&str; N]) -> [&str; 7] {
    const { assert!(N <= 7, "an id has at most seven parts") };
    let mut parts = [""; 7];
    for (part, given) in parts.iter_mut().zip(some) {
        *part = given;
    }
    parts
}
