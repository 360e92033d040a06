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
    fn start() -> Self {
        Self::with(&json!({}))
    }

    fn with(told: &Value) -> Self {
        Self(Tool::node("http2.cjs", told))
    }

    /// A gate in front of it.
    fn gate(&self) -> Builder {
        TestGate::builder()
            .set(
                "/upstreams/api/url",
                json!(format!("http://127.0.0.1:{}", self.0.port())),
            )
            .set("/upstreams/api/protocol", json!("http2"))
    }

    /// What it saw: connections, streams, resets.
    fn saw(&mut self) -> Value {
        self.0.ask(&json!({}))
    }
}

/// A viewer's token.
fn viewer(gate: &TestGate) -> String {
    gate.issuer.user("ana").sign()
}
