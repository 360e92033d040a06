//! Heads that are too large for a real upstream: Node takes 16 KiB, and answers 431 beyond.

use super::viewer;
use crate::support::client::Reply;
use crate::support::gate::{Builder, TestGate};
use crate::support::tools::Tool;
use palisade::reason::Reason;
use serde_json::json;

fn node() -> (Tool, Builder) {
    let node = Tool::node("plain.cjs", &json!({}));
    let url = format!("http://127.0.0.1:{}", node.port());
    let gate = TestGate::builder().set("/upstreams/api/url", json!(url));
    (node, gate)
}

/// A GET with `baggage` and a cookie of so many KiB each.
fn ask(gate: &TestGate, baggage: usize, cookie: usize) -> Reply {
    gate.get("/app/v1/missions")
        .bearer(&viewer(gate))
        .header("baggage", &"b".repeat(baggage << 10))
        .header("cookie", &"c".repeat(cookie << 10))
        .send()
}

fn dropped(gate: &TestGate, header: &str) -> f64 {
    let labels = [("header", header)];
    gate.metrics()
        .sum("palisade_upstream_headers_dropped_total", &labels)
}

#[test]
fn node_refuses_a_head_that_is_too_large_for_it() {
    let (_node, gate) = node();
    let gate = gate.start();
    assert_eq!(ask(&gate, 8, 10).status, 431);
    assert_eq!(gate.only_record()["outcome"], "allow");
}

#[test]
fn what_may_go_goes_until_the_head_fits() {
    let (_node, gate) = node();
    let gate = gate
        .set("/upstreams/api/header_bytes_max", json!("16KiB"))
        .start();
    let names = |reply: &Reply| {
        reply.allowed(200);
        let names = reply.json().as_array().unwrap().clone();
        ["authorization", "baggage", "cookie", "x-palisade-account"]
            .map(|name| names.contains(&json!(name)))
    };
    assert_eq!(names(&ask(&gate, 1, 1)), [false, true, true, true]);
    assert_eq!(names(&ask(&gate, 8, 10)), [false, false, true, true]);
    assert_eq!(names(&ask(&gate, 1, 17)), [false, false, false, true]);
    assert_eq!(
        (dropped(&gate, "baggage"), dropped(&gate, "cookie")),
        (2.0, 1.0)
    );
}

#[test]
fn a_head_that_never_fits_is_refused_and_not_sent() {
    let gate = TestGate::builder()
        .set("/upstreams/api/header_bytes_max", json!("16KiB"))
        .start();
    let request = gate.get("/app/v1/missions").bearer(&viewer(&gate));
    let large = request.header("x-test-large", &"x".repeat(17 << 10));
    large.send().refused(Reason::HeadersTooLarge);
    gate.upstream.saw_nothing();
    let record = gate.only_record();
    assert!(
        record["detail"].to_string().contains("header_bytes_max"),
        "{record}"
    );
}
