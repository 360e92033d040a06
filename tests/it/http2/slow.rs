//! Clients that are slow with what they send, or take nothing of what they get.

use super::{PATH, Peer, fields, get, headers, refused, reset, status};
use crate::support::eventually;
use crate::support::gate::{Builder, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::cell::Cell;

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

/// How often a client was cut for taking nothing.
fn cut(gate: &TestGate) -> f64 {
    let cut = "palisade_connections_cut_total";
    gate.metrics().sum(cut, &[("cause", "write")])
}

/// Fails unless so many replies are soon given up, and everybody else is served until then and afterwards.
fn given_up(gate: &TestGate, token: &str, count: u32) {
    let served = Cell::new(0);
    eventually("they are given up", || {
        gate.get("/health").send().allowed(200);
        served.set(served.get() + 1);
        (cut(gate) >= f64::from(count)).then_some(())
    });
    assert_eq!(cut(gate), f64::from(count));
    gate.get(PATH).bearer(token).send().allowed(200);
    eventually("nothing is left under way", || {
        let metrics = gate.metrics();
        let left = metrics.sum("palisade_in_flight_requests", &[])
            + metrics.sum("palisade_streams_open", &[]);
        (left == 0.0).then_some(())
    });
    let records = usize::try_from(count).expect("a small number") + served.get() + 1;
    assert_eq!(gate.audit(records).len(), records);
}

#[test]
fn a_hundred_replies_without_room_are_given_up_and_counted() {
    let gate = impatient().start();
    let token = gate.issuer.user("ana").sign();
    gate.upstream.reply(200, &[], &vec![b'a'; 1 << 20]);
    let mut peer = Peer::with(&gate, &json!({"4": 0}));
    let all = (0..100).map(|at| get(2 * at + 1, &token));
    peer.send(&all.collect::<Vec<_>>());
    given_up(&gate, &token, 100);
    let ends = gate.stream_ends(100);
    assert!(ends.iter().all(|end| end["ended"] == "client"));
    // CANCEL, each of them; and the connection goes on.
    let frames = peer.until("reset", 199);
    assert_eq!(reset(&frames, 199), Some(8));
    gate.upstream.reply(200, &[], b"{}");
    peer.send(&[
        get(201, &token),
        json!({"frame": "window", "stream": 201, "more": 1000}),
    ]);
    assert_eq!(status(&peer.ended(201), 201), Some(200));
}

#[test]
fn replies_without_room_on_their_connection_are_given_up_too() {
    let gate = impatient().start();
    let token = gate.issuer.user("ana").sign();
    gate.upstream.reply(200, &[], &vec![b'a'; 1 << 20]);
    // Each has room enough, and all together have 64 KiB.
    let mut peer = Peer::with(&gate, &json!({"4": 1 << 22}));
    let all = (0..10).map(|at| get(2 * at + 1, &token));
    peer.send(&all.collect::<Vec<_>>());
    given_up(&gate, &token, 10);
}

#[test]
fn small_replies_and_refusals_without_room_are_given_up_as_well() {
    let gate = impatient().start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::with(&gate, &json!({"4": 0}));
    let all = (0..10).map(|at| get(2 * at + 1, if at < 5 { &token } else { "x.y.z" }));
    peer.send(&all.collect::<Vec<_>>());
    given_up(&gate, &token, 10);
}

/// A gate whose clients have to go on with their bodies.
fn waiting(builder: Builder) -> TestGate {
    let timeouts = json!({"body": "300ms", "body_rate": "1KiB"});
    builder.set("/listen/timeouts", timeouts).start()
}

/// The head of an upload.
fn upload(stream: u32, token: &str, kind: &str) -> Value {
    let further = [("content-type", kind), ("te", "trailers")];
    headers(stream, &fields(token, "POST", PATH, &further), false)
}

/// Bytes of a body, one after the other.
fn drip(stream: u32, times: u32) -> Value {
    json!({"frame": "data", "stream": stream, "text": " ", "times": times, "pause": 0.05})
}

#[test]
fn a_body_that_pauses_or_drips_is_408_whoever_reads_it() {
    for reading in [false, true] {
        let gate = waiting(if reading {
            crate::bodies::reading()
        } else {
            TestGate::builder()
        });
        let token = gate.issuer.user("ana").sign();
        let mut peer = Peer::open(&gate);
        for (stream, times) in [(1, 1), (3, 30)] {
            let kind = "application/json";
            peer.send(&[upload(stream, &token, kind), drip(stream, times)]);
            refused(&peer.ended(stream), stream, Reason::BodyTimeout);
        }
        for record in gate.audit(2) {
            assert_eq!(record["reason"], "body_timeout", "{record}");
            assert_eq!(record["outcome"], "aborted");
        }
        // The connection goes on.
        peer.send(&[get(5, &token)]);
        assert_eq!(status(&peer.ended(5), 5), Some(200));
    }
}

#[test]
fn a_hundred_bodies_that_pause_are_408_and_others_are_served() {
    let gate = waiting(TestGate::builder());
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let all = (0..100).flat_map(|at| {
        let stream = 2 * at + 1;
        let kind = "application/json";
        [upload(stream, &token, kind), drip(stream, 1)].map(|mut frame| {
            frame["pause"] = 0.into();
            frame
        })
    });
    peer.send(&all.collect::<Vec<_>>());
    gate.get("/health").send().allowed(200);
    let late = || {
        let labels = [("reason", "body_timeout")];
        gate.metrics().sum("palisade_refusals_total", &labels)
    };
    eventually("all are refused", || {
        gate.get("/health").send().allowed(200);
        (late() >= 100.0).then_some(())
    });
    eventually("nothing is left under way", || {
        let in_flight = gate.metrics().sum("palisade_in_flight_requests", &[]);
        (in_flight == 0.0).then_some(())
    });
    peer.send(&[get(201, &token)]);
    assert_eq!(status(&peer.ended(201), 201), Some(200));
}

#[test]
fn messages_of_grpc_come_over_http2_when_they_come() {
    let gate = waiting(TestGate::builder());
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    peer.send(&[upload(1, &token, "application/grpc"), drip(1, 30)]);
    peer.send(&[json!({"frame": "data", "stream": 1, "END_STREAM": true})]);
    assert_eq!(status(&peer.ended(1), 1), Some(200));
    assert_eq!(gate.upstream.only().message.body.len(), 30);
}

#[test]
fn a_frame_of_a_body_that_never_becomes_whole_is_408_and_its_connection_ends() {
    let timeouts = json!({"body": "300ms", "head": "300ms", "idle": "600ms"});
    let gate = TestGate::builder()
        .set("/listen/timeouts", timeouts)
        .start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    // DATA of 1,000 bytes for the first stream, of which no more than ten come.
    let begun = json!({"frame": "as it is", "bytes": "0003e8000000000001"});
    let byte = json!({"frame": "as it is", "bytes": "20", "times": 10, "pause": 0.05});
    peer.send(&[upload(1, &token, "application/json"), begun, byte]);
    refused(&peer.ended(1), 1, Reason::BodyTimeout);
    peer.until("closed", 0);
    let cut = "palisade_connections_cut_total";
    let idle = gate.metrics().sum(cut, &[("cause", "idle")]);
    assert_eq!(idle, 1.0);
    assert_eq!(gate.only_record()["reason"], "body_timeout");
    gate.upstream.all_closed();
}
