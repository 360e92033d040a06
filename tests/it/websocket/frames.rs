//! A WebSocket over HTTP/2, frame by frame (RFC 8441): who may open one, and how it ends for both sides.

use super::{KEY, LIVE, builder, live};
use crate::http2::{self, Peer, field, headers, refused, reset, status};
use crate::support::eventually;
use crate::support::gate::{Builder, HOST, TestGate};
use crate::support::script::{Line, Script};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Two bytes of text in one frame, the beginning of another, and the gate's own last words: 1001 and 1008.
const WHOLE: &str = "81026869";
const HALF: &str = "810568616c";
const GOING_AWAY: &str = "880203e9";
const POLICY_VIOLATION: &str = "880203f0";

/// CANCEL.
const CANCEL: u64 = 8;

/// A service that opens every WebSocket, says something, and counts those whose end it has seen.
struct Sockets {
    script: Script,
    ended: Arc<AtomicUsize>,
}

impl Sockets {
    /// That says `first` (in hexadecimal) and answers with `more` lines of its own.
    fn start(first: &'static str, more: &'static str) -> Self {
        let ended = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ended);
        let script = Script::start(move |line| {
            line.send(switched(line, more));
            line.send(bytes(first));
            line.wait();
            count.fetch_add(1, Relaxed);
        });
        Self { script, ended }
    }

    /// A gate whose route to it may become a WebSocket.
    fn gate(&self) -> Builder {
        builder()
            .set("/upstreams/sockets", json!({"url": self.script.url()}))
            .set("/routes/7", live("sockets"))
    }

    /// Waits until so many have ended.
    fn ended(&self, count: usize) {
        eventually("the service sees the end", || {
            (self.ended.load(Relaxed) == count).then_some(())
        });
    }
}

/// The answer to the handshake that was read.
fn switched(line: &Line, more: &str) -> String {
    let proof = line.said("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let proof = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, proof.as_bytes());
    let accept = STANDARD.encode(proof);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\n{more}\r\n"
    )
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let pairs = hexadecimal.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

/// An extended CONNECT; `credential`: the field that says who asks.
fn connect(stream: u32, credential: (&str, &str), more: &[(&str, &str)]) -> Value {
    let mut fields = vec![
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", LIVE),
        (":authority", HOST),
        credential,
    ];
    if !more
        .iter()
        .any(|(name, _)| *name == "sec-websocket-version")
    {
        fields.push(("sec-websocket-version", "13"));
    }
    fields.extend(more);
    headers(stream, &json!(fields), false)
}

fn bearer(gate: &TestGate) -> String {
    format!("Bearer {}", gate.issuer.user("ana").sign())
}

/// Opens one as `ana`: what comes until then, and maybe more.
fn open(gate: &TestGate, peer: &mut Peer, stream: u32) -> Vec<Value> {
    let bearer = bearer(gate);
    peer.send(&[connect(stream, ("authorization", &bearer), &[])]);
    let frames = peer.until("head", stream);
    assert_eq!(status(&frames, stream), Some(200), "{frames:?}");
    frames
}

/// The same, and hears what its service says first.
fn heard(gate: &TestGate, peer: &mut Peer, stream: u32) {
    let frames = open(gate, peer, stream);
    if data(&frames, stream).is_empty() {
        peer.until("data", stream);
    }
}

/// All that came of its data, in hexadecimal.
fn data(frames: &[Value], stream: u32) -> String {
    let of_stream = frames.iter().filter(|frame| frame["stream"] == stream);
    of_stream
        .filter_map(|frame| frame["hex"].as_str())
        .collect()
}

/// Fails unless none is open any more, and one was closed `by` that side.
fn closed(gate: &TestGate, by: &str) {
    eventually("it has ended", || {
        let open = gate.metrics().sum("palisade_tunnels", &[]);
        (open == 0.0).then_some(())
    });
    let metrics = gate.metrics();
    let closed = metrics.sum("palisade_tunnels_closed_total", &[("by", by)]);
    assert_eq!(closed, 1.0, "{by}");
    assert_eq!(metrics.sum("palisade_in_flight_requests", &[]), 0.0);
    assert_eq!(metrics.sum("palisade_streams_open", &[]), 0.0);
}

/// The connection goes on with another request.
fn goes_on(gate: &TestGate, peer: &mut Peer, stream: u32) {
    let token = gate.issuer.user("ana").sign();
    peer.send(&[http2::get(stream, &token)]);
    assert_eq!(status(&peer.ended(stream), stream), Some(200));
}

#[test]
fn a_drain_ends_it_with_a_close_frame_and_its_stream() {
    let sockets = Sockets::start(WHOLE, "");
    let mut gate = sockets
        .gate()
        .set("/listen/timeouts", json!({"drain": "1s"}))
        .start();
    let mut peer = Peer::open(&gate);
    heard(&gate, &mut peer, 1);
    std::thread::scope(|scope| {
        scope.spawn(|| gate.stop());
        let frames = peer.ended(1);
        assert_eq!(data(&frames, 1), GOING_AWAY, "{frames:?}");
        assert_eq!(reset(&frames, 1), None, "{frames:?}");
        drop(peer);
    });
    sockets.ended(1);
    let end = gate.stream_ends(1).remove(0);
    assert_eq!(end["ended"], "drain", "{end}");
}

#[test]
fn a_silent_one_ends_and_its_connection_goes_on() {
    let sockets = Sockets::start(WHOLE, "");
    let gate = sockets
        .gate()
        .set("/upstreams/sockets/timeouts", json!({"tunnel": "200ms"}))
        .start();
    let mut peer = Peer::open(&gate);
    let mut frames = open(&gate, &mut peer, 1);
    frames.extend(peer.ended(1));
    assert_eq!(data(&frames, 1), format!("{WHOLE}{GOING_AWAY}"));
    assert_eq!(reset(&frames, 1), None, "{frames:?}");
    sockets.ended(1);
    closed(&gate, "idle");
    assert_eq!(gate.stream_ends(1)[0]["ended"], "idle");
    goes_on(&gate, &mut peer, 3);
}

#[test]
fn revocation_ends_it_between_two_frames_with_a_code_and_inside_of_one_without() {
    for (first, last) in [(WHOLE, POLICY_VIOLATION), (HALF, "")] {
        let sockets = Sockets::start(first, "");
        let gate = sockets
            .gate()
            .set("/revocations", json!("revocations.yaml"))
            .file("revocations.yaml", "{}")
            .start();
        let mut peer = Peer::open(&gate);
        heard(&gate, &mut peer, 1);
        let revoked = r#"{"user": [{"account": "acme", "id": "ana"}]}"#;
        gate.files.put("revocations.yaml", revoked);
        let frames = peer.ended(1);
        assert_eq!(data(&frames, 1), last, "{frames:?}");
        sockets.ended(1);
        closed(&gate, "revoked");
        let end = gate.stream_ends(1).remove(0);
        assert_eq!(
            (&end["ended"], &end["reason"]),
            (&json!("gate"), &json!("token_revoked"))
        );
    }
}

#[test]
fn a_client_that_resets_it_or_leaves_is_the_end_for_its_service_too() {
    let sockets = Sockets::start(WHOLE, "");
    let gate = sockets.gate().start();
    let mut peer = Peer::open(&gate);
    heard(&gate, &mut peer, 1);
    peer.send(&[json!({"frame": "reset", "stream": 1, "code": CANCEL})]);
    sockets.ended(1);
    closed(&gate, "client");
    assert_eq!(gate.stream_ends(1)[0]["ended"], "client");
    goes_on(&gate, &mut peer, 3);
    for stream in [5, 7] {
        heard(&gate, &mut peer, stream);
    }
    drop(peer);
    sockets.ended(3);
    gate.stream_ends(3);
}

#[test]
fn a_client_that_ends_its_half_hears_the_rest() {
    let sockets = Sockets::start(WHOLE, "");
    let gate = sockets.gate().start();
    let mut peer = Peer::open(&gate);
    heard(&gate, &mut peer, 1);
    let last = json!({"frame": "data", "stream": 1, "text": "last words", "END_STREAM": true});
    peer.send(&[last]);
    // The service has seen the end, and ends in turn.
    let frames = peer.ended(1);
    assert_eq!(reset(&frames, 1), None, "{frames:?}");
    sockets.ended(1);
    closed(&gate, "client");
}

#[test]
fn a_service_that_breaks_off_ends_it_and_nothing_else() {
    let script = Script::start(|line| {
        let answer = switched(line, "");
        line.send(answer);
        line.send(bytes(HALF));
        // Whoever waits for it has told it something.
        line.take(1);
        line.reset();
    });
    let gate = builder()
        .set("/upstreams/sockets", json!({"url": script.url()}))
        .set("/routes/7", live("sockets"))
        .start();
    let mut peer = Peer::open(&gate);
    heard(&gate, &mut peer, 1);
    peer.send(&[json!({"frame": "data", "stream": 1, "text": "x"})]);
    let frames = peer.ended(1);
    assert_eq!(data(&frames, 1), "", "{frames:?}");
    closed(&gate, "upstream");
    goes_on(&gate, &mut peer, 3);
}

#[test]
fn a_token_cookie_opens_one_for_a_listed_origin_alone() {
    let origin = "https://app.example.com";
    let mut route = live("sockets");
    route["cors"] = json!({"origins": [origin], "credentials": true});
    let sockets = Sockets::start(WHOLE, "");
    let gate = sockets
        .gate()
        .set("/routes/7", route)
        .set("/listen/token_cookies", json!({"names": ["__Host-token"]}))
        .start();
    let mut peer = Peer::open(&gate);
    let cookie = format!("__Host-token={}", gate.issuer.user("ana").sign());
    let evil = "https://evil.example";
    for (stream, more) in [
        (1, &[("origin", evil)][..]),
        (3, &[]),
        (5, &[("origin", "null")]),
        (7, &[("origin", evil), ("sec-fetch-site", "cross-site")]),
    ] {
        peer.send(&[connect(stream, ("cookie", &cookie), more)]);
        refused(&peer.ended(stream), stream, Reason::CrossSite);
    }
    assert_eq!(sockets.script.connections(), 0);
    // Beside another credential it is two.
    let bearer = bearer(&gate);
    peer.send(&[connect(
        9,
        ("cookie", &cookie),
        &[("authorization", &bearer)],
    )]);
    refused(&peer.ended(9), 9, Reason::RequestAmbiguous);
    peer.send(&[connect(11, ("cookie", &cookie), &[("origin", origin)])]);
    let frames = peer.until("head", 11);
    assert_eq!(status(&frames, 11), Some(200), "{frames:?}");
}

#[test]
fn a_handshake_that_is_none_is_refused_as_over_http1() {
    let sockets = Sockets::start(WHOLE, "");
    let gate = sockets.gate().start();
    let mut peer = Peer::open(&gate);
    let bearer = bearer(&gate);
    let version = "sec-websocket-version";
    for (stream, more) in (1..).step_by(2).zip([
        &[(version, "8")][..],
        &[(version, "13"), (version, "13")],
        &[("sec-websocket-protocol", "a b")],
        &[("sec-websocket-extensions", "a b; c")],
    ]) {
        peer.send(&[connect(stream, ("authorization", &bearer), more)]);
        refused(&peer.ended(stream), stream, Reason::WebsocketHandshake);
    }
    assert_eq!(sockets.script.connections(), 0);
    // A key says nothing here: the gate asks with its own.
    let key = [("sec-websocket-key", KEY)];
    peer.send(&[connect(101, ("authorization", &bearer), &key)]);
    let frames = peer.until("head", 101);
    assert_eq!(status(&frames, 101), Some(200), "{frames:?}");
}

#[test]
fn a_subprotocol_is_one_that_was_offered() {
    let sockets = Sockets::start(WHOLE, "sec-websocket-protocol: chat\r\n");
    let gate = sockets.gate().start();
    let mut peer = Peer::open(&gate);
    let bearer = bearer(&gate);
    let ask = |stream, offered| {
        let offered = [("sec-websocket-protocol", offered)];
        connect(stream, ("authorization", &bearer), &offered)
    };
    peer.send(&[ask(1, "log, chat")]);
    let frames = peer.until("head", 1);
    assert_eq!(status(&frames, 1), Some(200), "{frames:?}");
    let chosen = field(&frames, 1, "sec-websocket-protocol");
    assert_eq!(chosen.as_deref(), Some("chat"));
    assert_eq!(field(&frames, 1, "sec-websocket-accept"), None);
    peer.send(&[ask(3, "log")]);
    refused(&peer.ended(3), 3, Reason::UpstreamUnreachable);
    let record = gate.audit(2).remove(1);
    assert!(
        record["detail"].to_string().contains("not offered"),
        "{record}"
    );
}
