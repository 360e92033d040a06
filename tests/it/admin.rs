//! The two admin ports: what they show, and to whom.

use crate::support::gate::{CONTROL_TOKEN, TestGate};
use palisade::reason::Reason;

#[test]
fn probes_answer_on_the_metrics_port_without_detail() {
    let gate = TestGate::start();
    for path in ["/livez", "/readyz"] {
        let reply = gate.metrics_port(path);
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.text().len() < 64, "{path} tells: {}", reply.text());
    }
    for path in ["/status", "/drain", "/explain", "/"] {
        assert_eq!(gate.metrics_port(path).status, 404, "{path}");
    }
}

#[test]
fn control_needs_its_token_on_loopback_too() {
    let gate = TestGate::start();
    let status = || gate.control_port("/status");
    assert_eq!(status().send().status, 401);
    assert_eq!(
        status()
            .bearer("wrong-token-of-the-right-length-00")
            .send()
            .status,
        401
    );
    let reply = status().bearer(CONTROL_TOKEN).send();
    assert_eq!(reply.status, 200);
    let text = reply.text();
    assert!(!text.contains(CONTROL_TOKEN));
    assert!(
        reply.json()["revision"].is_string() || text.contains("revision"),
        "{text}"
    );
}

#[test]
fn control_checks_host_and_origin_against_rebinding() {
    let gate = TestGate::start();
    let status = || gate.control_port("/status").bearer(CONTROL_TOKEN);
    let host = status().host("evil.example").send();
    assert!([400, 403, 421].contains(&host.status), "{}", host.status);
    let origin = status().header("origin", "https://evil.example").send();
    assert_eq!(origin.status, 403);
}

#[test]
fn admin_paths_are_not_reachable_through_the_data_port() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    for path in [
        "/metrics",
        "/livez",
        "/readyz",
        "/status",
        "/drain",
        "/.well-known/jwks.json",
    ] {
        gate.get(path)
            .bearer(&token)
            .send()
            .refused(Reason::RouteUnknown);
        let reply = gate.get(path).bearer(CONTROL_TOKEN).send();
        assert_eq!(reply.status, 401, "{path}");
    }
}
