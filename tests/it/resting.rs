//! Connections that are kept between two requests far apart: what they cost while they rest, and that
//! nobody notices when they go on.

use crate::support::authority::Authority;
use crate::support::child::{TestProcess, soon};
use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::{Builder, HOST, TestGate};
use crate::support::tls::{TlsClient, TlsConnection, serving};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

const READ: &str = "/app/v1/missions";
const CREATE: &str = "/dashboard/v1/missions";
/// Buffers are given back after a connection was quiet for as long as a head may take, or 5 s.
const HEAD: Duration = Duration::from_millis(50);
/// The most that a connection at rest may hold; with hyper's buffers it would be ten.
const KIB_EACH_MAX: u64 = 8;
const KEPT: u64 = 800;

fn quick() -> Builder {
    TestGate::builder().set("/listen/timeouts", json!({"head": "50ms"}))
}

/// Long enough for a connection to have come to rest.
fn rest() {
    let begun = Instant::now();
    let rested = || (begun.elapsed() > 6 * HEAD).then_some(());
    eventually("it rests", rested);
}

#[test]
fn a_connection_that_rested_is_served_like_any_other() {
    let gate = quick().start();
    let viewer = gate.issuer.user("ana").sign();
    let editor = gate.issuer.user("edi").role("editor");
    let editor = editor.context("dashboard").sign();
    let mut kept = gate.connect();
    for _ in 0..3 {
        gate.get(READ)
            .bearer(&viewer)
            .send_on(&mut kept)
            .allowed(200);
        rest();
        let create = gate.post(CREATE, "{}").bearer(&editor);
        create.send_on(&mut kept).allowed(200);
        rest();
    }
    assert_eq!(gate.audit(6).len(), 6);
    assert_eq!(gate.metrics().sum("palisade_connections", &[]), 1.0);
    drop(kept);
    eventually("its end is seen", || {
        (gate.metrics().sum("palisade_connections", &[]) == 0.0).then_some(())
    });
}

/// A gate, and a connection of which it was asked once.
fn asked(timeouts: &Value) -> (TestGate, Connection) {
    let gate = TestGate::builder()
        .set("/listen/timeouts", timeouts.clone())
        .start();
    let token = gate.issuer.user("ana").sign();
    let mut kept = gate.connect();
    let request = gate.get(READ).bearer(&token);
    request.send_on(&mut kept).allowed(200);
    (gate, kept)
}

#[test]
fn a_connection_that_rests_is_still_closed_when_it_was_idle_for_too_long() {
    let (gate, mut kept) = asked(&json!({"head": "50ms", "idle": "500ms"}));
    kept.closed();
    assert_eq!(cut(&gate, "idle"), 1.0);
}

#[test]
fn a_connection_that_rests_is_closed_when_the_gate_drains() {
    let timeouts = json!({"head": "50ms", "drain_delay": "0s", "drain": "1h"});
    let (mut gate, mut kept) = asked(&timeouts);
    rest();
    gate.stop();
    kept.closed();
}

/// The same over TLS, and what says who asks.
fn asked_over_tls(timeouts: &Value) -> (TestGate, TlsConnection, String) {
    let authority = Authority::new("servers");
    let gate = serving(&authority.host(&[HOST]), &json!({}))
        .set("/listen/timeouts", timeouts.clone())
        .start();
    let token = gate.issuer.user("ana").sign();
    let bearer = format!("authorization: Bearer {token}\r\n");
    let client = TlsClient::new(&authority, None);
    let mut kept = client.connect(gate.tls_address()).expect("a connection");
    assert_eq!(kept.get(READ, &bearer).expect("a reply"), 200);
    (gate, kept, bearer)
}

/// How many connections were cut for that cause.
fn cut(gate: &TestGate, cause: &str) -> f64 {
    let cut = "palisade_connections_cut_total";
    gate.metrics().sum(cut, &[("cause", cause)])
}

#[test]
fn a_connection_that_rested_over_tls_is_served_like_any_other() {
    let timeouts = json!({"head": "50ms", "drain_delay": "0s", "drain": "1h"});
    let (mut gate, mut kept, bearer) = asked_over_tls(&timeouts);
    for _ in 0..2 {
        rest();
        assert_eq!(kept.get(READ, &bearer).expect("a reply"), 200);
    }
    rest();
    assert_eq!(gate.metrics().sum("palisade_connections", &[]), 1.0);
    gate.stop();
    assert!(kept.get(READ, &bearer).is_err(), "a drain closes it");
    assert_eq!(gate.audit(3).len(), 3);
}

#[test]
fn half_a_record_of_tls_wakes_a_connection_that_rests_and_loses_nothing() {
    let (gate, mut kept, bearer) = asked_over_tls(&json!({"head": "50ms", "idle": "5s"}));
    rest();
    let TlsConnection(stream) = &mut kept;
    let head = format!("GET {READ} HTTP/1.1\r\nhost: {HOST}\r\n{bearer}\r\n");
    let (mut record, plain) = (Vec::new(), &mut stream.conn);
    plain.writer().write_all(head.as_bytes()).expect("room");
    plain.write_tls(&mut record).expect("a record");
    // The socket says that there is something, and the session that there is nothing yet.
    let (first, last) = record.split_at(record.len() / 2);
    stream.sock.write_all(first).expect("it is open");
    rest();
    stream.sock.write_all(last).expect("it is open");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("a reply");
    assert_eq!(&start, b"HTTP/1.1 200");
    assert_eq!(gate.audit(2).len(), 2);
    assert_eq!(cut(&gate, "head"), 0.0);
}

#[test]
fn a_connection_that_rests_over_tls_is_closed_when_it_was_idle_for_too_long() {
    let timeouts = json!({"head": "50ms", "idle": "1s"});
    let (gate, mut kept, _) = asked_over_tls(&timeouts);
    let mut rest = Vec::new();
    // Its end is no farewell of TLS: nobody is there to say it.
    let _ = kept.0.read_to_end(&mut rest);
    let text = String::from_utf8_lossy(&rest);
    assert!(!text.contains("HTTP/1.1"), "{text}");
    assert_eq!(cut(&gate, "idle"), 1.0);
}

#[test]
fn the_end_of_a_reply_over_tls_reaches_a_client_that_pauses_before_it() {
    let authority = Authority::new("servers");
    let gate = serving(&authority.host(&[HOST]), &json!({}))
        .set("/listen/timeouts", json!({"head": "50ms", "idle": "5s"}))
        .start();
    let token = gate.issuer.user("ana").sign();
    let bearer = format!("authorization: Bearer {token}\r\n");
    let client = TlsClient::new(&authority, None);
    // For some of them the kernel takes all but a part that TLS itself holds back.
    let mut paused: Vec<TlsConnection> = Vec::new();
    for kib in (100..500).step_by(20) {
        let body = vec![b'x'; kib * 1024];
        gate.upstream.reply(200, &[], &body);
        let mut one = client.connect(gate.tls_address()).expect("a connection");
        let before = gate.upstream.requests().len();
        one.ask(READ, &bearer).expect("a request");
        eventually("it is asked", || {
            (gate.upstream.requests().len() > before).then_some(())
        });
        paused.push(one);
    }
    rest();
    for mut one in paused {
        assert_eq!(one.reply().expect("a whole reply"), 200);
    }
    assert_eq!(cut(&gate, "idle"), 0.0);
}

#[test]
fn half_a_head_behind_a_request_has_the_time_of_a_head() {
    let gate = quick().start();
    let request = gate.get(READ).bearer(&gate.issuer.user("ana").sign());
    let mut kept = gate.connect();
    let whole = request.bytes();
    kept.send(&[&whole, &whole[..whole.len() / 2]].concat());
    kept.reply("GET").allowed(200);
    // And not that of an idle connection.
    kept.closed();
    assert_eq!(gate.audit(1).len(), 1);
}

#[test]
fn what_is_left_of_a_body_is_never_taken_for_a_request() {
    let gate = quick().start();
    let token = gate.issuer.user("ana").sign();
    let hidden = gate.get(READ).bearer(&token).bytes();
    let length = 1000 + hidden.len();
    let mut client: Connection = gate.connect();
    // Refused at its head, with the body still to come.
    let head =
        format!("POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {length}\r\n\r\n");
    client.send(head.as_bytes());
    assert_eq!(client.reply("POST").status, 401);
    rest();
    client.send(&hidden);
    assert!(client.replies().is_empty(), "the body was answered");
    gate.upstream.saw_nothing();
    assert_eq!(gate.audit(1).len(), 1);
}

#[test]
fn connections_at_rest_hold_little_memory() {
    let gate = TestProcess::start(quick());
    let token = gate.issuer.user("ana").sign();
    let keep = |count: u64| -> Vec<Connection> {
        let asked = (0..count).map(|_| {
            let mut kept = gate.connect();
            let request = gate.request("GET", READ).bearer(&token);
            request.send_on(&mut kept).allowed(200);
            kept
        });
        asked.collect()
    };
    // The first take what threads and allocator keep.
    let _first = keep(50);
    rest();
    let before = gate.anonymous_memory();
    let _kept = keep(KEPT);
    // The allocator gives memory back to the system when it has not been used for ten seconds.
    soon("they hold little", || {
        let each = gate.anonymous_memory().saturating_sub(before) / KEPT;
        (each < KIB_EACH_MAX * 1024).then_some(())
    });
}

/// Reading files and policies runs through most of the program; serving does not.
#[test]
fn what_only_a_start_runs_is_not_kept_in_memory() {
    let gate = TestProcess::start(quick());
    let mut most = 0;
    // How much comes back at once depends on how the kernel keeps the program's file: where it does so in
    // large pieces, it maps each whole (Linux 6.18). Nothing but giving back makes it less.
    soon("its pages are given back", || {
        let held = gate.code();
        most = held.max(most);
        (held * 4 < most * 3).then_some(())
    });
    let token = gate.issuer.user("ana").sign();
    let request = gate.request("GET", READ).bearer(&token);
    request.send().allowed(200);
}
