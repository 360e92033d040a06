//! Names of roles, as configuration files and explanations spell them.

use crate::tenant::{Role, WorkspaceRole};

/// Every role, the lowest first.
pub(super) const LABELS: [(Role, &str); 6] = [
    (Role::AccountMember, "account-member"),
    (Role::Workspace(WorkspaceRole::Viewer), "viewer"),
    (Role::Workspace(WorkspaceRole::Editor), "editor"),
    (Role::Workspace(WorkspaceRole::Admin), "admin"),
    (Role::AccountAdmin, "account-admin"),
    (Role::AccountOwner, "account-owner"),
];

/// Its name.
pub(super) fn label(role: Role) -> &'static str {
    let named = LABELS.iter().find(|(known, _)| *known == role);
    named.map_or("", |(_, label)| label)
}

/// The reverse of [`label`], exact spelling.
pub(super) fn parse(text: &str) -> Option<Role> {
    let named = LABELS.iter().find(|(_, label)| *label == text);
    named.map(|(role, _)| *role)
}
