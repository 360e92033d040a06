//! Files that change once a second while requests come: none fails, no connection ends, and what was
//! learnt of other accounts is not forgotten.

use super::asked;
use super::load::Load;
use crate::lifecycle::echo::Echo;
use crate::support::gate::TestGate;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long.
const SECONDS: u32 = 15;
const PER_SECOND: u32 = 300;

#[test]
fn a_reload_every_second_under_load_fails_nothing_and_cools_no_other_account() {
    let seconds = asked("RELOAD_SECONDS", SECONDS);
    let echo = Echo::start();
    let mut gate = TestGate::builder()
        .set("/upstreams/api/url", json!(echo.url()))
        .start();
    let token = gate.issuer.user("ana").role("viewer").sign();
    let load = Load::start(gate.address(), &token, PER_SECOND);
    let begun = Instant::now();
    for round in 1..=seconds {
        // Another account: its policies, its plan, and now and then something that does not load.
        gate.change(|files| match round % 3 {
            0 => files.put("tenants/globex.cedar", "forbid (principal, acton, resource);"),
            1 => files.put(
                "tenants/globex.cedar",
                &format!("@id(\"none-{round}\")\nforbid (principal, action, resource) when {{ principal == Tenancy::User::\"globex/eve\" }};\n"),
            ),
            _ => files.tenant("globex", "/plan", json!(format!("plan-{round}"))),
        });
        let next = begun + Duration::from_secs(round.into());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let seen = load.all_good();
    assert_eq!(seen.asked_to_leave, 0, "a reload ends no connection");
    let metrics = gate.metrics();
    let sum = |name: &str| metrics.sum(name, &[]);
    assert!(sum("palisade_ruleset_loads_total") > f64::from(seconds));
    // Only what the first requests asked, all at once, was not known yet.
    let misses = sum("palisade_decision_cache_misses_total");
    assert!(misses < 40.0, "{misses} misses of {}", seen.sent);
    let decided = sum("palisade_decision_cache_hits_total") + misses;
    assert_eq!(format!("{decided}"), seen.sent.to_string());
}
