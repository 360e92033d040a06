//! Upstreams that break off, hang, flood and lie: each has its reason, none harms the next request,
//! and what is not whole never ends as if it were.

mod http2;
mod network;

use crate::support::client::Connection;
use crate::support::gate::{Builder, HOST, TestGate};
use crate::support::script::{Line, Script};
use palisade::reason::Reason;
use serde_json::json;
use std::time::Duration;

const READ: &str = "/app/v1/missions";
const CREATE: &str = "/dashboard/v1/missions";
const NO_PAUSE: Duration = Duration::ZERO;

/// A gate before an upstream that plays so, and has little time for it.
fn gate(play: impl Fn(&mut Line) + Send + Sync + 'static) -> (TestGate, Script) {
    gate_of(TestGate::builder(), play)
}

/// The same, of a gate in the making.
fn gate_of(
    builder: Builder,
    play: impl Fn(&mut Line) + Send + Sync + 'static,
) -> (TestGate, Script) {
    let script = Script::start(play);
    let gate = builder
        .set("/upstreams/api/url", json!(script.url()))
        .set(
            "/upstreams/api/timeouts",
            json!({"connect": "1s", "response": "500ms", "idle": "500ms"}),
        )
        .start();
    (gate, script)
}

fn viewer(gate: &TestGate) -> String {
    gate.issuer.user("ana").sign()
}

/// A read whose upstream plays so is refused for `reason`, which its record says too.
#[track_caller]
fn refused(reason: Reason, play: impl Fn(&mut Line) + Send + Sync + 'static) {
    let (gate, _script) = gate(play);
    gate.get(READ).bearer(&viewer(&gate)).send().refused(reason);
    let record = gate.only_record();
    assert_eq!(record["reason"], reason.code(), "{record}");
    at_rest(&gate);
}

/// Nothing is left of a request: neither in flight nor as a connection to the upstream.
#[track_caller]
fn at_rest(gate: &TestGate) {
    crate::support::eventually("nothing is left", || {
        let scrape = gate.metrics();
        let left = scrape.sum("palisade_in_flight_requests", &[])
            + scrape.sum("palisade_upstream_connections", &[]);
        (left == 0.0).then_some(())
    });
}

/// What a client gets whose reply breaks off: it must not look whole.
#[track_caller]
fn broken_off(play: impl Fn(&mut Line) + Send + Sync + 'static) -> String {
    let (gate, script) = gate(play);
    let request = gate.get(READ).bearer(&viewer(&gate)).bytes();
    let mut connection = gate.connect();
    connection.send(&request);
    let raw = String::from_utf8_lossy(&connection.rest()).into_owned();
    assert!(
        !raw.contains("\r\n0\r\n"),
        "it ends as if it were whole: {raw}"
    );
    gate.audit(1);
    at_rest(&gate);
    // The next one has a connection of its own.
    let mut next = gate.connect();
    next.send(&request);
    next.rest();
    assert_eq!(script.connections(), 2);
    raw
}

#[test]
fn a_reset_before_the_reply_is_502() {
    refused(Reason::UpstreamUnreachable, Line::reset);
}

#[test]
fn an_end_before_the_reply_is_502() {
    refused(Reason::UpstreamUnreachable, |_| {});
}

#[test]
fn a_half_closed_upstream_without_a_reply_is_502() {
    refused(Reason::UpstreamUnreachable, |line| {
        line.finish();
        line.wait();
    });
}

#[test]
fn half_a_head_is_502_or_504() {
    refused(Reason::UpstreamUnreachable, |line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-le");
    });
    refused(Reason::UpstreamTimeout, |line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-le");
        line.wait();
    });
}

#[test]
fn a_head_that_drips_is_504() {
    refused(Reason::UpstreamTimeout, |line| {
        line.send("HTTP/1.1 200 OK\r\nx-test-a: ");
        line.repeat("x", Duration::from_millis(50));
    });
}

#[test]
fn a_head_without_end_is_502() {
    refused(Reason::UpstreamUnreachable, |line| {
        line.send("HTTP/1.1 200 OK\r\n");
        line.repeat(
            "x-test-a: 0123456789012345678901234567890123456789\r\n",
            NO_PAUSE,
        );
    });
}

#[test]
fn hints_without_end_are_504() {
    refused(Reason::UpstreamTimeout, |line| {
        line.repeat("HTTP/1.1 103 Early Hints\r\n\r\n", NO_PAUSE);
    });
}

#[test]
fn a_reset_inside_a_reply_breaks_it_off() {
    let raw = broken_off(|line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nhalf");
        line.reset();
    });
    assert!(raw.is_empty() || raw.contains("1000000"), "{raw}");
}

#[test]
fn a_reply_shorter_than_it_says_breaks_off() {
    broken_off(|line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nshort");
    });
    broken_off(|line| {
        line.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n");
    });
}

#[test]
fn a_small_reply_shorter_than_it_says_is_502() {
    refused(Reason::UpstreamUnreachable, |line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort");
    });
}

#[test]
fn a_reply_that_stops_breaks_off() {
    broken_off(|line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nhalf");
        line.wait();
    });
}

#[test]
fn trailers_without_end_break_the_reply_off() {
    broken_off(|line| {
        line.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n");
        line.repeat(
            "x-test-a: 0123456789012345678901234567890123456789\r\n",
            NO_PAUSE,
        );
    });
}

#[test]
fn chunks_that_are_none_break_the_reply_off() {
    broken_off(|line| {
        line.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n");
        line.wait();
    });
}

#[test]
fn what_follows_a_reply_is_nobodys_reply() {
    let (gate, script) = gate(|line| {
        line.send(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}\
             HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
        );
        line.wait();
    });
    let mut connection = gate.connect();
    for _ in 0..3 {
        let request = gate.get(READ).bearer(&viewer(&gate));
        let reply = request.send_on(&mut connection);
        reply.allowed(200);
        assert_eq!(reply.text(), "{}");
    }
    assert_eq!(script.connections(), 3);
}

#[test]
fn what_is_compressed_stays_so() {
    let bomb = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 0, 0, 255];
    let (gate, _script) = gate(move |line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 13\r\n\r\n");
        line.send(bomb);
    });
    let reply = gate.get(READ).bearer(&viewer(&gate)).send();
    reply.allowed(200);
    assert_eq!(reply.message.body, bomb);
}

#[test]
fn a_small_reply_that_drips_is_passed_on_as_it_comes() {
    let (gate, _script) = gate(|line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab");
        // Its other half waits for the first to arrive.
        if line.head() {
            line.send("cd");
        }
    });
    let mut connection = gate.connect();
    connection.send(&gate.get(READ).bearer(&viewer(&gate)).bytes());
    let raw = connection.rest();
    let text = String::from_utf8_lossy(&raw);
    assert!(
        text.starts_with("HTTP/1.1 200") && text.ends_with("\r\n\r\nab"),
        "{text}"
    );
    at_rest(&gate);
}

/// The head of an upload that never ends.
fn endless(gate: &TestGate) -> (Connection, std::thread::JoinHandle<()>) {
    let editor = gate.issuer.user("edi").role("editor");
    let token = editor.context("dashboard").sign();
    let mut connection = gate.connect();
    connection.send(
        format!(
            "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 1000000000\r\n\r\n"
        )
        .as_bytes(),
    );
    let mut writing = connection.stream();
    let upload = std::thread::spawn(move || {
        use std::io::Write;
        while writing.write_all(&[b' '; 16 << 10]).is_ok() {}
    });
    (connection, upload)
}

/// An upload that its upstream breaks off is refused for `reason`, and read no further.
#[track_caller]
fn upload_refused(reason: Reason, play: impl Fn(&mut Line) + Send + Sync + 'static) {
    let (gate, _script) = gate(play);
    let (mut connection, upload) = endless(&gate);
    let raw = String::from_utf8_lossy(&connection.rest()).into_owned();
    upload.join().expect("the gate closes");
    let record = gate.only_record();
    assert_eq!(record["reason"], reason.code(), "{record}");
    // A reset may overtake the reply: the client still sends.
    let told = raw.is_empty() || raw.contains(reason.code());
    assert!(told, "{raw}");
    at_rest(&gate);
}

#[test]
fn a_reset_inside_an_upload_is_502() {
    upload_refused(Reason::UpstreamUnreachable, Line::reset);
}

#[test]
fn an_upload_that_nobody_takes_is_504() {
    // SIGSTOP looks so: the kernel takes what it has room for.
    upload_refused(Reason::UpstreamTimeout, |_| {
        std::thread::sleep(Duration::from_secs(5));
    });
}

#[test]
fn an_early_answer_ends_the_upload() {
    let (gate, _script) = gate(|line| {
        line.send("HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nlarge");
        line.wait();
    });
    let (mut connection, upload) = endless(&gate);
    let raw = String::from_utf8_lossy(&connection.rest()).into_owned();
    upload.join().expect("the gate closes");
    assert!(raw.is_empty() || raw.contains("413"), "{raw}");
    gate.audit(1);
    at_rest(&gate);
}
