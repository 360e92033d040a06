//! The closed table of why a request was refused: from it come the status, the metric label, the
//! audit field, the reply and `docs/reference/reasons.md`.

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "each variant is documented by its row's `help`"
)]
pub enum Reason {
    TokenMissing,
    TokenMalformed,
    TokenSignature,
    TokenExpired,
    TokenNotYetValid,
    TokenRevoked,
    IssuerUnknown,
    AudienceMismatch,
    TokenKind,
    TokenBinding,
    CertificateWithdrawn,
    CrossSite,
    ClaimMissing,
    ClientNotBound,
    IssuerNotForAccount,
    ContextMismatch,
    OutsideTenant,
    CatalogNotGranted,
    PortalNeedsPrincipal,
    GrantMissing,
    ImpersonationRefused,
    ActInRefused,
    AccountSuspended,
    WorkspaceSuspended,
    PolicyDenied,
    PolicyError,
    RouteUnknown,
    MethodNotAllowed,
    UpgradeRefused,
    RequestAmbiguous,
    WebsocketHandshake,
    BodyTooLarge,
    UriTooLong,
    BodyUnreadable,
    BodyIncomplete,
    BodyTimeout,
    HeadersTooLarge,
    RateLimited,
    Overloaded,
    OverlayUnavailable,
    KeysUnavailable,
    RulesetStale,
    UpstreamUnreachable,
    UpstreamTimeout,
    Internal,
}

/// What became of a request, as `palisade_requests_total{outcome}` and the audit record say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Forwarded, and the upstream answered.
    Allow,
    /// The caller did not prove who it is.
    DenyToken,
    /// The request left the caller's account or workspace.
    DenyIsolation,
    /// Policies denied it.
    DenyPolicy,
    /// A limit of the caller's was reached.
    DenyLimit,
    /// The request could not be read in exactly one way.
    Ambiguous,
    /// No route.
    NotFound,
    /// The client went away before the reply began, or did not go on with its body.
    Aborted,
    /// The gate or the upstream failed.
    Error,
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The request.
    Client,
    /// Palisade or its configuration.
    Gate,
    /// The service behind.
    Upstream,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The stable code in replies, metrics and records.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// `grpc-status` for gRPC callers.
    pub grpc_status: u8,
    /// What the request counts as.
    pub outcome: Outcome,
    /// Who is at fault.
    pub blame: Blame,
    /// What happened and what to do, for the reader of the reference page.
    pub help: &'static str,
}

impl Outcome {
    /// Every outcome, in the order of the reference page.
    pub const ALL: [Self; 9] = [
        Self::Allow,
        Self::DenyToken,
        Self::DenyIsolation,
        Self::DenyPolicy,
        Self::DenyLimit,
        Self::Ambiguous,
        Self::NotFound,
        Self::Aborted,
        Self::Error,
    ];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::DenyToken => "deny_token",
            Self::DenyIsolation => "deny_isolation",
            Self::DenyPolicy => "deny_policy",
            Self::DenyLimit => "deny_limit",
            Self::Ambiguous => "ambiguous",
            Self::NotFound => "not_found",
            Self::Aborted => "aborted",
            Self::Error => "error",
        }
    }
}

impl Blame {
    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gate => "gate",
            Self::Upstream => "upstream",
        }
    }
}

impl Reason {
    /// Every reason, in the order of the reference page.
    pub const ALL: [Self; 45] = [
        Self::TokenMissing,
        Self::TokenMalformed,
        Self::TokenSignature,
        Self::TokenExpired,
        Self::TokenNotYetValid,
        Self::TokenRevoked,
        Self::IssuerUnknown,
        Self::AudienceMismatch,
        Self::TokenKind,
        Self::TokenBinding,
        Self::CertificateWithdrawn,
        Self::CrossSite,
        Self::ClaimMissing,
        Self::ClientNotBound,
        Self::IssuerNotForAccount,
        Self::ContextMismatch,
        Self::OutsideTenant,
        Self::CatalogNotGranted,
        Self::PortalNeedsPrincipal,
        Self::GrantMissing,
        Self::ImpersonationRefused,
        Self::ActInRefused,
        Self::AccountSuspended,
        Self::WorkspaceSuspended,
        Self::PolicyDenied,
        Self::PolicyError,
        Self::RouteUnknown,
        Self::MethodNotAllowed,
        Self::UpgradeRefused,
        Self::RequestAmbiguous,
        Self::WebsocketHandshake,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::BodyUnreadable,
        Self::BodyIncomplete,
        Self::BodyTimeout,
        Self::HeadersTooLarge,
        Self::RateLimited,
        Self::Overloaded,
        Self::OverlayUnavailable,
        Self::KeysUnavailable,
        Self::RulesetStale,
        Self::UpstreamUnreachable,
        Self::UpstreamTimeout,
        Self::Internal,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// HTTP status.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// What HTTP calls the status.
    pub fn title(self) -> &'static str {
        let status = http::StatusCode::from_u16(self.status()).ok();
        let name = status.and_then(|status| status.canonical_reason());
        name.unwrap_or("Refused")
    }

    /// The `type` of problem details (RFC 9457).
    pub fn urn(self) -> String {
        format!("urn:palisade:reason:{}", self.code())
    }

    /// What the request counts as.
    pub fn outcome(self) -> Outcome {
        self.row().outcome
    }

    /// The whole row.
    #[rustfmt::skip]
    pub fn row(self) -> Row {
        use Blame::{Client, Gate, Upstream};
        use Outcome::{Aborted, Ambiguous, DenyIsolation, DenyLimit, DenyPolicy, DenyToken, Error, NotFound};
        let (code, status, grpc_status, outcome, blame, help) = match self {
            Self::TokenMissing => ("token_missing", 401, 16, DenyToken, Client, "no token was sent; send `Authorization: Bearer <access token>`, or the token cookie"),
            Self::TokenMalformed => ("token_malformed", 401, 16, DenyToken, Client, "the token is not a JWS that Palisade accepts: shape, header, claims or size"),
            Self::TokenSignature => ("token_signature", 401, 16, DenyToken, Client, "the signature, its algorithm or its key does not fit the issuer's published keys"),
            Self::TokenExpired => ("token_expired", 401, 16, DenyToken, Client, "`exp` has passed; get a new token"),
            Self::TokenNotYetValid => ("token_not_yet_valid", 401, 16, DenyToken, Client, "`nbf` or `iat` lies in the future; check the clocks"),
            Self::TokenRevoked => ("token_revoked", 401, 16, DenyToken, Client, "the token was issued before the account's or user's `not_before`, or was revoked; sign in again"),
            Self::IssuerUnknown => ("issuer_unknown", 401, 16, DenyToken, Client, "`iss` is not exactly the `issuer` of any configured issuer"),
            Self::AudienceMismatch => ("audience_mismatch", 401, 16, DenyToken, Client, "`aud` or the client is not one that the issuer's entry accepts"),
            Self::TokenKind => ("token_kind", 401, 16, DenyToken, Client, "not an access token: `token_use` or `typ` is another kind's"),
            Self::TokenBinding => ("token_binding", 401, 16, DenyToken, Client, "the token is bound to a key or certificate (`cnf`) that was not proved"),
            Self::CertificateWithdrawn => ("certificate_withdrawn", 401, 16, DenyToken, Client, "the certificate that the client's connection was opened with has ended, was revoked, or nobody vouches for it any more; connect anew"),
            Self::CrossSite => ("cross_site", 403, 7, DenyToken, Client, "the token came in a cookie, and neither a listed `Origin` nor `Sec-Fetch-Site: same-origin` shows that the caller's own site asked for the change"),
            Self::ClaimMissing => ("claim_missing", 403, 7, DenyIsolation, Client, "a required claim is absent, empty, of the wrong type, or present where it must be absent"),
            Self::ClientNotBound => ("client_not_bound", 403, 7, DenyIsolation, Client, "the token's client is not listed for that workspace in the tenant directory"),
            Self::IssuerNotForAccount => ("issuer_not_for_account", 403, 7, DenyIsolation, Client, "the issuer may not speak for that account"),
            Self::ContextMismatch => ("context_mismatch", 403, 7, DenyIsolation, Client, "the token was issued for another API context than the route's"),
            Self::OutsideTenant => ("outside_tenant", 403, 7, DenyIsolation, Client, "the request names an account, workspace or user other than the caller's"),
            Self::CatalogNotGranted => ("catalog_not_granted", 403, 7, DenyIsolation, Client, "that catalog is not shared with the caller's workspace, or the route does not read catalogs"),
            Self::PortalNeedsPrincipal => ("portal_needs_principal", 403, 7, DenyIsolation, Client, "the Portal is for Principals, and Principals act in the Portal only"),
            Self::GrantMissing => ("grant_missing", 403, 7, DenyIsolation, Client, "the Principal has no live grant for that account, or for the platform"),
            Self::ImpersonationRefused => ("impersonation_refused", 403, 7, DenyIsolation, Client, "this caller may not act for a user (`x-user-id`)"),
            Self::ActInRefused => ("act_in_refused", 403, 7, DenyIsolation, Client, "only a Principal acts in a workspace (`x-palisade-act-in`): a read in App or Dashboard, where `principals.act_in` is set, with a second factor and a reason (`x-palisade-reason`)"),
            Self::AccountSuspended => ("account_suspended", 403, 7, DenyIsolation, Client, "the account is not active"),
            Self::WorkspaceSuspended => ("workspace_suspended", 403, 7, DenyIsolation, Client, "the workspace is not active"),
            Self::PolicyDenied => ("policy_denied", 403, 7, DenyPolicy, Client, "no policy permits it, or one forbids it; the audit record names the policies"),
            Self::PolicyError => ("policy_error", 403, 7, DenyPolicy, Gate, "a forbid could not be evaluated, or the question does not fit the schema; the log has the error"),
            Self::RouteUnknown => ("route_unknown", 404, 12, NotFound, Client, "no route matches the path"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, 12, NotFound, Client, "the path has routes, none for this method"),
            Self::UpgradeRefused => ("upgrade_refused", 403, 7, NotFound, Client, "the request asks for a WebSocket, and the route is not marked `websocket: true`"),
            Self::RequestAmbiguous => ("request_ambiguous", 400, 3, Ambiguous, Client, "the request can be read in more than one way: Host, path escapes, doubled headers, credentials or references"),
            Self::WebsocketHandshake => ("websocket_handshake", 400, 3, Ambiguous, Client, "the handshake is not one of RFC 6455: GET without a body, `Upgrade: websocket` alone, one key of 16 bytes, version 13"),
            Self::BodyTooLarge => ("body_too_large", 413, 8, Ambiguous, Client, "the body is longer than the limit"),
            Self::UriTooLong => ("uri_too_long", 414, 3, Ambiguous, Client, "the request target is longer than the limit"),
            Self::BodyUnreadable => ("body_unreadable", 415, 3, Ambiguous, Client, "the body is not one JSON document that the route's references can be read from"),
            Self::BodyIncomplete => ("body_incomplete", 400, 1, Aborted, Client, "the client closed its connection before its body was whole"),
            Self::BodyTimeout => ("body_timeout", 408, 4, Aborted, Client, "the body came too slowly: a pause was longer than `listen.timeouts.body`, or its rate lower than `listen.timeouts.body_rate`"),
            Self::HeadersTooLarge => ("headers_too_large", 431, 8, Ambiguous, Client, "too many header fields, or too many bytes of them"),
            Self::RateLimited => ("rate_limited", 429, 8, DenyLimit, Client, "the caller's rate or concurrency limit is reached; `Retry-After` says when to try again"),
            Self::Overloaded => ("overloaded", 503, 14, Error, Gate, "the gate has no room for the request or its audit record"),
            Self::OverlayUnavailable => ("overlay_unavailable", 503, 14, Error, Gate, "the account's policies are announced but do not load; other accounts are not affected"),
            Self::KeysUnavailable => ("keys_unavailable", 503, 14, Error, Gate, "no usable keys of the token's issuer are at hand, so the token can be neither accepted nor refused"),
            Self::RulesetStale => ("ruleset_stale", 503, 14, Error, Gate, "the rules are older than allowed"),
            Self::UpstreamUnreachable => ("upstream_unreachable", 502, 14, Error, Upstream, "the upstream refused, reset or answered with something that is not HTTP"),
            Self::UpstreamTimeout => ("upstream_timeout", 504, 4, Error, Upstream, "the upstream did not answer in time"),
            Self::Internal => ("internal", 500, 13, Error, Gate, "a fault in Palisade itself; the log has it under the request id"),
        };
        Row { code, status, grpc_status, outcome, blame, help }
    }
}
