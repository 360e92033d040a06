//! What the configuration says of routes.

use super::{BodyPlace, ErrorBody, ValuePattern};
use crate::operation::{ApiContext, Operation};
use http::Method;
use std::sync::Arc;
use std::time::Duration;

pub use http::HeaderName;

/// One route: a method and a path template, and what they mean.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method; `GET` routes answer `HEAD` too.
    pub method: Method,
    /// As written: `/app/v1/missions/{missionId}`. Also the label in records.
    pub template: Arc<str>,
    /// What it does; the Cedar action.
    pub operation: Arc<Operation>,
    /// First part of the operation id: `missions`.
    pub kind: Arc<str>,
    /// The path parameter that is the resource's id (the last one); `None`: a collection.
    pub id_parameter: Option<Arc<str>>,
    /// Parameters that hold something else than an id (RULES 14); never a reference.
    pub patterns: Vec<(Arc<str>, ValuePattern)>,
    /// Portal only: where the account comes from (RULES 16).
    pub account_of: AccountOf,
    /// What may follow a request's head.
    pub body: BodyRule,
    /// Whether its GET may become a WebSocket (RULES 20).
    pub websocket: bool,
    /// How patient its callers are: what it says itself, else what its set says.
    pub timeouts: Timeouts,
    /// What all routes of the set share.
    pub set: Arc<RouteSet>,
    /// For messages: `palisade.yaml:12` or `apis/app.openapi.json:40`.
    pub declared_at: Arc<str>,
}

/// What a route says of its requests' bodies. It counts where the table has references in bodies
/// (RULES 13); elsewhere every body passes as it comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BodyRule {
    /// It declares none: a request with one is refused.
    None,
    /// JSON, which is read for references.
    Json,
    /// Nobody looks into it, for this reason; shown in `/status`.
    Unchecked(Arc<str>),
}

/// What the routes of one entry in `routes:` share.
#[derive(Clone, Debug)]
pub struct RouteSet {
    /// The API.
    pub api_context: ApiContext,
    /// Further contexts whose tokens are accepted here (RULES 1, exceptions).
    pub also_accepts: Vec<ApiContext>,
    /// Forwarded without a token or a decision, and without tenant annotation (RULES 24).
    pub public: bool,
    /// Name of the upstream.
    pub upstream: Arc<str>,
    /// What holds for those of its routes that say nothing else.
    pub timeouts: Timeouts,
    /// Whether idempotency keys become the caller's own (RULES 46).
    pub rewrite_idempotency: bool,
    /// What the body of a refusal looks like; `None`: problem details (RFC 9457).
    pub errors: Option<Arc<ErrorBody>>,
    /// Cross-origin rules; `None`: preflights are answered without CORS
    /// headers.
    pub cors: Option<Arc<Cors>>,
}

/// How long replies may take; `None`: as long as the upstream's own settings say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// To begin.
    pub response: Option<Duration>,
    /// To say more: a pause inside of a reply or a gRPC call, or the silence of both sides of a WebSocket.
    pub idle: Option<Duration>,
}

impl Timeouts {
    /// These, and `others` where they say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            response: self.response.or(others.response),
            idle: self.idle.or(others.idle),
        }
    }
}

/// Cross-origin rules of a route set (RULES 21).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Allowed origins, exact; `*` never with credentials (configuration refuses it).
    pub origins: Vec<String>,
    /// Whether credentials may be sent.
    pub credentials: bool,
    /// Request headers allowed beyond the safelisted ones.
    pub headers: Vec<String>,
    /// Response headers that scripts may read.
    pub expose: Vec<String>,
    /// How long a preflight's answer may be kept.
    pub max_age: Duration,
}

/// Where the account of a Portal route comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountOf {
    /// Not a Portal route: the caller's.
    Caller,
    /// The references name an account or a workspace; exactly one account must result.
    References,
    /// `platform: true`: no account; needs a grant on all.
    Platform,
}

/// What a reference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// An account id.
    Account,
    /// A workspace id.
    Workspace,
    /// A user id inside the caller's account.
    User,
    /// A catalog workspace's id.
    Catalog,
}

impl ReferenceKind {
    /// As the configuration spells it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Workspace => "workspace",
            Self::User => "user",
            Self::Catalog => "catalog",
        }
    }
}

/// Where a reference stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceIn {
    /// A path parameter of that name.
    Path(Arc<str>),
    /// A query key; compared after decoding, cutting brackets, and folding.
    Query(Arc<str>),
    /// A header.
    Header(HeaderName),
    /// A place in a JSON body.
    Body {
        /// Where.
        place: BodyPlace,
        /// As the configuration spells it: a pointer, or a name.
        spelt: Arc<str>,
    },
}

/// One row of the global table of references (RULES 12).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReferenceRule {
    /// Where.
    pub place: ReferenceIn,
    /// What.
    pub kind: ReferenceKind,
}
