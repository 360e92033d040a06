//! The names and attributes of principal, actor, resource and context.

use super::Here;
use super::seen::{Record, Seen, Set, Uid};
use crate::decision::entity::{ACCOUNT_ROLES, Kind, WORKSPACE_ROLES, in_cedars_years};
use crate::decision::facts::{Facts, Place};
use crate::scope::Inside;
use crate::tenant::{AccountId, WorkspaceId};
use crate::token::{Caller, Scopes};

impl Facts<'_> {
    pub(super) fn principal(&self) -> Option<Uid<'_>> {
        let subject: &str = match (self.acted_for, self.caller) {
            (Some(member), _) => &member.subject,
            (None, Caller::User(user)) => &user.subject,
            (None, Caller::Service(_)) => return self.service(),
            (None, Caller::Principal(principal)) => {
                return Some(Uid::of(Kind::Principal, [&principal.subject]));
            }
            (None, Caller::Anonymous) => return None,
        };
        let account = self.caller.account()?;
        Some(Uid::of(Kind::User, [account.as_str(), "/", subject]))
    }

    pub(super) fn actor(&self) -> Option<Uid<'_>> {
        self.acted_for.and_then(|_| self.service())
    }

    fn service(&self) -> Option<Uid<'_>> {
        let Caller::Service(service) = self.caller else {
            return None;
        };
        let id = [service.account.as_str(), "/", service.client.as_str()];
        Some(Uid::of(Kind::Service, id))
    }

    pub(super) fn resource(&self) -> Uid<'_> {
        let (kind, id) = (self.kind, self.id.unwrap_or_default());
        match self.place {
            Place::Platform => Uid::of(Kind::PlatformResource, [kind, "/", id]),
            Place::Account(account) => {
                let id = [account.as_str(), "/", kind, "/", id];
                Uid::of(Kind::AccountResource, id)
            }
            Place::Workspace(account, workspace) => {
                let (account, workspace) = (account.as_str(), workspace.as_str());
                let id = [account, "/", workspace, "/", kind, "/", id];
                Uid::of(Kind::Resource, id)
            }
        }
    }

    pub(super) fn attribute<'s>(&'s self, here: Here<'s>, name: &str) -> Option<Seen<'s>> {
        match here {
            Here::Principal => self.of_principal(name),
            Here::Actor => self.actor().and_then(|_| self.of_service(name)),
            Here::Resource => self.of_resource(name),
            Here::Context => self.of_context(name),
            Here::Value(_) => None,
        }
    }

    fn of_principal(&self, name: &str) -> Option<Seen<'_>> {
        match (self.acted_for, self.caller) {
            (Some(_), _) => match name {
                // As if the user's own token had never been seen.
                "bearer" | "mfa" => Some(Seen::Flag(false)),
                _ => self.of_member(name),
            },
            (None, Caller::User(user)) => match name {
                "bearer" => Some(Seen::Flag(true)),
                "mfa" => Some(Seen::Flag(user.mfa)),
                "principalId" => user.principal_id.as_deref().map(Seen::Text),
                "email" => user.email.as_deref().map(Seen::Text),
                _ => self.of_member(name),
            },
            (None, Caller::Service(_)) => self.of_service(name),
            (None, Caller::Principal(principal)) => match name {
                "bearer" => Some(Seen::Flag(true)),
                "mfa" => Some(Seen::Flag(principal.mfa)),
                "email" => principal.email.as_deref().map(Seen::Text),
                _ => None,
            },
            (None, Caller::Anonymous) => None,
        }
    }

    fn of_service(&self, name: &str) -> Option<Seen<'_>> {
        match name {
            "bearer" => Some(Seen::Flag(true)),
            _ => self.of_member(name),
        }
    }

    /// What whoever belongs to an account has by the token.
    fn of_member(&self, name: &str) -> Option<Seen<'_>> {
        let (account, workspace, scopes, scopeless) = self.membership()?;
        Some(match name {
            "account" => of_account(account),
            "workspaces" => Seen::Set(Set::One(of_workspace(account, workspace))),
            "contexts" => Seen::Set(Set::Contexts(self.contexts)),
            "scopes" => Seen::Set(Set::Scopes(scopes)),
            "scopeless" => Seen::Flag(scopeless),
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

    fn of_resource(&self, name: &str) -> Option<Seen<'_>> {
        match name {
            "kind" => return Some(Seen::Text(self.kind)),
            "id" => return self.id.map(Seen::Text),
            _ => {}
        }
        let (account, workspace) = match self.place {
            Place::Platform => return None,
            Place::Account(account) => (account, None),
            Place::Workspace(account, workspace) => (account, Some(workspace)),
        };
        match name {
            "account" => Some(of_account(account)),
            "accountRole" => Some(account_roles(account)),
            "workspace" => Some(Seen::Entity(of_workspace(account, workspace?))),
            "role" => Some(workspace_roles(account, workspace?)),
            "owner" => {
                let id = [account.as_str(), "/", workspace.and(self.owner)?];
                Some(Seen::Entity(Uid::of(Kind::User, id)))
            }
            _ => None,
        }
    }

    fn of_context(&self, name: &str) -> Option<Seen<'_>> {
        let head = self.head;
        match name {
            "http" => Some(Seen::Record(Record::Http(head))),
            "now" => Some(Seen::Moment(in_cedars_years(head.now))),
            "ip" => Some(Seen::Address(head.client.to_canonical())),
            "actor" => self.actor().map(Seen::Entity),
            "certificate" => {
                let identity = head.certificate.as_deref();
                identity.map(|identity| Seen::Record(Record::Certificate(identity)))
            }
            "reason" => self.reason.map(Seen::Text),
            "grant" => self.grant.map(|grant| Seen::Record(Record::Grant(grant))),
            _ => from(self.from?, name),
        }
    }
}

/// Of the workspace that the request is made from.
fn from<'s>(inside: &'s Inside, name: &str) -> Option<Seen<'s>> {
    let (account, workspace) = (&inside.account.id, &inside.workspace.id);
    Some(match name {
        "account" => of_account(account),
        "workspace" => Seen::Entity(of_workspace(account, workspace)),
        "role" => workspace_roles(account, workspace),
        "accountRole" => account_roles(account),
        "catalogs" => Seen::Set(Set::Workspaces(&inside.catalogs)),
        "tenant" => Seen::Record(Record::Tenant(inside)),
        _ => return None,
    })
}

pub(super) fn of_workspace<'s>(account: &'s AccountId, workspace: &'s WorkspaceId) -> Uid<'s> {
    Uid::of(Kind::Workspace, [account.as_str(), "/", workspace.as_str()])
}

pub(super) fn of_account(account: &AccountId) -> Seen<'_> {
    Seen::Entity(Uid::of(Kind::Account, [account.as_str()]))
}

fn account_roles(account: &AccountId) -> Seen<'_> {
    Seen::Record(Record::Roles([account.as_str(), "", ""], &ACCOUNT_ROLES))
}

fn workspace_roles<'s>(account: &'s AccountId, workspace: &'s WorkspaceId) -> Seen<'s> {
    let place = [account.as_str(), "/", workspace.as_str()];
    Seen::Record(Record::Roles(place, &WORKSPACE_ROLES))
}
