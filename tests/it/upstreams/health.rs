//! Endpoints that are asked how they are.

use super::{count, gate, read, services, until, urls};
use crate::support::authority::Authority;
use crate::support::eventually;
use crate::transport::Http2;
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
fn reloads_that_come_more_often_than_checks_do_not_put_them_off() {
    let services = services::<2>();
    for service in &services {
        service.accept_any_header();
    }
    let more = json!({"health": {"path": "/healthz", "interval": "700ms"}});
    let gate = gate(&urls(&services), &more).start();
    until(&gate, "healthy", 2);
    let asked = || count(&gate, "health_checks_total", ("result", "ok"));
    let first = asked();
    eventually("they are asked again", || {
        gate.reload();
        (asked() > first).then_some(())
    });
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

#[test]
fn endpoints_under_tls_are_asked_as_requests_are_sent() {
    let authority = Authority::new("services");
    let pair = authority.host(&["api.internal"]);
    let stranger = Authority::new("strangers");
    let health = json!({"path": "/healthz", "interval": "50ms", "unhealthy": 1, "healthy": 1});
    for http1 in [false, true] {
        let tls = json!({"cert": pair.cert, "key": pair.key});
        let service = Http2::with(&json!({"tls": tls, "http1": http1}));
        for (trusted, state) in [(&authority, "healthy"), (&stranger, "unhealthy")] {
            let more = json!({
                "health": health, "tls": {"ca": "tls/ca.crt", "name": "api.internal"},
            });
            let url = service.url().replace("http:", "https:");
            let gate = gate(&[url], &more).file("tls/ca.crt", &trusted.pem).start();
            until(&gate, state, 1);
            let (good, bad) = ("ok", "error");
            let result = if state == "healthy" { good } else { bad };
            assert!(count(&gate, "health_checks_total", ("result", result)) > 0.0);
            if state == "healthy" {
                read(&gate).allowed(200);
            } else {
                read(&gate).refused(Reason::UpstreamUnreachable);
            }
        }
    }
}

#[test]
fn endpoints_that_speak_http2_are_asked_over_it() {
    let (mut good, silent) = (Http2::start(), services::<1>());
    silent[0].accept_any_header();
    let more = json!({
        "protocol": "http2", "balance": "least_request",
        "health": {"path": "/healthz", "interval": "50ms", "timeout": "1s"},
    });
    let gate = gate(&[good.url(), silent[0].url()], &more).start();
    until(&gate, "unhealthy", 1);
    for _ in 0..10 {
        read(&gate).allowed(200);
    }
    assert!(good.saw()["streams"].as_u64() > Some(10), "and questions");
}
