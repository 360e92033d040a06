//! What one upstream may take.

use super::{READ, count, gate, read, services, urls};
use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::script::Script;
use crate::support::upstream::TestUpstream;
use crate::transport::Http2;
use palisade::reason::Reason;
use serde_json::{Value, json};

/// A request that is on its way and gets no answer.
fn hanging(gate: &TestGate, service: &TestUpstream) -> Connection {
    let before = service.requests().len();
    let mut connection = gate.connect();
    let token = gate.issuer.user("ana").sign();
    connection.send(&gate.get(READ).bearer(&token).bytes());
    eventually("the upstream has it", || {
        (service.requests().len() > before).then_some(())
    });
    connection
}

fn bounded(limits: &Value) -> (TestGate, [TestUpstream; 1]) {
    let service = services::<1>();
    service[0].hang();
    let more = json!({"limits": limits, "timeouts": {"response": "20s", "connect": "200ms"}});
    (gate(&urls(&service), &more).start(), service)
}

#[test]
fn requests_under_way_are_bounded_and_whoever_goes_makes_room() {
    let (gate, [service]) = bounded(&json!({"max_in_flight": 2}));
    let first = hanging(&gate, &service);
    let _second = hanging(&gate, &service);
    let reply = read(&gate);
    reply.refused(Reason::Overloaded);
    assert_eq!(reply.header("retry-after"), Some("1"));
    let detail = gate.audit(1).remove(0)["detail"].to_string();
    assert!(detail.contains("max_in_flight"), "{detail}");
    assert_eq!(
        count(&gate, "refused_total", ("limit", "max_in_flight")),
        1.0
    );
    drop(first);
    service.reply(200, &[], b"{}");
    eventually("there is room again", || {
        (read(&gate).status == 200).then_some(())
    });
}

#[test]
fn connections_are_bounded_and_waited_for() {
    let (gate, [service]) = bounded(&json!({"max_connections": 1}));
    let first = hanging(&gate, &service);
    read(&gate).refused(Reason::Overloaded);
    assert_eq!(
        count(&gate, "refused_total", ("limit", "max_connections")),
        1.0
    );
    drop(first);
    service.reply(200, &[], b"{}");
    eventually("the connection's end makes room", || {
        (read(&gate).status == 200).then_some(())
    });
    assert_eq!(
        gate.metrics().sum("palisade_upstream_connections", &[]),
        1.0
    );
    // One after the other on the one that there is.
    for _ in 0..5 {
        read(&gate).allowed(200);
    }
}

#[test]
fn whoever_waits_for_a_connection_is_counted_and_bounded() {
    let (gate, [service]) = bounded(&json!({"max_connections": 1, "max_pending": 1}));
    let _first = hanging(&gate, &service);
    let token = gate.issuer.user("ana").sign();
    let mut waiting = gate.connect();
    waiting.send(&gate.get(READ).bearer(&token).bytes());
    eventually("it waits", || {
        (count(&gate, "pending_requests", ("upstream", "api")) > 0.0).then_some(())
    });
    read(&gate).refused(Reason::Overloaded);
    assert_eq!(count(&gate, "refused_total", ("limit", "max_pending")), 1.0);
    waiting.reply("GET").refused(Reason::Overloaded);
    assert_eq!(count(&gate, "pending_requests", ("upstream", "api")), 0.0);
}

/// A gate of four workers that has room for one connection.
fn crowded(urls: &[String], more: &Value) -> TestGate {
    let mut all = json!({"limits": {"max_connections": 1}});
    all["protocol"] = more["protocol"].clone();
    gate(urls, &all).set("/listen/workers", json!(4)).start()
}

#[test]
fn an_idle_connection_keeps_no_room_from_other_workers_and_endpoints() {
    let services = services::<2>();
    let gate = crowded(&urls(&services), &json!({"protocol": "http1"}));
    // Each comes on a connection of its own, and so to any worker.
    for _ in 0..24 {
        read(&gate).allowed(200);
    }
    assert!(services.iter().all(|one| !one.requests().is_empty()));
    assert_eq!(
        count(&gate, "refused_total", ("limit", "max_connections")),
        0.0
    );
}

#[test]
fn an_idle_connection_of_http2_keeps_no_room_from_other_workers() {
    let service = Http2::start();
    let gate = crowded(&[service.url()], &json!({"protocol": "http2"}));
    for _ in 0..24 {
        read(&gate).allowed(200);
    }
    assert_eq!(
        count(&gate, "refused_total", ("limit", "max_connections")),
        0.0
    );
}

#[test]
fn an_idle_connection_of_one_account_keeps_no_room_from_another() {
    let service = services::<1>();
    let more = json!({"limits": {"max_connections": 1}, "pool": "per_account"});
    let gate = gate(&urls(&service), &more)
        .set("/listen/workers", json!(1))
        .start();
    let globex = gate.issuer.user("bo").role("viewer");
    let globex = globex.account("globex").workspace("globex-prod").sign();
    for _ in 0..3 {
        read(&gate).allowed(200);
        gate.get(READ).bearer(&globex).send().allowed(200);
    }
}

#[test]
fn a_connection_that_comes_back_goes_to_whom_it_may_go() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let service = Script::start(move |line| {
        let _ = wait.lock().unwrap().recv();
        line.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    let more = json!({
        "limits": {"max_connections": 1}, "pool": "per_account",
        "timeouts": {"connect": "10s", "response": "20s"},
    });
    let gate = gate(&[service.url()], &more)
        .set("/listen/workers", json!(1))
        .start();
    let [mut first, mut second] = [gate.connect(), gate.connect()];
    let acme = gate.issuer.user("ana").sign();
    first.send(&gate.get(READ).bearer(&acme).bytes());
    eventually("it is under way", || {
        (service.connections() == 1).then_some(())
    });
    let globex = gate.issuer.user("bo").role("viewer");
    let globex = globex.account("globex").workspace("globex-prod").sign();
    second.send(&gate.get(READ).bearer(&globex).bytes());
    eventually("it waits", || {
        (count(&gate, "pending_requests", ("upstream", "api")) > 0.0).then_some(())
    });
    go.send(()).unwrap();
    first.reply("GET").allowed(200);
    go.send(()).unwrap();
    second.reply("GET").allowed(200);
}

#[test]
fn a_websocket_counts_until_it_ends() {
    let (gate, [service]) = {
        let service = services::<1>();
        let gate = gate(&urls(&service), &json!({"limits": {"max_in_flight": 1}}))
            .set("/routes/-", crate::websocket::live("api"));
        (gate.start(), service)
    };
    service.bytes(&crate::websocket::switched(""));
    let tunnel = crate::websocket::open(&gate);
    read(&gate).refused(Reason::Overloaded);
    drop(tunnel);
    service.reply(200, &[], b"{}");
    eventually("its end makes room", || {
        (read(&gate).status == 200).then_some(())
    });
}

#[test]
fn a_reply_counts_until_it_has_ended() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let service = Script::start(move |line| {
        line.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nha\r\n");
        let _ = wait.lock().unwrap().recv();
        line.send("2\r\nlf\r\n0\r\n\r\n");
    });
    let gate = gate(&[service.url()], &json!({"limits": {"max_in_flight": 1}})).start();
    let mut first = gate.connect();
    let token = gate.issuer.user("ana").sign();
    first.send(&gate.get(READ).bearer(&token).bytes());
    eventually("it is under way", || {
        (service.connections() == 1).then_some(())
    });
    read(&gate).refused(Reason::Overloaded);
    go.send(()).unwrap();
    assert_eq!(first.reply("GET").text(), "half");
    // The next one's reply is the same, without waiting.
    drop(go);
    eventually("its end makes room", || {
        (read(&gate).status == 200).then_some(())
    });
}
