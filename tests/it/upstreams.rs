//! Several endpoints of an upstream: who gets a request, what is tried again, and how names are followed.

mod balance;
mod dns;
mod health;
mod limits;
mod names;
mod nginx;
mod reload;
mod retries;
mod streams;

use crate::support::client::Reply;
use crate::support::eventually;
use crate::support::gate::{Builder, TestGate};
use crate::support::upstream::TestUpstream;
use serde_json::{Value, json};
use std::net::TcpListener;

const READ: &str = "/app/v1/missions";
const CREATE: &str = "/dashboard/v1/missions";

/// A gate in front of `urls`, and `more` of the upstream's settings.
fn gate(urls: &[String], more: &Value) -> Builder {
    let endpoints: Vec<Value> = urls.iter().map(|url| json!({ "url": url })).collect();
    let mut upstream = json!({
        "endpoints": endpoints,
        "timeouts": {"connect": "500ms", "response": "2s"},
    });
    for (key, value) in more.as_object().expect("settings are an object") {
        upstream[key] = value.clone();
    }
    TestGate::builder().set("/upstreams/api", upstream)
}

/// So many services.
fn services<const N: usize>() -> [TestUpstream; N] {
    std::array::from_fn(|_| TestUpstream::start())
}

fn urls(services: &[TestUpstream]) -> Vec<String> {
    services.iter().map(TestUpstream::url).collect()
}

/// The URL of a port that nobody listens on.
fn nobody() -> String {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = free.local_addr().expect("a bound socket has an address");
    format!("http://{address}")
}

fn read(gate: &TestGate) -> Reply {
    gate.get(READ)
        .bearer(&gate.issuer.user("ana").sign())
        .send()
}

fn create(gate: &TestGate) -> Reply {
    let editor = gate.issuer.user("edi").role("editor").context("dashboard");
    gate.post(CREATE, "{}").bearer(&editor.sign()).send()
}

/// The upstream as `/status` has it.
fn status(gate: &TestGate) -> Value {
    let reply = gate.control_port("/status");
    let token = crate::support::gate::CONTROL_TOKEN;
    let status = reply.bearer(token).send_elsewhere().json();
    status["upstreams"][0].clone()
}

/// Waits until so many of its endpoints are in that state.
fn until(gate: &TestGate, state: &str, count: usize) {
    eventually("the endpoints are in that state", || {
        let endpoints = status(gate)["endpoints"].clone();
        let each = endpoints.as_array()?.iter();
        (each.filter(|one| one["state"] == state).count() == count).then_some(())
    });
}

/// One of the upstream's counters.
fn count(gate: &TestGate, name: &str, label: (&str, &str)) -> f64 {
    let name = format!("palisade_upstream_{name}");
    gate.metrics().sum(&name, &[("upstream", "api"), label])
}
