//! What is proved of accounts' policies.

use super::{json, of, prove, tells};
use crate::support::folder::Folder;
use serde_json::Value;

const GLOBEX: &str = "tenants/globex.cedar";

/// The demo with policies of globex, which may only forbid.
fn globex(policies: &str) -> Folder {
    let folder = Folder::shipped();
    folder.replace("tenants/globex.yaml", "overlay: none", "overlay: forbid");
    folder.write(GLOBEX, policies);
    folder
}

/// The claim of that name about globex.
fn claim(folder: &Folder, name: &str, code: i32) -> Value {
    let said = prove(
        folder,
        &["overlays", "--account", "globex", "--format", "json"],
    );
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    let report = json(&said);
    let claims = report["claims"].as_array().expect("claims");
    let found = claims.iter().find(|claim| claim["claim"] == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {report:#}"))
        .clone()
}

fn policy(head: &str, conditions: &str) -> String {
    format!("@id(\"mine\")\n@reason(\"why\")\nforbid ({head})\n{conditions};\n")
}

#[test]
fn shipped_overlays_are_proved() {
    let folder = Folder::shipped();
    let said = prove(&folder, &["overlays"]);
    tells(
        &said,
        0,
        &[
            "3 proved, 0 refuted, 0 unknown",
            "`overlay: permit`): acme;",
        ],
    );
    // What the account may do is asked for only where somebody wants to know.
    let said = prove(
        &folder,
        &["overlays", "--restricts-only", "--format", "json"],
    );
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    let report = json(&said);
    assert_eq!(of(&report, "refuted"), ["account/acme"]);
    let refuted = report["claims"].as_array().expect("claims");
    let refuted = refuted
        .iter()
        .find(|claim| claim["verdict"] == "refuted")
        .expect("one");
    assert_eq!(refuted["claim"], "restricts-only");
    assert_eq!(
        refuted["example"]["by"],
        serde_json::json!(["account/acme/editors-archive"])
    );
    assert_eq!(
        refuted["example"]["action"],
        "Tenancy::Action::\"dashboard/missions/archive\""
    );
    // The account's own, and no other's: elsewhere its policies are not asked.
    let place = &refuted["example"]["entities"].to_string();
    assert!(
        place.contains("\"account\":{\"__entity\":{\"type\":\"Tenancy::Account\",\"id\":\"acme\""),
        "{place}"
    );
}

#[test]
fn who_locks_everybody_out_is_told_so_with_a_request_that_is_lost() {
    let folder = globex(&policy("principal, action, resource", ""));
    let found = claim(&folder, "stays-open", 4);
    assert_eq!(found["verdict"], "refuted", "{found:#}");
    assert_eq!(
        found["refuted"].as_array().map(Vec::len),
        found["environments"]
            .as_u64()
            .map(|n| usize::try_from(n).expect("few"))
    );
    assert!(
        found["example"]["by"].to_string().contains("platform/"),
        "{found:#}"
    );

    // One way in is enough.
    let folder = globex(&policy(
        "principal, action, resource",
        "unless { action in Tenancy::Action::\"read\" }",
    ));
    assert_eq!(claim(&folder, "stays-open", 0)["verdict"], "proved");
}

#[test]
fn what_is_lost_becomes_a_test_in_the_file_of_the_account() {
    let folder = globex(&policy("principal, action, resource", ""));
    let ask = |name: &str| {
        let file = format!("policies/tests/{name}.json");
        let arguments = ["overlays", "--account", "globex", "--write-test", &file];
        prove(&folder, &arguments)
    };
    tells(&ask("acme"), 4, &["nothing to write"]);
    assert!(!folder.path("policies/tests/acme.json").exists());
    tells(&ask("globex"), 4, &["1 case written"]);
    let test = || {
        let file = "policies/tests/globex.json";
        folder.run(&["test", file, "--config", super::CONFIG])
    };
    tells(&test(), 4, &["0 passed, 1 failed"]);
    folder.write(
        GLOBEX,
        &policy(
            "principal, action in Tenancy::Action::\"delete\", resource",
            "when { resource has id && resource.id == \"held\" }",
        ),
    );
    tells(&test(), 0, &["1 passed, 0 failed"]);
}

/// Who reads a catalog of it from another account does not make up for its own people.
#[test]
fn who_locks_its_own_people_out_is_told_so_whoever_else_may_read() {
    let folder = globex(&policy(
        "principal, action, resource",
        "when { principal has account && principal.account == Tenancy::Account::\"globex\" }",
    ));
    let found = claim(&folder, "stays-open", 4);
    assert_eq!(found["verdict"], "refuted", "{found:#}");
}

#[test]
fn a_policy_that_may_err_is_found_with_a_request_for_which_it_does() {
    let sum = "when { context.now.toTime().toMilliseconds() + 9223372036854775807 > 0 }";
    let folder = globex(&policy(
        "principal, action in Tenancy::Action::\"delete\", resource",
        sum,
    ));
    let found = claim(&folder, "never-errs", 4);
    assert_eq!(found["verdict"], "refuted", "{found:#}");
    assert_eq!(
        found["example"]["by"],
        serde_json::json!(["account/globex/mine"])
    );
    // It still can only forbid.
    assert_eq!(claim(&folder, "restricts-only", 4)["verdict"], "proved");
}

#[test]
fn policies_that_match_nothing_or_everything_are_found() {
    for (conditions, part) in [
        (
            "when { resource.kind == \"a\" && resource.kind == \"b\" }",
            "mine matches nothing",
        ),
        (
            "when { resource.kind like \"*\" }",
            "its conditions are always true",
        ),
        (
            "unless { context.http.path like \"*\" }",
            "mine matches nothing",
        ),
    ] {
        let folder = globex(&policy(
            "principal is Tenancy::User, action in Tenancy::Action::\"delete\", resource",
            conditions,
        ));
        let found = claim(&folder, "matters", 4);
        assert!(
            found["refuted"].to_string().contains(part),
            "{conditions}: {found:#}"
        );
    }
    // A reader's own forbids are asked about catalogs of others, too.
    let reading = "when { resource.account != Tenancy::Account::\"globex\" }";
    let folder = globex(&policy(
        "principal, action in Tenancy::Action::\"catalog\", resource",
        reading,
    ));
    assert_eq!(claim(&folder, "matters", 0)["verdict"], "proved");
    // Without conditions it is meant so.
    let folder = globex(&policy(
        "principal is Tenancy::Service, action in Tenancy::Action::\"delete\", resource",
        "",
    ));
    assert_eq!(claim(&folder, "matters", 0)["verdict"], "proved");
}

#[test]
fn accounts_without_policies_and_policies_with_faults_are_told() {
    let folder = Folder::shipped();
    let ask = |name: &str| prove(&folder, &["overlays", "--account", name]);
    tells(
        &ask("acne"),
        3,
        &["account `acne` has no policies", "did you mean `acme`?"],
    );
    tells(&ask("globex"), 3, &["account `globex` has no policies"]);
    let folder = globex("@id(\"x\") permit (principal, action, resource);");
    tells(&prove(&folder, &["overlays"]), 3, &["policy_layer", GLOBEX]);
}
