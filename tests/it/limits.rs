//! An account's limits bind it and nobody else.

use crate::support::eventually;
use crate::support::gate::TestGate;
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
