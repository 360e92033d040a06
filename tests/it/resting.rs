//! Connections that are kept between two requests far apart: what they cost while they rest, and that
//! nobody notices when they go on.

use crate::support::child::{TestProcess, soon};
use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::{Builder, HOST, TestGate};
use serde_json::json;
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

#[test]
fn a_connection_that_rests_is_still_closed_when_it_was_idle_for_too_long() {
    let timeouts = json!({"head": "50ms", "idle": "500ms"});
    let gate = TestGate::builder()
        .set("/listen/timeouts", timeouts)
        .start();
    let token = gate.issuer.user("ana").sign();
    let mut kept = gate.connect();
    gate.get(READ)
        .bearer(&token)
        .send_on(&mut kept)
        .allowed(200);
    kept.closed();
}

#[test]
fn a_connection_that_rests_is_closed_when_the_gate_drains() {
    let timeouts = json!({"head": "50ms", "drain_delay": "0s", "drain": "1h"});
    let mut gate = TestGate::builder()
        .set("/listen/timeouts", timeouts)
        .start();
    let token = gate.issuer.user("ana").sign();
    let mut kept = gate.connect();
    gate.get(READ)
        .bearer(&token)
        .send_on(&mut kept)
        .allowed(200);
    rest();
    gate.stop();
    kept.closed();
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
