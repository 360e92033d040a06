//! Open streams of HTTP/2: each ends in the way of its kind, and its neighbours on the connection go on.

use super::{PATH, Streaming, named};
use crate::http2::{Peer, body, field, fields, headers, refused, reset};
use crate::support::eventually;
use palisade::reason::Reason;
use serde_json::{Value, json};

/// Two callers on one connection: one that will be revoked, and one that will not.
struct Pair {
    // Gone before the gate, which would wait for its streams.
    peer: Peer,
    streaming: Streaming,
    ana: String,
    ben: String,
}

/// The code of a reply that the gate cuts off. CANCEL would be no error to some clients, who might then
/// take for whole what they have.
const INTERNAL_ERROR: u64 = 2;

impl Pair {
    fn start() -> Self {
        let streaming = Streaming::start(|builder| builder);
        let [ana, ben] =
            ["ana", "ben"].map(|name| named(name)(streaming.gate.issuer.user(name)).sign());
        let peer = Peer::open(&streaming.gate);
        Self {
            peer,
            streaming,
            ana,
            ben,
        }
    }

    /// A reply that has begun, after its first event.
    fn open(&mut self, stream: u32, token: &str, kind: &str) {
        let further = [("x-test-kind", kind), ("te", "trailers")];
        let get = fields(token, "GET", PATH, &further);
        self.peer.send(&[headers(stream, &get, true)]);
        self.peer.until("head", stream);
        self.says("first", stream);
    }

    /// An event that arrives.
    fn says(&mut self, word: &str, stream: u32) {
        self.streaming.say(word);
        let frames = self.peer.until("data", stream);
        assert_eq!(body(&frames, stream), format!("data: {word}\n\n"));
    }

    /// Revokes `ana`, and gives what comes to the end of her stream.
    fn revoked(&mut self, stream: u32) -> Vec<Value> {
        self.streaming.revoke(&json!({"jti": ["ana"]}));
        let frames = self.peer.ended(stream);
        assert_eq!(body(&frames, stream), "", "{frames:?}");
        self.streaming.ended("token_revoked", 1.0);
        frames
    }

    /// Fails unless the gate told only of this end, and the service heard of it.
    fn is_recorded(&mut self) {
        let end = self.streaming.gate.stream_ends(1).remove(0);
        assert_eq!(end["ended"], "gate");
        assert_eq!(end["reason"], "token_revoked");
        eventually("the service hears of it", || {
            (self.streaming.seen()["closed"] == 1).then_some(())
        });
    }
}

#[test]
fn events_end_as_they_may_and_their_neighbours_on_the_connection_go_on() {
    let mut pair = Pair::start();
    let (ana, ben) = (pair.ana.clone(), pair.ben.clone());
    let events = "text/event-stream";
    pair.open(1, &ben, events);
    pair.open(3, &ana, events);
    let frames = pair.revoked(3);
    assert_eq!(reset(&frames, 3), None, "{frames:?}");
    pair.is_recorded();
    pair.says("still", 1);
    // A new one is told why, on the connection that it had.
    pair.peer
        .send(&[headers(5, &fields(&ana, "GET", PATH, &[]), true)]);
    refused(&pair.peer.ended(5), 5, Reason::TokenRevoked);
}

#[test]
fn what_cannot_be_ended_well_is_reset_by_an_error() {
    let mut pair = Pair::start();
    let (ana, ben) = (pair.ana.clone(), pair.ben.clone());
    pair.open(1, &ben, "application/x-ndjson");
    pair.open(3, &ana, "application/x-ndjson");
    let frames = pair.revoked(3);
    assert_eq!(reset(&frames, 3), Some(INTERNAL_ERROR), "{frames:?}");
    pair.is_recorded();
    pair.says("still", 1);
}

#[test]
fn an_event_that_is_half_sent_is_reset_too() {
    let mut pair = Pair::start();
    let ana = pair.ana.clone();
    pair.open(1, &ana, "text/event-stream");
    let half = json!({"do": "write", "text": "data: half"});
    pair.streaming.told(&half);
    pair.peer.until("data", 1);
    let frames = pair.revoked(1);
    assert_eq!(reset(&frames, 1), Some(INTERNAL_ERROR), "{frames:?}");
}

#[test]
fn grpc_gets_its_status_in_trailers() {
    let mut pair = Pair::start();
    let (ana, ben) = (pair.ana.clone(), pair.ben.clone());
    pair.open(1, &ben, "application/grpc");
    pair.open(3, &ana, "application/grpc");
    let frames = pair.revoked(3);
    assert_eq!(field(&frames, 3, "grpc-status").as_deref(), Some("16"));
    let message = field(&frames, 3, "grpc-message");
    assert_eq!(message.as_deref(), Some("token_revoked"));
    assert_eq!(reset(&frames, 3), None, "{frames:?}");
    pair.is_recorded();
    pair.says("still", 1);
}

#[test]
fn an_upload_under_way_is_refused_and_the_rest_is_not_wanted() {
    let mut pair = Pair::start();
    let late = [
        ("x-test-reply", "late"),
        ("content-type", "application/json"),
    ];
    let post = fields(&pair.ana, "POST", PATH, &late);
    pair.peer.send(&[
        headers(1, &post, false),
        json!({"frame": "data", "stream": 1, "text": "hello"}),
    ]);
    eventually("the upload has begun", || {
        (pair.streaming.seen()["received"] == 5).then_some(())
    });
    pair.streaming.revoke(&json!({"jti": ["ana"]}));
    let frames = pair.peer.until("reset", 1);
    refused(&frames, 1, Reason::TokenRevoked);
    assert_eq!(reset(&frames, 1), Some(0), "NO_ERROR");
    let Pair {
        peer,
        mut streaming,
        ..
    } = pair;
    drop(peer);
    assert_eq!(streaming.gate.only_record()["reason"], "token_revoked");
    eventually("the service hears of it", || {
        (streaming.seen()["open"] == 0).then_some(())
    });
    // The record of the request tells already.
    streaming.gate.stop();
    streaming.gate.stream_ends(0);
}
