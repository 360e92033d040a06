//! A network that drops everything without a word, between namespaces of our own.

use super::READ;
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
