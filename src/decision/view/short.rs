//! Short ways: what most policies ask stands one or two steps away, and ids, roles and flags can be compared
//! as what they are.
//!
//! The long way says the same of everything (`Facts::look`), at three times the cost: on it whole values
//! are handed on from step to step. Tests hold both against Cedar, and debug builds against each other.

use crate::decision::entity::{
    ACCOUNT_ROLES, WORKSPACE_ROLES, account_roles_of, workspace_roles_of,
};
use crate::decision::facts::{Facts, Place};
use crate::policy::{Attribute, Bit, Kind, Name, Of, Path, Root, Step, Term, Word};
use crate::scope::Inside;
use crate::tenant::{AccountId, Role, Status, WorkspaceId};
use crate::token::{Caller, Scopes};
use std::sync::Arc;

/// What is found on a short way.
#[derive(Clone, Copy)]
pub(super) enum Short<T> {
    /// That; `None`: looking errs.
    Found(Option<T>),
    /// There is no short way.
    No,
}

/// Where a path starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Principal,
    Resource,
    Context,
}

/// One or two steps from there.
type Way = (Base, Attribute, Option<Attribute>);

fn way(path: &Path) -> Option<Way> {
    let base = match path.root {
        Root::Principal => Base::Principal,
        Root::Resource => Base::Resource,
        Root::Context => Base::Context,
        Root::Entity(_) => return None,
    };
    match path.steps.as_slice() {
        [Step::Attribute(Word::Known(one))] => Some((base, *one, None)),
        [
            Step::Attribute(Word::Known(one)),
            Step::Attribute(Word::Known(two)),
        ] => Some((base, *one, Some(*two))),
        _ => None,
    }
}

impl Facts<'_> {
    /// The answer, where there is a short way to it.
    pub(super) fn short(&self, bit: &Bit) -> Short<bool> {
        let found = match bit {
            Bit::Has(path) => way(path).map(|way| self.short_has(way)),
            Bit::True(path) => way(path).map(|way| self.short_flag(way)),
            Bit::Empty(path) => way(path).map(|way| self.short_empty(way)),
            Bit::Same(Term::Path(one), Term::Path(other)) => way(one)
                .zip(way(other))
                .map(|(one, other)| self.short_same(one, other)),
            Bit::Same(Term::Path(path), Term::Text(text)) => {
                way(path).map(|way| match self.short_text(way) {
                    Short::Found(found) => Short::Found(found.map(|found| *found == **text)),
                    Short::No => Short::No,
                })
            }
            Bit::In(path, of) if path.root == Root::Principal && path.steps.is_empty() => {
                Some(self.short_in(of))
            }
            Bit::Contains(path, element) => way(path).map(|way| self.short_contains(way, element)),
            Bit::Same(..) | Bit::In(..) => None,
        };
        found.unwrap_or(Short::No)
    }

    /// What is there or not.
    fn short_has(&self, way: Way) -> Short<bool> {
        let found = match way {
            (Base::Resource, Attribute::Id, None) => self.id.is_some(),
            (Base::Context, Attribute::Actor, None) => self.actor().is_some(),
            (Base::Context, Attribute::Grant, None) => self.grant.is_some(),
            (Base::Context, Attribute::Reason, None) => self.reason.is_some(),
            (Base::Context, Attribute::Certificate, None) => self.head.certificate.is_some(),
            _ => return Short::No,
        };
        Short::Found(Some(found))
    }

    fn short_flag(&self, way: Way) -> Short<bool> {
        let found = match way {
            (Base::Principal, Attribute::Scopeless, None) => {
                self.scopes().map(|(_, scopeless)| scopeless)
            }
            (Base::Principal, Attribute::Bearer, None) => match (self.acted_for, self.caller) {
                (Some(_), _) => Some(false),
                (None, Caller::Anonymous) => None,
                (None, Caller::User(_) | Caller::Service(_) | Caller::Principal(_)) => Some(true),
            },
            (Base::Principal, Attribute::Mfa, None) => match (self.acted_for, self.caller) {
                (Some(_), _) => Some(false),
                (None, Caller::User(user)) => Some(user.mfa),
                (None, Caller::Principal(principal)) => Some(principal.mfa),
                (None, Caller::Anonymous | Caller::Service(_)) => None,
            },
            (Base::Context, Attribute::Tenant, Some(Attribute::Active)) => self.from.map(is_active),
            _ => return Short::No,
        };
        Short::Found(found)
    }

    fn short_empty(&self, way: Way) -> Short<bool> {
        match way {
            (Base::Principal, Attribute::Scopes, None) => {
                Short::Found(self.scopes().map(|(scopes, _)| scopes.is_empty()))
            }
            _ => Short::No,
        }
    }

    /// Whether two ids are the same.
    fn short_same(&self, one: Way, other: Way) -> Short<bool> {
        match (one, other) {
            ((one, Attribute::Account, None), (other, Attribute::Account, None)) => {
                let both = self.account(one).zip(self.account(other));
                Short::Found(both.map(|(one, other)| one == other))
            }
            ((one, Attribute::Workspace, None), (other, Attribute::Workspace, None)) => {
                let both = self.workspace(one).zip(self.workspace(other));
                Short::Found(both.map(|(one, other)| one == other))
            }
            _ => Short::No,
        }
    }

    fn short_text(&self, way: Way) -> Short<&str> {
        Short::Found(match way {
            (Base::Resource, Attribute::Kind, None) => Some(self.kind),
            (Base::Resource, Attribute::Id, None) => self.id,
            (Base::Context, Attribute::Reason, None) => self.reason,
            (Base::Context, Attribute::Tenant, Some(Attribute::Kind)) => {
                self.from.map(|inside| inside.workspace.kind.as_str())
            }
            (Base::Context, Attribute::Tenant, Some(Attribute::Plan)) => self.from.map(plan),
            _ => return Short::No,
        })
    }

    fn short_contains(&self, way: Way, element: &Term) -> Short<bool> {
        let named = |name: &Name, kind| name.entity_type == Word::Known(kind);
        let found = match (way, element) {
            ((Base::Principal, Attribute::Workspaces, None), Term::Path(path)) => {
                let Some((base, Attribute::Workspace, None)) = self::way(path) else {
                    return Short::No;
                };
                let home = self.caller.account().zip(self.caller.workspace());
                let both = home.zip(self.workspace(base));
                both.map(|(home, place)| home == place)
            }
            ((Base::Principal, Attribute::Contexts, None), Term::Entity(name)) => {
                let is_one = named(name, Kind::ApiContext);
                let mut contexts = self.contexts.iter();
                self.scopes()
                    .map(|_| is_one && contexts.any(|context| *context.label() == *name.id))
            }
            ((Base::Principal, Attribute::Scopes, None), Term::Entity(name)) => {
                let is_one = named(name, Kind::Scope);
                self.scopes()
                    .map(|(scopes, _)| is_one && scopes.contains(&name.id))
            }
            ((Base::Context, Attribute::Tenant, Some(Attribute::Features)), Term::Text(text)) => {
                self.from.map(|inside| {
                    let mut features = inside.workspace.features.iter();
                    features.any(|feature| **feature == **text)
                })
            }
            ((Base::Context, Attribute::Catalogs, None), Term::Path(path)) => {
                let Some((base, Attribute::Workspace, None)) = self::way(path) else {
                    return Short::No;
                };
                let both = self.from.zip(self.workspace(base));
                both.map(|(inside, place)| {
                    let mut catalogs = inside.catalogs.iter();
                    catalogs.any(|one| (&one.account, &one.id) == place)
                })
            }
            _ => return Short::No,
        };
        Short::Found(found)
    }

    /// Whether the principal has one of these roles, or is in the group; it is none itself.
    fn short_in(&self, of: &Of) -> Short<bool> {
        if self.principal().is_none() {
            return Short::Found(None);
        }
        let terms = match of {
            Of::One(Term::Entity(name)) => return self.short_group(name),
            Of::One(term) => std::slice::from_ref(term),
            Of::Each(terms) => terms.as_slice(),
        };
        let mut found = false;
        for term in terms {
            let Term::Path(path) = term else {
                return Short::No;
            };
            let one = match way(path) {
                Some((base, Attribute::Role, Some(role))) => self.has_role(base, role),
                Some((base, Attribute::AccountRole, Some(role))) => {
                    self.has_account_role(base, role)
                }
                _ => return Short::No,
            };
            let Some(one) = one else {
                return Short::Found(None);
            };
            found |= one;
        }
        Short::Found(Some(found))
    }

    fn short_group(&self, name: &Name) -> Short<bool> {
        let found = match (&name.entity_type, self.acted_for, self.caller) {
            (Word::Known(Kind::Group), Some(member), _) => is_any(&member.groups, &name.id),
            (Word::Known(Kind::Group), None, Caller::User(user)) => is_any(&user.groups, &name.id),
            (Word::Known(Kind::PlatformRole), None, Caller::Principal(principal)) => {
                let mut roles = principal.roles.iter();
                roles.any(|role| *role.label() == *name.id)
            }
            (Word::Known(Kind::Group | Kind::PlatformRole), _, _) => false,
            _ => return Short::No,
        };
        Short::Found(Some(found))
    }

    fn has_role(&self, base: Base, role: Attribute) -> Option<bool> {
        let place = self.workspace(base)?;
        if !WORKSPACE_ROLES.contains(&role) {
            return None;
        }
        Some(
            self.with_roles(|home, roles| {
                workspace_roles_of(roles).contains(&role) && home == place
            }),
        )
    }

    fn has_account_role(&self, base: Base, role: Attribute) -> Option<bool> {
        let account = match base {
            Base::Principal => return None,
            Base::Resource | Base::Context => self.account(base)?,
        };
        if !ACCOUNT_ROLES.contains(&role) {
            return None;
        }
        Some(
            self.with_roles(|home, roles| {
                account_roles_of(roles).contains(&role) && home.0 == account
            }),
        )
    }

    /// Of the principal's home and roles; whoever has none has no role.
    fn with_roles(&self, such: impl Fn((&AccountId, &WorkspaceId), &[Role]) -> bool) -> bool {
        let home = self.caller.account().zip(self.caller.workspace());
        home.is_some_and(|home| match (self.acted_for, self.caller) {
            (Some(member), _) => such(home, &member.roles),
            (None, Caller::User(user)) => such(home, &user.roles),
            (None, Caller::Service(service)) => {
                let role = service.role.map(Role::Workspace);
                such(home, role.as_slice())
            }
            (None, Caller::Principal(_) | Caller::Anonymous) => false,
        })
    }

    fn account(&self, base: Base) -> Option<&AccountId> {
        match base {
            Base::Principal => self.caller.account(),
            Base::Context => self.from.map(|inside| &inside.account.id),
            Base::Resource => match self.place {
                Place::Platform => None,
                Place::Account(account) | Place::Workspace(account, _) => Some(account),
            },
        }
    }

    fn workspace(&self, base: Base) -> Option<(&AccountId, &WorkspaceId)> {
        match base {
            Base::Principal => None,
            Base::Context => {
                let inside = self.from?;
                Some((&inside.account.id, &inside.workspace.id))
            }
            Base::Resource => match self.place {
                Place::Workspace(account, workspace) => Some((account, workspace)),
                Place::Platform | Place::Account(_) => None,
            },
        }
    }

    /// What the token says of scopes.
    fn scopes(&self) -> Option<(Scopes, bool)> {
        match self.caller {
            Caller::User(user) => Some((user.scopes, user.scopeless)),
            Caller::Service(service) => Some((service.scopes, service.scopeless)),
            Caller::Anonymous | Caller::Principal(_) => None,
        }
    }
}

fn is_any(groups: &[Arc<str>], id: &str) -> bool {
    groups.iter().any(|group| **group == *id)
}

/// Whether account and workspace are active.
pub(super) fn is_active(inside: &Inside) -> bool {
    let active = Status::Active;
    inside.account.status == active && inside.workspace.status == active
}

/// The workspace's plan, or else the account's.
pub(super) fn plan(inside: &Inside) -> &str {
    let own = inside.workspace.plan.as_deref();
    own.unwrap_or(&inside.account.plan)
}
