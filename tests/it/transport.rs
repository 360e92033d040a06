//! How upstreams are spoken to: HTTP/2, TLS, and within what they take. Needs Node and nginx.

mod budget;
mod secure;
mod streams;

use crate::support::gate::{Builder, TestGate};
use crate::support::tools::Tool;
use serde_json::{Value, json};

/// A service that speaks HTTP/2, and does what a request's `x-test-do` says.
pub(crate) struct Http2(Tool);

impl Http2 {
    pub(crate) fn start() -> Self {
        Self::with(&json!({}))
    }

    pub(crate) fn with(told: &Value) -> Self {
        Self(Tool::node("http2.cjs", told))
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port())
    }

    /// A gate in front of it.
    fn gate(&self) -> Builder {
        TestGate::builder()
            .set("/upstreams/api/url", json!(self.url()))
            .set("/upstreams/api/protocol", json!("http2"))
    }

    /// What it saw: connections, streams, resets.
    pub(crate) fn saw(&mut self) -> Value {
        self.0.ask(&json!({}))
    }
}

/// A viewer's token.
fn viewer(gate: &TestGate) -> String {
    gate.issuer.user("ana").sign()
}
