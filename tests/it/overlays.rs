//! Accounts' own policies: kept as text, parsed when a request needs them, checked meanwhile.

use crate::support::client::Reply;
use crate::support::eventually;
use crate::support::gate::TestGate;
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::{Value, json};

const PATH: &str = "/app/v1/missions";
const STOP: &str = "@id(\"stop\")\nforbid (principal, action, resource);\n";
const PASS: &str = "@id(\"pass\")\nforbid (principal, action, resource) when { false };\n";

fn acme(gate: &TestGate) -> Reply {
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&token).send()
}

fn globex(gate: &TestGate) -> Reply {
    let token = gate.issuer.user("bo").account("globex");
    let token = token.workspace("globex-prod").sign();
    gate.get(PATH).bearer(&token).send()
}

fn quarantined(gate: &TestGate) -> f64 {
    gate.metrics().sum("palisade_overlay_quarantined", &[])
}

/// The faults of acme's policies in `/status`.
fn faults(gate: &TestGate) -> Vec<Value> {
    let status = gate.status();
    let all = status.pointer("/overlays_quarantined");
    let mut all = all.and_then(Value::as_array).expect("a list").iter();
    let acme = all.find(|one| one.get("account") == Some(&json!("acme")));
    let faults = acme.and_then(|one| one.get("faults")?.as_array());
    faults.cloned().unwrap_or_default()
}

#[test]
fn policies_that_nobody_asked_yet_decide_the_first_request() {
    let gate = TestGate::builder().overlay("acme", STOP).start();
    acme(&gate).refused(Reason::PolicyDenied);
    globex(&gate).allowed(200);
    assert_eq!(gate.status()["overlays"]["announced"], 1);
    assert_eq!(gate.status()["overlays"]["parsed"], 1);
}

#[test]
fn many_first_requests_at_once_all_get_their_answer() {
    let gate = TestGate::builder()
        .overlay("acme", STOP)
        .overlay("globex", PASS)
        .start();
    let ana = gate.issuer.user("ana").sign();
    let bo = gate.issuer.user("bo").account("globex");
    let bo = bo.workspace("globex-prod").sign();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let reply = gate.get(PATH).bearer(&ana).send();
                reply.refused(Reason::PolicyDenied);
                gate.get(PATH).bearer(&bo).send().allowed(200);
            });
        }
    });
    assert_eq!(gate.audit(32).len(), 32);
}

#[test]
fn a_request_that_waited_is_charged_once() {
    // The clock stands, so that nothing is earned back.
    let clock = Clock::manual(Clock::system().now());
    let gate = TestGate::builder()
        .clock(&clock)
        .overlay("acme", PASS)
        .set("/plans/enterprise", json!({"requests": "1/s", "burst": 2}))
        .start();
    acme(&gate).allowed(200);
    acme(&gate).allowed(200);
    acme(&gate).refused(Reason::RateLimited);
}

#[test]
fn what_is_wrong_is_found_before_anybody_asks() {
    let gate = TestGate::builder()
        .overlay(
            "acme",
            "@id(\"a\")\nforbid (principal, action, resource)\nwhen { context.nothing };\n",
        )
        .overlay("globex", PASS)
        .start();
    eventually("both were looked at", || {
        (gate.status()["overlays"]["unchecked"] == 0).then_some(())
    });
    eventually("the metric says so", || {
        (quarantined(&gate) == 1.0).then_some(())
    });
    let fault = &faults(&gate)[0];
    assert_eq!(fault["code"], "policy_invalid");
    assert_eq!(fault["line"], 3);
    let file = fault["file"].as_str().expect("a file");
    assert!(file.ends_with("tenants/acme.cedar"), "{file}");
    assert_eq!(
        gate.status()["overlays"]["parsed"],
        0,
        "a look keeps nothing"
    );
    acme(&gate).refused(Reason::OverlayUnavailable);
    globex(&gate).allowed(200);
}

#[test]
fn a_bad_text_that_a_reload_brings_never_serves() {
    let mut gate = TestGate::builder().overlay("acme", STOP).start();
    // Nobody has asked for the good one: it is kept all the same.
    gate.change(|files| files.put("tenants/acme.cedar", "permit (principal"));
    acme(&gate).refused(Reason::PolicyDenied);
    assert_eq!(quarantined(&gate), 1.0);
    gate.change(|files| files.put("tenants/acme.cedar", PASS));
    acme(&gate).allowed(200);
    assert_eq!(quarantined(&gate), 0.0);
}

#[test]
fn one_accounts_change_cools_nobody_elses_answers() {
    let mut gate = TestGate::builder()
        .overlay("acme", PASS)
        .overlay("globex", PASS)
        .start();
    globex(&gate).allowed(200);
    let hits = |gate: &TestGate| {
        gate.metrics()
            .sum("palisade_decision_cache_hits_total", &[])
    };
    gate.change(|files| files.put("tenants/acme.cedar", STOP));
    let before = hits(&gate);
    globex(&gate).allowed(200);
    assert_eq!(hits(&gate), before + 1.0);
    acme(&gate).refused(Reason::PolicyDenied);
}

#[test]
fn gates_with_equal_files_show_equal_revisions_whatever_was_asked_of_them() {
    let status = |asked: bool| {
        let gate = TestGate::builder()
            .overlay("acme", STOP)
            .overlay("globex", "nonsense")
            .start();
        if asked {
            acme(&gate).refused(Reason::PolicyDenied);
            globex(&gate).refused(Reason::OverlayUnavailable);
        }
        gate.status()["policy_revision"].clone()
    };
    assert_eq!(status(true), status(false));
}

/// Hostile text, what is said of it, and in which line.
fn hostile() -> Vec<(String, &'static str, u64)> {
    let forbid = |condition: &str| {
        format!(
            "// acme's\n@id(\"a\")\nforbid (principal, action, resource)\nwhen {{ {condition} }};\n"
        )
    };
    let numbered = |at: usize| format!("@id(\"p{at}\") forbid (principal, action, resource);\n");
    let brackets = format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000));
    let stars = format!("resource.kind like \"{}\"", "*a".repeat(40));
    vec![
        (
            format!("// {}\n{STOP}", "x".repeat(1 << 20)),
            "file_unreadable",
            0,
        ),
        (
            format!("// {}\n{STOP}", "x".repeat(64 << 10)),
            "policy_budget",
            0,
        ),
        ((0..10_000).map(numbered).collect(), "policy_budget", 0),
        (forbid(&brackets), "policy_budget", 4),
        (forbid(&stars), "policy_budget", 4),
        (
            "\n@id(\"a\")\npermit (principal, action, resource);\n".to_owned(),
            "policy_layer",
            2,
        ),
        (
            forbid("resource in Tenancy::Workspace::\"globex/globex-prod\""),
            "policy_foreign",
            4,
        ),
        (
            forbid("principal == Tenancy::User::\"globex/bo\""),
            "policy_foreign",
            4,
        ),
        (forbid("resource.owned"), "policy_invalid", 4),
        (format!("\n@admin(\"yes\")\n{STOP}"), "policy_annotation", 2),
        (
            forbid("resource.kind == \"miss\u{456}ons\""),
            "policy_lookalike",
            4,
        ),
        (
            forbid("resource.k\u{456}nd == \"missions\""),
            "policy_syntax",
            4,
        ),
        (String::new(), "policy_empty", 1),
    ]
}

#[test]
fn hostile_text_costs_its_own_account_its_policies_and_nobody_anything() {
    let mut gate = TestGate::builder()
        .tenant("acme", "/overlay", json!("forbid"))
        .overlay("globex", PASS)
        .start();
    for (text, code, line) in hostile() {
        // Without anything good to fall back to.
        if gate.files.path("tenants/acme.cedar").exists() {
            gate.change(|files| files.remove("tenants/acme.cedar"));
        }
        acme(&gate).allowed(200);
        gate.change(|files| files.put("tenants/acme.cedar", &text));
        acme(&gate).refused(Reason::OverlayUnavailable);
        globex(&gate).allowed(200);
        let faults = faults(&gate);
        let fault = faults.iter().find(|fault| fault["code"] == code);
        let fault = fault.unwrap_or_else(|| panic!("{code}: {faults:?}"));
        let file = fault["file"].as_str().expect("a file");
        assert!(file.ends_with("tenants/acme.cedar"), "{file}");
        assert_eq!(fault["line"].as_u64().unwrap_or(0), line, "{code}: {fault}");
        assert!(
            fault["help"].is_string() || code == "policy_syntax",
            "{fault}"
        );
    }
}

#[test]
fn hostile_text_at_the_start_is_no_worse() {
    for (text, code, _) in hostile() {
        let gate = TestGate::builder()
            .tenant("acme", "/overlay", json!("forbid"))
            .overlay("acme", &text)
            .start();
        globex(&gate).allowed(200);
        acme(&gate).refused(Reason::OverlayUnavailable);
        assert_eq!(faults(&gate)[0]["code"], code);
    }
}

#[test]
fn a_policy_that_always_errs_denies_its_own_account_and_is_named() {
    let errs = "@id(\"errs\")\nforbid (principal, action, resource)\n\
        when { context.now.offset(duration(\"9223372036854775807ms\")).toTime() > duration(\"1h\") };\n";
    let gate = TestGate::builder().overlay("acme", errs).start();
    acme(&gate).refused(Reason::PolicyError);
    globex(&gate).allowed(200);
    let record = gate.audit(2)[0].to_string();
    assert!(record.contains("account/acme/errs"), "{record}");
}

#[test]
fn policies_that_are_slow_again_and_again_are_set_aside() {
    // Each pattern begins anew at each letter of the path, and fails at the last.
    let pattern = |at: usize| format!("context.http.path like \"*{}-{at}\"", "a".repeat(30));
    let patterns: Vec<String> = (0..380).map(pattern).collect();
    let slow = format!(
        "@id(\"slow\")\nforbid (principal, action, resource)\nwhen {{ {} }};\n",
        patterns.join(" || ")
    );
    let mut gate = TestGate::builder()
        .overlay("acme", &slow)
        .route(
            json!({"context": "app", "match": "GET /app/v1/long/{a}/{b}/{c}/{d}/{e}/{f}/{g}",
            "action": "long/get", "upstream": "api"}),
        )
        .start();
    let token = gate.issuer.user("ana").sign();
    let ask = |gate: &TestGate, at: usize| {
        let part = "a".repeat(60);
        let long = format!("/app/v1/long/{}{part}{at}", format!("{part}/").repeat(6));
        gate.get(&long).bearer(&token).send()
    };
    let slow_ones = |gate: &TestGate| {
        gate.metrics()
            .sum("palisade_overlay_evaluations_slow_total", &[])
    };
    let mut asked = 0;
    while slow_ones(&gate) < 10.0 {
        ask(&gate, asked).allowed(200);
        asked += 1;
        assert!(asked < 200, "{}", slow_ones(&gate));
    }
    ask(&gate, asked).refused(Reason::OverlayUnavailable);
    globex(&gate).allowed(200);
    assert_eq!(quarantined(&gate), 1.0);
    assert_eq!(faults(&gate)[0]["code"], "policy_slow");
    // It stays so until the text changes.
    gate.change(|files| files.tenant("globex", "/plan", json!("enterprise")));
    ask(&gate, asked).refused(Reason::OverlayUnavailable);
    gate.change(|files| files.put("tenants/acme.cedar", PASS));
    ask(&gate, asked).allowed(200);
}

#[test]
fn a_folder_in_the_place_of_a_policy_file_is_not_taken_for_no_policies() {
    let mut gate = TestGate::builder().overlay("acme", STOP).start();
    acme(&gate).refused(Reason::PolicyDenied);
    // What a container gets for a mounted file that is not there.
    gate.change(|files| {
        let path = files.path("tenants/acme.cedar");
        std::fs::remove_file(&path).expect("the file goes");
        std::fs::create_dir(&path).expect("a folder comes");
    });
    acme(&gate).refused(Reason::PolicyDenied);
    assert_eq!(quarantined(&gate), 1.0);
    globex(&gate).allowed(200);
}
