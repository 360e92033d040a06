//! Calls that end otherwise: refused, late, cancelled, cut off.

use super::Language::{Node, Python};
use super::{call, gate, told_to};
use crate::support::eventually;
use crate::support::gate::TestGate;
use palisade::reason::Reason;
use serde_json::json;
use std::net::TcpListener;

#[test]
fn a_refusal_is_a_status_that_clients_understand() {
    let server = Node.server();
    let gate = gate(&server).start();
    for client in [Node, Python] {
        let mut client = client.client(&gate, false);
        let mut stranger = call(&gate, "unary", "Unary", &json!(["hello"]));
        stranger["metadata"] = json!({});
        let said = client.ask(&stranger);
        assert_eq!(
            (&said["code"], &said["details"]),
            (&json!(16), &json!("token_missing"))
        );
        let said = client.ask(&call(&gate, "bidi", "Manage", &json!(["hello"])));
        assert_eq!(
            (&said["code"], &said["details"]),
            (&json!(7), &json!("policy_denied"))
        );
        let said = client.ask(&call(&gate, "server", "Unknown", &json!(["hello"])));
        let unknown = Reason::RouteUnknown.row().grpc_status;
        assert_eq!(
            (&said["code"], &said["details"]),
            (&json!(unknown), &json!("route_unknown"))
        );
    }
    assert_eq!(gate.audit(6).len(), 6);
}

#[test]
fn a_deadline_is_passed_on_and_kept() {
    for server in [Node, Python] {
        let mut server = server.server();
        let gate = gate(&server).start();
        let mut client = Python.client(&gate, false);
        let mut unary = told_to(call(&gate, "unary", "Unary", &json!(["hello"])), "hang");
        unary["deadline"] = json!(400);
        let said = client.ask(&unary);
        assert_eq!(said["code"], 4, "{said}");
        let cancelled = eventually("the server gives the call up", || {
            let saw = server.ask(&json!({}));
            (saw["cancelled"] == 1).then_some(saw)
        });
        let left = cancelled["deadlines"][0].as_i64().unwrap();
        assert!((1..=400).contains(&left), "{left} ms were left");
        assert_eq!(gate.audit(1).len(), 1);
    }
}

#[test]
fn the_gate_itself_keeps_a_deadline_that_is_shorter_than_its_own() {
    let gate = TestGate::builder()
        .set("/upstreams/api/timeouts/response", json!("1m"))
        .start();
    gate.upstream.accept_any_header();
    gate.upstream.hang();
    let reply = gate
        .request("GET", "/app/v1/missions")
        .bearer(&gate.issuer.user("ana").sign())
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "150m")
        .send();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("grpc-status"), Some("4"));
    let record = gate.only_record();
    assert_eq!(record["reason"], "upstream_timeout");
    assert!(
        record["detail"].to_string().contains("deadline"),
        "{record}"
    );
}

#[test]
fn nobody_waits_for_a_connection_beyond_a_callers_deadline() {
    // It takes connections and never says a word of TLS.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", mute.local_addr().unwrap());
    let gate = TestGate::builder()
        .set("/upstreams/api/url", json!(url))
        .set(
            "/upstreams/api/timeouts",
            json!({"connect": "1m", "response": "1m"}),
        )
        .start();
    let reply = gate
        .get("/app/v1/missions")
        .bearer(&gate.issuer.user("ana").sign())
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "150m")
        .send();
    assert_eq!(reply.header("grpc-status"), Some("4"));
    let record = gate.only_record();
    assert_eq!(record["reason"], "upstream_timeout");
    let detail = record["detail"].to_string();
    assert!(detail.contains("deadline"), "{record}");
}

#[test]
fn a_cancelled_call_is_cancelled_at_the_server_and_leaves_one_record() {
    for (server, client) in [(Node, Python), (Python, Node)] {
        let mut server = server.server();
        let gate = gate(&server).start();
        let mut client = client.client(&gate, false);
        let mut spread = told_to(call(&gate, "server", "Spread", &json!(["3"])), "hang");
        spread["cancel"] = json!(3);
        assert_eq!(client.ask(&spread)["code"], 1);
        let mut unary = told_to(call(&gate, "unary", "Unary", &json!(["hello"])), "hang");
        unary["cancel"] = json!(0);
        assert_eq!(client.ask(&unary)["code"], 1);
        eventually("the server is told of both", || {
            (server.ask(&json!({}))["cancelled"] == 2).then_some(())
        });
        assert_eq!(gate.audit(2).len(), 2);
    }
}

#[test]
fn a_server_that_dies_inside_of_a_call_is_unavailable() {
    for client in [Node, Python] {
        let mut server = Node.server();
        let gate = gate(&server).start();
        let mut client = client.client(&gate, false);
        let spread = told_to(call(&gate, "server", "Spread", &json!(["2"])), "hang");
        let said = std::thread::scope(|scope| {
            let asked = scope.spawn(|| client.ask(&spread));
            eventually("the call is under way", || {
                (server.ask(&json!({}))["calls"] == 1).then_some(())
            });
            drop(server);
            asked.join().unwrap()
        });
        assert_eq!(
            (&said["code"], &said["details"]),
            (&json!(14), &json!("upstream_unreachable"))
        );
        assert_eq!(said["messages"], json!(["0", "1"]));
        // Before a call begins, it is a refusal.
        let said = client.ask(&call(&gate, "unary", "Unary", &json!(["hello"])));
        assert_eq!(
            (&said["code"], &said["details"]),
            (&json!(14), &json!("upstream_unreachable"))
        );
    }
}

#[test]
fn a_call_under_way_is_unauthenticated_once_its_caller_is_revoked() {
    for client in [Node, Python] {
        let mut server = Node.server();
        let gate = gate(&server)
            .set("/revocations", json!("revocations.yaml"))
            .file("revocations.yaml", "{}")
            .start();
        let mut client = client.client(&gate, false);
        let spread = told_to(call(&gate, "server", "Spread", &json!(["2"])), "hang");
        // It never comes to its second message.
        let mut chat = call(&gate, "bidi", "Chat", &json!(["0", "1"]));
        chat["pause"] = json!(60_000);
        for (before, asked) in [spread, chat].iter().enumerate() {
            gate.files.put("revocations.yaml", "{}");
            eventually("nothing is revoked", || {
                (gate.status()["revocations"] == 0).then_some(())
            });
            let said = std::thread::scope(|scope| {
                let told = scope.spawn(|| client.ask(asked));
                eventually("the call is under way", || {
                    (server.ask(&json!({}))["calls"] == before + 1).then_some(())
                });
                let revoked = r#"{"sub": [{"issuer": "cosmos", "id": "sub-ana"}]}"#;
                gate.files.put("revocations.yaml", revoked);
                told.join().unwrap()
            });
            assert_eq!(
                (&said["code"], &said["details"]),
                (&json!(16), &json!("token_revoked")),
                "{said}"
            );
            assert_eq!(said["messages"][0], "0", "{said}");
        }
        eventually("the server gives the call up", || {
            (server.ask(&json!({}))["cancelled"] == 1).then_some(())
        });
        let ends = gate.stream_ends(2);
        assert!(ends.iter().all(|end| end["reason"] == "token_revoked"));
    }
}

#[test]
fn grpc_web_is_plain_http() {
    let gate = TestGate::start();
    let web = gate
        .post("/app/v1/missions", "\0\0\0\0\0")
        .header("content-type", "application/grpc-web+proto");
    web.send().refused(Reason::TokenMissing);
}
