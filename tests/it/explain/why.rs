//! Why a request is denied, and what would change it.

use crate::support::folder::{Folder, Said};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The shipped folder with the people of its tests.
pub(super) fn shipped() -> Folder {
    let folder = Folder::shipped();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/tests");
    for name in ["people.yaml", "app.yaml", "guards.json"] {
        let text = fs::read_to_string(root.join(name)).expect("a test is text");
        folder.write(&format!("policies/tests/{name}"), &text);
    }
    folder
}

fn ask(folder: &Folder, request: &str, more: &[&str]) -> Said {
    folder.run(&[&["explain", request], more].concat())
}

#[track_caller]
fn story(folder: &Folder, request: &str, more: &[&str]) -> Value {
    let said = ask(folder, request, &[more, &["--format", "json"]].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).expect("the output is JSON")
}

fn changes(story: &Value, key: &str) -> Vec<Vec<String>> {
    let found = story["remedy"][key].as_array().expect("a list");
    let texts = found
        .iter()
        .map(|one| one["changes"].as_array().expect("a list"));
    texts
        .map(|texts| {
            texts
                .iter()
                .map(|text| text.as_str().expect("a text").to_owned())
                .collect()
        })
        .collect()
}

/// What a policy says, in the first question.
fn policy<'a>(story: &'a Value, id: &str) -> &'a Value {
    let all = story["questions"][0]["policies"]
        .as_array()
        .expect("a list");
    let found = all.iter().find(|one| one["id"] == id);
    found.unwrap_or_else(|| panic!("{id} is not in {story:#}"))
}

#[test]
fn every_policy_is_told_with_the_condition_that_settled_it() {
    let folder = shipped();
    let story = story(
        &folder,
        "DELETE /dashboard/v1/missions/m-1",
        &["--as", "edi"],
    );
    let admin = policy(&story, "platform/baseline/base.admin");
    assert_eq!(
        (&admin["outcome"], &admin["applies"]),
        (&json!("not"), &json!(true))
    );
    let because = &admin["because"][0];
    assert_eq!(because["said"], "false");
    let condition = because["condition"].as_str().expect("a text");
    assert_eq!(
        condition,
        "principal in [resource.role.admin, resource.accountRole.admin]"
    );
    let line = because["line"].as_u64().expect("a line");
    let text = folder.read("policies/baseline.cedar");
    let line = usize::try_from(line).expect("a small number");
    assert!(
        text.lines()
            .nth(line - 1)
            .expect("it is there")
            .contains(condition)
    );
    assert_eq!(because["saw"]["principal"], "Tenancy::User::\"acme/u-edi\"");
    let within = because["saw"]["principal is in"].as_str().expect("a text");
    assert!(within.contains("acme/acme-prod#editor"), "{within}");
    assert!(!within.contains("acme/acme-prod#admin"), "{within}");
    // One for something else says where its head differs, and a guard which of its ways held.
    let viewer = policy(&story, "platform/baseline/base.viewer");
    assert_eq!(
        (&viewer["outcome"], &viewer["applies"]),
        (&json!("not"), &json!(false))
    );
    let guard = policy(&story, "platform/guard/guard.tenant");
    assert_eq!(
        (&guard["outcome"], &guard["effect"]),
        (&json!("not"), &json!("forbid"))
    );
    assert_eq!(
        guard["because"][2]["condition"],
        "principal.account == context.account"
    );
    // Every policy there is, of the platform and of the account.
    let count = story["questions"][0]["policies"].as_array().map(Vec::len);
    assert_eq!(count, Some(23), "{story:#}");
}

#[test]
fn entities_are_told_as_policies_see_them() {
    let folder = shipped();
    let story = story(&folder, "/app/v1/missions/m-1", &["--as", "ana"]);
    let question = &story["questions"][0];
    let ana = &question["entities"][0];
    assert_eq!(ana["uid"], question["principal"]);
    assert_eq!(ana["attributes"]["account"], "Tenancy::Account::\"acme\"");
    assert_eq!(question["entities"][1]["tags"]["missionId"], "\"m-1\"");
    assert_eq!(
        question["context"]["workspace"],
        "Tenancy::Workspace::\"acme/acme-prod\""
    );
    assert_eq!(question["answer"], "allow");
    assert_eq!(story["remedy"], Value::Null);
    assert_eq!(story["limits"]["plan"], "enterprise");
    assert_eq!(
        story["cache"],
        json!({ "remembered": null, "rememberable": true, "until": null })
    );
}

#[test]
fn the_smallest_change_is_told_and_does_what_it_says() {
    let folder = shipped();
    for (request, who, expected) in [
        (
            "DELETE /dashboard/v1/missions/m-1",
            "edi",
            vec![vec!["role=admin"]],
        ),
        // An editor is enough, so no admin is suggested.
        (
            "POST /dashboard/v1/missions",
            "ana-dashboard",
            vec![vec!["role=editor"]],
        ),
        // A machine client without a role; one that reads is enough.
        ("/app/v1/missions", "hr-sync", vec![]),
        // Another API needs another scope too.
        (
            "/dashboard/v1/missions",
            "ana",
            vec![vec!["scope=dashboard/read", "claims.context=dashboard"]],
        ),
    ] {
        let told = story(&folder, request, &["--as", who]);
        if told["decision"]["allowed"] == true {
            assert!(expected.is_empty(), "{request} by {who}: {told:#}");
            continue;
        }
        let found = changes(&told, "allowed_by");
        assert_eq!(found, expected, "{request} by {who}");
        for changes in found {
            let supposed = changes.iter().flat_map(|one| ["--what-if", one]);
            let supposed: Vec<&str> = ["--as", who].into_iter().chain(supposed).collect();
            let then = story(&folder, request, &supposed);
            assert_eq!(
                then["decision"]["allowed"], true,
                "{request} by {who}: {then:#}"
            );
            assert_eq!(
                then["supposed"].as_array().map(Vec::len),
                Some(changes.len())
            );
        }
    }
}

#[test]
fn what_a_forbid_still_stops_is_told_and_never_suggested() {
    let folder = shipped();
    let request = "DELETE /dashboard/v1/missions/m-legal-hold";
    let held = story(&folder, request, &["--as", "adi"]);
    assert_eq!(changes(&held, "allowed_by"), Vec::<Vec<String>>::new());
    let stopped = &held["remedy"]["still_forbidden"][0];
    assert_eq!(stopped["changes"], json!([]));
    assert_eq!(stopped["permits"], json!(["platform/baseline/base.admin"]));
    assert_eq!(stopped["forbids"], json!(["account/acme/legal-hold"]));
    // An editor would need to be an admin, and even then.
    let held = story(&folder, request, &["--as", "edi"]);
    assert_eq!(changes(&held, "allowed_by"), Vec::<Vec<String>>::new());
    let stopped = changes(&held, "still_forbidden");
    assert_eq!(stopped, [["role=admin"]]);
    let said = ask(&folder, request, &["--as", "edi"]);
    assert!(
        said.out
            .contains("no change of one or two things allows it"),
        "{}",
        said.out
    );
}

#[test]
fn groups_and_features_that_policies_name_are_tried() {
    let folder = shipped();
    folder.append(
        "policies/operations.cedar",
        "@id(\"x.night\")\n@reason(\"x\")\npermit (principal in Tenancy::Group::\"acme/night\", \
         action == Tenancy::Action::\"dashboard/missions/archive\", resource is Tenancy::Resource)\n\
         when { context.tenant.features.contains(\"nights\") };\n\
         @id(\"x.other\")\n@reason(\"x\")\npermit (principal in Tenancy::Group::\"globex/night\", \
         action == Tenancy::Action::\"dashboard/missions/archive\", resource is Tenancy::Resource);\n\
         @id(\"x.no-roles\")\n@reason(\"x\")\nforbid (principal, \
         action == Tenancy::Action::\"dashboard/missions/archive\", resource is Tenancy::Resource)\n\
         when { principal in [resource.role.editor, resource.accountRole.admin] };\n",
    );
    let request = "POST /dashboard/v1/missions/m-1/archive";
    let told = story(&folder, request, &["--as", "ana-dashboard"]);
    let found = changes(&told, "allowed_by");
    assert_eq!(
        found,
        [["group=acme/night", "context.tenant.features=nights"]],
        "{told:#}"
    );
    let text = told["remedy"].to_string();
    assert!(!text.contains("globex"), "{text}");
    let supposed = [
        "--what-if",
        "group=night",
        "--what-if",
        "context.tenant.features=a, nights",
    ];
    let then = story(
        &folder,
        request,
        &[&["--as", "ana-dashboard"], &supposed[..]].concat(),
    );
    assert_eq!(then["decision"]["allowed"], true, "{then:#}");
}

#[test]
fn nothing_is_sought_that_would_leave_the_tenant() {
    let folder = shipped();
    for (request, who) in [
        ("/app/v1/missions?workspaceId=globex-prod", "ana"),
        ("/app/v1/quizzes?catalogWorkspaceId=catalog-01", "bo"),
        ("/portal/v1/accounts", "ana"),
    ] {
        let told = story(&folder, request, &["--as", who]);
        assert_eq!(told["decision"]["allowed"], false, "{told:#}");
        let remedy = &told["remedy"];
        assert!(remedy["not_sought"].is_string(), "{remedy:#}");
        assert_eq!(
            (&remedy["allowed_by"], &remedy["tried"]),
            (&json!([]), &json!(0))
        );
    }
    // Not even one's own supposing gets there.
    for elsewhere in ["claims.accountId=globex", "claims./workspaceId=globex-prod"] {
        let supposed = ["--as", "ana", "--what-if", elsewhere];
        let said = ask(
            &folder,
            "/app/v1/missions?workspaceId=globex-prod",
            &supposed,
        );
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        assert!(said.err.contains("nothing to suppose"), "{}", said.err);
    }
}

/// Policies of accounts are other people's text: it makes no line, and no command of whoever pastes one.
#[test]
fn other_peoples_text_is_no_line_and_no_command() {
    let folder = shipped();
    folder.append(
        "tenants/acme.cedar",
        "@id(\"mine\")\n@reason(\"x\ndecision   ALLOW (forged)\")\nforbid (principal, action == Tenancy::Action::\"app/missions/list\", \
         resource) unless { context has tenant && context.tenant.plan == \"pro'; touch PWNED; echo '\" };\n",
    );
    let said = ask(&folder, "/app/v1/missions", &["--as", "ana"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(!said.out.contains("\ndecision   ALLOW"), "{}", said.out);
    let safe = r"--what-if 'context.tenant.plan=pro'\''; touch PWNED; echo '\'''";
    assert!(said.out.contains(safe), "{}", said.out);
    let log = json!({ "time": "2026-11-23T10:00:00.000Z", "request_id": "r-1", "a\ndecision   ALLOW": 1, "path": "/x\ny",
        "references": [{ "place": "query workspaceId", "value": "acme-prod&userId=u-edi" }, { "place": "query a\nb", "value": "c" }] });
    folder.write("log", &format!("{log}\n"));
    let said = folder.run(&["explain", "--audit", "log", "--id", "r-1"]);
    assert!(!said.out.contains("\ndecision"), "{}", said.out);
    let again = "palisade explain 'GET /?workspaceId=acme-prod%26userId%3Du-edi' --at";
    assert!(said.out.contains(again), "{}", said.out);
}

#[test]
fn credentials_of_a_question_become_no_part_of_a_case() {
    let folder = shipped();
    let headers = [
        "cookie: session=SECRET",
        "proxy-authorization: Basic SECRET",
        "x-trace: 1",
    ];
    let headers = headers.iter().flat_map(|header| ["--header", header]);
    let asked: Vec<&str> = ["--as", "ana", "--write-test", "new.yaml"]
        .into_iter()
        .chain(headers)
        .collect();
    let said = ask(&folder, "/app/v1/missions", &asked);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let written = folder.read("new.yaml");
    assert!(
        written.contains("x-trace") && !written.contains("SECRET"),
        "{written}"
    );
}

#[test]
fn a_principal_may_need_a_second_factor_or_another_role() {
    let folder = shipped();
    let without = ["--as", "root", "--what-if", "principal.mfa=false"];
    let told = story(&folder, "/portal/v1/accounts", &without);
    let found = changes(&told, "allowed_by");
    assert_eq!(
        found,
        [["principal.mfa=true"], ["role=support"]],
        "{told:#}"
    );
    let support = [&without[..], &["--what-if", "role=support"]].concat();
    let told = story(&folder, "/portal/v1/accounts", &support);
    assert_eq!(
        told["policies"][0]["id"], "platform/baseline/base.support",
        "{told:#}"
    );
}

#[test]
fn the_moment_the_address_and_the_token_can_be_supposed() {
    let folder = shipped();
    let with = |supposed: &str| {
        let told = story(
            &folder,
            "/app/v1/missions",
            &["--as", "ana", "--what-if", supposed],
        );
        let code = told["decision"]["code"].as_str();
        (code.unwrap_or("allow").to_owned(), told)
    };
    assert_eq!(with("context.now=2099-01-01T00:00:00Z").0, "token_expired");
    let (_, told) = with("context.ip=203.0.113.7");
    assert_eq!(told["questions"][0]["context"]["ip"], "ip(\"203.0.113.7\")");
    assert_eq!(with("claims.workspaceId=null").0, "claim_missing");
    assert_eq!(with("claims.workspaceId=7").0, "claim_missing");
    assert_eq!(with("header.x-workspace-id=acme-dev").0, "outside_tenant");
    assert_eq!(with("scope=app/write").0, "allow");
    assert_eq!(
        with("context.tenant.plan=standard").1["questions"][0]["context"]["tenant"]
            .as_str()
            .map(|text| text.contains("plan: \"standard\"")),
        Some(true)
    );
}

#[test]
fn a_policy_that_errs_is_told_with_what_cedar_says() {
    let folder = shipped();
    folder.append(
        "policies/operations.cedar",
        "@id(\"x.errs\")\n@reason(\"x\")\nforbid (principal, action, resource is Tenancy::Resource)\n\
         when { context.now.offset(duration(\"106751991167d\")).toTime() == duration(\"0ms\") };\n",
    );
    let told = story(&folder, "/app/v1/missions", &["--as", "ana"]);
    assert_eq!(told["decision"]["code"], "policy_error", "{told:#}");
    let errs = policy(&told, "platform/operations/x.errs");
    assert_eq!(errs["outcome"], "error");
    let because = &errs["because"][0];
    assert!(
        because["error"]
            .as_str()
            .is_some_and(|why| why.contains("overflow")),
        "{errs:#}"
    );
    assert_eq!(told["questions"][0]["answer"], "error");
}

#[test]
fn questions_that_cannot_be_asked_say_what_can() {
    let folder = shipped();
    let run = |more: &[&str]| ask(&folder, "/app/v1/missions", more);
    for (more, why) in [
        (vec!["--as", "anna"], "did you mean `ana`?"),
        (vec!["--as", "ana", "--fixtures", "none.yaml"], "none.yaml"),
        (
            vec!["--anonymous", "--fixtures", "policies/tests/people.yaml"],
            "cannot be used with",
        ),
        (vec!["--as", "ana", "--what-if", "role"], "KEY=VALUE"),
        (
            vec!["--as", "ana", "--what-if", "role=boss"],
            "there is no role `boss`",
        ),
        (
            vec!["--as", "ana", "--what-if", "scope=app/reed"],
            "did you mean `app/read`?",
        ),
        (
            vec!["--as", "ana", "--what-if", "context.now=noon"],
            "is no moment",
        ),
        (
            vec!["--as", "ana", "--what-if", "context.ip=here"],
            "is no address",
        ),
        (
            vec!["--as", "ana", "--what-if", "principal.mfa=yes"],
            "`true` or `false`",
        ),
        (
            vec!["--as", "ana", "--what-if", "claims./sub/x/y=1"],
            "is no place in this token",
        ),
        (
            vec!["--as", "ana", "--what-if", "header.authorization=x"],
            "another token",
        ),
        (
            vec!["--as", "ana", "--what-if", "header.a b=x"],
            "is not a header",
        ),
        (
            vec!["--anonymous", "--what-if", "role=editor"],
            "without a token",
        ),
        (
            vec!["--claims", "{\"sub\": 1, \"sub\": 2}"],
            "a name stands twice",
        ),
    ] {
        let said = run(&more);
        assert!([2, 3].contains(&said.code), "{more:?}: {}", said.out);
        assert!(said.err.contains(why), "{more:?}: {}", said.err);
    }
    let many: Vec<&str> = std::iter::repeat_n(["--what-if", "group=x"], 17)
        .flatten()
        .collect();
    let said = run(&[&["--as", "ana"], many.as_slice()].concat());
    assert_eq!(said.code, 2);
    assert!(said.err.contains("at most 16"), "{}", said.err);
}

#[test]
fn people_of_one_name_are_told_apart() {
    let folder = shipped();
    let other = "people:\n  ana: { userId: u-other }\ncases: []\n";
    folder.write("policies/tests/other.yaml", other);
    let said = ask(&folder, "/app/v1/missions", &["--as", "ana"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("name one of the files with --fixtures"),
        "{}",
        said.err
    );
    let named = ["--as", "ana", "--fixtures", "policies/tests/people.yaml"];
    let told = story(&folder, "/app/v1/missions", &named);
    assert_eq!(told["decision"]["allowed"], true);
    let written = [&named[..], &["--write-test", "new.yaml"]].concat();
    assert_eq!(ask(&folder, "/app/v1/missions", &written).code, 0);
    assert_eq!(folder.run(&["test", "new.yaml"]).code, 0);
}

#[test]
fn the_help_lists_every_key_of_the_json() {
    let folder = shipped();
    let help = folder.run(&["explain", "--help"]).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = story(
        &folder,
        "DELETE /dashboard/v1/missions/m-1",
        &["--as", "edi"],
    );
    let free = ["attributes", "tags", "context", "saw", "annotation"];
    let mut rest = vec![&told];
    while let Some(value) = rest.pop() {
        rest.extend(value.as_array().into_iter().flatten());
        for (key, value) in value.as_object().into_iter().flatten() {
            if !["per_second", "burst"].contains(&key.as_str()) {
                assert!(
                    help.contains(&format!("`{key}`")),
                    "`{key}` is not in the help"
                );
            }
            if !free.contains(&key.as_str()) {
                rest.push(value);
            }
        }
    }
}

#[test]
fn a_recorded_request_is_told_from_a_log_with_torn_lines() {
    let folder = shipped();
    let record = json!({ "time": "2026-11-23T10:00:00.000Z", "request_id": "r-1", "outcome": "deny_policy",
        "reason": "policy_denied", "method": "GET", "path": "/app/v1/missions", "account": "acme",
        "references": [{ "place": "query workspaceId", "value": "acme-prod" },
            { "place": "header x-workspace-id", "value": "it's" }] });
    let log = format!(
        "{{\"request_id\": \"r-1\", \"cut\n\n{record}\n{{\"request_id\": \"r-2\"}}\n{{\"req"
    );
    folder.write("audit.ndjson", &log);
    let ask = |id: &str, more: &[&str]| {
        folder.run(&[&["explain", "--audit", "audit.ndjson", "--id", id], more].concat())
    };
    let said = ask("r-1", &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    for part in [
        "reason: policy_denied\n",
        "untold     groups and scopes of the caller",
        "torn       2 lines of the log are no records",
        "palisade explain 'GET /app/v1/missions?workspaceId=acme-prod' --header 'x-workspace-id: it'\\''s' --at '2026-11-23T10:00:00.000Z'",
    ] {
        assert!(said.out.contains(part), "`{part}` is not in:\n{}", said.out);
    }
    let told: Value = serde_json::from_str(&ask("r-1", &["--format", "json"]).out).expect("JSON");
    assert_eq!(
        (&told["torn_lines"], &told["records"]),
        (&json!(2), &json!([record]))
    );
    let said = ask("r-9", &[]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("holds no request `r-9`"), "{}", said.err);
    let gone = folder.run(&["explain", "--audit", "none", "--id", "r-1"]);
    assert_eq!(gone.code, 2);
    assert_eq!(folder.run(&["explain", "--id", "r-1"]).code, 2);
    assert_eq!(
        folder
            .run(&["explain", "/x", "--audit", "audit.ndjson", "--anonymous"])
            .code,
        2
    );
}
