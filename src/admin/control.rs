//! The control listener: what operators see and do.

use super::guard::{self, Guard};
use super::problem::Problem;
use super::{View, metrics};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use std::sync::Arc;
use std::time::Duration;

/// The longest that `/drain` lets a caller wait.
const DRAIN_WAIT_MAX: Duration = Duration::from_mins(1);

/// A header that no web page can send without being asked first (a preflight, which fails here).
const CONTROL_HEADER: &str = "x-palisade-control";

pub(super) fn router(view: Arc<dyn View>, guard: Guard) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/status/accounts/{id}", get(account))
        .route("/readyz", get(readyz))
        .route("/drain", post(drain))
        .fallback(async || Problem::Path)
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(middleware::from_fn(guard::bodiless))
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
