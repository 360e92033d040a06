//! `palisade prove`: what holds is proved, what does not is shown, and nothing else passes for either. The
//! solver is Debian's cvc5, or a script of `tests/tools` that is none.

mod accounts;
mod changes;
mod solvers;

use crate::support::folder::{Folder, Said};
use serde_json::Value;
use std::path::Path;

const CONFIG: &str = "palisade.yaml";
const GUARDS: &str = include_str!("../../src/policy/guard.cedar");

fn prove(folder: &Folder, arguments: &[&str]) -> Said {
    folder.run(&[&["prove"], arguments, &["--config", CONFIG]].concat())
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", said.out, said.err))
}

/// The names of the claims of that verdict.
fn of<'a>(report: &'a Value, verdict: &str) -> Vec<&'a str> {
    let claims = report["claims"].as_array().expect("claims");
    let claims = claims.iter().filter(|claim| claim["verdict"] == verdict);
    claims
        .map(|claim| claim["of"].as_str().expect("a name"))
        .collect()
}

fn tells(said: &Said, code: i32, parts: &[&str]) {
    let both = format!("{}{}", said.out, said.err);
    assert_eq!(said.code, code, "{both}");
    for part in parts {
        assert!(both.contains(part), "`{part}` is not in:\n{both}");
    }
}

#[test]
fn the_shipped_guards_are_proved() {
    let folder = Folder::shipped();
    let said = prove(&folder, &["isolation", "--format", "json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let report = json(&said);
    assert_eq!(of(&report, "proved").len(), 9, "{report:#}");
    for claim in report["claims"].as_array().expect("claims") {
        // Every class of operations that a route may declare, for whoever may ask for it.
        let environments = claim["environments"].as_u64().expect("a number");
        assert!(environments >= 39, "{claim:#}");
        assert_eq!(claim["file"], Value::Null);
    }
    // Nothing is proved by guards that close everything.
    assert_eq!(report["warnings"], serde_json::json!([]));
}

/// Each shipped guard with a mistake that people make, and a spec that falls by it.
const SLIPS: [(&str, &str, &str); 5] = [
    (
        "resource.account == context.account &&\n   resource has workspace",
        "resource has workspace",
        "only-tenant",
    ),
    (
        "   action in Tenancy::Action::\"read\" &&\n   action in Tenancy::Action::\"catalog\" &&\n   context has catalogs",
        "   context has catalogs",
        "never-write-elsewhere",
    ),
    (
        "  (principal has scopeless &&\n   principal.scopeless &&\n   principal has scopes",
        "  (principal has scopes",
        "only-in-scope",
    ),
    (
        "   context has grant.until &&\n   context has now &&\n   context.now < context.grant.until)",
        "   context has grant)",
        "only-granted-principals",
    ),
    (
        "   context has actor.account &&\n   context.actor.account == principal.account &&\n",
        "",
        "only-own-voice",
    ),
];

#[test]
fn broken_guards_are_refuted_by_questions_that_the_code_that_serves_allows() {
    let folder = Folder::shipped();
    for (right, wrong, spec) in SLIPS {
        assert!(GUARDS.contains(right), "{right}");
        folder.write("slip/guard.cedar", &GUARDS.replacen(right, wrong, 1));
        let said = prove(
            &folder,
            &[
                "isolation",
                "--guards",
                "slip/guard.cedar",
                "--format",
                "json",
            ],
        );
        assert_eq!(said.code, 4, "{spec}: {}{}", said.out, said.err);
        let report = json(&said);
        assert!(of(&report, "refuted").contains(&spec), "{spec}: {report:#}");
        assert_eq!(of(&report, "unknown"), [""; 0], "{report:#}");
        for claim in report["claims"].as_array().expect("claims") {
            let refuted = claim["verdict"] == "refuted";
            assert_eq!(!claim["example"].is_null(), refuted, "{claim:#}");
            assert_eq!(
                claim["refuted"] != serde_json::json!([]),
                refuted,
                "{claim:#}"
            );
            if refuted {
                assert_ne!(claim["example"]["by"], serde_json::json!([]), "{claim:#}");
            }
        }
    }
}

#[test]
fn guards_that_break_their_form_are_not_looked_at() {
    let folder = Folder::shipped();
    let narrowed = GUARDS.replacen(
        "\nforbid (principal, action, resource)",
        "\nforbid (principal, action in Tenancy::Action::\"scoped\", resource)",
        1,
    );
    folder.write("narrow.cedar", &narrowed);
    let said = prove(&folder, &["isolation", "--guards", "narrow.cedar"]);
    tells(&said, 3, &["policy_guard_form", "narrowed"]);
    tells(
        &prove(&folder, &["isolation", "--guards", "none.cedar"]),
        3,
        &["none.cedar"],
    );
}

const MFA: &str = "policies/specs/only-mfa.cedar";
const MFA_TEXT: &str = "@description(\"everybody has a second factor\")\n\
    permit (principal, action, resource) when { principal has mfa && principal.mfa };\n";
const MFA_GUARD: &str = "@id(\"guard.mfa\")\n@reason(\"a second factor\")\n\
    forbid (principal, action, resource) unless { principal has mfa && principal.mfa };\n";

/// From a claim of one's own to a guard that makes it hold, by way of a test.
#[test]
fn a_counterexample_becomes_a_test_that_a_guard_makes_pass() {
    let folder = Folder::shipped();
    folder.write(MFA, MFA_TEXT);
    // Beside the policies, and no policy.
    tells(&folder.run(&["check"]), 0, &["good"]);
    let write = ["isolation", "--write-test", "policies/tests/holes.json"];
    let said = prove(&folder, &write);
    tells(
        &said,
        4,
        &["refuted  only-mfa (policies/specs/only-mfa.cedar): everybody has a second factor"],
    );
    tells(
        &said,
        4,
        &[
            "9 proved, 1 refuted, 0 unknown",
            "1 case written",
            "policies allow today",
        ],
    );
    let test = || folder.run(&["test", "policies/tests/holes.json"]);
    tells(&test(), 4, &["it is allow, not deny", "0 passed, 1 failed"]);

    folder.write("policies/guard.cedar", MFA_GUARD);
    tells(&test(), 0, &["1 passed, 0 failed"]);
    let said = prove(&folder, &["isolation"]);
    // Services have no second factor, and the guard is for everybody.
    tells(
        &said,
        0,
        &[
            "10 proved, 0 refuted",
            "warning: the guards deny everything",
            "Service ",
        ],
    );
}

#[test]
fn what_cases_are_not_written_to_stays_as_it_is() {
    let folder = Folder::shipped();
    folder.write(MFA, MFA_TEXT);
    for (name, text) in [
        ("examples/app.yaml", "cases: []\n"),
        ("object.json", "{\"a\": 1}\n"),
        ("torn.json", "[{\"name\": "),
        ("strange.json", "[{\"name\": \"no case\"}]"),
    ] {
        folder.write(name, text);
        let before = folder.read(name);
        let said = prove(&folder, &["isolation", "--write-test", name]);
        // What was found stays found.
        tells(&said, 4, &[name, "1 refuted"]);
        assert_eq!(folder.read(name), before, "{name}");
    }
    let said = prove(
        &folder,
        &["isolation", "--write-test", "nowhere/deep/new.json"],
    );
    tells(&said, 4, &["written to nowhere/deep/new.json"]);
}

#[test]
fn specs_say_how_they_are_meant_and_nothing_else() {
    let all = "permit (principal, action, resource);\n";
    for (name, text, parts) in [
        ("mine.cedar", all, &["spec_form", "only-*.cedar"][..]),
        (
            "only-a.cedar",
            "forbid (principal, action, resource);\n",
            &["spec_form", "a forbid"],
        ),
        (
            "only-a.cedar",
            "@isolation\npermit (principal, action, resource);\n",
            &["@isolation"],
        ),
        ("only-a.cedar", "", &["policy_empty"]),
        (
            "only-a.cedar",
            "permit (principal, action, resource)",
            &["policy_syntax"],
        ),
        (
            "never-a.cedar",
            "permit (principal, action, resource) when { principal.acount == 1 };\n",
            &["policy_invalid", "never-a.cedar"],
        ),
        (
            "only-tenant.cedar",
            all,
            &["spec_form", "differs from the spec"],
        ),
        (
            "only-a.cedar",
            "permit (principal == ?principal, action, resource);\n",
            &["policy_template"],
        ),
        (
            "only-a.cedar",
            "\u{feff}permit (principal, action, resource);\n",
            &["byte order mark"],
        ),
        (
            "only-a.cedar",
            &format!(
                "permit (principal, action, resource) when {{ {}true{} }};",
                "(".repeat(500),
                ")".repeat(500)
            ),
            &["policy_budget"],
        ),
    ] {
        let folder = Folder::shipped();
        folder.write(&format!("policies/specs/{name}"), text);
        tells(&prove(&folder, &["isolation"]), 3, parts);
    }
}

#[test]
fn a_spec_that_may_err_is_proved_of_nothing() {
    let folder = Folder::shipped();
    let text = "permit (principal, action, resource) when { context.now.toTime().toMilliseconds() + 9223372036854775807 > 0 };\n";
    folder.write("policies/specs/never-late.cedar", text);
    tells(
        &prove(&folder, &["isolation"]),
        5,
        &["unknown  never-late", "may err", "not everything is proved"],
    );
}

#[test]
fn a_spec_that_forbids_nothing_is_proved_of_nothing() {
    let folder = Folder::shipped();
    let text = "permit (principal, action, resource) when { principal has bearer && context.now < datetime(\"1970-01-01\") && \
        context.now > datetime(\"1970-01-01\") };\n";
    folder.write("policies/specs/never-again.cedar", text);
    tells(
        &prove(&folder, &["isolation"]),
        5,
        &["unknown  never-again", "it matches nothing", "9 proved"],
    );
}

#[test]
fn only_specs_may_stand_below_the_policies() {
    let folder = Folder::shipped();
    folder.write("policies/more/only-a.cedar", MFA_TEXT);
    tells(
        &folder.run(&["check"]),
        3,
        &["file_not_read", "policies/more/only-a.cedar"],
    );
    let folder = Folder::shipped();
    folder.write("policies/specs/deeper/only-a.cedar", "nonsense");
    // It is none of the policies; who proves is told that nobody reads it.
    tells(&folder.run(&["check"]), 0, &[]);
    tells(
        &prove(&folder, &["isolation"]),
        3,
        &["file_not_read", "deeper/only-a.cedar"],
    );
    let folder = Folder::shipped();
    folder.write("tenants/acme/specs/only-a.cedar", MFA_TEXT);
    assert_ne!(folder.run(&["check"]).code, 0);
}

/// The specs of the folder are those of the program: who reads them reads what is proved.
#[test]
fn shipped_specs_may_lie_in_the_folder_too() {
    let folder = Folder::shipped();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/specs");
    let mut count = 0;
    for entry in std::fs::read_dir(from).expect("specs ship") {
        let path = entry.expect("a spec").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).expect("a spec");
        folder.write(&format!("policies/specs/{name}"), &text);
        count += 1;
    }
    assert_eq!(count, 9);
    tells(
        &prove(&folder, &["isolation"]),
        0,
        &["9 proved, 0 refuted, 0 unknown"],
    );
}
