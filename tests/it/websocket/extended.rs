//! A WebSocket over HTTP/2 (RFC 8441): Node's client asks, and an upstream of HTTP/1.1 is upgraded.

use super::{LIVE, builder, live};
use crate::support::eventually;
use crate::support::gate::{HOST, TestGate};
use crate::support::tools::Tool;
use serde_json::{Value, json};

fn ask(tool: &mut Tool, gate: &TestGate, path: &str, more: &Value) -> Value {
    let token = gate.issuer.user("ana").sign();
    let mut told = json!({
        "do": "extended", "url": format!("http://{}", gate.address()), "path": path,
        "protocol": "websocket", "text": "over two",
        "headers": {":scheme": "http", ":authority": HOST, "authorization": format!("Bearer {token}"),
                    "sec-websocket-version": "13"},
    });
    let more = more.as_object().expect("an object").clone();
    told.as_object_mut().expect("an object").extend(more);
    tool.ask(&told)
}

fn start() -> (Tool, TestGate) {
    let tool = Tool::node("sockets.cjs", &json!({}));
    let url = format!("http://127.0.0.1:{}", tool.port());
    let gate = builder()
        .set("/upstreams/sockets", json!({"url": url}))
        .set("/routes/7", live("sockets"))
        .set("/revocations", json!("revocations.yaml"))
        .file("revocations.yaml", "{}")
        .start();
    (tool, gate)
}

#[test]
fn its_end_by_the_gate_comes_as_a_close_frame() {
    let (mut tool, gate) = start();
    let revoked = r#"{"sub": [{"issuer": "cosmos", "id": "sub-ana"}]}"#;
    std::thread::scope(|scope| {
        let said = scope.spawn(|| ask(&mut tool, &gate, LIVE, &json!({"hold": true})));
        eventually("it is open", || {
            (gate.metrics().sum("palisade_tunnels", &[]) == 1.0).then_some(())
        });
        gate.files.put("revocations.yaml", revoked);
        let said = said.join().expect("a client");
        assert_eq!(said["close"], json!([0x88, 2, 0x03, 0xf0]), "{said}");
    });
    let tunnels = gate.metrics().sum("palisade_tunnels", &[]);
    assert!(tunnels.abs() < f64::EPSILON, "{tunnels}");
}

#[test]
fn an_extended_connect_becomes_an_upgrade() {
    let (mut tool, gate) = start();
    let said = ask(&mut tool, &gate, LIVE, &json!({}));
    assert_eq!(said["enabled"], true);
    assert_eq!(said["status"], 200, "{said}");
    assert_eq!(said["same"], true);
    assert_eq!(said["close"], json!([0x88, 2, 0x03, 0xe8]));
    assert_eq!(said["headers"]["sec-websocket-accept"], Value::Null);
    let served = tool.ask(&json!({"do": "served"}))["served"].clone();
    assert_eq!(served[0]["closed"][0], 1000);
    assert_eq!(served[0]["headers"]["x-palisade-account"], "acme");
    let record = gate.only_record();
    assert_eq!(
        (&record["method"], &record["status"]),
        (&json!("GET"), &json!(200))
    );
}

#[test]
fn a_message_that_is_larger_than_every_window_comes_back() {
    let (mut tool, gate) = start();
    let text = "0123456789abcdef".repeat(1 << 16);
    let said = ask(&mut tool, &gate, LIVE, &json!({"text": text}));
    assert_eq!(
        (&said["status"], &said["same"]),
        (&json!(200), &json!(true))
    );
}

#[test]
fn an_extended_connect_is_refused_like_an_upgrade() {
    let (mut tool, gate) = start();
    let unmarked = ask(&mut tool, &gate, "/app/v1/missions", &json!({}));
    assert_eq!(unmarked["status"], 403);
    let other = ask(&mut tool, &gate, LIVE, &json!({"protocol": "connect-udp"}));
    assert_eq!(other["status"], 400, "{other}");
    let headers = json!({":scheme": "http", ":authority": HOST, "sec-websocket-version": "13"});
    let stranger = ask(&mut tool, &gate, LIVE, &json!({"headers": headers}));
    assert_eq!(stranger["status"], 401);
    assert_eq!(tool.ask(&json!({"do": "served"}))["served"], json!([]));
}

#[test]
fn a_success_that_is_no_101_is_not_told_as_an_open_websocket() {
    let mut tool = Tool::node("sockets.cjs", &json!({}));
    let gate = builder().start();
    let said = ask(&mut tool, &gate, LIVE, &json!({}));
    assert_eq!(said["status"], 502, "{said}");
    gate.upstream.reply(429, &[], b"later");
    let said = ask(&mut tool, &gate, LIVE, &json!({}));
    assert_eq!(said["status"], 429, "{said}");
}
