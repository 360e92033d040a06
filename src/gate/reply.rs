//! A refusal as the client sees it: RFC 9457 problem details, the route set's own form, or a gRPC
//! trailers-only reply.

use super::refusal::{Hint, Refusal};
use crate::forward::{ReplyBody, grpc_status};
use crate::reason::{Outcome, Reason};
use crate::route::ErrorBody;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

/// In which form a refusal is told.
#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    /// gRPC trailers-only.
    Grpc,
    /// RFC 9457.
    Problem,
    /// The route set's own.
    Custom(&'a ErrorBody),
}

/// The reply to `refusal`. It holds the code and the request id, and no detail.
///
/// `token_sent` decides whether a 401 names an error (RFC 6750, section 3.1).
pub(super) fn refuse(
    refusal: &Refusal,
    request_id: &str,
    form: Form<'_>,
    token_sent: bool,
) -> Response<ReplyBody> {
    let reason = refusal.reason;
    let mut reply = match form {
        Form::Grpc => trailers_only(reason),
        Form::Problem => problem(reason, request_id),
        Form::Custom(body) => {
            let text = body.render(reason, request_id);
            with_body(reason, body.content_type().clone(), text)
        }
    };
    let fields = reply.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if reason.status() == 401 {
        fields.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge(reason, token_sent)),
        );
    }
    if reason.outcome() == Outcome::Ambiguous {
        // What follows on the connection may be the rest of what could be read in two ways.
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if reason == Reason::WebsocketHandshake {
        // RFC 6455, section 4.4: a client of another version learns which one is spoken here.
        let version = HeaderValue::from_static("13");
        fields.insert(header::SEC_WEBSOCKET_VERSION, version);
    }
    match &refusal.hint {
        Hint::None => {}
        Hint::Allow(methods) => {
            if let Ok(value) = HeaderValue::from_str(methods) {
                fields.insert(header::ALLOW, value);
            }
        }
        Hint::RetryAfter { secs, .. } => {
            fields.insert(header::RETRY_AFTER, HeaderValue::from(*secs));
        }
    }
    reply
}

fn challenge(reason: Reason, token_sent: bool) -> &'static str {
    if token_sent && reason != Reason::TokenMissing {
        "Bearer error=\"invalid_token\""
    } else {
        "Bearer"
    }
}

fn problem(reason: Reason, request_id: &str) -> Response<ReplyBody> {
    let body = serde_json::json!({
        "type": reason.urn(),
        "title": reason.title(),
        "status": reason.status(),
        "code": reason.code(),
        "request_id": request_id,
    });
    let kind = HeaderValue::from_static("application/problem+json");
    with_body(reason, kind, body.to_string())
}

fn with_body(reason: Reason, kind: HeaderValue, body: String) -> Response<ReplyBody> {
    let mut reply = Response::new(ReplyBody::full(body));
    *reply.status_mut() =
        StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

/// Trailers-only: status and message stand in the head, and there is no body.
fn trailers_only(reason: Reason) -> Response<ReplyBody> {
    let mut reply = Response::new(ReplyBody::full(""));
    let fields = reply.headers_mut();
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    grpc_status(reason, fields);
    reply
}
