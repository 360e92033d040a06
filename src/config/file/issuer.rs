//! `issuers`.

use crate::config::units::{Duration, Moment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One issuer of tokens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    clippy::struct_excessive_bools,
    reason = "the keys of the file, as its readers know them"
)]
pub(crate) struct Issuer {
    /// Its name here, in tenant files, in records and metrics: `a-z 0-9 -`.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,31}$"), extend("examples" = ["cosmos"]))]
    pub(crate) name: String,
    /// The exact `iss` of its tokens. No two entries may have the same.
    #[schemars(length(min = 1), extend("examples" = ["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI"]))]
    pub(crate) issuer: String,
    /// How its tokens are shaped: `cosmos` (Cognito with the platform's claims), `cognito` (any
    /// other pool: roles from groups; the directory says whose a machine client is, never whose a
    /// person is), `oidc` (any other issuer; `claims` says where things stand).
    #[serde(default)]
    pub(crate) preset: Preset,
    /// Where its public keys are.
    pub(crate) jwks: Jwks,
    /// Signature algorithms that are accepted.
    #[serde(default = "algorithms")]
    #[schemars(length(min = 1))]
    pub(crate) algorithms: Vec<Algorithm>,
    /// Clients whose tokens are accepted: `directory` (those that tenant files list) or a list.
    /// Absent: none.
    #[serde(default)]
    pub(crate) clients: Option<Clients>,
    /// Accepted `aud` values. Absent: none. An issuer needs `clients` or `audiences`.
    #[serde(default)]
    pub(crate) audiences: Vec<String>,
    /// Accounts it may speak for: `directory` (those whose tenant file lists it) or a list. Absent:
    /// none.
    #[serde(default)]
    pub(crate) accounts: Option<Accounts>,
    /// Whether it may issue tokens of Principals, through `portal_clients`.
    #[serde(default)]
    pub(crate) portal: bool,
    /// Clients through which Principals log in.
    #[serde(default)]
    pub(crate) portal_clients: Vec<String>,
    /// Principals by `sub`, and what each was granted.
    #[serde(default)]
    pub(crate) principals: BTreeMap<String, PrincipalEntry>,
    /// JSON pointers to claims, where they differ from the preset's.
    #[serde(default)]
    pub(crate) claims: ClaimPointers,
    /// What the values of the role claim mean, exact spelling. A value that is not in the table gives
    /// no role. Absent: the preset's; only `cosmos` has one (`viewer`, `editor`, `admin` and the
    /// platform's other spellings).
    #[serde(default)]
    pub(crate) roles: Option<BTreeMap<String, RoleName>>,
    /// Whether its tokens, having no scope of the platform at all, are held to none.
    #[serde(default)]
    pub(crate) scopeless: bool,
    /// Contexts of tokens that have no context claim. Absent: such tokens are refused.
    #[serde(default)]
    pub(crate) contexts: Vec<Context>,
    /// Whether its user claim is the platform's own user id. Absent: only with the preset `cosmos`.
    #[serde(default)]
    pub(crate) shares_user_ids: Option<bool>,
    /// Whether Palisade is not ready before it has this issuer's keys.
    #[serde(default)]
    pub(crate) required: bool,
    /// How far clocks may differ. At most 30s.
    #[serde(default = "leeway")]
    pub(crate) leeway: Duration,
    /// Whether its keys may be fetched by plain HTTP and from loopback or link-local addresses: for
    /// tests and demonstrations.
    #[serde(default)]
    pub(crate) allow_local: bool,
}

/// How tokens are shaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Preset {
    Cosmos,
    Cognito,
    #[default]
    Oidc,
}

/// Where public keys are: exactly one of `url`, `discovery` and `file`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jwks {
    /// The key set's address.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI/.well-known/jwks.json"]))]
    pub(crate) url: Option<String>,
    /// The address of the discovery document; its `issuer` must equal this entry's.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://id.example.com/.well-known/openid-configuration"]))]
    pub(crate) discovery: Option<String>,
    /// A file with the key set.
    #[serde(default)]
    #[schemars(extend("examples" = ["keys/jwks.json"]))]
    pub(crate) file: Option<String>,
    /// A PEM file of further roots that the key server's certificate may come from.
    #[serde(default)]
    #[schemars(extend("examples" = ["keys/ca.pem"]))]
    pub(crate) roots: Option<String>,
    /// How often keys are fetched anew. 30s to 24h.
    #[serde(default = "refresh")]
    pub(crate) refresh: Duration,
    /// How long the last good keys serve while fetching fails. At least `refresh`, at most 7d.
    #[serde(default = "max_stale")]
    pub(crate) max_stale: Duration,
}

/// Signature algorithms (RFC 7518, RFC 8037). HMAC and `none` do not exist here.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub(crate) enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// The word `directory`: as the tenant files say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DirectoryWord {
    Directory,
}

/// Clients: `directory` or a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Clients {
    Directory(DirectoryWord),
    List(Vec<String>),
}

/// Accounts: `directory` or a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Accounts {
    Directory(DirectoryWord),
    List(Vec<String>),
}

/// One Principal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrincipalEntry {
    /// Its platform roles.
    #[schemars(length(min = 1))]
    pub(crate) roles: Vec<PlatformRole>,
    /// Accounts it may act on.
    #[serde(default)]
    pub(crate) accounts: Vec<String>,
    /// Whether it may act on every account and on the platform itself.
    #[serde(default)]
    pub(crate) all_accounts: bool,
    /// When the grant ends. Absent: with each token.
    #[serde(default)]
    pub(crate) until: Option<Moment>,
}

/// Roles on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PlatformRole {
    Operator,
    Support,
    Auditor,
}

/// A role inside the token's own workspace, or of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RoleName {
    Viewer,
    Editor,
    Admin,
    AccountMember,
    AccountAdmin,
    AccountOwner,
}

/// One of the three APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Context {
    App,
    Dashboard,
    Portal,
}

/// JSON pointers (RFC 6901) to claims.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClaimPointers {
    /// The account's id.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/accountId", "/custom/account"]))]
    pub(crate) account: Option<String>,
    /// The workspace's id.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/workspaceId"]))]
    pub(crate) workspace: Option<String>,
    /// The user's id.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/userId"]))]
    pub(crate) user: Option<String>,
    /// The person's global id; annotates only.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/principalId"]))]
    pub(crate) principal: Option<String>,
    /// The context that the token was issued for.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/context"]))]
    pub(crate) context: Option<String>,
    /// The role.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/role"]))]
    pub(crate) role: Option<String>,
    /// Groups.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/cognito:groups"]))]
    pub(crate) groups: Option<String>,
    /// Scopes: one text, separated by spaces, or a list.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/scope"]))]
    pub(crate) scope: Option<String>,
    /// The client.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/client_id", "/azp"]))]
    pub(crate) client: Option<String>,
    /// The login name: only tokens of people have one.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/username"]))]
    pub(crate) username: Option<String>,
    /// The kind of device; annotates only.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/platform"]))]
    pub(crate) platform: Option<String>,
    /// The language; annotates only.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/lang"]))]
    pub(crate) lang: Option<String>,
    /// The time zone; annotates only.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/timezone"]))]
    pub(crate) timezone: Option<String>,
    /// The e-mail address.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/email"]))]
    pub(crate) email: Option<String>,
    /// That a second factor was used: `true`, or a list that holds `mfa`. Absent: never.
    #[schemars(extend("pattern" = "^/.*$", "examples" = ["/mfa"]))]
    pub(crate) mfa: Option<String>,
}

fn algorithms() -> Vec<Algorithm> {
    vec![Algorithm::RS256]
}

fn leeway() -> Duration {
    Duration::secs(5)
}

fn refresh() -> Duration {
    Duration::secs(300)
}

fn max_stale() -> Duration {
    Duration::secs(6 * 60 * 60)
}
