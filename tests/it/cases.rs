//! `palisade test`: cases say what must become of requests, and are held against what does.

mod looks;
mod watching;
mod writing;

use crate::support::folder::{Folder, Said};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The shipped folder with its tests.
fn shipped() -> Folder {
    let folder = Folder::shipped();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/tests");
    for entry in fs::read_dir(root).expect("there are tests") {
        let path = entry.expect("a test is readable").path();
        let name = path.file_name().expect("it has a name").to_string_lossy();
        let text = fs::read_to_string(&path).expect("a test is text");
        folder.write(&format!("policies/tests/{name}"), &text);
    }
    folder
}

/// The shipped folder with one file of cases, whose people are the shipped ones.
fn with(cases: &str) -> Folder {
    let folder = shipped();
    folder.write(
        "t.yaml",
        &format!("fixtures: policies/tests/people.yaml\n{cases}"),
    );
    folder
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
}

#[track_caller]
fn tells(said: &Said, code: i32, parts: &[&str]) {
    let all = format!("{}{}", said.out, said.err);
    assert_eq!(said.code, code, "{all}");
    for part in parts {
        assert!(all.contains(part), "`{part}` is not in:\n{all}");
    }
}

#[test]
fn what_ships_passes_its_tests() {
    let said = shipped().run(&["test"]);
    tells(&said, 0, &[" 0 failed"]);
    assert!(!said.out.contains("\n0 passed"), "{}", said.out);
}

const CONSOLE: &str = "spiffe://example.org/ns/platform/sa/console";

/// A read of missions that comes from there.
fn from(more: &str, expect: &str) -> String {
    format!(
        "- {{ name: \"{more}\", as: ana, request: GET /app/v1/missions, {more} expect: {expect} }}\n"
    )
}

/// Such cases, of a gate that is asked from one network and by one workload only.
fn held(cases: &[String]) -> Folder {
    let folder = with(&format!("cases:\n{}", cases.concat()));
    let policy = format!(
        "@id(\"net\")\n@reason(\"why\")\nforbid (principal, action, resource) unless {{ \
         context.ip.isInRange(ip(\"192.0.2.0/24\")) && context has certificate.spiffe && \
         context.certificate.spiffe == \"{CONSOLE}\" && \
         context.certificate.dns.contains(\"console.internal\") }};\n"
    );
    folder.write("policies/net.cedar", &policy);
    folder
}

/// Connections are as the cases say: address and certificate.
#[test]
fn cases_come_from_networks_and_workloads() {
    let owner = format!("certificate: {{ spiffe: '{CONSOLE}', dns: [Console.internal] }},");
    let there = format!("client_ip: 192.0.2.7, {owner}");
    let folder = held(&[
        from(&there, "allow"),
        from(&owner, "policy_denied"),
        from("client_ip: 192.0.2.7,", "policy_denied"),
        from("client_ip: '2001:db8::1',", "policy_denied"),
    ]);
    tells(&folder.run(&["test", "t.yaml"]), 0, &["4 passed, 0 failed"]);
    // The command that a failure shows asks the same.
    let names = format!("--client-certificate {CONSOLE},dns:console.internal");
    tells(
        &held(&[from(&there, "policy_denied")]).run(&["test", "t.yaml"]),
        4,
        &["--what-if context.ip=192.0.2.7", &names],
    );
    for (bad, part) in [
        ("client_ip: 300.0.0.1,", "invalid IP address"),
        (
            "certificate: { spiffe: 'http://x/y' },",
            "is not a SPIFFE ID",
        ),
        ("certificate: { dns: ['a..b'] },", "is not a name of a host"),
        ("certificate: { uri: x },", "uri"),
    ] {
        let said = held(&[from(bad, "allow")]).run(&["test", "t.yaml"]);
        tells(&said, 3, &[part, "t.yaml"]);
    }
}

#[test]
fn an_explanation_takes_the_names_of_a_certificate_and_writes_them_into_a_case() {
    let folder = held(&[]);
    let ask = |certificate: &str, more: &[&str]| {
        let who = [
            "explain",
            "/app/v1/missions",
            "--as",
            "ana",
            "--client-certificate",
            certificate,
        ];
        folder.run(&[&who, more].concat())
    };
    let names = format!("{CONSOLE},dns:console.internal");
    tells(
        &ask(&names, &["--what-if", "context.ip=192.0.2.7"]),
        0,
        &["ALLOW"],
    );
    tells(
        &ask(&names, &["--write-test", "new.yaml"]),
        0,
        &["DENY", "written to new.yaml"],
    );
    tells(
        &folder.run(&["test", "new.yaml"]),
        0,
        &["1 passed, 0 failed"],
    );
    let written = folder.read("new.yaml");
    assert!(written.contains("\"spiffe\""), "{written}");
    for (bad, part) in [
        ("spiffe://Example.org/x", "is not a SPIFFE ID"),
        ("spiffe://example.org", "is not a SPIFFE ID"),
        ("spiffe://a.example/x,spiffe://b.example/x", "holds 2 URIs"),
        ("dns:a b", "is not a name of a host"),
        ("dns:", "is not a name of a host"),
    ] {
        tells(&ask(bad, &[]), 2, &[part]);
    }
}

#[test]
fn a_failure_shows_both_the_policy_at_its_line_and_the_command_that_explains_it() {
    let folder = with(
        "cases:\n\
         - name: it's a viewer's\n  as: ana\n  request: GET /app/v1/missions?workspaceId=acme-prod\n  \
           headers: { x-workspace-id: acme-prod }\n  at: 2026-11-23T10:00:00Z\n  \
           expect: { decision: policy_denied, policies: [base.editor] }\n",
    );
    let said = folder.run(&["test", "t.yaml"]);
    let text = folder.read("policies/baseline.cedar");
    let at = text.lines().position(|line| line.contains("base.viewer"));
    let policy = format!(
        "permit platform/baseline/base.viewer (policies/baseline.cedar:{})",
        at.expect("it ships") + 1
    );
    tells(
        &said,
        4,
        &[
            "FAILED     it's a viewer's (t.yaml:3)",
            "expected   policy_denied by base.editor",
            "got        allow by platform/baseline/base.viewer",
            &policy,
            "explain    palisade explain 'GET /app/v1/missions?workspaceId=acme-prod'",
            "0 passed, 1 failed",
        ],
    );
    // The command is to be pasted, and tells the same.
    let command = said
        .out
        .lines()
        .find_map(|line| line.strip_prefix("explain    palisade "));
    let command = command.expect("a command is printed");
    let run = std::process::Command::new("bash")
        .args([
            "-c",
            &format!("{} {command}", env!("CARGO_BIN_EXE_palisade")),
        ])
        .current_dir(folder.path("."))
        .output()
        .expect("a shell runs");
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(told.contains("decision   ALLOW"), "{run:?}");
    assert!(told.contains(&policy), "{told}");
}

#[test]
fn decisions_reasons_policies_and_headers_are_all_compared() {
    let case = |expect: &str| {
        let folder = with(&format!(
            "cases:\n- name: x\n  as: ana\n  request: /app/v1/missions\n  expect: {expect}\n"
        ));
        folder.run(&["test", "t.yaml"])
    };
    for good in [
        "allow",
        "{ decision: allow, policies: [platform/baseline/base.viewer] }",
        "{ decision: allow, headers: { X-Palisade-Workspace: acme-prod } }",
        "{ decision: allow, without: [x-palisade-actor] }",
    ] {
        tells(&case(good), 0, &["1 passed"]);
    }
    for (bad, difference) in [
        ("deny", "it is allow, not deny"),
        ("outside_tenant", "it is allow, not outside_tenant"),
        (
            "{ decision: allow, policies: [] }",
            "settled it, not no policy",
        ),
        (
            "{ decision: allow, policies: [base.viewer, base.editor] }",
            "base.viewer settled it, not base.viewer, base.editor",
        ),
        (
            "{ decision: allow, headers: { x-palisade-workspace: other } }",
            "x-palisade-workspace is `acme-prod`, not `other`",
        ),
        (
            "{ decision: allow, headers: { x-palisade-actor: a } }",
            "x-palisade-actor is not told",
        ),
        (
            "{ decision: allow, without: [x-palisade-user] }",
            "x-palisade-user is told: `u-ana`",
        ),
    ] {
        tells(&case(bad), 4, &[difference]);
    }
}

#[test]
fn every_fault_of_a_file_of_cases_is_told_at_its_place() {
    let folder = with(
        "cases:\n\
         - { name: a, as: anna, request: /app/v1/missions, expect: allow }\n\
         - { name: b, as: ana, request: nonsense, expect: allow }\n\
         - { name: c, as: ana, request: /x, expect: { decision: allow, policies: [base.vewer] } }\n\
         - { name: d, as: ana, request: /x, expect: { decision: deny, headers: { a: b } } }\n\
         - { name: e, as: ana, request: /x, headers: { 'a b': c }, expect: deny }\n",
    );
    let said = folder.run(&["test", "t.yaml", "--format", "json"]);
    assert_eq!(said.code, 3, "{}", said.out);
    let faults = json(&said)["faults"].clone();
    let told = |index: usize, key: &str| faults[index][key].as_str().unwrap_or("").to_owned();
    let codes: Vec<String> = (0..5).map(|index| told(index, "code")).collect();
    assert_eq!(
        codes,
        [
            "test_unknown_person",
            "test_request",
            "test_unknown_policy",
            "test_headers",
            "test_request"
        ],
        "{faults:#}"
    );
    assert_eq!(told(0, "key"), "cases[0].as");
    assert_eq!(faults[0]["line"], 3);
    assert!(
        told(0, "help").contains("did you mean `ana`?"),
        "{faults:#}"
    );
    assert!(told(2, "help").contains("did you mean `base.viewer`?"));

    folder.write(
        "t.yaml",
        "cases:\n- { name: a, reqest: /x, expect: outside_tenent }\n",
    );
    let said = folder.run(&["test", "t.yaml"]);
    tells(
        &said,
        3,
        &[
            "did you mean `request`?",
            "did you mean `outside_tenant`?",
            "[t.yaml:2",
        ],
    );
}

#[test]
fn files_that_are_none_are_told_apart_from_tests_that_fail() {
    let folder = shipped();
    tells(&folder.run(&["test", "none.yaml"]), 3, &["none.yaml"]);
    folder.write("empty/x.txt", "");
    tells(
        &folder.run(&["test", "empty"]),
        3,
        &["there are no cases here"],
    );
    folder.write("t.yaml", "fixtures: nobody.yaml\n");
    tells(&folder.run(&["test", "t.yaml"]), 3, &["nobody.yaml"]);
    folder.write("t.yaml", "cases: [\n");
    tells(&folder.run(&["test", "t.yaml"]), 3, &["t.yaml:2"]);
    fs::write(folder.path("t.yaml"), b"cases: [] # \xff\n").expect("a file can be written");
    tells(&folder.run(&["test", "t.yaml"]), 3, &["is not UTF-8"]);
    // What is wrong with the configuration comes first.
    folder.append("policies/x.cedar", "permit (");
    tells(&folder.run(&["test"]), 3, &["policies/x.cedar:1"]);
    tells(&folder.run(&["test", "--fitler", "x"]), 2, &[]);
}

#[test]
fn claims_differ_from_a_persons_and_may_be_taken_away() {
    let folder = with(
        "people: { zoe: { client_id: acme-prod-web, accountId: acme, workspaceId: acme-prod, userId: u-zoe, role: viewer, context: app, scope: app/read } }\n\
         at: 2026-11-23T10:00:00Z\n\
         cases:\n\
         - { name: own, as: zoe, request: /app/v1/missions, expect: allow }\n\
         - { name: other, as: zoe, claims: { context: dashboard }, request: /app/v1/missions, expect: context_mismatch }\n\
         - { name: away, as: zoe, claims: { userId: null }, request: /app/v1/missions, expect: claim_missing }\n\
         - { name: over, as: zoe, claims: { exp: 1 }, request: /app/v1/missions, expect: token_expired }\n\
         - { name: whole, claims: { accountId: acme }, request: /app/v1/missions, expect: token_kind }\n\
         - { name: nobody, request: /app/v1/missions, expect: token_missing }\n\
         - { name: shipped, as: ana, request: /app/v1/missions, expect: allow }\n",
    );
    tells(&folder.run(&["test", "t.yaml"]), 0, &["7 passed, 0 failed"]);
}

/// Whether an admin of acme may delete a mission, as Cedar's own form asks it.
fn question(id: &str, decision: &str, reason: &str, errors: usize) -> String {
    let role = |of: &str, name: &str| {
        format!(r#""{name}": {{"__entity": {{"type": "Tenancy::Role", "id": "{of}#{name}"}}}}"#)
    };
    let roles = ["viewer", "editor", "admin"]
        .map(|name| role("acme/acme-prod", name))
        .join(",");
    let account = ["member", "admin", "owner"]
        .map(|name| role("acme", name))
        .join(",");
    format!(
        r#"[{{"name": "{id}", "request": {{
            "principal": "Tenancy::User::\"acme/u-adi\"",
            "action": "Tenancy::Action::\"dashboard/missions/delete\"",
            "resource": "Tenancy::Resource::\"acme/acme-prod/missions/{id}\"",
            "context": {{"http": {{"method": "DELETE", "path": "/", "host": "x"}},
              "now": {{"__extn": {{"fn": "datetime", "arg": "2026-11-23T10:00:00Z"}}}},
              "ip": {{"__extn": {{"fn": "ip", "arg": "198.51.100.7"}}}},
              "account": {{"__entity": {{"type": "Tenancy::Account", "id": "acme"}}}},
              "workspace": {{"__entity": {{"type": "Tenancy::Workspace", "id": "acme/acme-prod"}}}},
              "role": {{{roles}}}, "accountRole": {{{account}}}, "catalogs": [],
              "tenant": {{"active": true, "plan": "x", "kind": "custom", "features": []}}}}}},
            "entities": [{{"uid": {{"type": "Tenancy::User", "id": "acme/u-adi"}},
               "attrs": {{"account": {{"__entity": {{"type": "Tenancy::Account", "id": "acme"}}}},
                "workspaces": [{{"__entity": {{"type": "Tenancy::Workspace", "id": "acme/acme-prod"}}}}],
                "contexts": [{{"__entity": {{"type": "Tenancy::ApiContext", "id": "dashboard"}}}}],
                "scopes": [{{"__entity": {{"type": "Tenancy::Scope", "id": "dashboard/write"}}}}],
                "scopeless": false, "bearer": true, "mfa": true}},
               "parents": [{{"type": "Tenancy::Role", "id": "acme/acme-prod#admin"}}]}},
              {{"uid": {{"type": "Tenancy::Resource", "id": "acme/acme-prod/missions/{id}"}},
               "attrs": {{"account": {{"__entity": {{"type": "Tenancy::Account", "id": "acme"}}}},
                "workspace": {{"__entity": {{"type": "Tenancy::Workspace", "id": "acme/acme-prod"}}}},
                "role": {{{roles}}}, "accountRole": {{{account}}}, "kind": "missions", "id": "{id}"}},
               "parents": [{{"type": "Tenancy::Account", "id": "acme"}}]}}],
            "decision": "{decision}", "reason": [{reason}], "num_errors": {errors}}}]"#
    )
}

#[test]
fn cedars_own_form_is_read_unchanged() {
    let folder = shipped();
    // A file that is named after an account is asked of its policies as well.
    let held = question("m-legal-hold", "deny", "\"legal-hold\"", 0);
    folder.write("t/acme.json", &held);
    tells(&folder.run(&["test", "t"]), 0, &["1 passed"]);
    folder.write(
        "t/other.json",
        &question("m-legal-hold", "allow", "\"base.admin\"", 0),
    );
    tells(&folder.run(&["test", "t"]), 0, &["2 passed"]);

    folder.write("t/acme.json", &question("m-1", "deny", "\"legal-hold\"", 1));
    let said = folder.run(&["test", "t/acme.json"]);
    tells(
        &said,
        4,
        &[
            "it is allow, not deny",
            "`legal-hold` did not settle it",
            "0 policies err, not 1",
            "permit platform/baseline/base.admin (policies/baseline.cedar:",
            "explain    palisade test t/acme.json --filter m-1 --config palisade.yaml",
        ],
    );
    for (from, to, part) in [
        (
            "missions/delete",
            "missions/delet",
            "did you mean `Tenancy::Action::",
        ),
        ("\"mfa\": true", "\"mfa\": 1", "entities"),
        (
            "\"legal-hold\"]",
            "\"legal-hald\"]",
            "there is no policy `legal-hald`",
        ),
        ("num_errors", "num_error", "did you mean `num_errors`?"),
    ] {
        folder.write("t/acme.json", &held.replacen(from, to, 1));
        let said = folder.run(&["test", "t/acme.json", "--format", "json"]);
        assert_eq!(said.code, 3, "{to}: {}{}", said.out, said.err);
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
}

#[test]
fn a_forbid_that_errs_denies_where_cedar_alone_would_allow() {
    let folder = shipped();
    folder.write(
        "policies/erring.cedar",
        "@id(\"overflows\")\nforbid (principal, action, resource)\n\
         when { context.http.method == \"GET\" && 9223372036854775807 + 1 > 0 };\n",
    );
    let said = folder.run(&["test", "policies/tests/guards.json"]);
    tells(
        &said,
        4,
        &[
            "policy_error",
            "platform/erring/overflows",
            "1 policies err, not 0",
        ],
    );
}

#[test]
fn cases_are_chosen_by_name_and_told_in_three_forms() {
    let folder = shipped();
    let said = folder.run(&["test", "--filter", "takes part", "--format", "json"]);
    let report = json(&said);
    assert_eq!(
        (&report["passed"], &report["failed"]),
        (&1.into(), &0.into())
    );
    let case = &report["cases"][0];
    assert_eq!(case["name"], "a viewer takes part");
    assert_eq!(case["file"], "policies/tests/app.yaml");
    assert_eq!(case["level"], "http");
    assert_eq!(case["passed"], true);

    let folder = with("cases: [{ name: '<&\">', request: /app/v1/missions, expect: allow }]\n");
    let said = folder.run(&["test", "t.yaml", "--format", "junit"]);
    tells(
        &said,
        4,
        &[
            "<testsuites name=\"palisade\" tests=\"1\" failures=\"1\"",
            "<testsuite name=\"t.yaml\" tests=\"1\" failures=\"1\">",
            "<testcase classname=\"t.yaml\" name=\"&lt;&amp;&quot;&gt;\" file=\"t.yaml\" line=\"2\">",
            "<failure message=\"it is token_missing, not allow\">",
        ],
    );
    assert_eq!(open_elements(&said.out), 0, "{}", said.out);
}

/// How many elements are open at the end.
fn open_elements(text: &str) -> i32 {
    let mut open = 0;
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or("");
        if tag.starts_with('?') || tag.ends_with('/') {
            continue;
        }
        open += if tag.starts_with('/') { -1 } else { 1 };
    }
    open
}

/// The demo's cases are about its people, of whom such a gate knows nobody.
#[test]
fn a_gate_made_from_the_demo_begins_without_cases() {
    let folder = Folder::empty();
    tells(&folder.run(&["init", "--from-demo", "gate"]), 0, &[]);
    let said = folder.run(&["test", "--config", "gate/palisade.yaml"]);
    tells(&said, 3, &["gate/policies/tests"]);
}
