//! The figures add up, and the text is what Prometheus reads.

use crate::support::eventually;
use crate::support::gate::TestGate;
use palisade::reason::{Outcome, Reason};

const PATH: &str = "/app/v1/missions";

/// One request of every kind that can be made without waiting; returns how many.
fn traffic(gate: &TestGate) -> usize {
    let ana = gate.issuer.user("ana").sign();
    let nobody = gate.issuer.user("ana").role("none").sign();
    gate.get(PATH).bearer(&ana).send().allowed(200);
    gate.get(PATH).bearer(&ana).send().allowed(200);
    gate.get(PATH).send().refused(Reason::TokenMissing);
    gate.get(PATH)
        .bearer(&nobody)
        .send()
        .refused(Reason::PolicyDenied);
    gate.get("/app/v1/missions?workspaceId=globex-prod")
        .bearer(&ana)
        .send()
        .refused(Reason::OutsideTenant);
    gate.get("/app//v1")
        .bearer(&ana)
        .send()
        .refused(Reason::RequestAmbiguous);
    gate.get("/app/v1/nothing")
        .bearer(&ana)
        .send()
        .refused(Reason::RouteUnknown);
    gate.upstream.reset();
    let edi = gate
        .issuer
        .user("edi")
        .role("editor")
        .context("dashboard")
        .sign();
    gate.post("/dashboard/v1/missions", "{}")
        .bearer(&edi)
        .send()
        .refused(Reason::UpstreamUnreachable);
    8
}

#[test]
fn requests_are_the_sum_of_outcomes_and_of_records() {
    let gate = TestGate::start();
    let sent = f64::from(u32::try_from(traffic(&gate)).unwrap());
    gate.audit(8);
    let metrics = gate.metrics();
    let outcomes: f64 = Outcome::ALL
        .iter()
        .map(|outcome| metrics.sum("palisade_requests_total", &[("outcome", outcome.label())]))
        .sum();
    assert_eq!(metrics.sum("palisade_requests_total", &[]), sent);
    assert_eq!(outcomes, sent);
    let records = metrics.sum("palisade_audit_records_total", &[]);
    let dropped = metrics.sum("palisade_audit_dropped_total", &[]);
    assert_eq!(records + dropped, sent);
    assert_eq!(metrics.sum("palisade_refusals_total", &[]), 6.0);
    for reason in [
        Reason::TokenMissing,
        Reason::PolicyDenied,
        Reason::OutsideTenant,
        Reason::RequestAmbiguous,
        Reason::RouteUnknown,
        Reason::UpstreamUnreachable,
    ] {
        assert_eq!(
            metrics.sum("palisade_refusals_total", &[("reason", reason.code())]),
            1.0,
            "{}",
            reason.code()
        );
    }
    assert_eq!(
        metrics.sum("palisade_request_duration_seconds_count", &[]),
        sent
    );
    let looked = metrics.sum("palisade_decision_cache_hits_total", &[])
        + metrics.sum("palisade_decision_cache_misses_total", &[]);
    assert_eq!(
        looked,
        metrics.sum("palisade_decision_duration_seconds_count", &[])
    );
    assert_eq!(
        metrics.sum("palisade_isolation_disagreement_total", &[]),
        0.0
    );
}

#[test]
fn outcomes_are_told_apart() {
    let gate = TestGate::start();
    traffic(&gate);
    let metrics = gate.metrics();
    let expected = [
        (Outcome::Allow, 2.0),
        (Outcome::DenyToken, 1.0),
        (Outcome::DenyIsolation, 1.0),
        (Outcome::DenyPolicy, 1.0),
        (Outcome::DenyLimit, 0.0),
        (Outcome::Ambiguous, 1.0),
        (Outcome::NotFound, 1.0),
        (Outcome::Aborted, 0.0),
        (Outcome::Error, 1.0),
    ];
    for (outcome, count) in expected {
        assert_eq!(
            metrics.sum("palisade_requests_total", &[("outcome", outcome.label())]),
            count,
            "{}",
            outcome.label()
        );
    }
}

#[test]
fn the_scrape_has_prometheus_content_type_and_every_family_from_the_start() {
    let gate = TestGate::start();
    let reply = gate.metrics_port("/metrics");
    let kind = reply.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let metrics = gate.metrics();
    for name in [
        "palisade_refusals_total",
        "palisade_decision_cache_hits_total",
        "palisade_decision_cache_misses_total",
        "palisade_decision_cache_entries",
        "palisade_token_cache_hits_total",
        "palisade_jwks_refresh_total",
        "palisade_jwks_last_success_timestamp_seconds",
        "palisade_ruleset_info",
        "palisade_ruleset_last_reload_successful",
        "palisade_policy_determining_total",
        "palisade_isolation_disagreement_total",
        "palisade_audit_records_total",
        "palisade_audit_dropped_total",
        "palisade_audit_queue_length",
        "palisade_connections",
        "palisade_in_flight_requests",
        "palisade_malformed_heads_total",
        "palisade_build_info",
    ] {
        assert!(metrics.has(name), "{name}");
    }
    for reason in Reason::ALL {
        let series = format!("palisade_refusals_total{{reason=\"{}\"}}", reason.code());
        assert_eq!(metrics.samples.get(&series), Some(&0.0), "{series}");
    }
}

#[test]
fn a_client_cannot_make_series() {
    let gate = TestGate::start();
    let before = gate.metrics().samples.len();
    for at in 0..50 {
        let stranger = gate
            .issuer
            .user("eve")
            .account(&format!("acct-{at}"))
            .claim("iss", format!("https://{at}"))
            .sign();
        gate.get(&format!("/p{at}")).bearer(&stranger).send();
        gate.request(&format!("M{at}"), PATH).send();
    }
    // Statuses seen for the first time may add a few of the closed set.
    let after = gate.metrics().samples.len();
    assert!(after <= before + 40, "{before} series became {after}");
}

#[test]
fn gauges_return_to_zero() {
    let gate = TestGate::start();
    traffic(&gate);
    eventually("nothing is in flight and nobody is connected", || {
        let metrics = gate.metrics();
        let idle = metrics.sum("palisade_in_flight_requests", &[]) == 0.0
            && metrics.sum("palisade_connections", &[]) == 0.0;
        idle.then_some(())
    });
}
