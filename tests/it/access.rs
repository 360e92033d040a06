//! `palisade who-can` and `what-can`: what they tell is what the gate would do for everybody who can be.

use crate::support::folder::{Folder, Said};
use crate::support::gate::TestGate;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The shipped folder with its people.
fn shipped() -> Folder {
    let folder = Folder::shipped();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/tests/people.yaml");
    let people = fs::read_to_string(root).expect("people ship");
    folder.write("policies/tests/people.yaml", &people);
    folder
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let said = folder.run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).expect("the output is JSON")
}

/// Who may, and on what it depends.
fn callers(found: &Value) -> Vec<(String, String, Vec<String>)> {
    let callers = found["callers"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    callers
        .iter()
        .map(|one| {
            let on = one["depends_on"].as_array().expect("a list");
            let who = format!("{} {}", text(&one["kind"]), text(&one["who"]));
            (who, text(&one["answer"]), on.iter().map(text).collect())
        })
        .collect()
}

fn who(folder: &Folder, action: &str, workspace: &str) -> Vec<(String, String, Vec<String>)> {
    callers(&json(
        folder,
        &["who-can", action, "--workspace", workspace],
    ))
}

fn named<'a>(
    callers: &'a [(String, String, Vec<String>)],
    who: &str,
) -> Option<(&'a str, Vec<&'a str>)> {
    let mut found = callers.iter().filter(|(name, ..)| name == who);
    let (_, answer, on) = found.next()?;
    assert!(found.next().is_none(), "{who} stands twice: {callers:?}");
    Some((answer, on.iter().map(String::as_str).collect()))
}

#[track_caller]
fn refused(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    assert_eq!(said.out, "");
    for part in parts {
        assert!(said.err.contains(part), "`{part}` is not in:\n{}", said.err);
    }
}

#[test]
fn a_read_is_for_everybody_with_a_role_and_for_nobody_without() {
    let found = who(&shipped(), "app/missions/list", "acme-prod");
    for role in [
        "viewer",
        "editor",
        "admin",
        "account-admin",
        "account-owner",
    ] {
        let who = format!("user {role}");
        assert_eq!(
            named(&found, &who),
            Some(("allow", vec![])),
            "{role}: {found:?}"
        );
    }
    for role in ["no role", "account-member"] {
        assert_eq!(named(&found, &format!("user {role}")), None, "{role}");
    }
    assert_eq!(named(&found, "service hr-sync"), Some(("allow", vec![])));
    assert_eq!(named(&found, "anonymous whoever sends no token"), None);
}

#[test]
fn what_hangs_on_the_resource_is_not_guessed() {
    let folder = shipped();
    let found = who(&folder, "dashboard/missions/delete", "acme-prod");
    // The account's own policy holds one mission.
    assert_eq!(
        named(&found, "user admin"),
        Some(("depends", vec!["resource.id"])),
        "{found:?}"
    );
    assert_eq!(named(&found, "user editor"), None);
    let found = who(&folder, "DELETE /dashboard/v1/missions/m-1", "acme-prod");
    assert_eq!(
        named(&found, "user admin"),
        Some(("allow", vec![])),
        "{found:?}"
    );
    let found = who(
        &folder,
        "DELETE /dashboard/v1/missions/m-legal-hold",
        "acme-prod",
    );
    assert_eq!(named(&found, "user admin"), None, "{found:?}");
    // Another account has no such policy.
    let found = who(&folder, "dashboard/missions/delete", "globex-prod");
    assert_eq!(
        named(&found, "user admin"),
        Some(("allow", vec![])),
        "{found:?}"
    );
}

#[test]
fn an_accounts_own_permit_and_the_feature_of_a_workspace_count() {
    let folder = shipped();
    let archive = "dashboard/missions/archive";
    assert!(named(&who(&folder, archive, "acme-prod"), "user editor").is_some());
    assert_eq!(
        named(&who(&folder, archive, "globex-prod"), "user editor"),
        None
    );
    let publish = "dashboard/missions/publish";
    assert_eq!(
        named(&who(&folder, publish, "globex-prod"), "user editor"),
        None
    );
    folder.replace(
        "tenants/globex.yaml",
        "type: custom",
        "type: custom\n    features: [editors-publish]",
    );
    assert_eq!(
        named(&who(&folder, publish, "globex-prod"), "user editor"),
        Some(("allow", vec![]))
    );
}

#[test]
fn time_network_group_and_person_are_told_as_policies_write_them() {
    let folder = shipped();
    folder.append(
        "tenants/acme.cedar",
        "\n@id(\"hours\")\n@reason(\"x\")\nforbid (principal, action == Tenancy::Action::\"app/missions/list\", resource is Tenancy::Resource)\n\
         unless { context.now < datetime(\"2030-01-01\") };\n\
         @id(\"net\")\n@reason(\"x\")\nforbid (principal, action == Tenancy::Action::\"app/badges/list\", resource is Tenancy::Resource)\n\
         unless { context.ip.isInRange(ip(\"10.0.0.0/8\")) };\n\
         @id(\"helpers\")\n@reason(\"x\")\npermit (principal in Tenancy::Group::\"acme/helpers\", action == Tenancy::Action::\"dashboard/missions/archive\", resource is Tenancy::Resource);\n\
         @id(\"banned\")\n@reason(\"x\")\nforbid (principal == Tenancy::User::\"acme/u-eve\", action == Tenancy::Action::\"dashboard/missions/create\", resource is Tenancy::Resource);\n",
    );
    let found = who(&folder, "app/missions/list", "acme-prod");
    assert_eq!(
        named(&found, "user viewer"),
        Some(("depends", vec!["context.now"])),
        "{found:?}"
    );
    let at = json(
        &folder,
        &[
            "who-can",
            "app/missions/list",
            "--workspace",
            "acme-prod",
            "--at",
            "2029-01-01T00:00:00Z",
        ],
    );
    assert_eq!(named(&callers(&at), "user viewer"), Some(("allow", vec![])));
    let found = who(&folder, "app/badges/list", "acme-prod");
    assert_eq!(
        named(&found, "user viewer"),
        Some(("depends", vec!["context.ip"])),
        "{found:?}"
    );
    let found = who(&folder, "dashboard/missions/archive", "acme-prod");
    let group = "principal in Group::\"acme/helpers\"";
    assert_eq!(
        named(&found, "user viewer"),
        Some(("depends", vec![group])),
        "{found:?}"
    );
    assert!(
        named(&found, "user group acme/helpers, no role").is_some(),
        "{found:?}"
    );
    let found = who(&folder, "dashboard/missions/create", "acme-prod");
    assert_eq!(
        named(&found, "user editor"),
        Some(("depends", vec!["principal"])),
        "{found:?}"
    );
}

#[test]
fn machine_clients_act_for_users_that_the_directory_knows() {
    let found = who(&shipped(), "app/quizzes/answer", "acme-prod");
    let of = |who: &str| {
        found
            .iter()
            .find(|(name, ..)| name.starts_with(who))
            .map(|one| &*one.1)
    };
    assert_eq!(
        of("service_for_user hr-sync for editor: u-edi"),
        Some("allow"),
        "{found:?}"
    );
    assert_eq!(
        of("service_for_user hr-sync for viewer: u-ana"),
        None,
        "{found:?}"
    );
}

#[test]
fn principals_are_told_with_second_factor_and_the_end_of_their_grant() {
    let folder = shipped();
    folder.replace(
        "palisade.yaml",
        "{ roles: [operator], all_accounts: true } # root",
        "{ roles: [operator], all_accounts: true, until: 2031-05-01T00:00:00Z }\n      \
         '=1+1': { roles: [operator], accounts: [globex] }",
    );
    let arguments = ["who-can", "portal/accounts/suspend", "--account", "acme"];
    let found = json(&folder, &[&arguments[..], &["--all"]].concat());
    let root = "principal 4e5ba996-b05f-4f42-b19c-906342cfae05";
    let all = callers(&found);
    assert_eq!(
        named(&all, root),
        Some(("depends", vec!["principal.mfa"])),
        "{all:?}"
    );
    assert_eq!(
        named(&all, "principal =1+1"),
        Some(("deny", vec![])),
        "{all:?}"
    );
    let of_root = found["callers"].as_array().and_then(|all| {
        all.iter()
            .find(|one| one["who"] == root.trim_start_matches("principal "))
    });
    assert_eq!(
        of_root.expect("it is there")["until"],
        "2031-05-01T00:00:00.000Z"
    );
    // A spreadsheet gets a text.
    let said = folder.run(&[&arguments[..], &["--all", "--format", "csv"]].concat());
    assert!(
        said.out
            .contains("\"principal\",\"'=1+1\",\"deny (grant_missing)\""),
        "{}",
        said.out
    );
    assert!(said.err.contains("assumed: "), "{}", said.err);
}

#[test]
fn nobody_gets_into_a_suspended_workspace() {
    let folder = shipped();
    let found = json(
        &folder,
        &["who-can", "app/missions/list", "--workspace", "acme-dev"],
    );
    assert_eq!(found["callers"], serde_json::json!([]));
    assert!(
        found["refused"]["workspace_suspended"].as_u64() > Some(5),
        "{found}"
    );
    let said = folder.run(&["who-can", "app/missions/list", "--workspace", "acme-dev"]);
    assert!(said.out.contains("nobody may: "), "{}", said.out);
}

#[test]
fn the_table_says_what_was_asked_and_what_was_assumed() {
    let said = shipped().run(&[
        "who-can",
        "dashboard/missions/delete",
        "--workspace",
        "acme-prod",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    for part in [
        "who can `dashboard/missions/delete` (delete) in workspace `acme-prod` of account `acme`, at ",
        "assumed: tokens were issued for `dashboard`",
        "assumed: the ids in the path are samples",
        "role `admin`, role `Admin`, role `Owner`, cognito:groups `acme/acme-prod#admin`",
        "may not: ",
    ] {
        assert!(said.out.contains(part), "`{part}` is not in:\n{}", said.out);
    }
}

#[test]
fn what_a_person_of_the_tests_may_do_is_told_with_the_policies() {
    let folder = shipped();
    let found = json(&folder, &["what-can", "--as", "edi"]);
    let of = |name: &str| {
        let all = found["operations"].as_array().expect("a list");
        let one = all.iter().find(|one| one["operation"] == name);
        let one = one.unwrap_or_else(|| panic!("{name} is not in {found:#}"));
        (
            one["answer"].as_str().expect("a text"),
            one["code"].as_str(),
            one["policies"].to_string(),
        )
    };
    assert_eq!(
        of("dashboard/missions/create"),
        (
            "allow",
            None,
            "[\"platform/baseline/base.editor\"]".to_owned()
        )
    );
    assert_eq!(
        of("dashboard/missions/archive"),
        (
            "allow",
            None,
            "[\"account/acme/editors-archive\"]".to_owned()
        )
    );
    let (answer, code, policies) = of("dashboard/users/list");
    assert_eq!((answer, code), ("deny", Some("policy_denied")));
    assert_eq!(policies, "[\"platform/operations/dashboard.people\"]");
    // The token is for the Dashboard.
    assert_eq!(of("app/missions/list").1, Some("context_mismatch"));
    assert_eq!(of("portal/accounts/list").1, Some("portal_needs_principal"));
    assert_eq!(of("app/health/get").0, "allow");
}

#[test]
fn somebody_elses_workspace_is_outside() {
    let folder = shipped();
    let found = json(
        &folder,
        &["what-can", "--as", "ana", "--workspace", "globex-prod"],
    );
    let all = found["operations"].as_array().expect("a list").clone();
    let inside = all.iter().filter(|one| {
        let name = one["operation"].as_str().expect("a text");
        name.starts_with("app/") && name != "app/health/get"
    });
    let codes: Vec<&Value> = inside.map(|one| &one["code"]).collect();
    assert!(
        codes.len() > 5 && codes.iter().all(|code| *code == "outside_tenant"),
        "{codes:?}"
    );
}

/// Where no reference can name another workspace, requests stay at home, under the policies there.
#[test]
fn the_policies_at_home_count_wherever_is_asked_about() {
    let folder = shipped();
    for line in [
        "  - { in: query, name: workspaceId, is: workspace }\n",
        "  - { in: header, name: x-workspace-id, is: workspace }\n",
    ] {
        folder.replace("palisade.yaml", line, "");
    }
    for api in ["apis/app.openapi.json", "apis/dashboard.openapi.json"] {
        let text = folder
            .read(api)
            .replace(r#""name": "workspaceId""#, r#""name": "page""#);
        folder.write(api, &text);
    }
    let at_home = json(&folder, &["what-can", "--as", "adi"]);
    let elsewhere = json(
        &folder,
        &["what-can", "--as", "adi", "--workspace", "globex-prod"],
    );
    let delete = |found: &Value| {
        let all = found["operations"].as_array().expect("a list");
        let one = all
            .iter()
            .find(|one| one["operation"] == "dashboard/missions/delete");
        let one = one.expect("it is there");
        (one["answer"].clone(), one["depends_on"].clone())
    };
    assert_eq!(
        delete(&at_home),
        ("depends".into(), serde_json::json!(["resource.id"]))
    );
    assert_eq!(delete(&elsewhere), delete(&at_home));
}

#[test]
fn a_role_a_client_and_a_principal_can_be_asked_about() {
    let folder = shipped();
    let allowed = |arguments: &[&str]| {
        let found = json(&folder, &[&["what-can"], arguments].concat());
        let all = found["operations"].as_array().expect("a list").clone();
        let good = all.into_iter().filter(|one| one["answer"] != "deny");
        good.map(|one| one["operation"].as_str().expect("a text").to_owned())
            .collect::<Vec<_>>()
    };
    let has = |all: &[String], name: &str| all.iter().any(|one| one == name);
    let viewer = allowed(&["--role", "viewer", "--workspace", "acme-prod"]);
    assert!(has(&viewer, "app/missions/list") && has(&viewer, "dashboard/missions/list"));
    assert!(!has(&viewer, "dashboard/missions/create"));
    let client = allowed(&["--client", "hr-sync"]);
    assert!(
        has(&client, "dashboard/missions/create") && !has(&client, "dashboard/missions/delete")
    );
    let root = "4e5ba996-b05f-4f42-b19c-906342cfae05";
    let principal = allowed(&["--principal", root, "--account", "acme"]);
    assert!(has(&principal, "portal/accounts/suspend") && !has(&principal, "app/missions/list"));
    let none = allowed(&["--role", "none", "--workspace", "acme-prod"]);
    assert!(!has(&none, "app/missions/list"), "{none:?}");
    let claims = r#"{"iss": "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade", "exp": 1}"#;
    assert!(!has(&allowed(&["--claims", claims]), "app/missions/list"));
}

/// Arguments, and what is said of them.
const WRONG: &[(&[&str], &[&str])] = &[
    (
        &["who-can", "app/missions/lst", "--workspace", "acme-prod"],
        &["no operation `app/missions/lst`", "app/missions/list"],
    ),
    (
        &["who-can", "app/missions/list", "--workspace", "acme-prd"],
        &["no workspace `acme-prd`", "acme-prod"],
    ),
    (&["who-can", "app/missions/list"], &["add `--workspace`"]),
    (
        &["who-can", "app/missions/list", "--account", "acme"],
        &["add `--workspace`", "`acme-prod`"],
    ),
    (&["who-can", "portal/accounts/get"], &["add `--account`"]),
    (
        &[
            "who-can",
            "app/missions/list",
            "--workspace",
            "acme-prod",
            "--account",
            "globex",
        ],
        &["belongs to account `acme`"],
    ),
    (
        &["who-can", "GET /nowhere", "--workspace", "acme-prod"],
        &["no route answers"],
    ),
    (
        &["who-can", "GET nowhere", "--workspace", "acme-prod"],
        &["is not a request"],
    ),
    (
        &["what-can", "--as", "anna"],
        &["nobody is called `anna`", "did you mean `ana`?"],
    ),
    (
        &["what-can", "--role", "editr", "--workspace", "acme-prod"],
        &["no role `editr`", "editor"],
    ),
    (&["what-can", "--role", "editor"], &["--workspace"]),
    (&["what-can", "--client", "hr-snyc"], &["hr-sync"]),
    (
        &["what-can", "--principal", "x\u{1b}[31m"],
        &["no Principal `x\\u001b[31m`"],
    ),
    (&["what-can"], &["--as"]),
    (
        &["who-can", "app/missions/list", "--workspace", "../acme"],
        &["no workspace"],
    ),
];

#[test]
fn what_does_not_exist_is_named_with_what_may_have_been_meant() {
    let folder = shipped();
    for (arguments, parts) in WRONG {
        refused(&folder.run(arguments), 2, parts);
    }
    folder.write(
        "policies/tests/other.yaml",
        "people:\n  ana: { role: admin }\n",
    );
    refused(
        &folder.run(&["what-can", "--as", "ana"]),
        2,
        &["several people are called", "--fixtures"],
    );
    let said = folder.run(&[
        "what-can",
        "--as",
        "ana",
        "--fixtures",
        "policies/tests/people.yaml",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    folder.write("policies/tests/other.yaml", "people: 1\n");
    refused(
        &folder.run(&["what-can", "--as", "ana"]),
        3,
        &["other.yaml"],
    );
    folder.write("palisade.yaml", "version: 1\n");
    refused(
        &folder.run(&["who-can", "app/missions/list", "--workspace", "acme-prod"]),
        3,
        &["palisade.yaml"],
    );
}

/// The answers are the gate's: every operation that `what-can` allows a person, `explain` allows too, with the
/// same policies, and the other way round.
#[test]
fn each_answer_is_what_explain_says_of_the_same_request() {
    let folder = shipped();
    let found = json(&folder, &["what-can", "--as", "adi"]);
    let claims = r#"{"iss": "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade", "sub": "adi", "token_use": "access", "client_id": "acme-prod-web", "accountId": "acme", "workspaceId": "acme-prod", "userId": "u-adi", "role": "admin", "context": "dashboard", "scope": "dashboard/read dashboard/write", "iat": 1, "auth_time": 1, "exp": 4000000000}"#;
    let mut compared = 0;
    for one in found["operations"].as_array().expect("a list") {
        let request = one["request"].as_str().expect("a text");
        let story = json(&folder, &["explain", request, "--claims", claims]);
        if one["answer"] == "depends" {
            continue;
        }
        compared += 1;
        let allowed = story["decision"]["allowed"] == true;
        assert_eq!(allowed, one["answer"] == "allow", "{one:#}{story:#}");
        assert_eq!(story["decision"]["code"], one["code"], "{one:#}");
        let ids: Vec<&Value> = story["policies"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| &one["id"])
            .collect();
        assert_eq!(serde_json::json!(ids), one["policies"], "{one:#}");
    }
    assert!(compared > 15, "{compared}");
}

/// A record of `acme-prod`, so many days before now.
fn record(days: i64, rest: &str) -> String {
    use palisade::clock::{Clock, Timestamp};
    let now: Timestamp = Clock::system().now();
    let at = now.plus_millis(-days * 24 * 60 * 60 * 1000).rfc3339();
    format!(
        r#"{{"time":"{at}","request_id":"r","outcome":"allow","account":"acme","workspace":"acme-prod",{rest}}}"#
    ) + "\n"
}

#[test]
fn a_review_has_the_matrix_and_the_holders_with_their_ends() {
    let folder = shipped();
    folder.replace(
        "palisade.yaml",
        "{ roles: [operator], all_accounts: true } # root",
        "{ roles: [operator], all_accounts: true } # root\n      \
         past: { roles: [support], accounts: [acme], until: 2020-05-01T00:00:00Z }\n      \
         foreign: { roles: [support], accounts: [globex] }",
    );
    let said = folder.run(&["access-review", "acme"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let line = |start: &str| {
        let mut lines = said.out.lines().filter(|line| line.starts_with(start));
        let words: Vec<&str> = lines
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        words.join(" ")
    };
    assert_eq!(line("workspace `acme-prod`"), "workspace `acme-prod`");
    assert_eq!(
        line("operation"),
        "operation access no role account-member viewer editor admin account-admin account-owner"
    );
    assert_eq!(
        line("dashboard/missions/archive"),
        "dashboard/missions/archive manage - - - yes yes yes yes"
    );
    assert_eq!(
        line("dashboard/missions/delete"),
        "dashboard/missions/delete delete - - - - depends depends depends"
    );
    assert_eq!(
        line("  dashboard/missions/delete for admin"),
        "dashboard/missions/delete for admin depends on resource.id"
    );
    assert_eq!(line("service"), "service hr-sync acme-prod editor active");
    assert_eq!(
        line("user       u-ana"),
        "user u-ana acme-prod viewer active"
    );
    assert_eq!(
        line("principal  past"),
        "principal past support, this account ended 2020-05-01T00:00:00.000Z"
    );
    assert!(!said.out.contains("foreign"), "{}", said.out);
    let found = json(
        &folder,
        &["access-review", "acme", "--workspace", "acme-dev"],
    );
    let all = found["permissions"].as_array().expect("a list");
    let inside = all.iter().filter(|one| one["workspace"] == "acme-dev");
    assert!(inside.clone().count() > 50);
    for one in inside {
        assert_eq!(one["answer"], "deny", "{one}");
    }
}

/// The shipped folder with a log that is two months old and torn at its end.
fn logged() -> Folder {
    let folder = shipped();
    let of_viewer = r#""caller":"user","user":"u-ana","action":"app/missions/list","roles":["account-member","viewer"],"policies":["p"]"#;
    let of_client = r#""caller":"service","client":"hr-sync","action":"app/missions/submit","roles":["editor"],"policies":["p"]"#;
    let recent = [record(5, of_viewer), record(1, "\"torn")].concat();
    folder.write("audit/audit.ndjson", &recent);
    folder.write("audit/audit.ndjson.1", &record(60, of_client));
    folder
}

/// Whether a role's permission was used.
fn usage(found: &Value, operation: &str, who: &str) -> Option<String> {
    let all = found["permissions"].as_array().expect("a list");
    let one = all.iter().find(|one| {
        one["operation"] == operation && one["who"] == who && one["workspace"] == "acme-prod"
    });
    one.expect("it is there")["usage"]
        .as_str()
        .map(str::to_owned)
}

#[test]
fn what_was_not_used_is_told_with_when_it_was_last() {
    let found = json(
        &logged(),
        &["access-review", "acme", "--audit", "audit/", "--days", "30"],
    );
    let said = |operation: &str, who: &str| usage(&found, operation, who);
    assert_eq!(said("app/missions/list", "viewer").as_deref(), Some("used"));
    assert_eq!(
        said("app/missions/list", "editor").as_deref(),
        Some("unused")
    );
    assert_eq!(
        said("app/missions/submit", "editor").as_deref(),
        Some("unused")
    );
    // What is denied cannot be used.
    assert_eq!(said("dashboard/missions/delete", "viewer"), None);
    let holder = |who: &str| {
        let all = found["holders"].as_array().expect("a list");
        let found = all.iter().find(|one| one["who"] == who);
        found.expect("it is there").clone()
    };
    assert_eq!(holder("u-ana")["usage"], "used");
    assert_eq!(holder("hr-sync")["usage"], "unused");
    assert!(holder("hr-sync")["last_used"].is_string());
    assert_eq!(found["audit"]["torn"], 1);
    assert_eq!(found["audit"]["torn_at"], "audit/audit.ndjson:2");
}

#[test]
fn a_log_that_is_too_young_proves_nothing_unused() {
    let folder = logged();
    let arguments = ["access-review", "acme", "--audit", "audit", "--days", "365"];
    let found = json(&folder, &arguments);
    assert_eq!(
        usage(&found, "app/missions/list", "editor").as_deref(),
        Some("unknown")
    );
    assert_eq!(
        usage(&found, "app/missions/list", "viewer").as_deref(),
        Some("used")
    );
    let text = folder.run(&arguments).out;
    for part in [
        "it does not go back to",
        "1 lines are no records, the first at audit/audit.ndjson:2",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    let csv = folder
        .run(&[&arguments[..], &["--format", "csv"]].concat())
        .out;
    let row = "\"permission\",\"acme-prod\",\"app/missions/list\",\"read\",\"editor\",\"allow\"";
    assert!(csv.contains(row), "{csv}");
    let columns = |line: &str| line.matches("\",\"").count();
    assert!(csv.lines().all(|line| columns(line) == 12), "{csv}");
}

#[test]
fn what_the_gate_writes_is_what_a_review_reads() {
    let mut gate = TestGate::start();
    let token = gate.issuer.user("ana").role("editor").sign();
    let reply = gate.get("/app/v1/missions").bearer(&token).send();
    assert_eq!(reply.status, 200);
    let record = gate.only_record();
    assert_eq!(
        record["roles"],
        serde_json::json!(["account-member", "editor"])
    );
    gate.stop();
    let folder = shipped();
    folder.write("log", &gate.audit_text());
    let arguments = ["access-review", "acme", "--audit", "log", "--days", "1"];
    let found = json(&folder, &arguments);
    assert_eq!(found["audit"]["without_roles"], 0);
    assert_eq!(found["audit"]["records"], 1);
    let all = found["permissions"].as_array().expect("a list");
    let used = all.iter().filter(|one| one["usage"] == "used");
    let used: Vec<String> = used
        .map(|one| format!("{} {}", one["operation"], one["who"]))
        .collect();
    // What members without another role are denied was used by none of them.
    assert_eq!(used, ["\"app/missions/list\" \"editor\""]);
}

#[test]
fn reviews_of_what_does_not_exist_say_so() {
    let folder = shipped();
    folder.write("log.gz", "\u{1f}\u{8b}");
    std::fs::write(folder.path("real.gz"), [0x1f, 0x8b, 8, 0]).expect("a file");
    std::fs::create_dir(folder.path("empty")).expect("a folder");
    for (arguments, parts) in [
        (
            &["access-review", "acm"][..],
            &["no account `acm`", "`acme`"][..],
        ),
        (
            &["access-review", "acme", "--workspace", "globex-prod"],
            &["belongs to account `globex`"],
        ),
        (&["access-review", "acme", "--days", "3"], &["--audit"]),
        (
            &["access-review", "acme", "--audit", "x", "--days", "0"],
            &["0 is not in"],
        ),
        (
            &["access-review", "acme", "--audit", "nowhere"],
            &["`nowhere`: No such file"],
        ),
        (
            &["access-review", "acme", "--audit", "empty"],
            &["there is no `audit.ndjson`"],
        ),
        (
            &["access-review", "acme", "--audit", "real.gz"],
            &["is compressed"],
        ),
    ] {
        refused(&folder.run(arguments), 2, parts);
    }
}
