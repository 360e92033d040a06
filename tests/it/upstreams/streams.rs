//! Endpoints that speak HTTP/2: what a stream's end says of its request.

use super::{CREATE, READ, count, create, gate, read, until};
use crate::support::client::Reply;
use crate::support::frames::{begin, goaway, reset};
use crate::support::gate::{Builder, TestGate};
use crate::support::script::Script;
use crate::transport::Http2;
use palisade::reason::Reason;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A service that answers the first stream of each connection with the same frames, and says no more.
struct Curt {
    script: Script,
    seen: Arc<AtomicUsize>,
}

impl Curt {
    fn start(says: Vec<u8>) -> Self {
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let script = Script::start(move |line| {
            if begin(line) {
                count.fetch_add(1, Ordering::SeqCst);
                line.send(&says);
                // What is unread at a close would become a reset, and that may overtake what was said.
                line.finish();
                line.wait();
            }
        });
        Self { script, seen }
    }

    fn url(&self) -> String {
        self.script.url()
    }

    /// Requests that came so far.
    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

/// Over HTTP/2, with bodies that are read whole before they are sent: a reference may stand in them.
fn speaking(urls: &[String]) -> Builder {
    let more =
        json!({"protocol": "http2", "balance": "least_request", "ejection": {"failures": 0}});
    let reference = json!({"in": "body", "pointer": "/workspaceId", "is": "workspace"});
    gate(urls, &more).set("/references/-", reference)
}

/// Both kinds of requests are allowed while one of two endpoints answers its streams with `says`.
fn harmless(says: Vec<u8>) {
    let (mut good, curt) = (Http2::start(), Curt::start(says));
    let gate = speaking(&[good.url(), curt.url()]).start();
    let mut asked = 0;
    while curt.seen() < 4 {
        read(&gate).allowed(200);
        create(&gate).allowed(200);
        asked += 2;
    }
    assert_eq!(good.saw()["streams"], asked, "each was taken once");
    gate.audit(asked);
}

#[test]
fn a_stream_that_is_refused_goes_to_another_endpoint_whatever_it_asks() {
    harmless(reset(7));
}

#[test]
fn a_stream_beyond_the_last_of_a_goaway_goes_to_another_endpoint_whatever_it_asks() {
    harmless(goaway(0, 0));
}

/// A POST is sent to one endpoint of two, once, where both answer its stream with `says`.
fn seen_once(says: &[u8]) {
    let services = [(); 2].map(|()| Curt::start(says.to_vec()));
    let urls = services.each_ref().map(Curt::url);
    let gate = speaking(&urls).start();
    create(&gate).refused(Reason::UpstreamUnreachable);
    let seen: usize = services.iter().map(Curt::seen).sum();
    assert_eq!(seen, 1, "after {says:?}");
    assert_eq!(gate.only_record()["outcome"], "error");
}

#[test]
fn a_post_whose_stream_may_have_been_looked_at_is_seen_once() {
    // `INTERNAL_ERROR`; a GOAWAY that counts it in, peaceful and not; and the mere end of the connection.
    for says in [reset(2), goaway(1, 0), goaway(1, 11), Vec::new()] {
        seen_once(&says);
    }
}

#[test]
fn a_get_whose_stream_broke_goes_to_another_endpoint() {
    let (good, curt) = (Http2::start(), Curt::start(reset(2)));
    let gate = speaking(&[good.url(), curt.url()]).start();
    while curt.seen() == 0 {
        read(&gate).allowed(200);
    }
    assert_eq!(count(&gate, "retries_total", ("result", "sent")), 1.0);
}

#[test]
fn an_endpoint_that_sends_everybody_away_is_asked_no_more_than_configured() {
    let curt = Curt::start(goaway(0, 0));
    let gate = speaking(&[curt.url()]).start();
    read(&gate).refused(Reason::UpstreamUnreachable);
    assert_eq!(curt.seen(), 3, "once, and two retries");
    gate.audit(1);
}

#[test]
fn a_deadline_of_a_call_is_one_for_all_attempts_and_takes_no_endpoint_from_others() {
    let services = [(); 2].map(|()| Http2::start());
    let urls = services.each_ref().map(Http2::url);
    let more = json!({"protocol": "http2", "ejection": {"failures": 1, "time": "1m"},
                      "timeouts": {"response": "1m"}});
    let gate = gate(&urls, &more).start();
    for _ in 0..4 {
        let reply = call(&gate);
        assert_eq!(reply.header("grpc-status"), Some("4"));
    }
    let streams = services.map(|mut one| one.saw()["streams"].as_u64().unwrap());
    assert_eq!(streams.iter().sum::<u64>(), 4, "none is tried again");
    until(&gate, "healthy", 2);
    assert_eq!(count(&gate, "ejections_total", ("upstream", "api")), 0.0);
}

/// A call that nobody answers in its time.
fn call(gate: &TestGate) -> Reply {
    gate.request("GET", READ)
        .bearer(&gate.issuer.user("ana").sign())
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "100m")
        .header("x-test-do", "hang")
        .send()
}

#[test]
fn a_streamed_upload_is_never_said_twice() {
    let services = [(); 2].map(|()| Curt::start(reset(7)));
    let urls = services.each_ref().map(Curt::url);
    let more = json!({"protocol": "http2", "ejection": {"failures": 0}});
    let gate = gate(&urls, &more).start();
    let editor = gate.issuer.user("edi").role("editor").context("dashboard");
    let mut connection = gate.connect();
    let head = gate
        .request("POST", CREATE)
        .bearer(&editor.sign())
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked");
    connection.send(&head.bytes());
    connection.send(b"2\r\n{}\r\n");
    connection
        .reply("POST")
        .refused(Reason::UpstreamUnreachable);
    assert_eq!(services.iter().map(Curt::seen).sum::<usize>(), 1);
}
