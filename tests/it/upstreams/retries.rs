//! What is tried again, and what never is.

use super::{count, create, gate, nobody, read, services, urls};
use crate::support::upstream::TestUpstream;
use palisade::reason::Reason;
use serde_json::json;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

fn seen(services: &[TestUpstream]) -> usize {
    services.iter().map(|one| one.requests().len()).sum()
}

#[test]
fn a_get_whose_connection_broke_goes_to_another_endpoint_as_it_was() {
    let [good, broken] = services::<2>();
    broken.reset();
    let more = json!({"balance": "least_request", "ejection": {"failures": 0}});
    let gate = gate(&[good.url(), broken.url()], &more).start();
    while broken.requests().is_empty() {
        read(&gate).allowed(200);
    }
    let (first, again) = (broken.requests().remove(0), good.requests());
    let again = again.last().unwrap();
    assert_eq!(first.target(), again.target());
    assert_eq!(
        first.message.headers, again.message.headers,
        "the same id and annotation"
    );
    gate.audit(good.requests().len());
    assert_eq!(count(&gate, "retries_total", ("result", "sent")), 1.0);
}

#[test]
fn an_endpoint_without_tls_is_one_that_takes_no_connection() {
    let asked = Arc::new(AtomicUsize::new(0));
    let urls = [(); 2].map(|()| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let asked = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                asked.fetch_add(1, Relaxed);
                drop(stream);
            }
        });
        url
    });
    let more = json!({"retries": {"max": 0}, "ejection": {"failures": 0}});
    let gate = gate(&urls, &more).start();
    read(&gate).refused(Reason::UpstreamUnreachable);
    // Nothing was sent, so that the other one was asked, and the budget was not.
    assert_eq!(asked.load(Relaxed), 2);
    assert_eq!(count(&gate, "retries_total", ("result", "sent")), 0.0);
}

#[test]
fn a_post_that_was_sent_is_seen_once() {
    let services = services::<2>();
    services.iter().for_each(TestUpstream::reset);
    let gate = gate(&urls(&services), &json!({})).start();
    create(&gate).refused(Reason::UpstreamUnreachable);
    assert_eq!(seen(&services), 1);
    assert_eq!(gate.only_record()["outcome"], "error");
}

#[test]
fn a_put_is_said_again_unless_it_is_streamed() {
    let services = services::<2>();
    services.iter().for_each(TestUpstream::reset);
    let reference = json!({"in": "body", "pointer": "/workspaceId", "is": "workspace"});
    for (whole, times) in [(true, 3), (false, 1)] {
        let mut gate = gate(&urls(&services), &json!({"ejection": {"failures": 0}}));
        if whole {
            gate = gate.set("/references/-", reference.clone());
        }
        let gate = gate.start();
        let editor = gate.issuer.user("edi").role("editor").context("dashboard");
        let before = seen(&services);
        gate.request("PUT", "/dashboard/v1/missions/m-1")
            .bearer(&editor.sign())
            .header("content-type", "application/json")
            .body(b"{}")
            .send()
            .refused(Reason::UpstreamUnreachable);
        assert_eq!(seen(&services) - before, times, "whole: {whole}");
        gate.audit(1);
    }
}

#[test]
fn a_handshake_of_a_websocket_is_sent_once() {
    let services = services::<2>();
    services.iter().for_each(TestUpstream::reset);
    let gate = gate(&urls(&services), &json!({}))
        .set("/routes/-", crate::websocket::live("api"))
        .start();
    crate::websocket::asked(&gate).refused(Reason::UpstreamUnreachable);
    assert_eq!(seen(&services), 1);
}

#[test]
fn a_handshake_of_a_websocket_finds_the_endpoint_that_is_there() {
    let [service] = services::<1>();
    service.bytes(&crate::websocket::switched(""));
    let more = json!({"ejection": {"failures": 0}});
    let gate = gate(&[nobody(), service.url()], &more)
        .set("/routes/-", crate::websocket::live("api"))
        .start();
    for _ in 0..6 {
        drop(crate::websocket::open(&gate));
    }
    assert_eq!(seen(&[service]), 6);
}

#[test]
fn a_post_that_found_no_connection_goes_elsewhere() {
    let [service] = services::<1>();
    let gate = gate(
        &[nobody(), service.url()],
        &json!({"ejection": {"failures": 0}}),
    )
    .start();
    for _ in 0..10 {
        create(&gate).allowed(200);
    }
    assert_eq!(service.requests().len(), 10);
}

#[test]
fn statuses_are_tried_again_where_the_configuration_says_so() {
    let [good, full] = services::<2>();
    full.reply(503, &[], b"full");
    let more = json!({"retries": {"statuses": [503]}, "ejection": {"failures": 0},
                      "balance": "least_request"});
    let gate = gate(&[good.url(), full.url()], &more).start();
    while full.requests().is_empty() {
        read(&gate).allowed(200);
    }
    // A POST keeps its answer.
    while create(&gate).status != 503 {}
    // And so does a GET that finds no better one.
    good.reply(503, &[], b"full too");
    assert_eq!(read(&gate).status, 503);
}

#[test]
fn statuses_are_answers_otherwise() {
    let services = services::<2>();
    for service in &services {
        service.reply(503, &[("retry-after", "7")], b"full");
    }
    let gate = gate(&urls(&services), &json!({})).start();
    let reply = read(&gate);
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("7"))
    );
    assert_eq!(seen(&services), 1);
}

#[test]
fn an_outage_is_no_storm() {
    let services = services::<3>();
    services.iter().for_each(TestUpstream::reset);
    let more = json!({"retries": {"max": 2, "budget_percent": 20, "budget_floor": 0},
                      "ejection": {"failures": 0}});
    let gate = gate(&urls(&services), &more).start();
    for _ in 0..100 {
        read(&gate).refused(Reason::UpstreamUnreachable);
    }
    let seen = seen(&services);
    assert!(
        (100..=121).contains(&seen),
        "{seen} attempts for 100 requests"
    );
    assert!(count(&gate, "retries_total", ("result", "no_budget")) > 0.0);
    gate.audit(100);
}

#[test]
fn no_retries_are_none() {
    let services = services::<2>();
    services.iter().for_each(TestUpstream::reset);
    let gate = gate(&urls(&services), &json!({"retries": {"max": 0}})).start();
    read(&gate).refused(Reason::UpstreamUnreachable);
    assert_eq!(seen(&services), 1);
}

#[test]
fn an_endpoint_that_takes_no_connection_costs_no_retry() {
    let [service] = services::<1>();
    let urls = [nobody(), nobody(), nobody(), service.url()];
    let more = json!({"retries": {"max": 0}, "ejection": {"failures": 0}});
    let gate = gate(&urls, &more).start();
    for _ in 0..10 {
        read(&gate).allowed(200);
        create(&gate).allowed(200);
    }
    assert_eq!(service.requests().len(), 20);
    let sent = count(&gate, "retries_total", ("result", "sent"));
    let refused = count(&gate, "retries_total", ("result", "no_budget"));
    assert_eq!((sent, refused), (0.0, 0.0));
}

#[test]
fn all_attempts_together_have_the_time_of_one() {
    let [silent, broken] = services::<2>();
    silent.hang();
    broken.reset();
    let more = json!({"timeouts": {"response": "300ms"}, "ejection": {"failures": 0}});
    let gate = gate(&[silent.url(), broken.url()], &more).start();
    let begun = std::time::Instant::now();
    while broken.requests().is_empty() || silent.requests().is_empty() {
        read(&gate);
    }
    let requests = u32::try_from(gate.audit_text().lines().count() + 1).unwrap();
    // Twice the time of all requests is far more than one time each.
    assert!(begun.elapsed() < std::time::Duration::from_millis(600) * requests);
}
