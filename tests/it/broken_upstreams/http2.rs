//! Upstreams that break HTTP/2: each fault has its reason and one record, and none of them takes the gate
//! for whole what is not.

use super::{READ, gate_of, viewer};
use crate::http2::{self, Peer};
use crate::support::eventually;
use crate::support::frames::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, FIRST, HEADERS, PUSH_PROMISE, RESET,
    SETTINGS, begin, frame, goaway,
};
use crate::support::gate::{Builder, TestGate};
use crate::support::script::{Line, Script};
use palisade::reason::Reason;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// `:status` 200 and 103, and a `content-length` of 9, as HPACK has them.
const OK: &[u8] = &[0x88];
const HINTS: &[u8] = &[0x08, 3, b'1', b'0', b'3'];
const NINE: &[u8] = &[0x0f, 0x0d, 1, b'9'];

/// The head of a reply, with nothing behind it yet.
fn head() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, FIRST, OK)
}

fn data(flags: u8, text: &str) -> Vec<u8> {
    frame(DATA, flags, FIRST, text.as_bytes())
}

/// A gate that asks its upstream over HTTP/2, and once.
fn builder() -> Builder {
    TestGate::builder()
        .set("/upstreams/api/protocol", json!("http2"))
        .set("/upstreams/api/retries", json!({"max": 0}))
}

/// The same before an upstream that does so once a request is there.
fn gate(play: impl Fn(&mut Line) + Send + Sync + 'static) -> (TestGate, Script) {
    gate_of(builder(), asked(play))
}

/// What an upstream does, behind the beginning of a connection.
fn asked(play: impl Fn(&mut Line)) -> impl Fn(&mut Line) {
    move |line| {
        if begin(line) {
            play(line);
        }
    }
}

/// A read that is answered so, to which the upstream then says nothing more, is refused for `reason`.
#[track_caller]
fn refused(reason: Reason, answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    let (gate, _script) = gate(move |line| {
        line.send(&answer);
        line.wait();
    });
    told(&gate, reason)
}

/// The same, where it closes.
#[track_caller]
fn closed(reason: Reason, answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    let (gate, _script) = gate(move |line| {
        line.send(&answer);
    });
    told(&gate, reason)
}

/// Asks once: the detail of the only record.
#[track_caller]
fn told(gate: &TestGate, reason: Reason) -> String {
    let reply = gate.get(READ).bearer(&viewer(gate)).send();
    let record = gate.only_record();
    assert_eq!(record["reason"], reason.code(), "{record}");
    reply.refused(reason);
    nothing_under_way(gate);
    record["detail"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn nothing_under_way(gate: &TestGate) {
    eventually("nothing is under way", || {
        let in_flight = gate.metrics().sum("palisade_in_flight_requests", &[]);
        (in_flight == 0.0).then_some(())
    });
}

/// A reply that has begun and goes on so must not look whole; it leaves one record, and one of its end.
#[track_caller]
fn broken_off(rest: impl Into<Vec<u8>>, closes: bool) {
    let rest = rest.into();
    let (gate, _script) = gate(move |line| {
        line.send([head(), data(0, "half")].concat());
        // What follows must not overtake what is there already.
        std::thread::sleep(Duration::from_millis(100));
        line.send(&rest);
        if !closes {
            line.wait();
        }
    });
    let mut connection = gate.connect();
    connection.send(&gate.get(READ).bearer(&viewer(&gate)).bytes());
    let raw = String::from_utf8_lossy(&connection.rest()).into_owned();
    assert!(raw.contains("half") && !raw.contains("\r\n0\r\n"), "{raw}");
    assert_eq!(gate.only_record()["outcome"], "allow");
    let end = gate.stream_ends(1).remove(0);
    assert_eq!(end["ended"], "upstream", "{end}");
    nothing_under_way(&gate);
}

#[test]
fn one_that_never_says_its_settings_is_504() {
    let (gate, _script) = gate_of(builder(), Line::wait);
    let detail = told(&gate, Reason::UpstreamTimeout);
    assert!(detail.contains("begin with HTTP/2"), "{detail}");
}

#[test]
fn one_that_closes_before_its_settings_is_502() {
    let (gate, _script) = gate_of(builder(), |_| {});
    told(&gate, Reason::UpstreamUnreachable);
}

#[test]
fn one_that_closes_inside_of_a_head_is_502() {
    let unreachable = Reason::UpstreamUnreachable;
    closed(unreachable, []);
    closed(unreachable, &head()[..5]);
    closed(unreachable, &head()[..9]);
    closed(unreachable, frame(HEADERS, 0, FIRST, OK));
}

#[test]
fn one_that_stops_inside_of_a_head_is_504() {
    let late = Reason::UpstreamTimeout;
    refused(late, []);
    refused(late, &head()[..9]);
    refused(late, frame(HEADERS, 0, FIRST, OK));
    refused(late, frame(HEADERS, END_HEADERS, FIRST, HINTS));
}

#[test]
fn hints_without_end_are_504_and_a_head_without_end_is_502() {
    let endless = |first: Vec<u8>, again: Vec<u8>| {
        gate(move |line| {
            line.send(&first);
            while line.send(&again) {}
        })
    };
    let hints = frame(HEADERS, END_HEADERS, FIRST, HINTS);
    let (gate, _script) = endless(hints.clone(), hints);
    told(&gate, Reason::UpstreamTimeout);
    // Fields without a name of the table: `x-test-a` and a long value.
    let mut field = b"\x00\x08x-test-a\x7f\x81\x01".to_vec();
    field.extend([b'a'; 256]);
    let more = frame(CONTINUATION, 0, FIRST, &field);
    let (gate, _script) = endless(frame(HEADERS, 0, FIRST, OK), more);
    told(&gate, Reason::UpstreamUnreachable);
}

#[test]
fn frames_that_may_not_come_are_502() {
    let unreachable = Reason::UpstreamUnreachable;
    for bogus in [
        // A body without a head; a head without a status, with a field of HTTP/1, and that is none.
        data(0, "body"),
        frame(HEADERS, END_HEADERS | END_STREAM, FIRST, &[]),
        [
            frame(HEADERS, END_HEADERS, FIRST, NINE),
            data(END_STREAM, "nine long"),
        ]
        .concat(),
        frame(
            HEADERS,
            END_HEADERS,
            FIRST,
            b"\x88\x00\x0aconnection\x05close",
        ),
        frame(HEADERS, END_HEADERS, FIRST, &[0xff; 20]),
        // Streams that nobody opened.
        frame(HEADERS, END_HEADERS, 99, OK),
        frame(DATA, 0, 2, b"body"),
        frame(
            PUSH_PROMISE,
            END_HEADERS,
            FIRST,
            &[0, 0, 0, 2, 0x82, 0x87, 0x84],
        ),
        // Lengths that cannot be.
        frame(SETTINGS, 0, 0, b"odd"),
        frame(RESET, 0, FIRST, b"odd"),
        [&[0xff, 0xff, 0xff, DATA, 0][..], &FIRST.to_be_bytes()].concat(),
        // Not HTTP/2 at all.
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec(),
    ] {
        refused(unreachable, bogus);
    }
}

#[test]
fn frames_that_nobody_knows_change_nothing() {
    let unknown = frame(0xee, 0xff, FIRST, b"later");
    let answer = [unknown.clone(), head(), unknown, data(END_STREAM, "{}")].concat();
    let (gate, _script) = gate(move |line| {
        line.send(&answer);
        line.wait();
    });
    let reply = gate.get(READ).bearer(&viewer(&gate)).send();
    reply.allowed(200);
    assert_eq!(reply.text(), "{}");
}

#[test]
fn resets_and_closes_inside_of_a_body_break_it_off_whatever_their_code() {
    for code in [0_u32, 1, 2, 8, 11] {
        broken_off(frames::reset(code), false);
    }
    broken_off([], true);
    broken_off(&data(0, "more")[..11], true);
    broken_off(frame(SETTINGS, 0, 0, b"odd"), false);
    // It says nothing more, for longer than it may.
    broken_off([], false);
}

#[test]
fn a_client_of_http2_gets_the_upstreams_code_unless_it_says_nothing_or_blames_us() {
    const INTERNAL_ERROR: u64 = 2;
    for (code, told) in [
        (0_u32, INTERNAL_ERROR),
        (1, INTERNAL_ERROR),
        (8, 8),
        (11, 11),
    ] {
        let (gate, _script) = gate(move |line| {
            line.send([head(), data(0, "half")].concat());
            std::thread::sleep(Duration::from_millis(100));
            line.send(frames::reset(code));
            line.wait();
        });
        let mut peer = Peer::open(&gate);
        peer.send(&[http2::get(1, &viewer(&gate))]);
        let frames = peer.until("reset", 1);
        assert_eq!(http2::reset(&frames, 1), Some(told), "{frames:?}");
        gate.stream_ends(1);
        nothing_under_way(&gate);
    }
}

#[test]
fn a_goaway_inside_of_a_reply_lets_it_end_where_it_may() {
    broken_off(goaway(FIRST, 0), true);
    broken_off(goaway(0, 2), true);
    let (gate, script) = gate(|line| {
        line.send([head(), data(0, "half "), goaway(FIRST, 0)].concat());
        line.send(data(END_STREAM, "and half"));
        line.wait();
    });
    for _ in 0..2 {
        let reply = gate.get(READ).bearer(&viewer(&gate)).send();
        reply.allowed(200);
        assert_eq!(reply.text(), "half and half");
    }
    // Nothing new is asked on a connection that was said goodbye on.
    assert_eq!(script.connections(), 2);
    assert_eq!(gate.audit(2).len(), 2);
}

#[test]
fn a_goaway_that_does_not_count_the_request_sends_it_elsewhere() {
    let connections = AtomicUsize::new(0);
    let play = asked(move |line| {
        if connections.fetch_add(1, Ordering::Relaxed) == 0 {
            line.send(goaway(0, 0));
            return line.wait();
        }
        line.send([head(), data(END_STREAM, "{}")].concat());
        line.wait();
    });
    let builder = builder().set("/upstreams/api/retries", json!({}));
    let (gate, script) = gate_of(builder, play);
    gate.get(READ).bearer(&viewer(&gate)).send().allowed(200);
    assert_eq!(script.connections(), 2);
    assert_eq!(gate.only_record()["outcome"], "allow");
}

#[test]
fn a_body_of_another_length_than_it_says_is_not_taken_for_whole() {
    let said = frame(HEADERS, END_HEADERS, FIRST, &[OK, NINE].concat());
    for body in ["short", "longer than it says"] {
        let answer = [said.clone(), data(END_STREAM, body)].concat();
        let (gate, _script) = gate(move |line| {
            line.send(&answer);
            line.wait();
        });
        let mut connection = gate.connect();
        connection.send(&gate.get(READ).bearer(&viewer(&gate)).bytes());
        let raw = String::from_utf8_lossy(&connection.rest()).into_owned();
        let (_, got) = raw.split_once("\r\n\r\n").unwrap_or_default();
        assert!(got.len() < 9, "{raw}");
        gate.only_record();
        nothing_under_way(&gate);
    }
}
