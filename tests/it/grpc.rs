//! gRPC end to end, h2c on both sides: servers and clients of grpc-js and grpcio. Needs Node and Python.

mod calls;
mod endings;

use crate::support::gate::{Builder, HOST, TestGate};
use crate::support::tools::Tool;
use serde_json::{Value, json};

/// Whose implementation.
#[derive(Clone, Copy)]
pub(crate) enum Language {
    /// grpc-js.
    Node,
    /// grpcio.
    Python,
}

impl Language {
    fn start(self, told: &Value) -> Tool {
        match self {
            Self::Node => Tool::node("grpc.cjs", told),
            Self::Python => Tool::python("grpc_peer.py", told),
        }
    }

    fn server(self) -> Tool {
        self.start(&json!({"serve": true}))
    }

    fn client(self, gate: &TestGate, compress: bool) -> Tool {
        let target = gate.address().to_string();
        self.start(&json!({"target": target, "authority": HOST, "compress": compress}))
    }
}

/// A gate in front of `server`, with a route for each of its methods.
fn gate(server: &Tool) -> Builder {
    let route = |method: &str, access: &str| {
        json!({
            "context": "app",
            "match": format!("POST /test.v1.Echo/{method}"),
            "action": format!("echo/{}", method.to_lowercase()),
            "access": access,
            "upstream": "api",
        })
    };
    let methods = [
        ("Unary", "read"),
        ("Collect", "read"),
        ("Spread", "read"),
        ("Chat", "read"),
        ("Manage", "manage"),
    ];
    let url = format!("http://127.0.0.1:{}", server.port());
    let gate = TestGate::builder()
        .set("/upstreams/api/url", json!(url))
        .set("/upstreams/api/protocol", json!("http2"));
    let add = |gate: Builder, (method, access)| gate.route(route(method, access));
    methods.into_iter().fold(gate, add)
}

/// What a client is told to do, as `ana`.
fn call(gate: &TestGate, kind: &str, method: &str, messages: &Value) -> Value {
    let token = gate.issuer.user("ana").sign();
    json!({
        "kind": kind, "method": method, "messages": messages,
        "metadata": {"authorization": format!("Bearer {token}")},
    })
}

/// The same, with metadata that makes the server do something.
fn told_to(mut call: Value, what: &str) -> Value {
    call["metadata"]["x-test-do"] = json!(what);
    call
}
