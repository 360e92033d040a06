//! What a reload leaves alone, and what it takes away.

use super::{READ, count, gate, nobody, read, services, status, until};
use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::script::Script;
use crate::support::upstream::TestUpstream;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::mpsc::channel;

/// A reload after which `service` is the only endpoint.
fn leave_only(gate: &mut TestGate, service: &TestUpstream) {
    let endpoints = json!([{"url": service.url()}]);
    gate.files.set("/upstreams/api/endpoints", endpoints);
    gate.reload();
    let address = service.address().to_string();
    eventually("the change is taken", || {
        let endpoints = status(gate)["endpoints"].clone();
        let [only] = endpoints.as_array()?.as_slice() else {
            return None;
        };
        (only["address"] == address).then_some(())
    });
}

#[test]
fn an_upstream_that_did_not_change_keeps_all_that_is_known_of_it() {
    let [good] = services();
    let more = json!({"ejection": {"failures": 1, "time": "1m"}, "balance": "least_request"});
    let mut gate = gate(&[good.url(), nobody()], &more).start();
    eventually("the other one is left out", || {
        read(&gate).allowed(200);
        (count(&gate, "ejections_total", ("upstream", "api")) == 1.0).then_some(())
    });
    let connections = good.connections();
    let other = json!({"url": good.url()});
    gate.files.set("/upstreams/other", other);
    gate.reload();
    eventually("the change is taken", || {
        let reply = gate.control_port("/status");
        let token = crate::support::gate::CONTROL_TOKEN;
        let status: Value = reply.bearer(token).send_elsewhere().json();
        (status["upstreams"].as_array()?.len() == 2).then_some(())
    });
    for _ in 0..20 {
        read(&gate).allowed(200);
    }
    until(&gate, "ejected", 1);
    assert_eq!(count(&gate, "ejections_total", ("upstream", "api")), 1.0);
    assert_eq!(good.connections(), connections);
}

#[test]
fn connections_to_an_upstream_that_is_taken_away_close_though_nobody_asks() {
    let [leaving, staying] = services();
    let mut gate = gate(&[leaving.url()], &json!({})).start();
    read(&gate).allowed(200);
    leave_only(&mut gate, &staying);
    leaving.all_closed();
    assert_eq!(staying.connections(), 0);
}

#[test]
fn an_endpoint_that_is_taken_away_finishes_its_requests() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let leaving = Script::start(move |line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha");
        let _ = wait.lock().unwrap().recv();
        line.send("lf");
        line.wait();
    });
    let [stays] = services();
    let mut gate = gate(&[leaving.url()], &json!({})).start();
    let mut under_way = gate.connect();
    let token = gate.issuer.user("ana").sign();
    under_way.send(&gate.get(READ).bearer(&token).bytes());
    eventually("it is under way", || {
        (leaving.connections() == 1).then_some(())
    });
    leave_only(&mut gate, &stays);
    read(&gate).allowed(200);
    assert_eq!((stays.requests().len(), leaving.connections()), (1, 1));
    go.send(()).unwrap();
    let reply = under_way.reply("GET");
    reply.allowed(200);
    assert_eq!(reply.text(), "half");
    eventually("its connection ends with it", || {
        let open = gate.metrics().sum("palisade_upstream_connections", &[]);
        (open == 1.0).then_some(())
    });
    gate.audit(2);
}

#[test]
fn idle_connections_to_an_endpoint_that_is_taken_away_end() {
    let [leaves, stays] = services();
    let mut gate = gate(&[leaves.url()], &json!({})).start();
    read(&gate).allowed(200);
    leave_only(&mut gate, &stays);
    // Its worker learns of the change with its next request.
    read(&gate).allowed(200);
    leaves.all_closed();
}
