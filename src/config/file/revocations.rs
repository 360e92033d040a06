//! The file of revocations.

use crate::config::units::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is revoked before it expires (`revocations.yaml`).
///
/// Every request's token is held against it, whatever was remembered of the token or of the decision.
/// An entry is an id, or an id with the moment after which it is no longer needed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Revocations {
    /// Single tokens, by their `jti`.
    pub(crate) jti: Vec<Revoked>,
    /// Whole sessions, by the `origin_jti` that Cognito keeps through every refresh.
    pub(crate) origin_jti: Vec<Revoked>,
    /// People and machines, by their issuer's name and its `sub`.
    pub(crate) sub: Vec<Subject>,
    /// Users of accounts, whichever issuer they come through. Nobody acts for them either.
    pub(crate) user: Vec<RevokedUser>,
    /// Every token of a client, by its id.
    pub(crate) client: Vec<Revoked>,
}

/// An id, or an id with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Revoked {
    Id(String),
    WithEnd(RevokedUntil),
}

/// An id with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokedUntil {
    /// The claim, exactly.
    #[schemars(length(min = 1))]
    pub(crate) id: String,
    /// When the entry ends. Absent: never.
    #[serde(default)]
    pub(crate) until: Option<Moment>,
}

/// One `sub` of one issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subject {
    /// The issuer's name in `palisade.yaml`.
    #[schemars(length(min = 1), extend("examples" = ["cosmos"]))]
    pub(crate) issuer: String,
    /// The claim `sub`, exactly.
    #[schemars(length(min = 1))]
    pub(crate) id: String,
    /// When the entry ends. Absent: never.
    #[serde(default)]
    pub(crate) until: Option<Moment>,
}

/// One user of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokedUser {
    /// The account.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,64}$", "examples" = ["acme"]))]
    pub(crate) account: String,
    /// The user's id, as the claim for it says.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,64}$", "examples" = ["u-123"]))]
    pub(crate) id: String,
    /// When the entry ends. Absent: never.
    #[serde(default)]
    pub(crate) until: Option<Moment>,
}
