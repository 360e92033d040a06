//! Two states of the policies: equal, or a request that only one allows.

use super::{CONFIG, json, of, prove, tells};
use crate::support::folder::Folder;
use serde_json::Value;
use std::fs;

const EDITORS: &str = "principal in [resource.role.editor, resource.accountRole.admin]";

/// The demo, and its policies once more beside them, to be changed.
fn with_next() -> Folder {
    let folder = Folder::shipped();
    for name in ["baseline.cedar", "operations.cedar"] {
        folder.write(
            &format!("next/{name}"),
            &folder.read(&format!("policies/{name}")),
        );
    }
    folder
}

fn diff(folder: &Folder, more: &[&str]) -> (i32, Value) {
    let said = prove(
        folder,
        &[&["diff", "policies", "next", "--format", "json"], more].concat(),
    );
    (said.code, json(&said))
}

fn claim<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut claims = report["claims"].as_array().expect("claims").iter();
    claims
        .find(|claim| claim["claim"] == name)
        .expect("it is claimed")
}

#[test]
fn policies_that_say_the_same_in_other_words_are_equal() {
    let folder = with_next();
    folder.replace(
        "next/baseline.cedar",
        EDITORS,
        "principal in resource.accountRole.admin || principal in resource.role.editor",
    );
    let said = prove(&folder, &["diff", "policies", "next"]);
    tells(
        &said,
        0,
        // Account `acme` may permit itself, so it is compared, too.
        &["proved   platform", "4 proved, 0 refuted, 0 unknown"],
    );
}

#[test]
fn what_is_opened_is_shown_and_becomes_a_test_that_only_the_new_policies_pass() {
    let folder = with_next();
    folder.replace(
        "next/baseline.cedar",
        EDITORS,
        "principal in resource.role.viewer",
    );
    let (code, report) = diff(&folder, &["--write-test", "new.json"]);
    assert_eq!(code, 4, "{report:#}");
    assert_eq!(claim(&report, "opens-nothing")["verdict"], "refuted");
    assert_eq!(claim(&report, "closes-nothing")["verdict"], "refuted");
    for name in ["opens-nothing", "closes-nothing"] {
        assert!(
            claim(&report, name)["example"].is_object(),
            "{name}: {report:#}"
        );
    }
    let test = || folder.run(&["test", "new.json", "--config", CONFIG]);
    tells(&test(), 4, &["0 passed, 2 failed"]);
    let next = folder.read("next/baseline.cedar");
    folder.write("policies/baseline.cedar", &next);
    tells(&test(), 0, &["2 passed, 0 failed"]);
}

#[test]
fn a_further_forbid_closes_and_opens_nothing() {
    let folder = with_next();
    folder.write(
        "next/more.cedar",
        "@id(\"hold\")\nforbid (principal, action in Tenancy::Action::\"delete\", resource is Tenancy::Resource) \
         when { resource.kind == \"missions\" };\n",
    );
    let (code, report) = diff(&folder, &[]);
    assert_eq!(code, 4, "{report:#}");
    assert_eq!(claim(&report, "opens-nothing")["verdict"], "proved");
    let closed = claim(&report, "closes-nothing");
    assert_eq!(closed["verdict"], "refuted");
    assert!(
        closed["example"]["action"]
            .to_string()
            .contains("missions/delete"),
        "{closed:#}"
    );
}

/// To a solver annotations say nothing: the end of a permit has to be said to it.
#[test]
fn the_end_of_a_permit_is_a_difference() {
    let folder = with_next();
    let permit = |end: &str| {
        format!(
            "@id(\"campaign\")\n{end}permit (principal, action == Tenancy::Action::\"dashboard/missions/create\", resource) \
             when {{ principal in resource.role.viewer }} // until then ;\n;\n"
        )
    };
    let end = "@not_after(\"2027-03-01T00:00:00Z\")\n";
    folder.write("policies/campaign.cedar", &permit(end));
    folder.write("next/campaign.cedar", &permit(""));
    let (code, report) = diff(&folder, &[]);
    assert_eq!(code, 4, "{report:#}");
    assert_eq!(claim(&report, "closes-nothing")["verdict"], "proved");
    let opened = claim(&report, "opens-nothing");
    let now = opened["example"]["context"]["now"]["__extn"]["arg"]
        .as_str()
        .expect("a moment");
    assert!(now >= "2027-03-01T00:00:00.000Z", "{now}");

    folder.write("next/campaign.cedar", &permit(end));
    assert_eq!(diff(&folder, &[]).0, 0);
}

#[test]
fn where_a_forbid_may_err_nobody_says_equal() {
    let folder = with_next();
    let text = "@id(\"sum\")\nforbid (principal, action in Tenancy::Action::\"delete\", resource) \
        when { context.now.toTime().toMilliseconds() + 9223372036854775807 > 0 };\n";
    for name in ["policies/sum.cedar", "next/sum.cedar"] {
        folder.write(name, text);
    }
    let said = prove(&folder, &["diff", "policies", "next"]);
    tells(
        &said,
        5,
        &[
            "unknown  platform",
            "`platform/sum/sum` may err",
            "not everything is proved",
        ],
    );
}

#[test]
fn configurations_are_compared_with_the_policies_of_accounts() {
    let (old, new) = (Folder::shipped(), Folder::shipped());
    new.replace("tenants/acme.cedar", "m-legal-hold", "m-other-hold");
    let path = new.path(CONFIG);
    let path = path.to_str().expect("a path");
    let said = prove(&old, &["diff", CONFIG, path, "--format", "json"]);
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    let report = json(&said);
    assert_eq!(of(&report, "proved"), ["platform", "platform"]);
    assert_eq!(of(&report, "refuted"), ["account/acme", "account/acme"]);

    let said = prove(&old, &["diff", CONFIG, CONFIG]);
    tells(&said, 0, &["2 proved, 0 refuted"]);
}

/// Of the platform's alone nothing changes: editors never archive there. Where an account lets them, the forbid
/// was all that held them.
#[test]
fn what_only_a_forbid_of_the_platform_held_is_opened_for_the_account_that_permits_it() {
    let folder = with_next();
    folder.write(
        "policies/freeze.cedar",
        "@id(\"freeze\")\nforbid (principal, action == Tenancy::Action::\"dashboard/missions/archive\", \
         resource is Tenancy::Resource) unless { principal in resource.role.admin };\n",
    );
    let (code, report) = diff(&folder, &[]);
    assert_eq!(code, 4, "{report:#}");
    let refuted = report["claims"].as_array().expect("claims").iter();
    let refuted: Vec<(&str, &str)> = refuted
        .filter(|claim| claim["verdict"] == "refuted")
        .map(|claim| {
            (
                claim["of"].as_str().unwrap_or(""),
                claim["claim"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert!(
        refuted.contains(&("account/acme", "opens-nothing")),
        "{report:#}"
    );
    assert!(
        !refuted.contains(&("account/acme", "closes-nothing")),
        "{report:#}"
    );
}

#[test]
fn what_cannot_be_compared_is_told() {
    let folder = with_next();
    let ask = |old: &str, new: &str| prove(&folder, &["diff", old, new]);
    tells(&ask("policies", "nowhere"), 3, &["nowhere"]);
    fs::create_dir(folder.path("empty")).expect("a folder");
    tells(&ask("empty", "next"), 3, &["folder_empty"]);
    let other = Folder::shipped();
    other.append(CONFIG, "principals: { act_in: true }\n");
    let path = other.path(CONFIG);
    tells(
        &ask(CONFIG, path.to_str().expect("a path")),
        3,
        &["act_in", "proof_form"],
    );
    folder.append(
        "next/baseline.cedar",
        "permit (principal, action, resource)",
    );
    tells(
        &ask("policies", "next"),
        3,
        &["next/baseline.cedar", "policy_syntax"],
    );
    tells(&prove(&folder, &["diff", "policies"]), 2, &["NEW"]);
}
