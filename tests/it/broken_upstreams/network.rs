//! A network that drops everything without a word, between namespaces of our own.

use super::READ;
use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::network::{FAR, GATE, Network};
use crate::support::script::Script;
use palisade::reason::Reason;
use serde_json::json;
use std::net::SocketAddr;

/// A gate at one end, its upstream at the other.
fn start(network: &Network, reply: usize) -> (TestGate, Script) {
    let upstream = network.far(move || {
        Script::start_on(FAR, move |line| {
            while line.send(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {reply}\r\n\r\n"
            )) && line.send(vec![b'x'; reply])
                && line.head()
            {}
        })
    });
    let limits = json!({"connect": "400ms", "response": "400ms", "idle": "400ms"});
    let gate = network.at_gate(|| {
        TestGate::builder()
            .set("/listen/http", json!(SocketAddr::from((GATE, 0))))
            .set("/listen/timeouts", json!({"write": "400ms"}))
            .set("/upstreams/api/url", json!(upstream.url()))
            .set("/upstreams/api/timeouts", limits)
            .start()
    });
    (gate, upstream)
}

#[test]
fn an_upstream_behind_a_black_hole_is_504_and_comes_back() {
    let network = Network::new();
    let (gate, upstream) = start(&network, 2);
    network.at_gate(|| {
        let token = gate.issuer.user("ana").sign();
        let ask = || gate.get(READ).bearer(&token).send();
        ask().allowed(200);
        network.cut();
        // On the connection that is kept, and on a new one.
        for _ in 0..2 {
            ask().refused(Reason::UpstreamTimeout);
        }
        network.mend();
        ask().allowed(200);
        ask().allowed(200);
        let records = gate.audit(5);
        assert_eq!(records[1]["reason"], "upstream_timeout");
        assert_eq!(gate.metrics().sum("palisade_in_flight_requests", &[]), 0.0);
        // The one that hung serves nobody any more.
        assert!(upstream.connections() >= 2);
        drop(gate);
    });
}

#[test]
fn a_client_behind_a_black_hole_is_let_go_with_its_upstream() {
    let network = Network::new();
    let (gate, _upstream) = start(&network, 64 << 20);
    // Through the wire, and back to the gate's own end for what stands behind it.
    let local = network.at_gate(|| {
        Script::start(|line| {
            line.send("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n");
            while line.send([b'x'; 16 << 10]) {}
        })
    });
    let request = gate.get("/health").bytes();
    let address = gate.address();
    let mut gate = gate;
    network.at_gate(|| {
        gate.change(|files| files.set("/upstreams/api/url", json!(local.url())));
    });
    let mut connection = network.far(|| crate::support::client::Connection::open(address));
    connection.send(&request);
    network.at_gate(|| {
        eventually("the reply is under way", || {
            (gate.metrics().sum("palisade_in_flight_requests", &[]) == 1.0).then_some(())
        });
        network.cut();
        eventually("the client is let go", || {
            let scrape = gate.metrics();
            let left = scrape.sum("palisade_connections", &[])
                + scrape.sum("palisade_in_flight_requests", &[])
                + scrape.sum("palisade_upstream_connections", &[]);
            (left == 0.0).then_some(())
        });
        let cut = gate
            .metrics()
            .sum("palisade_connections_cut_total", &[("cause", "write")]);
        assert_eq!(cut, 1.0);
        gate.audit(1);
        drop(gate);
    });
}
