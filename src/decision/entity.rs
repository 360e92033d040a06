//! Typed constructors of Cedar names and values: the only way into a question (RULES 29, 30).
//!
//! Ids are joined by `/`, `#` and `|`, none of which an id can hold, so that two different things
//! never share a uid.

use crate::clock::Timestamp;
use crate::tenant::{AccountId, WorkspaceId};
use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use std::str::FromStr;
use std::sync::LazyLock;

/// Attributes, or the fields of a record.
pub(super) type Fields = Vec<(String, RestrictedExpression)>;

/// An entity type of the schema, its name parsed once.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Account,
    AccountResource,
    ApiContext,
    Group,
    PlatformResource,
    PlatformRole,
    Principal,
    Resource,
    Role,
    Scope,
    Service,
    User,
    Workspace,
}

static NAMES: LazyLock<[EntityTypeName; 13]> = LazyLock::new(|| {
    [
        "Account",
        "AccountResource",
        "ApiContext",
        "Group",
        "PlatformResource",
        "PlatformRole",
        "Principal",
        "Resource",
        "Role",
        "Scope",
        "Service",
        "User",
        "Workspace",
    ]
    .map(|name| {
        EntityTypeName::from_str(&format!("Tenancy::{name}")).expect("an identifier is a name")
    })
});

/// The name of one thing.
pub(super) fn uid(kind: Kind, id: impl AsRef<str>) -> EntityUid {
    let name = NAMES.get(kind as usize).expect("one name for each kind");
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

/// A reference to one thing.
pub(super) fn reference(kind: Kind, id: impl AsRef<str>) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid(kind, id))
}

/// `acme/acme-prod`.
pub(super) fn workspace_id(account: &AccountId, workspace: &WorkspaceId) -> String {
    format!("{account}/{workspace}")
}

/// `{ viewer: acme/acme-prod#viewer, .. }`, or the account's.
pub(super) fn roles(place: &str, names: [&str; 3]) -> Result<RestrictedExpression, String> {
    let role = |name: &str| {
        let id = format!("{place}#{name}");
        (name.to_owned(), reference(Kind::Role, id))
    };
    record(names.map(role))
}

/// The roles that a workspace has.
pub(super) const WORKSPACE_ROLES: [&str; 3] = ["viewer", "editor", "admin"];
/// The roles that an account has.
pub(super) const ACCOUNT_ROLES: [&str; 3] = ["member", "admin", "owner"];

pub(super) fn set(
    elements: impl IntoIterator<Item = RestrictedExpression>,
) -> RestrictedExpression {
    RestrictedExpression::new_set(elements)
}

pub(super) fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

pub(super) fn boolean(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

pub(super) fn record(
    fields: impl IntoIterator<Item = (String, RestrictedExpression)>,
) -> Result<RestrictedExpression, String> {
    RestrictedExpression::new_record(fields).map_err(|error| error.to_string())
}

/// A moment; Cedar's years have four digits, so one beyond them is their end.
pub(super) fn datetime(at: Timestamp) -> RestrictedExpression {
    RestrictedExpression::new_datetime(Timestamp(at.millis().clamp(0, YEAR_9999_END)).rfc3339())
}

/// 9999-12-31T23:59:59.999Z.
const YEAR_9999_END: i64 = 253_402_300_799_999;
