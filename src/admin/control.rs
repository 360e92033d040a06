//! The control listener: what operators see and do.

use super::guard::{self, Guard};
use super::problem::Problem;
use super::{Unexplained, View, metrics};
use axum::body::to_bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use std::sync::Arc;
use std::time::Duration;

/// The longest that `/drain` lets a caller wait.
const DRAIN_WAIT_MAX: Duration = Duration::from_mins(1);

/// The longest question: a token and a body, each as long as the gate reads them, in JSON.
const QUESTION_BYTES_MAX: usize = 256 * 1024;

/// How long a question may take to arrive.
const QUESTION_WAIT: Duration = Duration::from_secs(10);

/// A header that no web page can send without being asked first (a preflight, which fails here).
const CONTROL_HEADER: &str = "x-palisade-control";

pub(super) fn router(view: Arc<dyn View>, guard: Guard) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/status/accounts/{id}", get(account))
        .route("/requests/{id}", get(request))
        .route("/shadow", get(shadow))
        .route("/shadow/accounts/{id}", get(shadow_of))
        .route("/readyz", get(readyz))
        .route("/drain", post(drain))
        .fallback(async || Problem::Path)
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(middleware::from_fn(guard::bodiless))
        // The one path whose requests have a body: behind the layer that refuses them.
        .route("/explain", post(explain).fallback(async || Problem::Method))
        .layer(middleware::from_fn_with_state(
            Arc::new(guard),
            guard::control,
        ))
        .with_state(view)
}

async fn status(State(view): State<Arc<dyn View>>) -> Json<serde_json::Value> {
    Json(view.status())
}

async fn account(
    State(view): State<Arc<dyn View>>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let found = id.ok().and_then(|Path(id)| view.account(&id));
    match found {
        Some(account) => Json(account).into_response(),
        None => Problem::Account.into_response(),
    }
}

/// What the audit log holds of a request, if it was among the last.
async fn request(
    State(view): State<Arc<dyn View>>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let found = id.map(|Path(id)| view.request(&id)).unwrap_or_default();
    if found.is_empty() {
        return Problem::Request.into_response();
    }
    ([(header::CONTENT_TYPE, "application/x-ndjson")], found).into_response()
}

async fn shadow(State(view): State<Arc<dyn View>>) -> Response {
    match view.shadow(None) {
        Some(told) => Json(told).into_response(),
        None => Problem::Internal.into_response(),
    }
}

async fn shadow_of(
    State(view): State<Arc<dyn View>>,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let found = id.ok().and_then(|Path(id)| view.shadow(Some(&id)));
    match found {
        Some(told) => Json(told).into_response(),
        None => Problem::Account.into_response(),
    }
}

/// What the gate would do with the request that the body describes. It is no request: nothing counts it,
/// remembers it or records it.
async fn explain(State(view): State<Arc<dyn View>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Problem::QuestionKind.into_response();
    }
    let reading = tokio::time::timeout(QUESTION_WAIT, to_bytes(body, QUESTION_BYTES_MAX));
    let Ok(Ok(asked)) = reading.await else {
        return Problem::QuestionLength.into_response();
    };
    match view.explain(asked.to_vec()).await {
        Ok(told) => Json(told).into_response(),
        Err(Unexplained::Question(why)) => Problem::Question.because(&why),
        Err(Unexplained::Busy) => Problem::Busy.into_response(),
        Err(Unexplained::Failed) => Problem::Internal.into_response(),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadyQuery {
    verbose: Option<String>,
}

async fn readyz(
    State(view): State<Arc<dyn View>>,
    query: Result<Query<ReadyQuery>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else {
        return Problem::Query.into_response();
    };
    if query.verbose.is_none() {
        return metrics::readyz(State(view)).await.into_response();
    }
    let checks = view.readiness();
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::json!({ "ready": ready, "checks": checks });
    (status, Json(body)).into_response()
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct DrainQuery {
    wait: Option<String>,
}

/// 200: nothing is in flight any more. 202: draining has begun and goes on.
async fn drain(
    State(view): State<Arc<dyn View>>,
    query: Result<Query<DrainQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    if headers.get(CONTROL_HEADER).is_none_or(|value| value != "1") {
        return Problem::ControlHeader.into_response();
    }
    let wait = query.ok().and_then(|Query(query)| match query.wait {
        None => Some(Duration::ZERO),
        Some(text) => read_wait(&text),
    });
    let Some(wait) = wait else {
        return Problem::Query.into_response();
    };
    tracing::warn!("drain asked for on the control listener");
    let ended = tokio::time::timeout(wait.min(DRAIN_WAIT_MAX), view.drain()).await;
    let (status, drained) = match ended {
        Ok(()) => (StatusCode::OK, true),
        Err(_) => (StatusCode::ACCEPTED, false),
    };
    (status, Json(serde_json::json!({ "drained": drained }))).into_response()
}

/// `500ms`, `15s`, `1m`.
fn read_wait(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let number: u32 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number.into())),
        "s" => Some(Duration::from_secs(number.into())),
        "m" => Some(Duration::from_mins(number.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_whole_numbers_with_a_unit() {
        assert_eq!(read_wait("15s"), Some(Duration::from_secs(15)));
        assert_eq!(read_wait("0ms"), Some(Duration::ZERO));
        assert_eq!(read_wait("2m"), Some(Duration::from_mins(2)));
        for bad in ["", "15", "s", "1.5s", "-1s", "15 s", "99999999999s", "1h"] {
            assert_eq!(read_wait(bad), None, "{bad}");
        }
    }
}
