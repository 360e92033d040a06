//! Policies that are to be: they see what is decided, and change nothing of it.

use crate::support::client::Reply;
use crate::support::eventually;
use crate::support::folder::Folder;
use crate::support::gate::{Builder, CONTROL_TOKEN, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};

const PATH: &str = "/app/v1/missions";
const STOP: &str = "@id(\"stop\")\nforbid (principal, action, resource);\n";
const PASS: &str = "@id(\"pass\")\nforbid (principal, action, resource) when { false };\n";

fn shadowed() -> Builder {
    TestGate::builder().set("/shadow", json!("policies-next/"))
}

fn next_of(account: &str) -> String {
    format!("policies-next/accounts/{account}.cedar")
}

fn acme(gate: &TestGate) -> Reply {
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&token).send()
}

fn globex(gate: &TestGate) -> Reply {
    let token = gate.issuer.user("bo").account("globex");
    let token = token.workspace("globex-prod").sign();
    gate.get(PATH).bearer(&token).send()
}

fn page(gate: &TestGate, path: &str) -> Value {
    let reply = gate.control_port(path).bearer(CONTROL_TOKEN).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn count(gate: &TestGate, result: &str) -> f64 {
    let metrics = gate.metrics();
    metrics.sum("palisade_shadow_decisions_total", &[("result", result)])
}

#[track_caller]
fn comes_to(gate: &TestGate, result: &str, times: f64) {
    eventually("the decision is compared", || {
        (count(gate, result) >= times).then_some(())
    });
    assert_eq!(count(gate, result), times, "{result}");
}

fn loaded(gate: &TestGate) -> f64 {
    gate.metrics().sum("palisade_shadow_loaded", &[])
}

#[track_caller]
fn soon(gate: &TestGate, state: &str) {
    eventually("the shadow is looked at", || {
        (gate.status()["shadow"]["state"] == state).then_some(())
    });
}

#[test]
fn what_would_be_closed_is_seen_and_stays_open_also_where_it_is_remembered() {
    let gate = shadowed().file(&next_of("acme"), STOP).start();
    acme(&gate).allowed(200);
    acme(&gate).allowed(200);
    globex(&gate).allowed(200);
    comes_to(&gate, "closed", 2.0);
    comes_to(&gate, "same", 1.0);
    let records = gate.audit(3);
    assert_eq!(records[1]["cached"], true, "{}", records[1]);
    let told = page(&gate, "/shadow");
    let example = &told["examples"][0];
    assert_eq!(example["change"], "closed");
    assert_eq!(example["request_id"], records[0]["request_id"]);
    assert_eq!(example["before"]["decision"], "allow");
    assert_eq!(example["after"]["decision"], "policy_denied");
    assert_eq!(example["after"]["policies"], json!(["account/acme/stop"]));
    assert_eq!(example["before"]["policies"], records[0]["policies"]);
    let caller = example["caller"].as_str().expect("a caller");
    assert!(caller.starts_with("Tenancy::User::"), "{caller}");
    assert_eq!(told["decisions"]["closed"], 2);
    assert_eq!(loaded(&gate), 1.0);
    let mut gate = gate;
    gate.stop();
    assert!(!records.iter().any(|one| one.to_string().contains("stop")));
}

#[test]
fn what_would_be_opened_is_seen_and_stays_shut() {
    let gate = shadowed()
        .overlay("acme", STOP)
        .file(&next_of("acme"), PASS)
        .start();
    acme(&gate).refused(Reason::PolicyDenied);
    acme(&gate).refused(Reason::PolicyDenied);
    comes_to(&gate, "opened", 2.0);
    let example = page(&gate, "/shadow")["examples"][0].clone();
    assert_eq!(example["change"], "opened");
    assert_eq!(example["before"]["policies"], json!(["account/acme/stop"]));
    assert_eq!(example["after"]["decision"], "allow");
}

#[test]
fn policies_of_the_platform_alone_leave_accounts_as_they_are() {
    let gate = shadowed()
        .overlay("globex", STOP)
        .file(
            "policies-next/all.cedar",
            "@id(\"all\")\n@reason(\"x\")\npermit (principal, action, resource);\n",
        )
        .start();
    acme(&gate).allowed(200);
    globex(&gate).refused(Reason::PolicyDenied);
    // Allowed by another policy; still forbidden by the account's own.
    comes_to(&gate, "other_policies", 1.0);
    comes_to(&gate, "same", 1.0);
}

#[test]
fn examples_of_one_account_never_show_on_anothers_page() {
    let gate = shadowed()
        .file(&next_of("acme"), STOP)
        .file(&next_of("globex"), STOP)
        .start();
    acme(&gate).allowed(200);
    globex(&gate).allowed(200);
    comes_to(&gate, "closed", 2.0);
    for (own, other) in [("acme", "globex"), ("globex", "acme")] {
        let told = page(&gate, &format!("/shadow/accounts/{own}"));
        assert_eq!(told["examples"].as_array().map(Vec::len), Some(1), "{told}");
        assert_eq!(told["decisions"]["closed"], 1, "{told}");
        let text = told.to_string();
        assert!(text.contains(own) && !text.contains(other), "{text}");
    }
    let nobody = gate.control_port("/shadow/accounts/nobody");
    assert_eq!(nobody.bearer(CONTROL_TOKEN).send().status, 404);
    for path in ["/shadow", "/shadow/accounts/acme"] {
        assert_eq!(gate.control_port(path).send().status, 401, "{path}");
        assert_eq!(gate.metrics_port(path).status, 404, "{path}");
        let foreign = gate.control_port(path).bearer(CONTROL_TOKEN);
        let foreign = foreign.header("origin", "https://evil.example").send();
        assert_eq!(foreign.status, 403, "{path}");
    }
}

#[test]
fn a_broken_shadow_keeps_neither_a_start_nor_a_reload() {
    let mut gate = shadowed()
        .file("policies-next/broken.cedar", "permit (principal")
        .start();
    acme(&gate).allowed(200);
    soon(&gate, "broken");
    assert_eq!(loaded(&gate), 0.0);
    assert!(gate.metrics().sum("palisade_shadow_faults", &[]) >= 1.0);
    let faults = gate.status()["shadow"]["faults"].to_string();
    assert!(faults.contains("broken.cedar"), "{faults}");
    // The rest of a change serves all the same.
    gate.change(|files| files.put("tenants/acme.cedar", STOP));
    acme(&gate).refused(Reason::PolicyDenied);
    gate.change(|files| {
        files.put(
            "policies-next/broken.cedar",
            "@id(\"a\")\npermit (principal, action, resource) when { false };\n",
        );
    });
    soon(&gate, "loaded");
    acme(&gate).refused(Reason::PolicyDenied);
}

#[test]
fn a_folder_that_is_missing_or_empty_is_told_and_serves() {
    for folder in ["nowhere/", "apis/"] {
        let gate = TestGate::builder().set("/shadow", json!(folder)).start();
        acme(&gate).allowed(200);
        soon(&gate, "broken");
        let faults = gate.status()["shadow"]["faults"].to_string();
        assert!(faults.contains("folder_"), "{faults}");
    }
}

#[test]
fn one_accounts_broken_policies_say_nothing_and_the_others_are_compared() {
    let gate = shadowed()
        .overlay("acme", PASS)
        .file(&next_of("acme"), "permit (principal")
        .file(&next_of("globex"), STOP)
        .file(&next_of("stranger"), STOP)
        .start();
    acme(&gate).allowed(200);
    globex(&gate).allowed(200);
    comes_to(&gate, "error", 1.0);
    comes_to(&gate, "closed", 1.0);
    let shadow = gate.status()["shadow"].clone();
    assert_eq!(shadow["accounts_broken"], json!(["acme"]));
    assert!(
        shadow["faults"].to_string().contains("stranger"),
        "{shadow}"
    );
}

#[test]
fn only_decisions_of_policies_are_put_to_them() {
    let gate = shadowed().file(&next_of("acme"), STOP).start();
    gate.get(PATH).send().refused(Reason::TokenMissing);
    gate.get("/health").send().allowed(200);
    let token = gate.issuer.user("ana").sign();
    gate.get("/app/v1/missions?workspaceId=globex-prod")
        .bearer(&token)
        .send()
        .refused(Reason::OutsideTenant);
    acme(&gate).allowed(200);
    comes_to(&gate, "closed", 1.0);
    let all = gate.metrics().sum("palisade_shadow_decisions_total", &[]);
    assert_eq!(all, 1.0);
}

#[test]
fn one_of_so_many_is_put_to_them() {
    let gate = TestGate::builder()
        .set("/shadow", json!({"policies": "policies-next/", "every": 3}))
        .file(&next_of("acme"), STOP)
        .start();
    for _ in 0..7 {
        acme(&gate).allowed(200);
    }
    comes_to(&gate, "closed", 3.0);
}

#[test]
fn a_change_on_either_side_begins_the_count_anew() {
    let mut gate = shadowed().file(&next_of("acme"), STOP).start();
    acme(&gate).allowed(200);
    globex(&gate).allowed(200);
    comes_to(&gate, "closed", 1.0);
    comes_to(&gate, "same", 1.0);
    gate.change(|files| files.put("tenants/acme.cedar", STOP));
    acme(&gate).refused(Reason::PolicyDenied);
    comes_to(&gate, "same", 2.0);
    let told = page(&gate, "/shadow");
    assert_eq!(told["decisions"]["closed"], 0, "{told}");
    assert_eq!(told["examples"], json!([]));
    let globex = page(&gate, "/shadow/accounts/globex");
    assert_eq!(globex["decisions"]["same"], 1, "nobody touched it");
}

#[test]
fn check_finds_what_is_wrong_with_them() {
    let folder = Folder::shipped();
    folder.append("palisade.yaml", "shadow: policies-next/\n");
    let cases = [
        ("policies-next/a.cedar", "permit (principal", "a.cedar"),
        (
            "policies-next/accounts/nobody.cedar",
            PASS,
            "no account `nobody`",
        ),
        (
            "policies-next/accounts/acme.cedar",
            "@id(\"a\")\nforbid (principal, action, resource) when { context.nothing };\n",
            "accounts/acme.cedar",
        ),
        ("policies-next/deep/a.cedar", PASS, "deep/a.cedar"),
    ];
    for (name, text, word) in cases {
        let _ = std::fs::remove_dir_all(folder.path("policies-next"));
        folder.write(name, text);
        let said = folder.run(&["check"]);
        assert_eq!(said.code, 3, "{name}: {}{}", said.out, said.err);
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains(word), "{word}: {all}");
    }
    let _ = std::fs::remove_dir_all(folder.path("policies-next"));
    assert_eq!(folder.run(&["check"]).code, 3, "it is missing");
    folder.write("policies-next/accounts/acme.cedar", PASS);
    let said = folder.run(&["check"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    folder.replace(
        "palisade.yaml",
        "shadow: policies-next/",
        "shadow: { policies: x, every: 0 }",
    );
    assert_eq!(folder.run(&["check"]).code, 3);
}
