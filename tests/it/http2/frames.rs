//! Requests that only HTTP/2 can spell: each is refused by a reason, or by the protocol itself.

use super::{PATH, Peer, body, field, fields, get, headers, refused, status};
use crate::support::eventually;
use crate::support::gate::{HOST, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};

/// An ordinary request with one field in place of another, or without it.
fn with(token: &str, name: &str, value: Option<&str>) -> Value {
    let all = fields(token, "GET", PATH, &[]);
    let all = all.as_array().expect("fields are a list").iter();
    let changed = all.filter_map(|field| match value {
        _ if field[0] != name => Some(field.clone()),
        Some(value) => Some(json!([name, value])),
        None => None,
    });
    changed.collect::<Vec<_>>().into()
}

#[test]
fn an_authority_must_be_served_and_be_the_host() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let upper = HOST.to_uppercase();
    let mut stream = 1;
    for (authority, host, is_good) in [
        (Some(HOST), None, true),
        (Some(HOST), Some(HOST), true),
        (Some(upper.as_str()), Some(HOST), true),
        (None, Some(HOST), true),
        (None, None, false),
        (Some("evil.example"), None, false),
        (Some("evil.example"), Some(HOST), false),
        (Some(HOST), Some("evil.example"), false),
        (Some("user@api.example.com"), None, false),
        (Some(HOST), Some(""), false),
    ] {
        let mut fields = with(&token, ":authority", authority);
        if let Some(host) = host {
            let fields = fields.as_array_mut().expect("fields are a list");
            fields.push(json!(["host", host]));
        }
        peer.send(&[headers(stream, &fields, true)]);
        let frames = peer.ended(stream);
        if is_good {
            assert_eq!(status(&frames, stream), Some(200), "{fields}: {frames:?}");
        } else {
            refused(&frames, stream, Reason::RequestAmbiguous);
        }
        stream += 2;
    }
    assert_eq!(gate.upstream.requests().len(), 4);
}

#[test]
fn what_is_no_request_in_http2_never_becomes_one_and_is_counted() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let further = |name: &str, value: &str| fields(&token, "GET", PATH, &[(name, value)]);
    let malformed = [
        further("connection", "close"),
        further("keep-alive", "timeout=5"),
        further("proxy-connection", "close"),
        further("transfer-encoding", "chunked"),
        further("upgrade", "h2c"),
        further("te", "gzip"),
        further("X-Upper", "a"),
        further(":path", "/app/v1/other"),
        further(":status", "200"),
        further(":unknown", "a"),
        further("a b", "a"),
        further("x-test", "a\r\nx-user-id: u-1"),
        with(&token, ":method", None),
        with(&token, ":scheme", None),
        with(&token, ":path", None),
        with(&token, ":path", Some("")),
        with(&token, ":path", Some("app/v1/missions")),
        with(&token, ":path", Some("http://evil.example/app/v1/missions")),
        with(&token, ":authority", Some("a b")),
    ];
    for (before, fields) in (0_u32..).zip(&malformed) {
        let mut peer = Peer::open(&gate);
        peer.send(&[headers(1, fields, true)]);
        let told = peer.seen("ended", 1);
        let frames = told["frames"].as_array().expect("frames are told");
        assert_eq!(status(frames, 1), None, "{fields}: {told}");
        // PROTOCOL_ERROR: of the stream, or of the connection where its fields cannot be read at all.
        let code = frames.last().expect("it is told")["code"].as_u64();
        assert_eq!(code, Some(1), "{fields}: {told}");
        eventually("it is counted", || {
            let counted = gate.metrics().sum("palisade_malformed_heads_total", &[]);
            (counted == f64::from(before + 1)).then_some(())
        });
        if told["how"] == "reached" {
            // The connection goes on with the next request.
            peer.send(&[get(3, &token)]);
            assert_eq!(status(&peer.ended(3), 3), Some(200), "after {fields}");
        }
    }
}

#[test]
fn targets_and_methods_with_two_readings_are_refused_as_in_http1() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let mut stream = 1;
    for fields in [
        with(&token, ":path", Some("*")),
        with(&token, ":path", Some("//app/v1/missions")),
        with(&token, ":path", Some("/app/v1/missions/..")),
        with(
            &token,
            ":path",
            Some("/app/v1/missions?workspaceId=a&workspaceId=b"),
        ),
        with(&token, ":scheme", Some("ftp")),
        with(&token, ":method", Some("TRACE")),
        json!([[":method", "CONNECT"], [":authority", HOST]]),
    ] {
        peer.send(&[headers(stream, &fields, true)]);
        let frames = peer.ended(stream);
        assert_eq!(status(&frames, stream), Some(400), "{fields}: {frames:?}");
        refused(&frames, stream, Reason::RequestAmbiguous);
        stream += 2;
    }
    gate.upstream.saw_nothing();
}

#[test]
fn cookies_in_pieces_are_one_cookie_upstream() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    gate.upstream.accept_any_header();
    let mut peer = Peer::open(&gate);
    let crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")];
    peer.send(&[headers(1, &fields(&token, "GET", PATH, &crumbs), true)]);
    assert_eq!(status(&peer.ended(1), 1), Some(200));
    assert_eq!(gate.upstream.only().header("cookie"), Some("a=1; b=2; c=3"));
}

#[test]
fn trailers_come_through_in_both_directions() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let trailer = ("trailer", "x-test-sum");
    gate.upstream
        .chunked(&[trailer], &["one", "two"], &[("x-test-sum", "6")]);
    let mut peer = Peer::open(&gate);
    let te = [
        ("te", "trailers"),
        ("content-type", "application/json"),
        trailer,
    ];
    let sum = json!({"frame": "headers", "stream": 1, "END_HEADERS": true, "END_STREAM": true,
        "fields": [["x-test-sum", "5"], ["x-palisade-account", "globex"]]});
    peer.send(&[
        headers(1, &fields(&token, "POST", PATH, &te), false),
        json!({"frame": "data", "stream": 1, "text": "{\"a\":1}"}),
        sum,
    ]);
    let frames = peer.ended(1);
    assert_eq!(body(&frames, 1), "onetwo");
    assert_eq!(field(&frames, 1, "x-test-sum").as_deref(), Some("6"));
    let trailers = gate.upstream.only().message.trailers;
    assert_eq!(trailers, [("x-test-sum".to_owned(), "5".to_owned())]);
}

#[test]
fn a_refused_grpc_call_is_told_in_trailers_only() {
    let gate = TestGate::start();
    let mut peer = Peer::open(&gate);
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    let fields = fields("x.y.z", "POST", PATH, &grpc);
    peer.send(&[headers(1, &fields, false)]);
    let frames = peer.ended(1);
    assert_eq!(status(&frames, 1), Some(200), "{frames:?}");
    assert_eq!(field(&frames, 1, "grpc-status").as_deref(), Some("16"));
    assert_eq!(
        field(&frames, 1, "content-type").as_deref(),
        Some("application/grpc")
    );
    let heads = frames.iter().filter(|frame| frame["fields"].is_array());
    assert_eq!(heads.count(), 1, "{frames:?}");
}

#[test]
fn a_refusal_comes_before_the_body_and_the_rest_is_not_wanted() {
    let gate = TestGate::start();
    let mut peer = Peer::open(&gate);
    let fields = fields("x.y.z", "POST", PATH, &[("content-length", "1000000")]);
    peer.send(&[headers(1, &fields, false)]);
    let frames = peer.until("reset", 1);
    refused(&frames, 1, Reason::TokenMalformed);
    let reset = frames
        .iter()
        .find(|frame| frame["is"].to_string().contains("RST_STREAM"));
    assert_eq!(reset.expect("it is reset")["code"], 0, "NO_ERROR");
}

#[test]
fn draining_says_goodbye_and_finishes_what_was_asked() {
    let mut gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let fields = fields(&token, "POST", PATH, &[("content-length", "2")]);
    peer.send(&[headers(1, &fields, false)]);
    eventually("the request is under way", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    let stopped = std::thread::scope(|scope| {
        let stopping = scope.spawn(|| gate.stop());
        let frames = peer.until("goaway", 0);
        assert!(frames.iter().any(|frame| frame["code"] == 0), "{frames:?}");
        peer.send(&[json!({"frame": "data", "stream": 1, "text": "{}", "END_STREAM": true})]);
        let frames = peer.until("closed", 0);
        assert_eq!(status(&frames, 1), Some(200), "{frames:?}");
        stopping.join()
    });
    stopped.expect("it stops");
}
