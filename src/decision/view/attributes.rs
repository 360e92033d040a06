//! The names and attributes of principal, actor, resource and context.

use super::Here;
use super::seen::{Record, Seen, Set};
use super::uid::Uid;
use crate::decision::entity::in_cedars_years;
use crate::decision::facts::{Facts, Place};
use crate::policy::{Attribute, Kind};
use crate::scope::Inside;
use crate::tenant::{AccountId, WorkspaceId};
use crate::token::{Caller, Scopes};

impl Facts<'_> {
    #[inline]
    pub(super) fn principal(&self) -> Option<Uid<'_>> {
        let subject: &str = match (self.acted_for, self.caller) {
            (Some(member), _) => &member.subject,
            (None, Caller::User(user)) => &user.subject,
            (None, Caller::Service(_)) => return self.service(),
            (None, Caller::Principal(principal)) => {
                return Some(Uid::Named(Kind::Principal, &principal.subject));
            }
            (None, Caller::Anonymous) => return None,
        };
        let account = self.caller.account()?;
        Some(Uid::Member(Kind::User, account, subject))
    }

    pub(super) fn actor(&self) -> Option<Uid<'_>> {
        self.acted_for.and_then(|_| self.service())
    }

    fn service(&self) -> Option<Uid<'_>> {
        let Caller::Service(service) = self.caller else {
            return None;
        };
        let client = service.client.as_str();
        Some(Uid::Member(Kind::Service, &service.account, client))
    }

    #[inline]
    pub(super) fn attribute<'s>(&'s self, here: Here<'s>, name: Attribute) -> Option<Seen<'s>> {
        match here {
            Here::Principal => self.of_principal(name),
            Here::Actor => self.actor().and_then(|_| self.of_service(name)),
            Here::Resource => self.of_resource(name),
            Here::Context => self.of_context(name),
            Here::Value(_) => None,
        }
    }

    #[inline]
    fn of_principal(&self, name: Attribute) -> Option<Seen<'_>> {
        match (self.acted_for, self.caller) {
            (Some(_), _) => match name {
                // As if the user's own token had never been seen.
                Attribute::Bearer | Attribute::Mfa => Some(Seen::Flag(false)),
                _ => self.of_member(name),
            },
            (None, Caller::User(user)) => match name {
                Attribute::Bearer => Some(Seen::Flag(true)),
                Attribute::Mfa => Some(Seen::Flag(user.mfa)),
                Attribute::PrincipalId => user.principal_id.as_deref().map(Seen::Text),
                Attribute::Email => user.email.as_deref().map(Seen::Text),
                _ => self.of_member(name),
            },
            (None, Caller::Service(_)) => self.of_service(name),
            (None, Caller::Principal(principal)) => match name {
                Attribute::Bearer => Some(Seen::Flag(true)),
                Attribute::Mfa => Some(Seen::Flag(principal.mfa)),
                Attribute::Email => principal.email.as_deref().map(Seen::Text),
                _ => None,
            },
            (None, Caller::Anonymous) => None,
        }
    }

    fn of_service(&self, name: Attribute) -> Option<Seen<'_>> {
        match name {
            Attribute::Bearer => Some(Seen::Flag(true)),
            _ => self.of_member(name),
        }
    }

    /// What whoever belongs to an account has by the token.
    #[inline]
    fn of_member(&self, name: Attribute) -> Option<Seen<'_>> {
        let (account, workspace, scopes, scopeless) = self.membership()?;
        Some(match name {
            Attribute::Account => of_account(account),
            Attribute::Workspaces => Seen::Set(Set::Home(account, workspace)),
            Attribute::Contexts => Seen::Set(Set::Contexts(self.contexts)),
            Attribute::Scopes => Seen::Set(Set::Scopes(scopes)),
            Attribute::Scopeless => Seen::Flag(scopeless),
            _ => return None,
        })
    }

    fn membership(&self) -> Option<(&AccountId, &WorkspaceId, Scopes, bool)> {
        match self.caller {
            Caller::User(user) => {
                Some((&user.account, &user.workspace, user.scopes, user.scopeless))
            }
            Caller::Service(service) => {
                let (scopes, scopeless) = (service.scopes, service.scopeless);
                Some((&service.account, &service.workspace, scopes, scopeless))
            }
            Caller::Anonymous | Caller::Principal(_) => None,
        }
    }

    #[inline]
    fn of_resource(&self, name: Attribute) -> Option<Seen<'_>> {
        match name {
            Attribute::Kind => return Some(Seen::Text(self.kind)),
            Attribute::Id => return self.id.map(Seen::Text),
            _ => {}
        }
        let (account, workspace) = match self.place {
            Place::Platform => return None,
            Place::Account(account) => (account, None),
            Place::Workspace(account, workspace) => (account, Some(workspace)),
        };
        match name {
            Attribute::Account => Some(of_account(account)),
            Attribute::AccountRole => Some(account_roles(account)),
            Attribute::Workspace => Some(Seen::Entity(Uid::Workspace(account, workspace?))),
            Attribute::Role => Some(workspace_roles(account, workspace?)),
            Attribute::Owner => {
                let owner = workspace.and(self.owner)?;
                Some(Seen::Entity(Uid::Member(Kind::User, account, owner)))
            }
            _ => None,
        }
    }

    #[inline]
    fn of_context(&self, name: Attribute) -> Option<Seen<'_>> {
        let head = self.head;
        match name {
            Attribute::Http => Some(Seen::Record(Record::Http(head))),
            Attribute::Now => Some(Seen::Moment(in_cedars_years(head.now))),
            Attribute::Ip => Some(Seen::Address(head.client.to_canonical())),
            Attribute::Actor => self.actor().map(Seen::Entity),
            Attribute::Certificate => {
                let identity = head.certificate.as_deref();
                identity.map(|identity| Seen::Record(Record::Certificate(identity)))
            }
            Attribute::Reason => self.reason.map(Seen::Text),
            Attribute::Grant => self.grant.map(|grant| Seen::Record(Record::Grant(grant))),
            _ => from(self.from?, name),
        }
    }
}

/// Of the workspace that the request is made from.
fn from(inside: &Inside, name: Attribute) -> Option<Seen<'_>> {
    let (account, workspace) = (&inside.account.id, &inside.workspace.id);
    Some(match name {
        Attribute::Account => of_account(account),
        Attribute::Workspace => Seen::Entity(Uid::Workspace(account, workspace)),
        Attribute::Role => workspace_roles(account, workspace),
        Attribute::AccountRole => account_roles(account),
        Attribute::Catalogs => Seen::Set(Set::Workspaces(&inside.catalogs)),
        Attribute::Tenant => Seen::Record(Record::Tenant(inside)),
        _ => return None,
    })
}

pub(super) fn of_account(account: &AccountId) -> Seen<'_> {
    Seen::Entity(Uid::Account(account))
}

fn account_roles(account: &AccountId) -> Seen<'_> {
    Seen::Record(Record::Roles(account, None))
}

fn workspace_roles<'s>(account: &'s AccountId, workspace: &'s WorkspaceId) -> Seen<'s> {
    Seen::Record(Record::Roles(account, Some(workspace)))
}
