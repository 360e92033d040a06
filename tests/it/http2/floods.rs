//! Clients that cost more than they ask for: each loses its connection, and nobody else notices.

use super::{PATH, Peer, fields, get, headers, status};
use crate::support::eventually;
use crate::support::gate::TestGate;
use serde_json::{Value, json};

/// Whoever else there is, is served.
fn is_served(gate: &TestGate, token: &str) {
    gate.get(PATH).bearer(token).send().allowed(200);
    let mut peer = Peer::open(gate);
    peer.send(&[get(1, token)]);
    assert_eq!(status(&peer.ended(1), 1), Some(200));
    drop(peer);
    eventually("nothing is left under way", || {
        let in_flight = gate.metrics().sum("palisade_in_flight_requests", &[]);
        (in_flight == 0.0).then_some(())
    });
}

#[test]
fn whoever_takes_requests_back_as_fast_as_it_asks_is_cut_off() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let asked: Vec<Value> = (0..3000)
        .flat_map(|at| {
            let stream = 2 * at + 1;
            let reset = json!({"frame": "reset", "stream": stream, "code": 8});
            [get(stream, &token), reset]
        })
        .collect();
    peer.send(&asked);
    peer.until("closed", 0);
    is_served(&gate, &token);
}

#[test]
fn a_head_without_end_is_cut_off() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let mut first = headers(1, &fields(&token, "GET", PATH, &[]), true);
    first["END_HEADERS"] = false.into();
    let piece = json!({"frame": "continuation", "stream": 1, "times": 500,
        "fields": [["x-test-more", "m".repeat(4000)]]});
    peer.send(&[first, piece]);
    peer.until("closed", 0);
    gate.upstream.saw_nothing();
    is_served(&gate, &token);
}

#[test]
fn requests_beyond_the_limit_of_one_connection_are_refused_for_later() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    // Each of them waits for its body.
    let open = |at: u32| {
        let post = fields(&token, "POST", PATH, &[("content-length", "2")]);
        headers(2 * at + 1, &post, false)
    };
    peer.send(&(0..101).map(open).collect::<Vec<_>>());
    let frames = peer.until("reset", 201);
    let reset = frames.iter().find(|frame| frame["stream"] == 201);
    // REFUSED_STREAM: it was not looked at, and may be sent again.
    assert_eq!(reset.expect("it is reset")["code"], 7);
    peer.send(&[json!({"frame": "data", "stream": 1, "text": "{}", "END_STREAM": true})]);
    assert_eq!(status(&peer.ended(1), 1), Some(200));
    drop(peer);
    is_served(&gate, &token);
}

#[test]
fn frames_that_carry_nothing_hold_up_nobody_and_are_cut_off_in_masses() {
    // The shortest timeout is how often the connection is looked at.
    let gate = TestGate::builder()
        .set("/listen/timeouts", json!({"head": "1s"}))
        .start();
    let token = gate.issuer.user("ana").sign();
    for (before, (kind, payload)) in (0_u32..).zip([
        // PRIORITY of a stream that is never opened, and of another one.
        ("02", "0000000000"),
        // WINDOW_UPDATE.
        ("08", "00000001"),
        ("06", "70616c6973616465"),
        // SETTINGS.
        ("04", "000400011170"),
        // Whatever a later version may add.
        ("ee", "00"),
    ]) {
        let mut peer = Peer::open(&gate);
        let stream = if kind == "02" { "00000007" } else { "00000000" };
        let frame = |times: u32| {
            let bytes = format!("{:06x}{kind}00{stream}{payload}", payload.len() / 2);
            json!({"frame": "as it is", "bytes": bytes, "times": times})
        };
        let cut = || {
            let cut = "palisade_connections_cut_total";
            gate.metrics().sum(cut, &[("cause", "frames")])
        };
        peer.send(&[frame(5000), get(1, &token)]);
        assert_eq!(status(&peer.ended(1), 1), Some(200), "{kind}");
        assert_eq!(cut(), f64::from(before), "{kind}");
        peer.send(&[frame(10_000)]);
        is_served(&gate, &token);
        peer.until("closed", 0);
        assert_eq!(cut(), f64::from(before + 1), "{kind}");
    }
}

#[test]
fn data_without_data_is_cut_off_in_masses() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let post = fields(&token, "POST", PATH, &[]);
    peer.send(&[headers(1, &post, false)]);
    peer.send(&[json!({"frame": "data", "stream": 1, "times": 12_000})]);
    peer.until("closed", 0);
    is_served(&gate, &token);
}

#[test]
fn whoever_takes_a_large_reply_in_small_steps_is_no_flood() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    gate.upstream.reply(200, &[], &vec![b'a'; 1 << 20]);
    let mut peer = Peer::open(&gate);
    peer.send(&[get(1, &token)]);
    let mut got = 0;
    while got < 1 << 20 {
        let frames = peer.until("data", 1);
        let length = frames.iter().filter_map(|frame| frame["length"].as_u64());
        let length: u64 = length.sum();
        got += length;
        let steps: Vec<Value> = [0, 1]
            .map(|stream| {
                json!({"frame": "window", "stream": stream, "more": length / 8 + 1, "times": 8})
            })
            .into();
        peer.send(&steps);
    }
    let cut = "palisade_connections_cut_total";
    assert_eq!(gate.metrics().sum(cut, &[]), 0.0);
}
