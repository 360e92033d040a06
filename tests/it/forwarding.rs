//! What passes through does so untouched: bodies, trailers, statuses, connections.

use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::{HOST, TestGate};
use palisade::reason::Reason;
use serde_json::json;
use std::fmt::Write;

const READ: &str = "/app/v1/missions";
const CREATE: &str = "/dashboard/v1/missions";

fn viewer(gate: &TestGate) -> String {
    gate.issuer.user("ana").sign()
}

fn editor(gate: &TestGate) -> String {
    gate.issuer
        .user("edi")
        .role("editor")
        .context("dashboard")
        .sign()
}

/// The head of a chunked POST.
fn chunked_head(token: &str, more: &str) -> String {
    format!(
        "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n{more}\r\n"
    )
}

#[test]
fn a_body_with_a_length_arrives_whole_and_keeps_its_length() {
    let gate = TestGate::start();
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
    gate.post(CREATE, &body)
        .bearer(&editor(&gate))
        .send()
        .allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.message.body, body.as_bytes());
    assert_eq!(
        seen.header("content-length"),
        Some(body.len().to_string().as_str())
    );
    assert_eq!(seen.header("transfer-encoding"), None);
}

#[test]
fn a_chunked_body_and_its_trailers_arrive() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    let head = chunked_head(&editor(&gate), "trailer: x-test-sum\r\n");
    connection.send(head.as_bytes());
    connection.send(b"2\r\n{}\r\n0\r\nx-test-sum: 2\r\n\r\n");
    connection.reply("POST").allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.message.body, b"{}");
    assert_eq!(seen.header("content-length"), None);
    assert_eq!(
        seen.message.trailers,
        [("x-test-sum".to_owned(), "2".to_owned())]
    );
}

#[test]
fn the_chunked_body_of_a_get_arrives_too() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    let token = viewer(&gate);
    let head = format!(
        "GET {READ} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    connection.send(head.as_bytes());
    connection.send(b"2\r\n{}\r\n0\r\n\r\n");
    connection.reply("GET").allowed(200);
    assert_eq!(gate.upstream.only().message.body, b"{}");
}

#[test]
fn a_spoofed_annotation_in_a_trailer_is_removed() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    connection.send(chunked_head(&editor(&gate), "").as_bytes());
    connection.send(b"2\r\n{}\r\n0\r\nX_Palisade_Account: globex\r\nx-user-id: u\r\n\r\n");
    connection.reply("POST").allowed(200);
    assert!(gate.upstream.only().message.trailers.is_empty());
}

#[test]
fn a_trailer_says_nothing_of_the_messages_frame_and_form() {
    let gate = TestGate::start();
    let names = "content_type, content_encoding, transfer_encoding, content_length";
    let mut connection = gate.connect();
    let head = chunked_head(&editor(&gate), &format!("trailer: {names}\r\n"));
    connection.send(head.as_bytes());
    connection.send(b"2\r\n{}\r\n0\r\n");
    for name in names.split(", ") {
        connection.send(format!("{name}: 1\r\n").as_bytes());
    }
    connection.send(b"\r\n");
    connection.reply("POST").allowed(200);
    assert_eq!(gate.upstream.only().message.trailers, []);
}

#[test]
fn a_length_is_forwarded_in_one_spelling() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    let head = format!(
        "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 010\r\n\r\n{{\"a\": 123}}",
        editor(&gate)
    );
    connection.send(head.as_bytes());
    connection.reply("POST").allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("content-length"), Some("10"));
    assert_eq!(seen.message.body, b"{\"a\": 123}");
}

#[test]
fn a_request_body_streams_before_it_is_whole() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    connection.send(chunked_head(&editor(&gate), "").as_bytes());
    connection.send(b"1\r\n{\r\n");
    eventually(
        "the head is forwarded while the body is still coming",
        || (gate.upstream.requests().len() == 1).then_some(()),
    );
    connection.send(b"1\r\n}\r\n0\r\n\r\n");
    connection.reply("POST").allowed(200);
    assert_eq!(gate.upstream.only().message.body, b"{}");
}

#[test]
fn a_chunked_reply_and_its_trailers_come_back() {
    let gate = TestGate::start();
    gate.upstream.chunked(
        &[("trailer", "x-test-sum")],
        &["ab", "cde"],
        &[("x-test-sum", "5")],
    );
    let request = gate
        .get(READ)
        .bearer(&viewer(&gate))
        .header("te", "trailers");
    let reply = request.send();
    reply.allowed(200);
    assert_eq!(reply.text(), "abcde");
    assert_eq!(
        reply.message.trailers,
        [("x-test-sum".to_owned(), "5".to_owned())]
    );
}

#[test]
fn large_and_small_replies_are_the_same_bytes() {
    let gate = TestGate::start();
    for size in [0, 1, 64 << 10, (64 << 10) + 1, 4 << 20] {
        let body: Vec<u8> = (0..size)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect();
        gate.upstream
            .reply(200, &[("content-type", "application/octet-stream")], &body);
        let reply = gate.get(READ).bearer(&viewer(&gate)).send();
        reply.allowed(200);
        assert!(reply.message.body == body, "{size} bytes");
        assert_eq!(
            reply.header("content-length"),
            Some(size.to_string().as_str())
        );
    }
}

#[test]
fn head_takes_gets_action_and_has_no_body() {
    let gate = TestGate::start();
    gate.upstream
        .bytes(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n");
    let mut connection = gate.connect();
    let request = gate.request("HEAD", READ).bearer(&viewer(&gate));
    let reply = request.send_on(&mut connection);
    reply.allowed(200);
    assert_eq!(reply.header("content-length"), Some("9"));
    assert_eq!(gate.upstream.only().method(), "HEAD");
    // The connection is in step: the next reply is read from its first byte.
    gate.upstream.reply(200, &[], b"next");
    let next = gate
        .get(READ)
        .bearer(&viewer(&gate))
        .send_on(&mut connection);
    assert_eq!(next.text(), "next");
}

#[test]
fn replies_without_a_body_leave_the_connection_in_step() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    for status in [204, 304] {
        gate.upstream.reply(status, &[("etag", "\"1\"")], b"");
        let reply = gate
            .get(READ)
            .bearer(&viewer(&gate))
            .send_on(&mut connection);
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("etag"), Some("\"1\""));
        assert_eq!(reply.header("transfer-encoding"), None);
        assert!(reply.message.body.is_empty());
    }
}

#[test]
fn an_upstreams_own_refusals_pass_as_they_are() {
    let gate = TestGate::start();
    for status in [301, 400, 403, 404, 409, 500, 503] {
        gate.upstream
            .reply(status, &[("x-test-own", "yes")], b"own words");
        let reply = gate.get(READ).bearer(&viewer(&gate)).send();
        assert_eq!((reply.status, reply.text().as_str()), (status, "own words"));
        assert_eq!(reply.header("x-test-own"), Some("yes"));
    }
}

#[test]
fn expect_is_answered_after_the_permit_and_never_before() {
    let gate = TestGate::start();
    let head = |token: &str| {
        format!(
            "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
        )
    };
    let mut denied = gate.connect();
    let viewer = gate.issuer.user("ana").context("dashboard").sign();
    denied.send(head(&viewer).as_bytes());
    let first = denied.next("POST").expect("a reply");
    first.refused(Reason::PolicyDenied);
    gate.upstream.saw_nothing();

    let mut allowed = gate.connect();
    allowed.send(head(&editor(&gate)).as_bytes());
    assert_eq!(allowed.next("POST").expect("a reply").status, 100);
    allowed.send(b"{}");
    allowed.reply("POST").allowed(200);
    assert_eq!(gate.upstream.only().message.body, b"{}");
}

#[test]
fn one_connection_serves_many_requests_on_one_upstream_connection() {
    let gate = TestGate::start();
    let token = viewer(&gate);
    let mut connection = gate.connect();
    for _ in 0..5 {
        gate.get(READ)
            .bearer(&token)
            .send_on(&mut connection)
            .allowed(200);
    }
    assert_eq!(gate.upstream.requests().len(), 5);
    assert_eq!(gate.upstream.connections(), 1);
}

#[test]
fn accounts_may_have_upstream_connections_of_their_own() {
    for (pool, connections) in [("shared", 1), ("per_account", 2)] {
        let gate = TestGate::builder()
            .set("/upstreams/api/pool", serde_json::json!(pool))
            .start();
        let bo = gate.issuer.user("bo").account("globex");
        let bo = bo.workspace("globex-prod").sign();
        for token in [viewer(&gate), bo.clone(), viewer(&gate), bo] {
            gate.get(READ).bearer(&token).send().allowed(200);
        }
        assert_eq!(gate.upstream.connections(), connections, "{pool}");
    }
}

#[test]
fn pipelined_requests_are_each_decided_and_answered_in_order() {
    let gate = TestGate::start();
    let token = viewer(&gate);
    let mut bytes = gate.get(READ).bearer(&token).bytes();
    bytes.extend(
        gate.get("/app/v1/missions?workspaceId=globex-prod")
            .bearer(&token)
            .bytes(),
    );
    bytes.extend(gate.get(READ).bearer(&token).bytes());
    let mut connection = gate.connect();
    connection.send(&bytes);
    connection.reply("GET").allowed(200);
    connection.reply("GET").refused(Reason::OutsideTenant);
    connection.reply("GET").allowed(200);
    assert_eq!(gate.upstream.requests().len(), 2);
    let outcomes: Vec<_> = gate
        .audit(3)
        .iter()
        .map(|one| one["status"].clone())
        .collect();
    assert_eq!(outcomes, [200, 403, 200]);
}

#[test]
fn a_client_that_asks_for_the_end_gets_it() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    let request = gate
        .get(READ)
        .bearer(&viewer(&gate))
        .header("connection", "close");
    request.send_on(&mut connection).allowed(200);
    connection.closed();
}

#[test]
fn an_upstream_that_hangs_is_504() {
    let gate = TestGate::builder()
        .set(
            "/upstreams/api/timeouts",
            serde_json::json!({"response": "200ms"}),
        )
        .start();
    gate.upstream.hang();
    gate.get(READ)
        .bearer(&viewer(&gate))
        .send()
        .refused(Reason::UpstreamTimeout);
    gate.upstream.all_closed();
    assert_eq!(gate.only_record()["reason"], "upstream_timeout");
}

#[test]
fn an_upstream_that_closes_is_502() {
    let gate = TestGate::start();
    gate.upstream.reset();
    let reply = gate.post(CREATE, "{}").bearer(&editor(&gate)).send();
    reply.refused(Reason::UpstreamUnreachable);
}

#[test]
fn an_upstream_that_answers_garbage_is_502() {
    let gate = TestGate::start();
    let garbage: [&[u8]; 5] = [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 999999 No\r\n\r\n",
        b"\0\0\0\0\0\0\0\0",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    ];
    for bytes in garbage {
        gate.upstream.garbage(bytes);
        let reply = gate.get(READ).bearer(&viewer(&gate)).send();
        reply.refused(Reason::UpstreamUnreachable);
    }
}

#[test]
fn an_upstream_that_is_not_there_is_502() {
    let gate = TestGate::builder()
        .set(
            "/upstreams/api/url",
            serde_json::json!("http://127.0.0.1:1"),
        )
        .start();
    gate.get(READ)
        .bearer(&viewer(&gate))
        .send()
        .refused(Reason::UpstreamUnreachable);
}

#[test]
fn an_upgrade_nobody_asked_for_is_502() {
    let gate = TestGate::start();
    gate.upstream.garbage(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    );
    gate.get(READ)
        .bearer(&viewer(&gate))
        .send()
        .refused(Reason::UpstreamUnreachable);
}

#[test]
fn hints_of_the_upstream_are_dropped_and_its_answer_passes() {
    let gate = TestGate::start();
    gate.upstream.bytes(
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
          HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    );
    let mut connection = gate.connect();
    connection.send(&gate.get(READ).bearer(&viewer(&gate)).bytes());
    let first = connection.next("GET").expect("a reply");
    assert_eq!((first.status, first.text().as_str()), (200, "ok"));
}

#[test]
fn a_reply_that_breaks_off_breaks_off_for_the_client_too() {
    let gate = TestGate::start();
    gate.upstream
        .garbage(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nhalf");
    let mut connection = gate.connect();
    connection.send(&gate.get(READ).bearer(&viewer(&gate)).bytes());
    let raw = connection.rest();
    let text = String::from_utf8_lossy(&raw);
    assert!(
        !text.contains("\r\n0\r\n\r\n"),
        "a broken reply was ended as if whole: {text}"
    );
}

#[test]
fn a_reply_has_one_length_or_none() {
    let gate = TestGate::start();
    let token = viewer(&gate);
    for (fields, length, body) in [
        (
            "content-length: 3\r\ntransfer-encoding: chunked",
            None,
            "5\r\nwhole\r\n0\r\n\r\n",
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 90",
            None,
            "5\r\nwhole\r\n0\r\n\r\n",
        ),
        ("content-length: 5, 5", Some("5"), "whole"),
        ("content-length: 5\r\ncontent-length: 5", Some("5"), "whole"),
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}");
        gate.upstream.bytes(reply.as_bytes());
        let reply = gate.get(READ).bearer(&token).send();
        assert_eq!(reply.text(), "whole", "{fields}");
        assert_eq!(reply.header("content-length"), length, "{fields}");
    }
}

#[test]
fn a_reply_that_is_coded_for_the_hop_is_502() {
    let gate = TestGate::start();
    for coding in [
        "gzip, chunked",
        "gzip",
        "chunked\r\ntransfer-encoding: chunked",
    ] {
        let reply = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: {coding}\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"
        );
        gate.upstream.garbage(reply.as_bytes());
        let reply = gate.get(READ).bearer(&viewer(&gate)).send();
        reply.refused(Reason::UpstreamUnreachable);
    }
}

#[test]
fn what_follows_a_reply_is_never_the_next_ones() {
    let gate = TestGate::start();
    let token = viewer(&gate);
    let surplus = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
    for first in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 204 No Content\r\ncontent-length: 6\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\n",
    ] {
        gate.upstream.bytes(format!("{first}{surplus}").as_bytes());
        gate.get(READ).bearer(&token).send();
        gate.upstream.reply(200, &[], b"own");
        let next = gate.get(READ).bearer(&token).send();
        assert_eq!(next.text(), "own", "after {first}");
    }
}

#[test]
fn an_upload_that_is_refused_early_gets_its_answer_and_no_reset() {
    const LENGTH: usize = 32 << 20;
    let gate = TestGate::start();
    let mut connection = gate.connect();
    let head =
        format!("POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {LENGTH}\r\n\r\n");
    connection.send(head.as_bytes());
    // A client that looks for an answer only when all is sent, as many do. `send` fails at a reset.
    let piece = vec![0; 1 << 20];
    for _ in 0..LENGTH / piece.len() {
        connection.send(&piece);
    }
    connection.reply("POST").refused(Reason::TokenMissing);
    connection.closed();
    gate.upstream.saw_nothing();
    assert_eq!(gate.only_record()["reason"], "token_missing");
}

#[test]
fn http_1_0_ends_with_the_reply_or_is_kept_where_the_client_asks() {
    let gate = TestGate::start();
    let token = viewer(&gate);
    let ask = |more: &str| {
        format!(
            "GET {READ} HTTP/1.0\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n{more}\r\n"
        )
    };
    let mut kept = gate.connect();
    for _ in 0..2 {
        kept.send(ask("connection: keep-alive\r\n").as_bytes());
        kept.reply("GET").allowed(200);
    }
    // Chunks are unknown to HTTP/1.0: a reply without a length ends with its connection.
    gate.upstream.chunked(&[], &["first", "last"], &[]);
    let mut closed = gate.connect();
    closed.send(ask("").as_bytes());
    let text = String::from_utf8(closed.rest()).unwrap();
    assert!(text.starts_with("HTTP/1.0 200 "), "{text}");
    assert!(text.ends_with("\r\n\r\nfirstlast"), "{text}");
    gate.audit(3);
}

#[test]
fn hop_by_hop_headers_stay_on_their_hop() {
    let gate = TestGate::start();
    let request = gate
        .get(READ)
        .bearer(&viewer(&gate))
        .header("connection", "keep-alive, x-test-hop")
        .header("x-test-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic eA==")
        .header("proxy-connection", "keep-alive")
        .header("x-test-kept", "1");
    gate.upstream.reply(
        200,
        &[
            ("connection", "x-test-back"),
            ("x-test-back", "1"),
            ("x-test-stays", "1"),
        ],
        b"",
    );
    let reply = request.send();
    reply.allowed(200);
    assert_eq!(reply.header("x-test-back"), None);
    assert_eq!(reply.header("x-test-stays"), Some("1"));
    let seen = gate.upstream.only();
    for name in [
        "x-test-hop",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
    ] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.header("x-test-kept"), Some("1"));
}

#[test]
fn a_slow_head_is_cut() {
    let gate = TestGate::builder()
        .set("/listen/timeouts", serde_json::json!({"head": "200ms"}))
        .start();
    let mut connection = Connection::open(gate.address());
    connection.send(b"GET / HTTP/1.1\r\nhost");
    connection.rest();
    gate.upstream.saw_nothing();
}

#[test]
fn a_slow_body_is_cut_and_the_upstream_connection_is_not_reused() {
    let gate = TestGate::builder()
        .set("/listen/timeouts", serde_json::json!({"body": "200ms"}))
        .start();
    let mut connection = gate.connect();
    connection.send(chunked_head(&editor(&gate), "").as_bytes());
    connection.send(b"1\r\n{\r\n");
    connection.rest();
    gate.upstream.all_closed();
    gate.audit(1);
}

#[test]
fn concurrent_requests_do_not_mix() {
    let gate = TestGate::start();
    let token = viewer(&gate);
    std::thread::scope(|scope| {
        for at in 0..16 {
            let (gate, token) = (&gate, &token);
            scope.spawn(move || {
                let mut connection = gate.connect();
                for round in 0..10 {
                    let mut target = READ.to_owned();
                    write!(target, "?n={at}-{round}").unwrap();
                    gate.get(&target)
                        .bearer(token)
                        .send_on(&mut connection)
                        .allowed(200);
                }
            });
        }
    });
    let mut targets: Vec<String> = gate
        .upstream
        .requests()
        .iter()
        .map(|seen| seen.target().to_owned())
        .collect();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), 160);
}

/// What the upstream got under that name.
fn key_seen(gate: &TestGate, name: &str) -> Option<String> {
    let seen = gate.upstream.requests().pop().expect("a request was seen");
    seen.header(name).map(str::to_owned)
}

#[test]
fn an_idempotency_key_is_passed_on_unless_the_route_set_rewrites_it() {
    let gate = TestGate::start();
    let request = gate.post(CREATE, "{}").bearer(&editor(&gate));
    request.header("idempotency-key", "k-1").send().allowed(200);
    assert_eq!(key_seen(&gate, "idempotency-key").as_deref(), Some("k-1"));
}

#[test]
fn a_rewritten_idempotency_key_is_the_callers_own_and_the_same_for_a_retry() {
    let gate = TestGate::builder()
        .set("/routes/1/idempotency", json!("rewrite"))
        .start();
    let send = |token: &str, name: &str, key: &str| {
        let request = gate.post(CREATE, "{}").bearer(token);
        request.header(name, key).send().allowed(200);
        key_seen(&gate, name).expect("a key arrives")
    };
    let user = |name: &str| gate.issuer.user(name).role("editor").context("dashboard");
    let globex = |name: &str| user(name).account("globex").workspace("globex-prod");
    let other = "x-idempotency-key";
    let first = send(&user("edi").sign(), other, "k-1");
    assert_eq!(first.len(), 64);
    // A retry, with a token that was refreshed in between.
    assert_eq!(
        send(&user("edi").claim("jti", "later").sign(), other, "k-1"),
        first
    );
    let mut seen = vec![
        first,
        send(&user("edi").sign(), other, "k-2"),
        send(&user("eda").sign(), other, "k-1"),
        send(&user("edi").workspace("acme-two").sign(), other, "k-1"),
        send(&globex("edi").sign(), other, "k-1"),
        // No part can be moved into the next.
        send(&user("edi-k").sign(), other, "1"),
    ];
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
    let quoted = send(&user("edi").sign(), "idempotency-key", "\"k-1\"");
    assert_eq!(quoted.len(), 66);
    assert!(quoted.starts_with('"') && quoted.ends_with('"'));
}

#[test]
fn an_absent_idempotency_key_stays_absent_and_an_unclear_one_is_refused() {
    let gate = TestGate::builder()
        .set("/routes/1/idempotency", json!("rewrite"))
        .start();
    let request = || gate.post(CREATE, "{}").bearer(&editor(&gate));
    request().send().allowed(200);
    assert_eq!(key_seen(&gate, "idempotency-key"), None);
    assert_eq!(key_seen(&gate, "x-idempotency-key"), None);
    let long = "k".repeat(256);
    for fields in [
        &[("idempotency-key", "a"), ("idempotency-key", "a")][..],
        &[("x-idempotency-key", "a"), ("X_Idempotency_Key", "a")],
        &[("x_idempotency_key", "a")],
        &[("idempotency-key", "")],
        &[("idempotency-key", "\u{e9}")],
        &[("idempotency-key", &long)],
    ] {
        let request = fields.iter().fold(request(), |request, (name, value)| {
            request.header(name, value)
        });
        request.send().refused(Reason::RequestAmbiguous);
    }
    assert_eq!(gate.upstream.requests().len(), 1);
}

#[test]
fn an_idempotency_key_after_the_body_is_removed() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    connection.send(chunked_head(&editor(&gate), "").as_bytes());
    connection.send(b"2\r\n{}\r\n0\r\nX_Idempotency-Key: k\r\nidempotency-key: k\r\n\r\n");
    connection.reply("POST").allowed(200);
    assert!(gate.upstream.only().message.trailers.is_empty());
}

#[test]
fn public_routes_do_not_rewrite_idempotency_keys() {
    let builder = TestGate::builder().set("/routes/6/idempotency", json!("rewrite"));
    let (started, _) = builder.try_start();
    let error = started.err().expect("it must not start");
    assert!(error.contains("routes[6].idempotency"), "{error}");
}
