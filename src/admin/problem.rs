//! Refusals of the admin listeners, as `application/problem+json` (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Why an admin request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Host,
    Origin,
    Token,
    ControlHeader,
    Path,
    Account,
    Method,
    Body,
    Query,
}

impl Problem {
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "host_unknown",
                "the Host header names no host of this listener; use its address, or add the name to the configured hosts",
            ),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "origin_foreign",
                "the Origin header names another site",
            ),
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                "control_token",
                "send `Authorization: Bearer <control token>`",
            ),
            Self::ControlHeader => (
                StatusCode::FORBIDDEN,
                "control_header",
                "what changes state needs the header `x-palisade-control: 1`",
            ),
            Self::Path => (StatusCode::NOT_FOUND, "path_unknown", "nothing is here"),
            Self::Account => (
                StatusCode::NOT_FOUND,
                "account_unknown",
                "the tenant directory has no such account; ids are case-sensitive",
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "the `Allow` header lists the methods",
            ),
            Self::Body => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_unwanted",
                "no admin request has a body",
            ),
            Self::Query => (
                StatusCode::BAD_REQUEST,
                "query_invalid",
                "`wait` is a whole number with a unit (`500ms`, `15s`, `1m`), at most 60 s count; there are no other keys",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, detail) = self.row();
        let body = serde_json::json!({
            "type": format!("urn:palisade:admin:{code}"),
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "code": code,
            "detail": detail,
        });
        let mut reply = (status, Json(body)).into_response();
        let headers = reply.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self == Self::Token {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self == Self::Body {
            // What is left of the body is not waited for.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}
