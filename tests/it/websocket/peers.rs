//! `ws` on both sides of the gate: what it opens, says and closes arrives as it was meant.

use super::{LIVE, live};
use crate::support::authority::Authority;
use crate::support::gate::{HOST, TestGate};
use crate::support::tls::serving;
use crate::support::tools::Tool;
use serde_json::{Value, json};

/// The tool is server and clients; the gate stands between them.
struct Peers {
    tool: Tool,
    gate: TestGate,
}

impl Peers {
    fn start() -> Self {
        let tool = Tool::node("sockets.cjs", &json!({}));
        let gate = TestGate::builder()
            .set(
                "/upstreams/sockets",
                json!({"url": format!("http://127.0.0.1:{}", tool.port())}),
            )
            .set("/routes/-", live("sockets"))
            .start();
        Self { tool, gate }
    }

    /// Opens a WebSocket by that name.
    fn open(&mut self, name: &str, more: &Value) -> Value {
        let token = self.gate.issuer.user("ana").sign();
        let mut told = json!({
            "do": "open", "name": name, "url": format!("ws://{}{LIVE}", self.gate.address()),
            "headers": {"host": HOST, "authorization": format!("Bearer {token}")},
        });
        let more = more.as_object().expect("an object").clone();
        told.as_object_mut().expect("an object").extend(more);
        self.tool.ask(&told)
    }
}

#[test]
fn messages_of_every_size_come_back_compressed_or_not() {
    let mut peers = Peers::start();
    for (name, compress) in [("plain", false), ("deflated", true)] {
        let opened = peers.open(name, &json!({"compress": compress}));
        assert_eq!(opened["opened"], true, "{opened}");
        let extensions = opened["extensions"].as_str().unwrap_or_default();
        assert_eq!(extensions.contains("permessage-deflate"), compress);
        for (count, bytes) in [(1, 0), (1000, 100), (3, 1 << 20)] {
            let told = json!({"do": "echo", "name": name, "count": count, "bytes": bytes});
            assert_eq!(
                peers.tool.ask(&told)["same"],
                count,
                "{bytes} bytes, {name}"
            );
        }
        let parts = json!({"do": "fragments", "name": name, "parts": ["one ", "two ", "three"]});
        assert_eq!(peers.tool.ask(&parts)["messages"], json!(["one two three"]));
        let pongs = peers.tool.ask(&json!({"do": "ping", "name": name}));
        assert_eq!(pongs["pongs"], 1);
        peers
            .tool
            .ask(&json!({"do": "close", "name": name, "code": 1000}));
    }
}

#[test]
fn subprotocols_and_the_annotation_arrive() {
    let mut peers = Peers::start();
    let opened = peers.open(
        "one",
        &json!({"protocols": ["other.test", "palisade.test"]}),
    );
    assert_eq!(opened["protocol"], "palisade.test");
    let served = peers.tool.ask(&json!({"do": "served"}));
    let headers = &served["served"][0]["headers"];
    assert_eq!(headers["x-palisade-account"], "acme");
    assert_eq!(headers["x-palisade-user"], "ana");
    assert_eq!(headers["authorization"], Value::Null);
}

#[test]
fn close_codes_of_both_sides_arrive_on_the_other() {
    let mut peers = Peers::start();
    peers.open("client", &json!({}));
    let closed = peers
        .tool
        .ask(&json!({"do": "close", "name": "client", "code": 4001}));
    assert_eq!(closed["closed"], json!([4001, "enough"]));
    peers.open("server", &json!({}));
    let asked = json!({"do": "say", "name": "server", "text": "palisade-close 4002"});
    assert_eq!(peers.tool.ask(&asked)["closed"], json!([4002, "as asked"]));
    peers.open("broken", &json!({}));
    let asked = json!({"do": "say", "name": "broken", "text": "palisade-terminate"});
    // 1006: the connection ended without a close frame.
    assert_eq!(peers.tool.ask(&asked)["closed"], json!([1006, ""]));
    let served = peers.tool.ask(&json!({"do": "served"}))["served"].clone();
    let codes: Vec<_> = (0..3).map(|at| served[at]["closed"][0].clone()).collect();
    assert_eq!(codes, [4001, 4002, 1006]);
}

#[test]
fn a_client_without_a_token_learns_the_status() {
    let mut peers = Peers::start();
    let refused = peers.open("stranger", &json!({"headers": {"host": HOST}}));
    assert_eq!(refused["status"], 401);
}

#[test]
fn it_goes_through_tls_on_both_sides() {
    let authority = Authority::new("everybody's");
    let (outer, inner) = (
        authority.host(&[HOST]),
        authority.host(&["sockets.internal"]),
    );
    let tool = Tool::node(
        "sockets.cjs",
        &json!({"cert": inner.cert, "key": inner.key}),
    );
    let upstream = json!({
        "url": format!("https://127.0.0.1:{}", tool.port()),
        // The handshake needs a connection of HTTP/1.1, whatever else could be agreed on.
        "protocol": "auto",
        "tls": {"ca": "tls/ca.crt", "name": "sockets.internal"},
    });
    let gate = serving(&outer, &json!({}))
        .file("tls/ca.crt", &authority.pem)
        .set("/upstreams/sockets", upstream)
        .set("/routes/-", live("sockets"))
        .start();
    let mut peers = Peers { tool, gate };
    let url = format!("wss://{}{LIVE}", peers.gate.tls_address());
    let secure = json!({"url": url, "ca": authority.pem, "servername": HOST});
    let opened = peers.open("one", &secure);
    assert_eq!(opened["opened"], true, "{opened}");
    let told = json!({"do": "echo", "name": "one", "count": 3, "bytes": 1 << 20});
    assert_eq!(peers.tool.ask(&told)["same"], 3);
    let closed = json!({"do": "close", "name": "one", "code": 1000});
    assert_eq!(peers.tool.ask(&closed)["closed"][0], 1000);
    assert_eq!(peers.gate.only_record()["status"], 101);
}
