//! Clients that are slow, that stop, and that go away: each is ended by a name of its own, none holds
//! anything, and the others do not notice.

mod crowd;
mod tools;

use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::{Builder, HOST, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const READ: &str = "/app/v1/missions";
const CREATE: &str = "/dashboard/v1/missions";

/// A gate with these `listen.timeouts`.
fn gate(timeouts: Value) -> TestGate {
    configured(timeouts).start()
}

fn configured(timeouts: Value) -> Builder {
    TestGate::builder().set("/listen/timeouts", timeouts)
}

fn viewer(gate: &TestGate) -> String {
    gate.issuer.user("ana").sign()
}

/// The head of a chunked POST, and what follows its token.
fn upload(gate: &TestGate, kind: &str) -> String {
    let editor = gate.issuer.user("edi").role("editor");
    let token = editor.context("dashboard").sign();
    format!(
        "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         content-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
}

/// Sends `piece` every 50 ms, until the gate closes or `times` is over.
fn drip(gate: &TestGate, head: &str, piece: &'static str, times: usize) -> Connection {
    let mut connection = gate.connect();
    connection.send(head.as_bytes());
    let mut writing: TcpStream = connection.stream();
    thread::spawn(move || {
        for _ in 0..times {
            if writing.write_all(piece.as_bytes()).is_err() {
                return;
            }
            // How slow it is is what the test is about.
            thread::sleep(Duration::from_millis(50));
        }
    });
    connection
}

/// How many connections were cut for that cause.
fn cut(gate: &TestGate, cause: &str) -> f64 {
    gate.metrics()
        .sum("palisade_connections_cut_total", &[("cause", cause)])
}

#[test]
fn a_body_that_pauses_is_408() {
    let gate = gate(json!({"body": "200ms"}));
    let mut connection = gate.connect();
    connection.send(upload(&gate, "application/json").as_bytes());
    connection.send(b"1\r\n{\r\n");
    connection.reply("POST").refused(Reason::BodyTimeout);
    connection.closed();
    gate.upstream.all_closed();
    assert_eq!(gate.only_record()["reason"], "body_timeout");
}

#[test]
fn a_body_that_drips_is_408_though_it_never_pauses() {
    let gate = gate(json!({"body": "300ms", "body_rate": "1KiB"}));
    let head = upload(&gate, "application/json");
    let mut connection = drip(&gate, &head, "1\r\nx\r\n", 1000);
    connection.reply("POST").refused(Reason::BodyTimeout);
    gate.upstream.all_closed();
    let record = gate.only_record();
    assert_eq!(record["reason"], "body_timeout");
    let detail = record["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("1024 bytes a second"), "{record}");
}

#[test]
fn messages_of_grpc_come_when_they_come() {
    let gate = gate(json!({"body": "300ms", "body_rate": "1KiB"}));
    let head = upload(&gate, "application/grpc");
    let mut connection = drip(&gate, &head, "1\r\nx\r\n", 20);
    eventually("all of it is there", || {
        let seen = gate.upstream.requests();
        (seen.len() == 1).then_some(())
    });
    thread::sleep(Duration::from_millis(1200));
    connection.send(b"0\r\n\r\n");
    connection.reply("POST");
    assert_eq!(gate.upstream.only().message.body.len(), 20);
}

#[test]
fn a_route_says_how_long_a_call_of_grpc_may_rest() {
    let gate = configured(json!({"body": "200ms"}))
        .set("/upstreams/api/timeouts/idle", json!("200ms"))
        .set("/routes/1/idle_timeout", json!("1m"))
        .start();
    let mut resting = gate.connect();
    resting.send(upload(&gate, "application/grpc").as_bytes());
    resting.send(b"1\r\nx\r\n");
    let mut other = gate.connect();
    other.send(upload(&gate, "application/json").as_bytes());
    other.reply("POST").refused(Reason::BodyTimeout);
    resting.send(b"0\r\n\r\n");
    assert_eq!(resting.reply("POST").status, 200);
}

#[test]
fn a_rate_of_nothing_is_no_rate() {
    let gate = gate(json!({"body": "300ms", "body_rate": "0B"}));
    let head = upload(&gate, "application/json");
    let body = "1\r\n \r\n1\r\n \r\n";
    let mut connection = drip(&gate, &head, body, 12);
    eventually("it is forwarded", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    thread::sleep(Duration::from_millis(800));
    connection.send(b"0\r\n\r\n");
    connection.reply("POST").allowed(200);
}

#[test]
fn a_head_that_drips_is_cut_and_counted() {
    let gate = gate(json!({"head": "300ms"}));
    let mut connection = drip(&gate, "GET / HTTP/1.1\r\nx-test-a: ", "x", 1000);
    connection.rest();
    assert_eq!(cut(&gate, "head"), 1.0);
    gate.upstream.saw_nothing();
    assert_eq!(gate.audit_text(), "");
}

#[test]
fn a_connection_that_is_never_used_is_cut_and_counted() {
    let gate = gate(json!({"idle": "200ms"}));
    gate.connect().closed();
    assert_eq!(cut(&gate, "idle"), 1.0);
}

#[test]
fn a_client_that_never_reads_is_cut_and_its_upstream_let_go() {
    let gate = gate(json!({"write": "400ms"}));
    gate.upstream.reply(200, &[], &vec![b'x'; 32 << 20]);
    let mut connection = gate.connect();
    connection.send(&gate.get(READ).bearer(&viewer(&gate)).bytes());
    eventually("it is cut", || (cut(&gate, "write") == 1.0).then_some(()));
    gate.upstream.all_closed();
    gate.audit(1);
    // What it did not take before it will not get: the reply is not whole.
    assert!(connection.rest().len() < 32 << 20);
}

#[test]
fn a_client_that_asks_and_never_reads_is_answered_no_further() {
    let gate = gate(json!({"write": "400ms"}));
    gate.upstream.reply(200, &[], &vec![b'x'; 60 << 10]);
    let request = gate.get(READ).bearer(&viewer(&gate)).bytes();
    let mut connection = gate.connect();
    let mut writing = connection.stream();
    let asking = thread::spawn(move || while writing.write_all(&request).is_ok() {});
    eventually("it is cut", || (cut(&gate, "write") == 1.0).then_some(()));
    asking.join().expect("the gate closed");
    connection.rest();
    let seen = gate.upstream.requests().len();
    gate.audit(seen);
}

#[test]
fn a_client_that_is_gone_is_not_worked_for_any_longer() {
    let gate = TestGate::start();
    gate.upstream.hang();
    let mut connection = gate.connect();
    connection.send(&gate.get(READ).bearer(&viewer(&gate)).bytes());
    eventually("it is asked for", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    connection.finish();
    connection.closed();
    gate.upstream.all_closed();
    assert_eq!(gate.only_record()["outcome"], "aborted");
}

#[test]
fn rule_41_a_request_whose_client_is_gone_already_is_recorded() {
    let gate = TestGate::start();
    gate.upstream.hang();
    // Most of these ends are read together with their request.
    for _ in 0..50 {
        let mut connection = gate.connect();
        connection.send(&gate.get(READ).bearer(&viewer(&gate)).bytes());
        connection.finish();
        connection.closed();
    }
    let records = gate.audit(50);
    assert!(records.iter().all(|one| one["outcome"] == "aborted"));
}

#[test]
fn a_client_that_is_gone_inside_its_body_is_told_so() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    connection.send(upload(&gate, "application/json").as_bytes());
    connection.send(b"5\r\n{");
    connection.finish();
    connection.reply("POST").refused(Reason::BodyIncomplete);
    gate.upstream.all_closed();
    assert_eq!(gate.only_record()["reason"], "body_incomplete");
}
