//! An account's limits bind it and nobody else; strangers are bound by their address.

use crate::support::eventually;
use crate::support::gate::TestGate;
use palisade::clock::{Clock, Timestamp};
use palisade::reason::Reason;
use serde_json::json;

const PATH: &str = "/app/v1/missions";

#[test]
fn an_account_over_its_rate_is_429_and_others_are_served() {
    let gate = TestGate::builder()
        .set("/plans/enterprise", json!({"requests": "1/s", "burst": 3}))
        .start();
    let ana = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&ana).send().allowed(200);
    // More than a burst, whatever a slow machine lets through meanwhile.
    let reply = (0..100)
        .map(|_| gate.get(PATH).bearer(&ana).send())
        .find(|reply| reply.status != 200)
        .expect("one request is over the rate");
    reply.refused(Reason::RateLimited);
    let wait = reply.header("retry-after").expect("a time to wait");
    assert!(
        wait.parse::<u32>().is_ok_and(|seconds| seconds > 0),
        "{wait}"
    );
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod")
        .sign();
    gate.get(PATH).bearer(&bo).send().allowed(200);
}

#[test]
fn a_stranger_cannot_spend_an_accounts_rate() {
    let gate = TestGate::builder()
        .set("/plans/enterprise", json!({"requests": "1/s", "burst": 2}))
        .start();
    for _ in 0..10 {
        let forged = gate.issuer.user("ana").expired(100).sign();
        gate.get(PATH)
            .bearer(&forged)
            .send()
            .refused(Reason::TokenExpired);
    }
    let ana = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&ana).send().allowed(200);
}

#[test]
fn requests_in_flight_are_capped_and_freed_again() {
    let gate = TestGate::builder()
        .set(
            "/plans/enterprise",
            json!({"requests": "10000/s", "concurrent": 1}),
        )
        .start();
    let ana = gate.issuer.user("ana").sign();
    gate.upstream.hang();
    let mut held = gate.connect();
    held.send(&gate.get(PATH).bearer(&ana).bytes());
    eventually("the first is in flight", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    gate.get(PATH)
        .bearer(&ana)
        .send()
        .refused(Reason::RateLimited);
    drop(held);
    gate.upstream.reply(200, &[], b"");
    eventually("the slot is free again", || {
        (gate.get(PATH).bearer(&ana).send().status == 200).then_some(())
    });
}

/// A gate that believes the harness about addresses, with a clock that stands still.
fn told_apart(peers: serde_json::Value) -> (TestGate, Clock) {
    let now = Clock::system().now();
    let clock = Clock::manual(Timestamp(now.millis()));
    let gate = TestGate::builder()
        .set("/listen/trusted_proxies", json!(["127.0.0.0/8"]))
        .set("/listen/peers", peers)
        .clock(&clock)
        .start();
    (gate, clock)
}

#[test]
fn an_address_over_its_rate_is_429_whatever_it_asks_for_and_others_are_served() {
    let (gate, clock) = told_apart(json!({"requests": "1/s", "burst": 2}));
    let ask = |from: &str, path: &str| gate.get(path).header("x-forwarded-for", from).send();
    ask("203.0.113.7", "/health").allowed(200);
    ask("203.0.113.7", PATH).refused(Reason::TokenMissing);
    let ana = gate.issuer.user("ana").sign();
    let reply = gate
        .get(PATH)
        .bearer(&ana)
        .header("x-forwarded-for", "203.0.113.7")
        .send();
    reply.refused(Reason::RateLimited);
    assert_eq!(reply.header("retry-after"), Some("1"));
    ask("203.0.113.7", "/health").refused(Reason::RateLimited);
    ask("203.0.113.8", "/health").allowed(200);
    clock.advance(1000);
    ask("203.0.113.7", "/health").allowed(200);
    let scope = [("scope", "peer")];
    let counted = gate.metrics().sum("palisade_rate_limited_total", &scope);
    assert!((counted - 2.0).abs() < f64::EPSILON, "{counted}");
}

#[test]
fn tokens_beyond_the_cap_are_not_verified_and_remembered_ones_pass() {
    let (gate, clock) = told_apart(json!({"signatures": "1/s", "signatures_burst": 6}));
    let send = |token: &str, from: &str| {
        let request = gate.get(PATH).bearer(token);
        request.header("x-forwarded-for", from).send()
    };
    let ana = gate.issuer.user("ana").sign();
    send(&ana, "203.0.113.7").allowed(200);
    let forged = |name: &str| gate.issuer.user(name).expired(100).sign();
    send(&forged("eve"), "203.0.113.7").refused(Reason::TokenExpired);
    // One good token and a bad one, which costs five: that was all.
    let misses = gate.metrics().sum("palisade_token_cache_misses_total", &[]);
    send(&forged("mallory"), "203.0.113.7").refused(Reason::RateLimited);
    let bo = gate.issuer.user("bo").sign();
    send(&bo, "203.0.113.7").refused(Reason::RateLimited);
    let after = gate.metrics().sum("palisade_token_cache_misses_total", &[]);
    assert!((after - misses).abs() < f64::EPSILON, "it was looked at");
    send(&ana, "203.0.113.7").allowed(200);
    send(&bo, "203.0.113.8").allowed(200);
    clock.advance(1000);
    let cy = gate.issuer.user("cy").sign();
    send(&cy, "203.0.113.7").allowed(200);
}

#[test]
fn keys_that_cannot_be_had_are_not_the_senders_fault() {
    let gate = TestGate::builder()
        .set("/issuers/0/required", json!(false))
        .set(
            "/issuers/0/jwks",
            json!({"url": "http://127.0.0.1:1/jwks.json"}),
        )
        .set("/listen/trusted_proxies", json!(["127.0.0.0/8"]))
        .set(
            "/listen/peers",
            json!({"signatures": "1/s", "signatures_burst": 3}),
        )
        .clock(&Clock::manual(Clock::system().now()))
        .start();
    let ana = gate.issuer.user("ana").sign();
    for _ in 0..3 {
        let request = gate.get(PATH).bearer(&ana);
        let reply = request.header("x-forwarded-for", "203.0.113.7").send();
        reply.refused(Reason::KeysUnavailable);
    }
}

#[test]
fn a_preflight_over_the_rate_is_readable_by_its_page() {
    let origin = "https://app.example.com";
    let now = Clock::system().now();
    let gate = TestGate::builder()
        .set("/listen/trusted_proxies", json!(["127.0.0.0/8"]))
        .set("/listen/peers", json!({"requests": "1/s", "burst": 1}))
        .set("/routes/0/cors", json!({"origins": [origin]}))
        .clock(&Clock::manual(now))
        .start();
    let preflight = || {
        gate.request("OPTIONS", PATH)
            .header("x-forwarded-for", "203.0.113.7")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .send()
    };
    assert_eq!(preflight().status, 204);
    let reply = preflight();
    reply.refused(Reason::RateLimited);
    assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
}

#[test]
fn one_user_over_its_share_leaves_the_rest_to_its_colleagues() {
    let plan =
        json!({"requests": "1/s", "burst": 100, "per_caller": {"requests": "1/s", "burst": 2}});
    let gate = TestGate::builder().set("/plans/enterprise", plan).start();
    let ana = gate.issuer.user("ana").sign();
    let refused = (0..50)
        .map(|_| gate.get(PATH).bearer(&ana).send())
        .find(|reply| reply.status != 200)
        .expect("one request is over the share");
    refused.refused(Reason::RateLimited);
    let bo = gate.issuer.user("bo").sign();
    gate.get(PATH).bearer(&bo).send().allowed(200);
    let scope = [("scope", "caller")];
    assert!(gate.metrics().sum("palisade_rate_limited_total", &scope) >= 1.0);
}

#[test]
fn a_principal_has_a_bucket_of_its_own() {
    let portal = "/portal/v1/accounts/acme";
    let now = Clock::system().now();
    let gate = TestGate::builder()
        .set("/principals", json!({"requests": "1/s", "burst": 2}))
        .clock(&Clock::manual(now))
        .start();
    let ask = |name: &str| {
        let token = gate.issuer.principal(name).sign();
        gate.get(portal).bearer(&token).send()
    };
    ask("root").allowed(200);
    ask("root").allowed(200);
    ask("root").refused(Reason::RateLimited);
    ask("sue").allowed(200);
    let ana = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&ana).send().allowed(200);
}
