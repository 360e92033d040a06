//! Typed constructors of Cedar names and values: the only way into a question (RULES 29, 30).
//!
//! Ids are joined by `/`, `#` and `|`, none of which an id can hold, so that two different things
//! never share a uid.

use crate::clock::Timestamp;
use crate::policy::{Attribute, Kind, Names};
use crate::tenant::{AccountId, Role, WorkspaceId, WorkspaceRole};
use cedar_policy_core::ast::{Eid, EntityType, EntityUID, Value};
use std::sync::LazyLock;

/// Attributes, or the fields of a record.
pub(super) type Fields = Vec<(&'static str, Value)>;

/// The names of entity types, each parsed once.
static TYPES: LazyLock<Vec<EntityType>> = LazyLock::new(|| {
    let types = Kind::ALL
        .iter()
        .map(|kind| EntityType::from_normalized_str(kind.text()).expect("an identifier is a name"));
    types.collect()
});

/// The name of one thing.
pub(super) fn uid(kind: Kind, id: impl AsRef<str>) -> EntityUID {
    let of_type = TYPES.get(kind as usize).expect("one type for each kind");
    EntityUID::from_components(of_type.clone(), Eid::new(id.as_ref()), None)
}

/// A reference to one thing.
pub(super) fn reference(kind: Kind, id: impl AsRef<str>) -> Value {
    uid(kind, id).into()
}

/// `acme/acme-prod`.
pub(super) fn workspace_id(account: &AccountId, workspace: &WorkspaceId) -> String {
    format!("{account}/{workspace}")
}

/// `{ viewer: acme/acme-prod#viewer, .. }`, or the account's.
pub(super) fn roles(place: &str, names: [Attribute; 3]) -> Value {
    record(names.map(|name| {
        let name = name.text();
        (name, reference(Kind::Role, format!("{place}#{name}")))
    }))
}

/// The roles that a workspace has.
pub(super) const WORKSPACE_ROLES: [Attribute; 3] =
    [Attribute::Viewer, Attribute::Editor, Attribute::Admin];
/// The roles that an account has.
pub(super) const ACCOUNT_ROLES: [Attribute; 3] =
    [Attribute::Member, Attribute::Admin, Attribute::Owner];

pub(super) fn set(elements: impl IntoIterator<Item = Value>) -> Value {
    Value::set(elements, None)
}

pub(super) fn text(value: &str) -> Value {
    value.into()
}

pub(super) fn boolean(value: bool) -> Value {
    value.into()
}

pub(super) fn record(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::record(fields, None)
}

/// The account roles that these come to: each implies the lower ones, and any role in a workspace makes a
/// member of its account.
pub(super) fn account_roles_of(roles: &[Role]) -> &'static [Attribute] {
    let highest = roles.iter().map(|role| match role {
        Role::Workspace(_) | Role::AccountMember => 1,
        Role::AccountAdmin => 2,
        Role::AccountOwner => 3,
    });
    let many = highest.max().unwrap_or(0);
    ACCOUNT_ROLES.get(..many).unwrap_or_default()
}

/// The workspace roles that these come to.
pub(super) fn workspace_roles_of(roles: &[Role]) -> &'static [Attribute] {
    let highest = roles.iter().map(|role| match role {
        Role::Workspace(WorkspaceRole::Viewer) => 1,
        Role::Workspace(WorkspaceRole::Editor) => 2,
        Role::Workspace(WorkspaceRole::Admin) => 3,
        Role::AccountMember | Role::AccountAdmin | Role::AccountOwner => 0,
    });
    let many = highest.max().unwrap_or(0);
    WORKSPACE_ROLES.get(..many).unwrap_or_default()
}

/// Cedar's years have four digits, so a moment beyond them is their end.
pub(super) fn in_cedars_years(at: Timestamp) -> Timestamp {
    Timestamp(at.millis().clamp(0, YEAR_9999_END))
}

/// 9999-12-31T23:59:59.999Z.
const YEAR_9999_END: i64 = 253_402_300_799_999;
