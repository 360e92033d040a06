//! `palisade diff --replay`: what other policies would have answered to yesterday's requests.

use crate::support::folder::{Folder, Said};
use crate::support::gate::TestGate;
use serde_json::{Value, json};

const CONFIG: &str = "palisade.yaml";
const EDITORS: &str = "principal in [resource.role.editor, resource.accountRole.admin]";
const MISSIONS: &str = "/app/v1/missions";

/// The demo with policies that are to be beside those that serve: viewers create, and editors list no missions.
fn folder() -> Folder {
    let folder = Folder::shipped();
    for name in ["baseline.cedar", "operations.cedar"] {
        let text = folder.read(&format!("policies/{name}"));
        folder.write(&format!("next/{name}"), &text);
    }
    folder.replace(
        "next/baseline.cedar",
        EDITORS,
        "principal in resource.role.viewer",
    );
    folder.write(
        "next/more.cedar",
        "@id(\"no-lists\")\n@reason(\"why\")\nforbid (principal, action == Tenancy::Action::\"app/missions/list\", resource)\n\
         when { principal in resource.role.editor };\n",
    );
    folder
}

/// What a gate with `questions` records of five requests: two reads of a viewer, a write that is denied to it, an
/// editor's read, and a stranger's.
fn log(questions: bool) -> String {
    let mut gate = TestGate::builder()
        .set("/audit/questions", json!(questions))
        .start();
    let of = |role: &str| gate.issuer.user("ana").role(role).sign();
    let (viewer, editor) = (of("viewer"), of("editor"));
    for _ in 0..2 {
        assert_eq!(gate.get(MISSIONS).bearer(&viewer).send().status, 200);
    }
    let denied = gate
        .post("/app/v1/quizzes/q-1/answers", "{}")
        .bearer(&viewer);
    assert_eq!(denied.send().status, 403);
    let asked = gate
        .get(MISSIONS)
        .bearer(&editor)
        .header("user-agent", "SECRET-HEADER");
    assert_eq!(asked.send().status, 200);
    assert_eq!(gate.get(MISSIONS).send().status, 401);
    gate.stop();
    let text = gate.audit_text();
    for secret in [&*viewer, &*editor, "SECRET-HEADER"] {
        assert!(!text.contains(secret));
    }
    assert_eq!(text.contains("\"questions\":[{"), questions);
    text
}

fn diff(folder: &Folder, new: &str, more: &[&str]) -> Said {
    let asked = [
        "diff", "policies", new, "--config", CONFIG, "--replay", "log",
    ];
    folder.run(&[&asked[..], more].concat())
}

fn report(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
}

#[test]
fn what_would_change_is_told_by_account_route_and_policy() {
    let folder = folder();
    folder.write("log", &log(true));
    let said = diff(&folder, "next", &["--format", "json"]);
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    let found = report(&said);
    let count = |name: &str| found[name].as_u64().expect("a count");
    let counts = [
        "records",
        "replayed",
        "same",
        "opened",
        "closed",
        "not_asked",
        "differs_already",
        "torn",
    ];
    assert_eq!(counts.map(count), [5, 4, 2, 1, 1, 1, 0, 0], "{found:#}");
    let groups = found["groups"].as_array().expect("a list");
    let told: Vec<Value> = groups
        .iter()
        .map(|one| {
            json!([
                one["change"],
                one["account"],
                one["route"],
                one["policies"],
                one["across"],
                one["count"]
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!([
                "opened",
                "acme",
                "POST /app/v1/quizzes/{quizId}/answers",
                ["platform/baseline/base.editor"],
                false,
                1
            ]),
            json!([
                "closed",
                "acme",
                "GET /app/v1/missions",
                ["platform/more/no-lists"],
                false,
                1
            ]),
        ]
    );
    // The ids are those of the records.
    let id = groups[0]["examples"][0].as_str().expect("an id");
    let line = folder.read("log");
    let line = line
        .lines()
        .find(|line| line.contains(id))
        .expect("it is there");
    assert!(line.contains("policy_denied"), "{line}");
    let said = folder.run(&["explain", "--audit", "log", "--id", id, "--config", CONFIG]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn as_much_as_was_meant_is_good() {
    let folder = folder();
    folder.write("log", &log(true));
    let said = diff(&folder, "next", &["--max-opened", "1", "--max-closed", "1"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for part in [
        "replayed   4 of 5 records",
        "1 opened (0 across accounts), 1 closed",
        "1 were refused or answered",
    ] {
        assert!(said.out.contains(part), "`{part}` is not in {}", said.out);
    }
    let said = diff(&folder, "next", &["--max-opened", "1"]);
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    let said = diff(&folder, "policies", &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn policies_of_an_account_and_accounts_that_are_gone_count_too() {
    let folder = folder();
    folder.write("log", &log(true));
    let other = Folder::shipped();
    other.append(
        "tenants/acme.cedar",
        "@id(\"mine\")\n@reason(\"why\")\nforbid (principal, action == Tenancy::Action::\"app/missions/list\", resource);\n",
    );
    let path = other.path(CONFIG);
    let ask = || {
        folder.run(&[
            "diff",
            CONFIG,
            path.to_str().expect("a path"),
            "--replay",
            "log",
            "--format",
            "json",
        ])
    };
    let said = ask();
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    let found = report(&said);
    assert_eq!(
        (&found["closed"], &found["opened"]),
        (&json!(3), &json!(0)),
        "{found:#}"
    );
    assert_eq!(found["groups"][0]["policies"], json!(["account/acme/mine"]));

    std::fs::remove_file(other.path("tenants/acme.yaml")).expect("a file");
    std::fs::remove_file(other.path("tenants/acme.cedar")).expect("a file");
    let found = report(&ask());
    assert_eq!(found["closed"], json!(3), "{found:#}");
    assert!(
        found["groups"]
            .to_string()
            .contains("account `acme` is not there"),
        "{found:#}"
    );
}

/// A request across accounts that opens is one too many, however many may.
#[test]
fn what_opens_across_accounts_is_never_within_bounds() {
    let folder = folder();
    let text = log(true);
    let line = text.lines().find(|line| line.contains("policy_denied"));
    let mut record: Value = serde_json::from_str(line.expect("a denial")).expect("JSON");
    // The guards hold such a thing today; a log may have it all the same.
    record["questions"][0]["owner"] = json!("globex");
    folder.write("log", &format!("{record}\n"));
    let said = diff(&folder, "next", &["--format", "json", "--max-opened", "9"]);
    let found = report(&said);
    assert_eq!(said.code, 4, "{found:#}");
    assert_eq!(
        (&found["opened"], &found["opened_across"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(found["groups"][0]["account"], "globex");
}

#[test]
fn what_cannot_be_asked_again_is_told() {
    let folder = folder();
    folder.write("log", &log(false));
    let said = diff(&folder, "next", &[]);
    assert_eq!(said.code, 5, "{}{}", said.out, said.err);
    for part in [
        "replayed   0 of 5",
        "4 do not hold what was asked: `audit.questions: true`",
        "not everything",
    ] {
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains(part), "`{part}` is not in {all}");
    }
    let whole = log(true);
    let torn = format!("{whole}{{\"time\":\"2026\nnonsense\n");
    folder.write("log", &torn);
    let found = report(&diff(&folder, "next", &["--format", "json"]));
    assert_eq!(
        (&found["torn"], &found["torn_at"]),
        (&json!(2), &json!("log:6")),
        "{found:#}"
    );
    // Somebody else's words move no cursor, and types that have changed are told.
    let odd = whole
        .replace("\"kind\":\"missions\"", "\"kind\":7")
        .replace(
            "Tenancy::Action::\\\"app/missions/list",
            "Tenancy::Action::\\\"app/\\u001b[31m",
        );
    folder.write("log", &odd);
    let said = diff(&folder, "next", &[]);
    assert!(!said.out.contains('\u{1b}'), "{}", said.out);
    assert_ne!(said.code, 0, "{}", said.out);
    for (arguments, code, part) in [
        (
            &["diff", "policies", "next", "--replay", "nowhere"][..],
            2,
            "nowhere",
        ),
        (
            &["diff", "policies", "nowhere", "--replay", "log"],
            3,
            "nowhere",
        ),
        (&["diff", "policies", "next"], 2, "--replay"),
    ] {
        let said = folder.run(arguments);
        assert_eq!(said.code, code, "{}{}", said.out, said.err);
        assert!(format!("{}{}", said.out, said.err).contains(part), "{part}");
    }
    folder.append("next/more.cedar", "permit (");
    assert_eq!(diff(&folder, "next", &[]).code, 3);
}

/// Who becomes able to ask without a token is everybody: no policy is asked any more.
#[test]
fn a_route_that_becomes_public_opens_for_everybody_who_was_refused() {
    let folder = folder();
    folder.write("log", &log(true));
    let other = Folder::shipped();
    let routes = "  - { context: app, match: \"POST /app/v1/quizzes/{quizId}/answers\", action: answers/public, public: true, upstream: api }\n";
    let text = other.read(CONFIG);
    let line = text
        .lines()
        .find(|line| line.contains("portal/v1/accounts\""));
    let line = line.expect("a route").to_owned() + "\n";
    other.replace(CONFIG, &line, &format!("{line}{routes}"));
    let app = "apis/app.openapi.json";
    let mut document: Value = serde_json::from_str(&other.read(app)).expect("JSON");
    let paths = document["paths"].as_object_mut().expect("paths");
    paths.remove("/app/v1/quizzes/{quizId}/answers");
    other.write(app, &document.to_string());
    let path = other.path(CONFIG);
    let said = folder.run(&[
        "diff",
        CONFIG,
        path.to_str().expect("a path"),
        "--replay",
        "log",
        "--max-opened",
        "9",
        "--format",
        "json",
    ]);
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    let found = report(&said);
    assert_eq!(
        (&found["opened"], &found["opened_across"]),
        (&json!(1), &json!(1)),
        "{found:#}"
    );
    assert_eq!(
        found["groups"][0]["policies"],
        json!(["the route is public"])
    );
}

#[test]
fn nothing_is_good_that_was_not_asked() {
    let folder = folder();
    let whole = log(true);
    let good = ["--max-opened", "9", "--max-closed", "9"];
    // One record of another shape may be the one that opens.
    folder.write("log", &format!("{whole}{{\"time\":7}}\n"));
    assert_eq!(diff(&folder, "next", &good).code, 5);
    // An account that neither has, and an operation that no route has.
    for (from, to) in [
        ("\"owner\":\"acme\"", "\"owner\":\"initech\""),
        ("missions/list", "missions/listed"),
    ] {
        let line = whole.lines().next().expect("a record");
        assert!(line.contains(from), "{line}");
        folder.write("log", &format!("{}\n", line.replace(from, to)));
        let said = diff(&folder, "next", &good);
        assert_eq!(said.code, 5, "{}{}", said.out, said.err);
        assert!(said.out.contains("replayed   0 of 1"), "{}", said.out);
    }
}
