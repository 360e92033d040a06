//! Of a WebSocket: handshakes good and bad, tunnels and their ends, and peers that nobody here wrote.

mod autobahn;
mod extended;
mod frames;
mod handshake;
mod peers;
mod tunnel;

use crate::support::client::{Connection, Reply, Request};
use crate::support::gate::{Builder, TestGate};
use serde_json::{Value, json};

/// A route that may become a WebSocket.
const LIVE: &str = "/app/v1/live";

/// The key of the RFC's example, and what proves that it was read.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn builder() -> Builder {
    TestGate::builder().set("/routes/-", live("api"))
}

pub(crate) fn live(upstream: &str) -> Value {
    json!({"context": "app", "match": format!("GET {LIVE}"), "action": "live/watch",
           "upstream": upstream, "websocket": true})
}

/// A handshake as browsers send it.
fn handshake(gate: &TestGate, path: &str) -> Request {
    let token = gate.issuer.user("ana").sign();
    opening(gate.get(path).bearer(&token))
}

fn opening(request: Request) -> Request {
    request
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-key", KEY)
        .header("sec-websocket-version", "13")
}

/// An upstream's answer to [`KEY`], with further lines.
pub(crate) fn switched(more: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {ACCEPT}\r\n{more}\r\n"
    )
    .into_bytes()
}

/// The reply to a handshake.
pub(crate) fn asked(gate: &TestGate) -> Reply {
    handshake(gate, LIVE).send()
}

/// Opens a WebSocket to an upstream that answers by [`switched`].
pub(crate) fn open(gate: &TestGate) -> Connection {
    let mut connection = gate.connect();
    connection.send(&handshake(gate, LIVE).bytes());
    let reply = connection.next("GET").expect("a reply");
    assert_eq!(reply.status, 101, "{}", reply.text());
    connection
}
