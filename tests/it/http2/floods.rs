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
fn pings_and_settings_without_end_hold_up_nobody() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    peer.send(&[
        json!({"frame": "ping", "times": 5000}),
        json!({"frame": "settings", "settings": {"4": 70000}, "times": 2000}),
    ]);
    is_served(&gate, &token);
}
