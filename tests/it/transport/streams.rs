//! Requests as streams of few connections.

use super::{Http2, viewer};
use crate::support::client::{Connection, Reply};
use crate::support::eventually;
use crate::support::gate::{HOST, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;

const READ: &str = "/app/v1/missions";

/// A GET that makes the service do something, on a connection of its own.
fn ask(gate: &TestGate, what: &str) -> Reply {
    let request = gate.get(READ).bearer(&viewer(gate));
    request.header("x-test-do", what).send()
}

/// The beginning of a chunked upload, on a connection of its own.
fn upload(gate: &TestGate, what: &str, more: &str) -> Connection {
    let editor = gate.issuer.user("edi").role("editor");
    let token = editor.context("dashboard").sign();
    let mut connection = gate.connect();
    let head = format!(
        "POST /dashboard/v1/missions HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nx-test-do: {what}\r\n{more}transfer-encoding: chunked\r\n\r\n"
    );
    connection.send(head.as_bytes());
    connection.send(b"2\r\n{}\r\n");
    connection
}

/// Sends something that takes the service a moment, and does not wait for it.
fn begin(gate: &TestGate, what: &str, token: &str) -> Connection {
    let mut connection = gate.connect();
    let request = gate.get(READ).bearer(token).header("x-test-do", what);
    connection.send(&request.bytes());
    connection
}

#[test]
fn a_request_has_one_authority_and_no_fields_of_another_protocol() {
    let service = Http2::start();
    let gate = service
        .gate()
        .set("/upstreams/api/authority", json!("api.internal"))
        .start();
    let reply = gate
        .get("/app/v1/missions?n=1")
        .bearer(&viewer(&gate))
        .header("connection", "keep-alive, x-test-hop")
        .header("x-test-hop", "1")
        .header("te", "trailers, gzip")
        .send();
    reply.allowed(200);
    let seen = reply.json();
    assert_eq!(seen[":authority"], "api.internal");
    assert_eq!(seen[":path"], "/app/v1/missions?n=1");
    assert_eq!(seen[":scheme"], "http");
    assert_eq!(seen["te"], "trailers");
    assert_eq!(seen["x-palisade-account"], "acme");
    let names = seen["names"].as_array().unwrap();
    for gone in ["host", "connection", "transfer-encoding", "x-test-hop"] {
        assert!(!names.contains(&json!(gone)), "`{gone}` is in {names:?}");
    }
}

#[test]
fn bodies_and_trailers_pass_both_ways() {
    let service = Http2::start();
    let gate = service.gate().start();
    let mut connection = upload(&gate, "trailers", "te: trailers\r\ntrailer: x-test-sum\r\n");
    connection.send(b"3\r\n   \r\n0\r\nx-test-sum: 5\r\n\r\n");
    let reply = connection.reply("POST");
    reply.allowed(200);
    assert_eq!(reply.text(), "whole");
    let trailer = |name: &str| {
        let mut trailers = reply.message.trailers.iter();
        trailers
            .find(|(one, _)| one == name)
            .map(|(_, value)| value.clone())
    };
    // HTTP/1.1 announces trailers in a head that is long gone by then: only HTTP/2 clients get them.
    assert_eq!(trailer("x-test-sum"), None);
    assert_eq!(gate.only_record()["status"], 200);
}

#[test]
fn trailers_behind_a_known_length_break_nothing() {
    let service = Http2::start();
    let gate = service.gate().start();
    let reply = ask(&gate, "counted");
    reply.allowed(200);
    assert_eq!(
        (reply.text().as_str(), reply.header("content-length")),
        ("whole", Some("5"))
    );
}

#[test]
fn requests_share_a_connection_as_far_as_the_upstream_lets_them() {
    let mut service = Http2::with(&json!({"streams": 4}));
    let gate = service.gate().start();
    // The first tells how many there may be.
    ask(&gate, "answer").allowed(200);
    let token = viewer(&gate);
    let mut under_way: Vec<Connection> = (0..10).map(|_| begin(&gate, "wait", &token)).collect();
    for one in &mut under_way {
        one.reply("GET").allowed(200);
    }
    let saw = service.saw();
    assert_eq!(
        (&saw["streams"], &saw["connections"], &saw["most"]),
        (&json!(11), &json!(3), &json!(4))
    );
    assert_eq!(saw["resets"], json!([]));
}

#[test]
fn requests_that_come_together_open_one_connection() {
    let mut service = Http2::start();
    let gate = service.gate().start();
    let token = viewer(&gate);
    let mut under_way: Vec<Connection> = (0..20).map(|_| begin(&gate, "wait", &token)).collect();
    for one in &mut under_way {
        one.reply("GET").allowed(200);
    }
    assert_eq!(service.saw()["connections"], 1);
}

#[test]
fn accounts_share_no_connection_where_they_must_not() {
    let mut service = Http2::start();
    let gate = service
        .gate()
        .set("/upstreams/api/pool", json!("per_account"))
        .start();
    let connection = |token: &str| -> Value {
        let reply = gate.get(READ).bearer(token).send();
        reply.allowed(200);
        reply.json()["connection"].clone()
    };
    let acme = connection(&viewer(&gate));
    let globex = gate
        .issuer
        .user("gil")
        .account("globex")
        .workspace("globex-prod");
    let globex = connection(&globex.sign());
    assert_ne!(acme, globex);
    assert_eq!(connection(&viewer(&gate)), acme);
    assert_eq!(service.saw()["connections"], 2);
}

#[test]
fn a_stream_that_the_upstream_resets_ends_its_reply_alone() {
    let mut service = Http2::start();
    let gate = service.gate().start();
    let token = viewer(&gate);
    let other = begin(&gate, "half", &token);
    for what in ["reset", "close"] {
        let mut cut = begin(&gate, what, &token);
        let text = String::from_utf8(cut.rest()).unwrap();
        assert!(
            text.contains("half") && !text.ends_with("0\r\n\r\n"),
            "{what}: {text}"
        );
    }
    ask(&gate, "answer").allowed(200);
    let saw = service.saw();
    assert_eq!(
        (&saw["connections"], &saw["active"]),
        (&json!(1), &json!(1))
    );
    drop(other);
}

#[test]
fn a_client_that_goes_away_resets_its_stream_alone() {
    let mut service = Http2::start();
    let gate = service.gate().start();
    let token = viewer(&gate);
    for what in ["hang", "half"] {
        let before = service.saw()["resets"].as_array().unwrap().len();
        let gone = begin(&gate, what, &token);
        eventually("the service has it", || {
            (service.saw()["streams"].as_u64() > Some(before as u64)).then_some(())
        });
        drop(gone);
        let resets = eventually("the service is told", || {
            let resets = service.saw()["resets"].as_array().unwrap().clone();
            (resets.len() > before).then_some(resets)
        });
        assert_eq!(resets.last(), Some(&json!(8)), "CANCEL");
    }
    ask(&gate, "answer").allowed(200);
    assert_eq!(service.saw()["connections"], 1);
}

#[test]
fn an_upload_that_is_given_up_resets_its_stream() {
    let mut service = Http2::start();
    let gate = service.gate().start();
    drop(upload(&gate, "answer", ""));
    eventually("the service is told", || {
        (service.saw()["resets"] == json!([8])).then_some(())
    });
    assert_eq!(gate.only_record()["reason"], "body_incomplete");
}

#[test]
fn an_upload_that_is_answered_early_is_not_sent_on() {
    let mut service = Http2::start();
    let gate = service.gate().start();
    let mut connection = upload(&gate, "early", "");
    let reply = connection.reply("POST");
    reply.allowed(200);
    assert_eq!(reply.text(), "early");
    eventually("the stream is closed", || {
        (service.saw()["active"] == 0).then_some(())
    });
    ask(&gate, "answer").allowed(200);
    assert_eq!(service.saw()["connections"], 1);
}

#[test]
fn after_a_goaway_requests_go_elsewhere() {
    let mut service = Http2::start();
    let gate = service.gate().start();
    let token = viewer(&gate);
    let mut under_way = begin(&gate, "wait", &token);
    eventually("the service has it", || {
        (service.saw()["streams"] == 1).then_some(())
    });
    ask(&gate, "goaway").allowed(200);
    let next = ask(&gate, "answer");
    next.allowed(200);
    assert_eq!(next.json()["connection"], 1);
    let reply = under_way.reply("GET");
    reply.allowed(200);
    assert_eq!(reply.json()["connection"], 0);
}

#[test]
fn a_refused_stream_says_that_it_was_not_looked_at() {
    let service = Http2::start();
    let gate = service.gate().start();
    // A body that is streamed is gone with its stream: it cannot be sent again.
    let mut connection = upload(&gate, "refuse", "");
    let reply = connection.reply("POST");
    reply.refused(Reason::UpstreamUnreachable);
    let detail = gate.only_record()["detail"].to_string();
    assert!(detail.contains("did not take the request"), "{detail}");
}

#[test]
fn a_connection_whose_upstream_is_late_gets_no_further_request() {
    let mut service = Http2::start();
    let gate = service
        .gate()
        .set("/upstreams/api/timeouts/response", json!("300ms"))
        .start();
    let token = viewer(&gate);
    let other = begin(&gate, "half", &token);
    eventually("the service has it", || {
        (service.saw()["streams"] == 1).then_some(())
    });
    ask(&gate, "hang").refused(Reason::UpstreamTimeout);
    let reply = ask(&gate, "answer");
    assert_eq!(reply.json()["connection"], 1);
    let saw = service.saw();
    assert_eq!(
        (&saw["open"], &saw["active"]),
        (&json!(2), &json!(1)),
        "the other reply goes on"
    );
    drop(other);
}

#[test]
fn an_upstream_that_answers_no_ping_is_given_up() {
    // It begins as HTTP/2 does, with empty settings, and says nothing more.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = silent.accept().unwrap();
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let gate = TestGate::builder()
        .set("/upstreams/api/url", json!(url))
        .set("/upstreams/api/protocol", json!("http2"))
        .set("/upstreams/api/retries", json!({"max": 0}))
        .set("/upstreams/api/timeouts/response", json!("1m"))
        .set(
            "/upstreams/api/http2",
            json!({"ping_interval": "50ms", "ping_timeout": "50ms"}),
        )
        .start();
    ask(&gate, "answer").refused(Reason::UpstreamUnreachable);
    let detail = gate.only_record()["detail"].to_string();
    assert!(detail.contains("keep-alive"), "{detail}");
}

#[test]
fn an_upstream_that_speaks_no_http2_is_unreachable() {
    let gate = TestGate::builder()
        .set("/upstreams/api/protocol", json!("http2"))
        .start();
    gate.upstream.accept_any_header();
    ask(&gate, "answer").refused(Reason::UpstreamUnreachable);
}
