//! Endpoints that are asked how they are.

use super::{count, gate, read, services, until, urls};
use palisade::reason::Reason;
use serde_json::json;

#[test]
fn an_endpoint_that_says_it_is_not_well_gets_nothing_until_it_is() {
    let [good, ill] = services::<2>();
    for service in [&good, &ill] {
        service.accept_any_header();
    }
    ill.reply(500, &[], b"");
    let more = json!({
        "health": {"path": "/healthz", "interval": "50ms", "healthy": 2},
        "balance": "least_request",
    });
    let gate = gate(&[good.url(), ill.url()], &more).start();
    until(&gate, "unhealthy", 1);
    for _ in 0..20 {
        read(&gate).allowed(200);
    }
    let asked = ill.requests();
    assert!(asked.iter().all(|one| one.target() == "/healthz"));
    let first = asked.first().unwrap();
    assert_eq!(first.header("authorization"), None);
    assert_eq!(first.header("x-palisade-account"), None);
    assert_eq!(first.header("user-agent"), Some("palisade-health"));
    assert!(count(&gate, "health_checks_total", ("result", "error")) > 0.0);
    ill.reply(200, &[], b"");
    until(&gate, "healthy", 2);
    gate.audit(20);
}

#[test]
fn when_none_is_well_all_are_tried() {
    let services = services::<2>();
    for service in &services {
        service.accept_any_header();
        service.reply(404, &[], b"");
    }
    let more = json!({"health": {"path": "/healthz", "interval": "50ms"}});
    let gate = gate(&urls(&services), &more).start();
    until(&gate, "unhealthy", 2);
    assert_eq!(read(&gate).status, 404, "the upstream's own answer");
    services
        .iter()
        .for_each(crate::support::upstream::TestUpstream::reset);
    read(&gate).refused(Reason::UpstreamUnreachable);
}
