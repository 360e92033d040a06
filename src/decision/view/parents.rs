//! What principal, actor and resource are below of.

use super::Here;
use super::uid::Uid;
use crate::decision::entity::{account_roles_of, workspace_roles_of};
use crate::decision::facts::{Facts, Place};
use crate::policy::Kind;
use crate::tenant::{AccountId, Role, WorkspaceId};
use crate::token::Caller;
use std::sync::Arc;

impl Facts<'_> {
    /// Whether one of the parents is such; all of them are looked at in turn. Parents have none.
    pub(super) fn any_parent(&self, here: Here<'_>, mut such: impl FnMut(Uid<'_>) -> bool) -> bool {
        match here {
            Here::Principal => self.any_of_principal(&mut such),
            Here::Actor => self.actor().is_some() && self.any_of_service(&mut such),
            Here::Resource => self.any_of_resource(&mut such),
            Here::Context | Here::Value(_) => false,
        }
    }

    fn any_of_principal(&self, such: &mut impl FnMut(Uid<'_>) -> bool) -> bool {
        match (self.acted_for, self.caller) {
            (Some(member), caller) => {
                let of = caller.account().zip(caller.workspace());
                any_role(of, &member.roles, such) || any_group(&member.groups, such)
            }
            (None, Caller::User(user)) => {
                let of = Some((&user.account, &user.workspace));
                any_role(of, &user.roles, such) || any_group(&user.groups, such)
            }
            (None, Caller::Service(_)) => self.any_of_service(such),
            (None, Caller::Principal(principal)) => {
                let mut roles = principal.roles.iter();
                roles.any(|role| such(Uid::Named(Kind::PlatformRole, role.label())))
            }
            (None, Caller::Anonymous) => false,
        }
    }

    fn any_of_service(&self, such: &mut impl FnMut(Uid<'_>) -> bool) -> bool {
        let Caller::Service(service) = self.caller else {
            return false;
        };
        let role = service.role.map(Role::Workspace);
        let of = Some((&service.account, &service.workspace));
        any_role(of, role.as_slice(), such)
    }

    fn any_of_resource(&self, such: &mut impl FnMut(Uid<'_>) -> bool) -> bool {
        match self.place {
            Place::Platform => false,
            Place::Account(id) => such(Uid::Account(id)),
            Place::Workspace(id, workspace) => {
                such(Uid::Account(id)) || such(Uid::Workspace(id, workspace))
            }
        }
    }
}

fn any_role(
    of: Option<(&AccountId, &WorkspaceId)>,
    roles: &[Role],
    such: &mut impl FnMut(Uid<'_>) -> bool,
) -> bool {
    let Some((account, workspace)) = of else {
        return false;
    };
    let mut here = workspace_roles_of(roles).iter();
    let mut above = account_roles_of(roles).iter();
    here.any(|role| such(Uid::Role(account, Some(workspace), *role)))
        || above.any(|role| such(Uid::Role(account, None, *role)))
}

fn any_group(groups: &[Arc<str>], such: &mut impl FnMut(Uid<'_>) -> bool) -> bool {
    groups
        .iter()
        .any(|group| such(Uid::Named(Kind::Group, group)))
}
