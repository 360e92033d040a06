//! Connections that begin with a PROXY header, and those that should have.

use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::TestGate;
use palisade::reason::Reason;
use serde_json::json;

const PATH: &str = "/app/v1/missions";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn gate(from: &str) -> TestGate {
    TestGate::builder()
        .set("/listen/proxy_protocol", json!({"from": [from]}))
        .start()
}

fn version_2(length: u16, rest: &[u8]) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    [SIGNATURE, &[0x21, 0x11, high, low], rest].concat()
}

fn refused(gate: &TestGate, cause: &str) -> f64 {
    let cause = [("cause", cause)];
    gate.metrics()
        .sum("palisade_proxy_header_refused_total", &cause)
}

/// Fails unless the gate closes after `bytes` without a word, and counts it as `cause`.
#[track_caller]
fn closes(gate: &TestGate, bytes: &[u8], cause: &str) {
    let before = refused(gate, cause);
    let mut connection = gate.connect();
    connection.send(bytes);
    connection.finish();
    connection.closed();
    eventually("it is counted", || {
        (refused(gate, cause) > before).then_some(())
    });
    gate.upstream.saw_nothing();
}

fn ask(gate: &TestGate, connection: &mut Connection) {
    let token = gate.issuer.user("ana").sign();
    let request = gate.get(PATH).bearer(&token);
    request.send_on(connection).allowed(200);
}

#[test]
fn the_header_names_the_client_for_every_request_of_its_connection() {
    let headers: [(&[u8], &str); 3] = [
        (
            b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n",
            "203.0.113.7",
        ),
        (
            b"PROXY TCP6 ::ffff:203.0.113.8 ::1 56324 443\r\n",
            "203.0.113.8",
        ),
        (
            &version_2(15, &[203, 0, 113, 9, 10, 0, 0, 1, 1, 2, 0, 80, 4, 0, 0]),
            "203.0.113.9",
        ),
    ];
    for (header, client) in headers {
        let gate = gate("127.0.0.0/8");
        let mut connection = gate.connect();
        connection.send(header);
        ask(&gate, &mut connection);
        ask(&gate, &mut connection);
        for record in gate.audit(2) {
            assert!(record.to_string().contains(client), "{record}");
        }
        for seen in gate.upstream.requests() {
            assert_eq!(seen.message.header("x-forwarded-for"), Some(client));
        }
    }
}

#[test]
fn a_header_from_an_untrusted_peer_closes_the_connection() {
    let gate = gate("10.0.0.0/8");
    closes(
        &gate,
        b"PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n",
        "untrusted",
    );
    let request = gate.get("/health").bytes();
    closes(&gate, &request, "untrusted");
}

#[test]
fn a_connection_without_its_header_is_closed() {
    let gate = gate("127.0.0.0/8");
    closes(&gate, &gate.get("/health").bytes(), "missing");
    closes(&gate, b"PROX", "missing");
    // TLS that nobody asked for.
    closes(
        &gate,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
        "missing",
    );
}

#[test]
fn headers_that_lie_are_refused() {
    let gate = gate("127.0.0.0/8");
    let four = [203, 0, 113, 7, 10, 0, 0, 1, 1, 2, 0, 80];
    let request = gate.get("/health").bytes();
    // Too short for its addresses: what follows would be read from the client's own bytes.
    closes(
        &gate,
        &[version_2(4, &four), request.clone()].concat(),
        "malformed",
    );
    // Longer than what is there.
    closes(&gate, &version_2(400, &four), "malformed");
    closes(&gate, &version_2(u16::MAX, &four), "malformed");
    let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(120));
    closes(&gate, &[line.as_bytes(), &request].concat(), "malformed");
    closes(&gate, b"PROXY TCP4 203.0.113.7\r\n", "malformed");
}

#[test]
fn a_second_header_is_no_http() {
    let gate = gate("127.0.0.0/8");
    let mut connection = gate.connect();
    connection.send(b"PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n");
    connection.send(b"PROXY TCP4 198.51.100.9 10.0.0.1 1 2\r\n");
    connection.send(&gate.get("/health").bytes());
    let replies = connection.replies();
    assert!(
        replies.iter().all(|reply| reply.status == 400),
        "{replies:?}"
    );
    gate.upstream.saw_nothing();
}

#[test]
fn a_header_that_does_not_come_in_time_closes_the_connection() {
    let gate = TestGate::builder()
        .set("/listen/proxy_protocol", json!({"from": ["127.0.0.0/8"]}))
        .set("/listen/timeouts", json!({"head": "50ms"}))
        .start();
    let mut connection = gate.connect();
    connection.send(b"PROXY TCP4 203.0.113.7 ");
    connection.closed();
    eventually("it is counted", || {
        (refused(&gate, "late") > 0.0).then_some(())
    });
}

#[test]
fn without_the_setting_a_header_is_no_http() {
    let gate = TestGate::start();
    let mut connection = gate.connect();
    connection.send(b"PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n");
    connection.send(&gate.get("/health").bytes());
    let replies = connection.replies();
    assert!(
        replies.iter().all(|reply| reply.status == 400),
        "{replies:?}"
    );
    gate.upstream.saw_nothing();
}

#[test]
fn the_named_address_and_not_the_balancers_is_limited() {
    let gate = TestGate::builder()
        .set("/listen/proxy_protocol", json!({"from": ["127.0.0.0/8"]}))
        .set("/listen/peers", json!({"requests": "1/s", "burst": 1}))
        .start();
    let ask = |client: &str| {
        let mut connection = gate.connect();
        connection.send(format!("PROXY TCP4 {client} 10.0.0.1 1 2\r\n").as_bytes());
        gate.get("/health").send_on(&mut connection)
    };
    ask("203.0.113.7").allowed(200);
    ask("203.0.113.8").allowed(200);
    let refused = (0..20)
        .map(|_| ask("203.0.113.7"))
        .find(|reply| reply.status != 200);
    refused
        .expect("it is over its rate")
        .refused(Reason::RateLimited);
}
