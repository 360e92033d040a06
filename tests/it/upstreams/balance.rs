//! Who gets a request, and who is left out.

use super::{count, gate, nobody, read, services, status, until, urls};
use crate::support::gate::refused;
use crate::support::script::Script;
use palisade::reason::Reason;
use serde_json::json;
use std::time::Duration;

#[test]
fn requests_are_spread_over_all_endpoints() {
    let services = services::<3>();
    let gate = gate(&urls(&services), &json!({"balance": "least_request"})).start();
    for _ in 0..120 {
        read(&gate).allowed(200);
    }
    for service in &services {
        let got = service.requests().len();
        assert!((15..=75).contains(&got), "{got} of 120");
    }
    assert_eq!(status(&gate)["endpoints"].as_array().unwrap().len(), 3);
    gate.audit(120);
}

#[test]
fn weights_share_the_requests_out() {
    let [light, heavy] = services::<2>();
    let upstream = json!({
        "endpoints": [{"url": light.url(), "weight": 1}, {"url": heavy.url(), "weight": 9}],
        "balance": "least_request",
    });
    let gate = gate(&[], &upstream).start();
    for _ in 0..100 {
        read(&gate).allowed(200);
    }
    let light = light.requests().len();
    assert!((1..=30).contains(&light), "{light} of 100");
}

#[test]
fn an_endpoint_that_is_slower_gets_less() {
    let [quick] = services();
    let slow = Script::start(|line| {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            line.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
            if !line.head() {
                return;
            }
        }
    });
    let gate = gate(&[quick.url(), slow.url()], &json!({})).start();
    for _ in 0..60 {
        read(&gate).allowed(200);
    }
    let quick = quick.requests().len();
    // A busy machine may make the quick one slow now and then, and that is remembered for seconds.
    assert!((40..60).contains(&quick), "{quick} of 60");
}

#[test]
fn an_endpoint_whose_answers_are_failures_is_left_out() {
    let [good, full] = services::<2>();
    full.reply(503, &[], b"full");
    let more = json!({"ejection": {"failures": 2, "statuses": [503], "time": "1m"},
                      "balance": "least_request"});
    let gate = gate(&[good.url(), full.url()], &more).start();
    let replies: Vec<u16> = (0..40).map(|_| read(&gate).status).collect();
    let failed = replies.iter().filter(|status| **status == 503).count();
    assert_eq!((failed, full.requests().len()), (2, 2), "{replies:?}");
    until(&gate, "ejected", 1);
    assert_eq!(count(&gate, "failures_total", ("cause", "status")), 2.0);
}

#[test]
fn an_endpoint_that_takes_no_connection_costs_no_request() {
    let [service] = services::<1>();
    let more = json!({"balance": "least_request"});
    let gate = gate(&[nobody(), service.url()], &more).start();
    for _ in 0..40 {
        read(&gate).allowed(200);
    }
    until(&gate, "ejected", 1);
    assert_eq!(service.requests().len(), 40);
    assert!(count(&gate, "failures_total", ("cause", "connect")) >= 5.0);
    assert_eq!(count(&gate, "ejections_total", ("upstream", "api")), 1.0);
    gate.audit(40);
}

#[test]
fn an_endpoint_that_was_left_out_comes_back() {
    let [good, bad] = services::<2>();
    bad.reset();
    let more = json!({"ejection": {"failures": 2, "time": "200ms"}, "balance": "least_request"});
    let gate = gate(&urls(&[good, bad]), &more);
    let gate = gate.start();
    for _ in 0..30 {
        read(&gate).allowed(200);
    }
    // Counted, not looked at: its time may be over before anybody looks.
    assert!(count(&gate, "ejections_total", ("upstream", "api")) >= 1.0);
    until(&gate, "healthy", 2);
}

#[test]
fn an_endpoint_that_never_answers_is_left_out_for_the_others_sake() {
    let [good, silent] = services::<2>();
    silent.hang();
    let more = json!({
        "ejection": {"failures": 2, "time": "1m"},
        "timeouts": {"response": "100ms"},
        "balance": "least_request",
    });
    let gate = gate(&[good.url(), silent.url()], &more).start();
    let replies: Vec<u16> = (0..40).map(|_| read(&gate).status).collect();
    assert_eq!(
        replies.iter().filter(|status| **status == 504).count(),
        2,
        "{replies:?}"
    );
    assert_eq!(silent.requests().len(), 2, "a timeout is not tried again");
    until(&gate, "ejected", 1);
}

#[test]
fn a_route_that_gives_less_time_takes_no_endpoint_from_the_others() {
    let services = services::<2>();
    services
        .iter()
        .for_each(crate::support::upstream::TestUpstream::hang);
    let gate = gate(
        &urls(&services),
        &json!({"ejection": {"failures": 1, "time": "1m"}}),
    )
    .set("/routes/0/timeout", json!("50ms"))
    .start();
    for _ in 0..6 {
        read(&gate).refused(Reason::UpstreamTimeout);
    }
    until(&gate, "healthy", 2);
}

#[test]
fn when_all_fail_all_are_tried() {
    let services = services::<2>();
    services
        .iter()
        .for_each(crate::support::upstream::TestUpstream::reset);
    let more = json!({"ejection": {"failures": 1, "time": "1m", "max_ejected_percent": 100},
                      "retries": {"max": 0}});
    let gate = gate(&urls(&services), &more).start();
    for _ in 0..20 {
        read(&gate).refused(Reason::UpstreamUnreachable);
    }
    for service in &services {
        assert!(service.requests().len() >= 5);
    }
    let endpoints = status(&gate)["endpoints"].clone();
    let mut endpoints = endpoints.as_array().unwrap().iter();
    assert!(endpoints.any(|one| one["state"] == "healthy"));
}

#[test]
fn an_endpoint_that_is_left_out_stands_in_for_the_last_that_fails() {
    let services = services::<2>();
    let [first, second] = &services;
    first.reset();
    let more = json!({"ejection": {"failures": 2, "time": "1m"}, "balance": "least_request",
                      "timeouts": {"response": "200ms"}});
    let gate = gate(&urls(&services), &more).start();
    while count(&gate, "ejections_total", ("upstream", "api")) == 0.0 {
        read(&gate).allowed(200);
    }
    first.reply(200, &[], b"{}");
    second.hang();
    let replies: Vec<u16> = (0..20).map(|_| read(&gate).status).collect();
    let failed = replies.iter().filter(|status| **status == 504).count();
    // Two bring the other one back, and the next, whenever it is drawn, takes its place.
    assert!((2..=3).contains(&failed), "{replies:?}");
}

#[test]
fn an_upstream_is_somewhere_and_in_one_way() {
    let [service] = services::<1>();
    let both = json!({"url": service.url()});
    refused(
        gate(&[service.url()], &both),
        &["`url` or `endpoints`", "upstreams.api"],
    );
    refused(gate(&[], &json!({})), &["`url` or `endpoints`"]);
    let mixed = [service.url(), "https://api.internal".to_owned()];
    refused(gate(&mixed, &json!({})), &["under TLS and others are not"]);
    let two = [
        "https://a.internal".to_owned(),
        "https://b.internal".to_owned(),
    ];
    refused(
        gate(&two, &json!({})),
        &["no name that all their certificates are for"],
    );
}
