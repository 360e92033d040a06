//! What cases leave out, and what they would not notice.

use super::{json, shipped, tells};
use std::fs;
use std::path::Path;

#[test]
fn coverage_tells_what_no_case_looks_at() {
    let folder = shipped();
    let said = folder.run(&["test", "--coverage", "--min", "100"]);
    tells(&said, 0, &["policies   100 %", "conditions 100 %"]);
    assert!(!said.out.contains("no case "), "{}", said.out);

    // One policy that nothing looks at, one half of a condition, one operation, one route.
    folder.append(
        "policies/operations.cedar",
        "@id(\"idle\")\npermit (principal, action == Tenancy::Action::\"dashboard/missions/archive\", resource)\n\
         when { principal is Tenancy::Service && context.tenant.plan == \"gold\" };\n",
    );
    folder.replace(
        "apis/app.openapi.json",
        "\"paths\": {",
        "\"paths\": { \"/app/v1/news\": { \"get\": { \"operationId\": \"news/list\" } },",
    );
    let said = folder.run(&["test", "--coverage", "--min", "100"]);
    let line = folder.read("policies/operations.cedar").lines().count();
    tells(
        &said,
        4,
        &[
            &format!(
                "policies/operations.cedar:{}: platform/operations/idle: it settles no case",
                line - 2
            ),
            &format!(
                "policies/operations.cedar:{line}: platform/operations/idle: `principal is Tenancy::Service` is never true"
            ),
            "`context.tenant.plan == \"gold\"` is never true",
            "`context.tenant.plan == \"gold\"` is never false",
            "no case    GET /app/v1/news",
            "0 failed",
        ],
    );
    tells(
        &folder.run(&["test", "--coverage"]),
        0,
        &["settles no case"],
    );
    tells(&folder.run(&["test", "--coverage", "--min", "90"]), 0, &[]);
    let report = json(&folder.run(&["test", "--coverage", "--format", "json"]));
    assert_eq!(
        report["coverage"]["undetermined"][0]["policy"],
        "platform/operations/idle"
    );
    tells(&folder.run(&["test", "--min", "3"]), 2, &[]);
    tells(&folder.run(&["test", "--coverage", "--min", "101"]), 2, &[]);

    let folder = shipped();
    folder.replace(
        "policies/baseline.cedar",
        "\"create\", Tenancy::Action::\"update\"",
        "\"update\"",
    );
    let said = folder.run(&["test", "--coverage"]);
    tells(&said, 4, &["no permit  dashboard/missions/create"]);
}

/// A guard that is wrong in one thing is noticed, in both forms of the shipped configuration.
#[test]
fn no_mutant_of_what_ships_survives_its_tests() {
    let folder = shipped();
    let said = folder.run(&["test", "--mutate"]);
    tells(&said, 0, &[" 0 survived"]);
    assert!(!said.out.contains("mutants    0 killed"), "{}", said.out);

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let support = root.join("tests/it/cases/acting_in.json");
    let support = fs::read_to_string(support).expect("they are there");
    folder.write("acting_in/cases.json", &support);
    folder.append("palisade.yaml", "\nprincipals: { act_in: true }\n");
    let paths = ["policies/tests", "acting_in"];
    let said = folder.run(
        &[
            &["test", "--mutate", "--coverage", "--min", "100"][..],
            &paths,
        ]
        .concat(),
    );
    tells(&said, 0, &[" 0 survived"]);
    let said = folder.run(&["test", "--mutate"]);
    tells(&said, 4, &["guard.support: the policy is removed"]);
}

#[test]
fn mutants_that_no_case_notices_are_told_by_line() {
    let folder = shipped();
    folder.append(
        "policies/operations.cedar",
        "@id(\"late\")\nforbid (principal, action == Tenancy::Action::\"dashboard/missions/archive\", resource is Tenancy::Resource)\n\
         when { context.tenant.plan == \"gold\" };\n",
    );
    let said = folder.run(&["test", "--mutate"]);
    let line = folder.read("policies/operations.cedar").lines().count();
    let at = |line: usize, what: &str| {
        format!("survives   policies/operations.cedar:{line}: platform/operations/late: {what}")
    };
    tells(
        &said,
        4,
        &[
            &at(line - 2, "the policy is removed"),
            &at(line - 2, "`forbid` is `permit`"),
            &at(
                line - 2,
                "`action == Tenancy::Action::\"dashboard/missions/archive\"` is `action in Tenancy::Action::\"manage\"`",
            ),
        ],
    );
    let survivors = json(&folder.run(&["test", "--mutate", "--format", "json"]));
    let survivors = survivors["mutation"]["survivors"]
        .as_array()
        .expect("a list")
        .len();
    // Without a condition, or with its opposite, editors of acme could not archive: a case notices.
    assert_eq!(survivors, 3, "{}", said.out);
}
