//! The Autobahn cases, as kosoku has them: a peer gets the same verdicts through the gate as without it.

use super::LIVE;
use crate::support::gate::{HOST, TestGate};
use crate::support::tools::Tool;
use serde_json::{Value, json};

/// Framing, pings, reserved bits, opcodes, fragments, UTF-8, closes, and some of the cases with large and
/// compressed messages.
const MOST: [&str; 14] = [
    "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*", "9.1.3", "9.2.3", "9.5.3", "9.7.3",
    "12.1.3", "13.3.3",
];

/// A gate in front of `port`: these cases come without tokens.
fn gate(port: u16) -> TestGate {
    let public = |path: &str, action: &str| {
        json!({"context": "app", "match": format!("GET {path}"), "action": format!("cases/{action}"),
               "upstream": "peer", "public": true, "websocket": true})
    };
    let mut gate = TestGate::builder()
        .set(
            "/upstreams/peer",
            json!({"url": format!("http://127.0.0.1:{port}")}),
        )
        .set("/routes/-", public(LIVE, "live"))
        .set("/routes/-", public("/getCaseCount", "count"))
        .set("/routes/-", public("/runCase", "run"))
        .set("/routes/-", public("/updateReports", "report"))
        .start();
    let hosts = json!([HOST, gate.address().to_string()]);
    gate.change(|files| files.set("/listen/hosts", hosts));
    gate
}

/// Verdicts of kosoku as a client of a server at `url`.
fn of_server(cases: &Value, url: &str) -> Value {
    let mut kosoku = Tool::python("autobahn.py", cases);
    kosoku.ask_long(&json!({"do": "client", "url": url}))["verdicts"].clone()
}

fn serves_alike(cases: &[String]) {
    let sockets = Tool::node("sockets.cjs", &json!({}));
    let cases = json!({"cases": cases});
    let gate = gate(sockets.port());
    let without = of_server(&cases, &format!("ws://127.0.0.1:{}{LIVE}", sockets.port()));
    let through = of_server(&cases, &format!("ws://{}{LIVE}", gate.address()));
    assert!(without.as_array().is_some_and(|all| !all.is_empty()));
    assert_eq!(through, without);
    let opened = gate.metrics().sum("palisade_tunnels_closed_total", &[]);
    let count = without.as_array().map_or(0, Vec::len);
    assert!(
        opened
            .to_string()
            .parse::<usize>()
            .is_ok_and(|opened| opened >= count)
    );
}

/// Verdicts of kosoku as a server, of `ws` as its client.
fn of_client(cases: &Value, through: bool) -> Value {
    let mut kosoku = Tool::python("autobahn.py", cases);
    let port = kosoku.ask(&json!({"do": "serve"}))["port"].as_u64();
    let port = port
        .and_then(|port| u16::try_from(port).ok())
        .expect("a port");
    let gate = through.then(|| gate(port));
    let address = match &gate {
        Some(gate) => gate.address().to_string(),
        None => format!("127.0.0.1:{port}"),
    };
    let mut sockets = Tool::node("sockets.cjs", &json!({}));
    sockets.ask_long(&json!({"do": "cases", "url": format!("ws://{address}")}));
    kosoku.ask_long(&json!({"do": "verdicts"}))["verdicts"].clone()
}

fn asks_alike(cases: &[String]) {
    let cases = json!({"cases": cases});
    let without = of_client(&cases, false);
    assert!(without.as_array().is_some_and(|all| !all.is_empty()));
    assert_eq!(of_client(&cases, true), without);
}

/// The cases to run: those that the environment names, for whoever has the time for `*`, or [`MOST`].
fn chosen() -> Vec<String> {
    match std::env::var_os("PALISADE_TEST_AUTOBAHN") {
        Some(cases) => cases
            .to_string_lossy()
            .split(',')
            .map(str::to_owned)
            .collect(),
        None => MOST.map(str::to_owned).to_vec(),
    }
}

#[test]
fn a_server_behind_the_gate_gets_the_verdicts_that_it_gets_without() {
    serves_alike(&chosen());
}

#[test]
fn a_client_before_the_gate_gets_the_verdicts_that_it_gets_without() {
    asks_alike(&chosen());
}
