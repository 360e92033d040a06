//! Clients that are slow with what they send, or take nothing of what they get.

use super::{PATH, Peer, fields, get, headers, status};
use crate::support::eventually;
use crate::support::gate::{Builder, TestGate};
use serde_json::json;

fn impatient() -> Builder {
    TestGate::builder().set(
        "/listen/timeouts",
        json!({"head": "300ms", "idle": "600ms", "write": "600ms"}),
    )
}

#[test]
fn a_preface_that_does_not_become_whole_is_cut_off() {
    let gate = impatient().start();
    for bytes in [1, 3, 10, 23, 30] {
        let mut peer = Peer::told(&json!({"open": gate.address().port(), "bytes": bytes}));
        peer.until("closed", 0);
    }
}

#[test]
fn a_head_that_does_not_become_whole_is_cut_off() {
    let gate = impatient().start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let mut first = headers(1, &fields(&token, "GET", PATH, &[]), true);
    first["END_HEADERS"] = false.into();
    peer.send(&[first]);
    peer.until("closed", 0);
    gate.upstream.saw_nothing();
}

#[test]
fn a_connection_that_asks_nothing_is_bid_farewell() {
    let gate = impatient().start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    peer.send(&[get(1, &token)]);
    assert_eq!(status(&peer.ended(1), 1), Some(200));
    let frames = peer.until("goaway", 0);
    assert!(frames.iter().any(|frame| frame["code"] == 0), "{frames:?}");
    peer.until("closed", 0);
}

#[test]
fn a_reply_that_gets_no_room_ends_and_its_neighbours_do_not() {
    let gate = impatient().start();
    let token = gate.issuer.user("ana").sign();
    gate.upstream.reply(200, &[], &vec![b'a'; 1 << 20]);
    // SETTINGS_INITIAL_WINDOW_SIZE: no reply has room until the client says so.
    let mut peer = Peer::with(&gate, &json!({"4": 0}));
    peer.send(&[get(1, &token)]);
    let frames = peer.until("reset", 1);
    assert_eq!(status(&frames, 1), Some(200), "{frames:?}");
    gate.upstream.reply(200, &[], b"{}");
    peer.send(&[
        get(3, &token),
        json!({"frame": "window", "stream": 3, "more": 1000}),
    ]);
    assert_eq!(status(&peer.ended(3), 3), Some(200));
    eventually("nothing is left under way", || {
        let in_flight = gate.metrics().sum("palisade_in_flight_requests", &[]);
        (in_flight == 0.0).then_some(())
    });
    assert_eq!(gate.audit(2).len(), 2);
}
