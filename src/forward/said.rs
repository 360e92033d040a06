//! What the upstream is told of caller and tenant. The headers and the assertion are both made of
//! this, so that they cannot say different things.

use crate::decision::Permit;
use crate::head::Head;
use crate::scope::{Acting, Held};
use crate::tenant::{AccountId, Role, WorkspaceId, WorkspaceRole};
use crate::token::{Caller, Notes, Service};

/// Caller and tenant of one allowed request.
#[derive(Clone, Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) account: Option<&'a str>,
    pub(super) workspace: Option<&'a str>,
    pub(super) catalog_workspace: Option<&'a str>,
    pub(super) user: Option<&'a str>,
    /// The machine client that acts for the user.
    pub(super) actor: Option<&'a str>,
    /// Beside `actor`: the directory knows that user of that workspace.
    pub(super) user_verified: bool,
    pub(super) principal: Option<&'a str>,
    pub(super) role: Option<&'static str>,
    /// Whose certificate the peer showed.
    pub(super) client_certificate: Option<&'a str>,
    /// Claims that are passed on and decide nothing.
    pub(super) notes: Option<&'a Notes>,
}

impl<'a> Said<'a> {
    /// `None`: a public route, of which nothing is said (RULES 24).
    pub(super) fn of(permit: &'a Permit) -> Option<Self> {
        let scope = permit.scope();
        if matches!(scope.held(), Held::Public) {
            return None;
        }
        let caller = Self::of_caller(permit.caller());
        let caller = match (scope.acting(), permit.caller().as_ref()) {
            (Some(acting), Caller::Service(actor)) => caller.for_user(acting, actor),
            _ => caller,
        };
        Some(Self {
            account: scope.account().map(AccountId::as_str),
            workspace: scope.workspace().map(WorkspaceId::as_str),
            catalog_workspace: scope.catalog().map(WorkspaceId::as_str),
            ..caller
        })
    }

    /// With what the connection proved.
    pub(super) fn over(self, head: &'a Head) -> Self {
        Self {
            client_certificate: head.certificate_owner(),
            ..self
        }
    }

    /// The same machine client in the name of a user; with the lower of their roles, since both had to
    /// be allowed.
    fn for_user(self, acting: &'a Acting, actor: &'a Service) -> Self {
        let own = actor.role.map(Role::Workspace);
        let role = match &acting.member {
            None => self.role,
            Some(member) => {
                let theirs = member.roles.iter().max().copied();
                let lower = own.zip(theirs).map(|(own, theirs)| own.min(theirs));
                highest(lower.as_slice())
            }
        };
        Self {
            user: Some(acting.user.as_str()),
            actor: Some(actor.client.as_str()),
            user_verified: acting.member.is_some(),
            role,
            ..self
        }
    }

    fn of_caller(caller: &'a Caller) -> Self {
        match caller {
            Caller::Anonymous => Self::default(),
            Caller::User(user) => Self {
                user: Some(user.user.as_str()),
                principal: user.principal_id.as_deref(),
                role: highest(&user.roles),
                notes: Some(&user.notes),
                ..Self::default()
            },
            Caller::Service(service) => Self {
                role: service.role.map(WorkspaceRole::label),
                notes: Some(&service.notes),
                ..Self::default()
            },
            Caller::Principal(principal) => Self {
                principal: Some(match &principal.principal_id {
                    Some(id) => id,
                    None => &principal.subject,
                }),
                notes: Some(&principal.notes),
                ..Self::default()
            },
        }
    }
}

/// The highest role that was mapped; what the token spells and no table maps is not passed on.
fn highest(roles: &[Role]) -> Option<&'static str> {
    roles.iter().max().and_then(|role| match role {
        Role::Workspace(role) => Some(role.label()),
        Role::AccountMember => None,
        Role::AccountAdmin => Some("admin"),
        Role::AccountOwner => Some("owner"),
    })
}
