//! The metrics listener: what scrapers, probes and verifiers of assertions read without a token.

use super::problem::Problem;
use super::{View, guard};
use crate::telemetry::metrics::CONTENT_TYPE;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use std::sync::Arc;

pub(super) fn router(view: Arc<dyn View>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/.well-known/jwks.json", get(jwks))
        .fallback(async || Problem::Path)
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(middleware::from_fn(guard::bodiless))
        .with_state(view)
}

async fn metrics(State(view): State<Arc<dyn View>>) -> Response {
    let page = view.metrics().render();
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response()
}

/// No detail here: whoever can reach this port may be anybody in the cluster.
pub(super) async fn readyz(State(view): State<Arc<dyn View>>) -> (StatusCode, &'static str) {
    if view.readiness().iter().all(|check| check.ok) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn jwks(State(view): State<Arc<dyn View>>) -> Json<serde_json::Value> {
    Json(view.jwks())
}
