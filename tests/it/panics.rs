//! Panics: whatever breaks inside takes down the request, the connection or the worker that it happened
//! in, and nothing else. It is the log that breaks, where a test has told it to.

use crate::http2::{self, Peer};
use crate::streams::Streaming;
use crate::support::breaking::breaks_at;
use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::{Builder, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};

/// What works, and what panics while it is decided.
const READ: &str = "/app/v1/missions";
const BREAKS: &str = "/app/v1/badges";

/// A gate with a policy that errs for one action, of which the log is told; there it breaks as soon as `id`
/// is named to it.
fn erring(id: &str) -> Builder {
    let overflow = format!(
        "@id(\"{id}\")\nforbid (principal, action == Tenancy::Action::\"app/badges/list\", resource)\n\
         when {{ 9223372036854775807 + 1 > 0 }};\n"
    );
    TestGate::builder().overlay("acme", &overflow)
}

/// Fails unless nothing is under way, one request of `count` panicked, and each has one record.
#[track_caller]
fn one_panicked(gate: &TestGate, count: usize) {
    let records = gate.audit(count);
    let internal = |record: &&Value| record["reason"] == "internal";
    let broken: Vec<_> = records.iter().filter(internal).collect();
    assert_eq!(broken.len(), 1, "{records:#?}");
    assert_eq!(broken[0]["outcome"], "error");
    assert_eq!(broken[0]["detail"], "panic");
    assert_eq!(broken[0]["status"], 500);
    let metrics = gate.metrics();
    let sum = |name, labels: &[_]| metrics.sum(name, labels);
    let internal = [("reason", "internal")];
    assert_eq!(sum("palisade_refusals_total", &internal), 1.0);
    let error = [("outcome", "error")];
    assert_eq!(sum("palisade_requests_total", &error), 1.0);
    assert_eq!(
        sum("palisade_requests_total", &[]).to_string(),
        count.to_string()
    );
    assert_eq!(sum("palisade_in_flight_requests", &[]), 0.0);
}

/// How often a worker began anew.
fn restarts(gate: &TestGate) -> f64 {
    gate.metrics().sum("palisade_worker_restarts_total", &[])
}

#[test]
fn a_request_that_panics_is_500_and_its_neighbours_notice_nothing() {
    let gate = erring("breaks-http1").start();
    let token = gate.issuer.user("ana").sign();
    let post = gate.post(READ, "{}").bearer(&token).bytes();
    let mut upload = gate.connect();
    upload.send(&post[..post.len() - 1]);
    let mut kept = gate.connect();
    let get = |target| gate.get(target).bearer(&token);
    get(READ).send_on(&mut kept).allowed(200);
    breaks_at("breaks-http1");
    get(BREAKS).send_on(&mut kept).refused(Reason::Internal);
    get(READ).send_on(&mut kept).allowed(200);
    // The log is whole again: now it is told what is wrong.
    get(BREAKS).send_on(&mut kept).refused(Reason::PolicyError);
    upload.send(&post[post.len() - 1..]);
    upload.reply("POST").allowed(200);
    one_panicked(&gate, 5);
    assert_eq!(restarts(&gate), 0.0);
    assert_eq!(gate.upstream.requests().len(), 3);
}

#[test]
fn a_request_that_panics_ends_its_stream_and_no_other_of_its_connection() {
    let gate = erring("breaks-http2").start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    let post = http2::fields(&token, "POST", READ, &[("content-length", "2")]);
    peer.send(&[http2::headers(1, &post, false)]);
    breaks_at("breaks-http2");
    let breaks = http2::fields(&token, "GET", BREAKS, &[]);
    peer.send(&[http2::headers(3, &breaks, true)]);
    http2::refused(&peer.ended(3), 3, Reason::Internal);
    peer.send(&[
        http2::get(5, &token),
        json!({"frame": "data", "stream": 1, "text": "{}", "END_STREAM": true}),
    ]);
    let mut frames = peer.ended(5);
    if http2::status(&frames, 1).is_none() {
        frames.extend(peer.ended(1));
    }
    assert_eq!(http2::status(&frames, 5), Some(200), "{frames:?}");
    assert_eq!(http2::status(&frames, 1), Some(200), "{frames:?}");
    one_panicked(&gate, 3);
    assert_eq!(restarts(&gate), 0.0);
}

#[test]
fn a_call_that_panics_has_a_status_that_grpc_understands() {
    let gate = erring("breaks-grpc").start();
    let token = gate.issuer.user("ana").sign();
    let mut peer = Peer::open(&gate);
    breaks_at("breaks-grpc");
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    let call = http2::fields(&token, "GET", BREAKS, &grpc);
    peer.send(&[http2::headers(1, &call, true)]);
    let frames = peer.ended(1);
    assert_eq!(http2::status(&frames, 1), Some(200), "{frames:?}");
    let status = http2::field(&frames, 1, "grpc-status");
    assert_eq!(status.as_deref(), Some("13"));
    one_panicked(&gate, 1);
}

#[test]
fn a_connection_that_panics_ends_alone() {
    let own = [127, 0, 0, 66];
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let mut kept = gate.connect();
    let get = gate.get(READ).bearer(&token);
    get.send_on(&mut kept).allowed(200);
    // The log is told of a head that is none, and of where it came from.
    breaks_at("127.0.0.66");
    let mut broken = Connection::open_from(own, gate.address());
    broken.send(b"GET / HTTP/9.9\r\n\r\n");
    broken.rest();
    eventually("it has ended", || {
        let open = gate.metrics().sum("palisade_connections", &[]);
        (open == 1.0).then_some(())
    });
    get.send_on(&mut kept).allowed(200);
    let mut next = Connection::open_from(own, gate.address());
    get.send_on(&mut next).allowed(200);
    assert_eq!(gate.audit(3).len(), 3);
    assert_eq!(restarts(&gate), 0.0);
}

#[test]
fn a_connection_of_http2_that_panics_takes_its_own_requests_with_it() {
    let gate = TestGate::start();
    gate.upstream.hang();
    let token = gate.issuer.user("ana").sign();
    let mut kept = Peer::open(&gate);
    kept.send(&[http2::get(1, &token)]);
    breaks_at("127.0.0.67");
    let mut broken = Peer::open_from([127, 0, 0, 67], &gate);
    broken.send(&[http2::get(1, &token), http2::get(3, &token)]);
    eventually("all are under way", || {
        (gate.upstream.requests().len() == 3).then_some(())
    });
    // DATA of the connection itself: it ends by an error, which the log is told.
    broken.send(&[json!({"frame": "as it is", "bytes": "00000100000000000078"})]);
    broken.until("closed", 0);
    let records = gate.audit(2);
    assert!(records.iter().all(|one| one["outcome"] == "aborted"));
    gate.upstream.reply(200, &[], b"{}");
    kept.send(&[http2::get(3, &token)]);
    assert_eq!(http2::status(&kept.ended(3), 3), Some(200));
    assert_eq!(restarts(&gate), 0.0);
}

#[test]
fn a_worker_that_panics_begins_anew_and_its_requests_are_recorded() {
    let gate = TestGate::builder()
        .set("/listen/limits", json!({"connections": 2}))
        .start();
    gate.upstream.hang();
    let token = gate.issuer.user("ana").sign();
    let get = gate.get(READ).bearer(&token);
    let mut under_way: Vec<Connection> = (0..2).map(|_| get.connect()).collect();
    for connection in &mut under_way {
        connection.send(&get.bytes());
    }
    eventually("both are under way", || {
        (gate.upstream.requests().len() == 2).then_some(())
    });
    // The log is told whom there is no room for.
    breaks_at("127.0.0.68");
    let mut newcomer = Connection::open_from([127, 0, 0, 68], gate.address());
    newcomer.rest();
    for connection in &mut under_way {
        connection.rest();
    }
    for record in gate.audit(2) {
        assert_eq!(record["reason"], "internal", "{record}");
        assert_eq!(record["detail"], "panic");
    }
    gate.upstream.all_closed();
    gate.upstream.reply(200, &[], b"{}");
    // Whoever connects meanwhile waits in the queue of the socket, which stays open.
    get.send().allowed(200);
    assert_eq!(restarts(&gate), 1.0);
    let metrics = gate.metrics();
    assert_eq!(metrics.sum("palisade_in_flight_requests", &[]), 0.0);
    eventually("the places are free again", || {
        let open = gate.metrics().sum("palisade_connections", &[]);
        (open == 0.0).then_some(())
    });
}

#[test]
fn a_worker_that_panics_takes_nothing_from_the_others() {
    const CLIENTS: u16 = 16;
    let gate = TestGate::builder()
        .set("/listen/limits", json!({"connections": CLIENTS}))
        .set("/listen/workers", json!(2))
        .start();
    let token = gate.issuer.user("ana").sign();
    let post = gate.post(READ, "{}").bearer(&token).bytes();
    // The kernel gives each worker some of them.
    let mut uploads: Vec<Connection> = (0..CLIENTS).map(|_| gate.connect()).collect();
    for upload in &mut uploads {
        upload.send(&post[..post.len() - 1]);
    }
    eventually("all are under way", || {
        let in_flight = gate.metrics().sum("palisade_in_flight_requests", &[]);
        (in_flight == f64::from(CLIENTS)).then_some(())
    });
    breaks_at("127.0.0.69");
    Connection::open_from([127, 0, 0, 69], gate.address()).rest();
    eventually("one begins anew", || (restarts(&gate) == 1.0).then_some(()));
    let mut served = 0;
    for upload in &mut uploads {
        upload.send(&post[post.len() - 1..]);
        if let Some(reply) = upload.try_next("POST") {
            reply.allowed(200);
            served += 1;
        }
    }
    assert!(served > 0, "the other worker serves on");
    let records = gate.audit(CLIENTS.into());
    let allowed = records.iter().filter(|one| one["outcome"] == "allow");
    assert_eq!(allowed.count(), served);
    let internal = records.iter().filter(|one| one["reason"] == "internal");
    assert_eq!(internal.count(), records.len() - served);
    assert_eq!(restarts(&gate), 1.0);
}

#[test]
fn a_stream_whose_look_panics_ends_and_the_others_are_looked_after() {
    let mut streaming = Streaming::start(|builder| builder);
    let user = |streaming: &Streaming, name: &str| {
        let token = streaming.gate.issuer.user(name);
        token.claim("jti", name)
    };
    let (ana, ben) = (user(&streaming, "ana"), user(&streaming, "ben"));
    let mut broken = streaming.events(&ana);
    let id = streaming.gate.only_record()["request_id"].clone();
    let other = streaming.events(&ben);
    broken.hears("first");
    // The log is told which stream is ended.
    breaks_at(id.as_str().expect("an id is text"));
    streaming.revoke(&json!({"jti": ["ana"]}));
    broken.ends();
    streaming.ended("internal", 1.0);
    streaming.revoke(&json!({"jti": ["ana", "ben"]}));
    other.ends();
    streaming.ended("token_revoked", 1.0);
    assert_eq!(restarts(&streaming.gate), 0.0);
}
