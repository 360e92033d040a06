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
    Request,
    Method,
    Body,
    Query,
    Question,
    QuestionLength,
    QuestionKind,
    Busy,
    Internal,
}

impl Problem {
    fn code(self) -> (StatusCode, &'static str) {
        match self {
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "host_unknown"),
            Self::Origin => (StatusCode::FORBIDDEN, "origin_foreign"),
            Self::Token => (StatusCode::UNAUTHORIZED, "control_token"),
            Self::ControlHeader => (StatusCode::FORBIDDEN, "control_header"),
            Self::Path => (StatusCode::NOT_FOUND, "path_unknown"),
            Self::Account => (StatusCode::NOT_FOUND, "account_unknown"),
            Self::Request => (StatusCode::NOT_FOUND, "request_unknown"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Body => (StatusCode::PAYLOAD_TOO_LARGE, "body_unwanted"),
            Self::Question => (StatusCode::BAD_REQUEST, "question_invalid"),
            Self::QuestionLength => (StatusCode::PAYLOAD_TOO_LARGE, "question_too_long"),
            Self::QuestionKind => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "question_kind"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Query => (StatusCode::BAD_REQUEST, "query_invalid"),
        }
    }

    /// What to do about it.
    fn detail(self) -> &'static str {
        match self {
            Self::Host => {
                "the Host header names no host of this listener; use its address, or add the name to the configured hosts"
            }
            Self::Origin => "the Origin header names another site",
            Self::Token => "send `Authorization: Bearer <control token>`",
            Self::ControlHeader => "what changes state needs the header `x-palisade-control: 1`",
            Self::Path => "nothing is here",
            Self::Account => "the tenant directory has no such account; ids are case-sensitive",
            Self::Request => {
                "no request of that id is among the last; the audit log holds older ones"
            }
            Self::Method => "the `Allow` header lists the methods",
            Self::Body => "only `POST /explain` has a body",
            Self::Question => "the body is no question",
            Self::QuestionLength => "a question has at most 256 KiB, and arrives within 10 s",
            Self::QuestionKind => "send the question as `application/json`",
            Self::Busy => "other questions are being answered; ask again",
            Self::Internal => "the answer failed; the log says more",
            Self::Query => {
                "`wait` is a whole number with a unit (`500ms`, `15s`, `1m`), at most 60 s count; there are no other keys"
            }
        }
    }

    /// The same with what exactly is wrong.
    pub(super) fn because(self, detail: &str) -> Response {
        let (status, code) = self.code();
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
        if matches!(self, Self::Body | Self::QuestionLength) {
            // What is left of the body is not waited for.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.because(self.detail())
    }
}
