//! `references` and `routes`.

use super::Context;
use crate::config::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A name that means a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reference {
    /// Where it stands: a parameter of a route's path, a key of the query, a header, or a JSON body.
    #[serde(rename = "in")]
    pub(crate) place: ReferenceIn,
    /// Its name. Keys of queries and bodies are compared by letters and digits alone, whatever their
    /// case; in a body it stands at any depth.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100), extend("examples" = ["workspaceId"]))]
    pub(crate) name: Option<String>,
    /// Bodies only, instead of `name`: the one place, as a JSON pointer; `*` is every element of a
    /// list.
    #[serde(default)]
    #[schemars(length(min = 2, max = 500), extend("examples" = ["/catalogWorkspaceId", "/items/*/workspaceId"]))]
    pub(crate) pointer: Option<String>,
    /// What it names.
    pub(crate) is: ReferenceIs,
}

/// Where a reference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReferenceIn {
    Path,
    Query,
    Header,
    Body,
}

/// What a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReferenceIs {
    Account,
    Workspace,
    User,
    Catalog,
}

/// One OpenAPI file (`openapi`) or one route (`match` and `action`), and what its routes share.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// The API that the routes belong to: `app` and `dashboard` act inside one workspace, `portal` is
    /// for Principals.
    pub(crate) context: Context,
    /// The name of the upstream.
    pub(crate) upstream: String,
    /// An OpenAPI 3.0 or 3.1 file, JSON or YAML; its `operationId`s become actions.
    #[serde(default)]
    #[schemars(extend("examples" = ["apis/app.openapi.json"]))]
    pub(crate) openapi: Option<String>,
    /// Method and path template.
    #[serde(default)]
    #[schemars(extend("examples" = ["GET /portal/v1/accounts/{account}"]))]
    pub(crate) r#match: Option<String>,
    /// The action of `match`, without its context.
    #[serde(default)]
    #[schemars(extend("examples" = ["accounts/read"]))]
    pub(crate) action: Option<String>,
    /// What `match` does to its resource, where the method does not say it.
    #[serde(default)]
    pub(crate) access: Option<Access>,
    /// Portal only: the routes act on the platform itself, name no account, and need a grant on all.
    #[serde(default)]
    pub(crate) platform: bool,
    /// Forwarded without a token and without a decision. A bad token is refused all the same.
    #[serde(default)]
    pub(crate) public: bool,
    /// The route may become a WebSocket; of an OpenAPI file, each of its GETs (`x-palisade-websocket` at
    /// an operation marks one). Everywhere else a request for a WebSocket is refused.
    #[serde(default)]
    pub(crate) websocket: bool,
    /// Further contexts whose tokens are accepted.
    #[serde(default)]
    pub(crate) also_accepts: Vec<Context>,
    /// How long the upstream may take to begin its response. 1ms to 1h. Absent: the upstream's own
    /// `timeouts.response`. (OpenAPI: `x-palisade-timeout` at an operation.)
    #[serde(default)]
    pub(crate) timeout: Option<Duration>,
    /// How long the upstream may be silent inside its response, either side of a gRPC call, and a
    /// WebSocket in both directions. 1ms to 1h. Absent: the upstream's own `timeouts.idle`, and
    /// `timeouts.tunnel` of a WebSocket. (OpenAPI: `x-palisade-idle-timeout` at an operation.)
    #[serde(default)]
    #[schemars(extend("examples" = ["30m"]))]
    pub(crate) idle_timeout: Option<Duration>,
    /// What becomes of `Idempotency-Key` and `X-Idempotency-Key`: `keep` sends them on as they are,
    /// `rewrite` puts a digest of account, workspace, caller and key in their place, so that no two
    /// tenants share a key.
    #[serde(default)]
    pub(crate) idempotency: Idempotency,
    /// What the body of a refusal looks like. Absent: problem details (RFC 9457).
    #[serde(default)]
    pub(crate) errors: Option<Errors>,
    /// Cross-origin rules; what the upstream says of them is removed. Absent: no page of another origin
    /// may read replies.
    #[serde(default)]
    pub(crate) cors: Option<Cors>,
    /// Path parameters of `match` that hold something else than an id: a regular expression for the
    /// whole value. (OpenAPI: `x-palisade-pattern` at a path parameter.)
    #[serde(default)]
    #[schemars(extend("examples" = [{"file": "[a-z0-9.-]+"}]))]
    pub(crate) patterns: BTreeMap<String, String>,
    /// Where `references` has rows in bodies: what else than JSON may follow the head of `match`.
    /// Absent: a POST, PUT or PATCH takes JSON and the others nothing. (OpenAPI:
    /// `x-palisade-body-references` at an operation.)
    #[serde(default)]
    pub(crate) body_references: Option<BodyReferences>,
}

/// Bodies that are not read for references.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodyReferences {
    /// Why the service may be trusted to hold such bodies to the annotated tenant itself; `/status`
    /// shows it.
    #[schemars(length(min = 8, max = 500), extend("examples" = ["multipart upload; the service scopes it by the annotation"]))]
    pub(crate) unchecked: String,
}

/// What becomes of idempotency keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Idempotency {
    #[default]
    Keep,
    Rewrite,
}

/// What the body of a refusal looks like.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    /// A JSON file, at most 16KiB. Inside of strings `${code}`, `${status}`, `${title}`,
    /// `${request_id}` and `${type}` are filled in; a string that is `${status}` alone becomes a
    /// number.
    #[schemars(length(min = 1), extend("examples" = ["errors/dashboard.json"]))]
    pub(crate) template: String,
    /// What the body is, as `Content-Type` says it.
    #[serde(default = "content_type")]
    #[schemars(extend("examples" = ["application/json"]))]
    pub(crate) content_type: String,
}

/// What a route does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    Read,
    Create,
    Update,
    Delete,
    Manage,
}

/// Cross-origin rules.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cors {
    /// Origins that may call: exact, or `*` (not with `credentials`).
    #[schemars(length(min = 1), extend("examples" = [["https://app.example.com"]]))]
    pub(crate) origins: Vec<String>,
    /// Whether cookies and other credentials of the browser may be sent. The origins may then change
    /// things under a token cookie too.
    #[serde(default)]
    pub(crate) credentials: bool,
    /// Request headers that are allowed.
    #[serde(default = "headers")]
    pub(crate) headers: Vec<String>,
    /// Response headers that scripts may read.
    #[serde(default)]
    pub(crate) expose: Vec<String>,
    /// How long browsers may keep the answer. At most 24h.
    #[serde(default = "max_age")]
    pub(crate) max_age: Duration,
}

fn content_type() -> String {
    "application/json".to_owned()
}

fn headers() -> Vec<String> {
    vec!["authorization".to_owned(), "content-type".to_owned()]
}

fn max_age() -> Duration {
    Duration::secs(600)
}
