//! Questions that become cases.

use super::{shipped, tells};
use crate::support::folder::{Folder, Said};
use std::fs;

const ANA: &str = r#"{"token_use": "access", "client_id": "acme-prod-web", "accountId": "acme",
    "workspaceId": "acme-prod", "userId": "u-ana", "role": "viewer", "context": "app", "scope": "app/read",
    "sub": "s", "iss": "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade",
    "iat": 1795687200, "exp": 1795690800}"#;

/// Asks at a moment at which the claims hold.
fn explain(folder: &Folder, request: &str, more: &[&str]) -> Said {
    let asked = ["explain", request, "--at", "2026-11-26T10:30:00Z"];
    folder.run(&[&asked, more].concat())
}

#[test]
fn a_question_becomes_a_case() {
    let folder = shipped();
    let ask = |request: &str, more: &[&str]| {
        let written = ["--claims", ANA, "--write-test", "new/t.yaml"];
        explain(&folder, request, &[&written, more].concat())
    };
    tells(
        &ask("/app/v1/missions", &[]),
        0,
        &["ALLOW", "written to new/t.yaml"],
    );
    tells(&ask("/app/v1/missions", &[]), 0, &["written to new/t.yaml"]);
    let body = [
        "--header",
        "content-type: application/json",
        "--body",
        r#"{"workspaceId": "globex-prod"}"#,
    ];
    tells(
        &ask("POST /app/v1/missions", &body),
        0,
        &["outside_tenant", "written"],
    );
    let said = explain(
        &folder,
        "/app/v1/badges",
        &["--anonymous", "--write-test", "new/t.yaml"],
    );
    tells(&said, 0, &["token_missing", "written"]);
    tells(
        &folder.run(&["test", "new/t.yaml"]),
        0,
        &["4 passed, 0 failed"],
    );
    let text = folder.read("new/t.yaml");
    for part in [
        "\"/app/v1/missions is allow\"",
        "\"/app/v1/missions is allow (2)\"",
        "\"policies\":[\"platform/baseline/base.viewer\"]",
        "outside_tenant",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert_eq!(
        fs::read_dir(folder.path("new")).expect("a folder").count(),
        1
    );
}

#[test]
fn a_case_is_added_to_what_a_file_says_and_to_nothing_else() {
    let folder = shipped();
    let write = |text: &str| {
        folder.write("t.yaml", text);
        let said = explain(
            &folder,
            "/app/v1/missions",
            &["--claims", ANA, "--write-test", "t.yaml"],
        );
        (said, folder.read("t.yaml"))
    };
    let before = "# mine\nfixtures: policies/tests/people.yaml\ncases:\n  # first\n  - name: x\n    request: /health\n    expect: allow # so\n\n# last\nat: 2026-11-26T10:00:00Z\n";
    let (said, after) = write(before);
    tells(&said, 0, &["written to t.yaml"]);
    for line in before.lines() {
        assert!(after.contains(line), "`{line}` is not in:\n{after}");
    }
    tells(&folder.run(&["test", "t.yaml"]), 0, &["2 passed"]);
    for good in ["", "# nothing yet\n", "people: {}\n", "people: {}"] {
        let (said, after) = write(good);
        tells(&said, 0, &["written to t.yaml"]);
        assert!(after.starts_with(good.trim_end()), "{after}");
        tells(&folder.run(&["test", "t.yaml"]), 0, &["1 passed"]);
    }
    for bad in [
        "cases: []\n",
        "{\"cases\": []}",
        "cases: [{ name: x, request: /x, expect: deny }]\n",
    ] {
        let (said, after) = write(bad);
        tells(&said, 3, &["a case cannot be added to this file"]);
        assert_eq!(after, bad);
    }
    for (bad, why) in [
        ("cases: [\n", "t.yaml:2"),
        ("[]\n", "expected a file of cases"),
        ("cass: 1\n", "did you mean `cases`?"),
    ] {
        let (said, after) = write(bad);
        tells(&said, 3, &[why]);
        assert_eq!(after, bad);
    }
}

#[test]
fn what_claims_on_trust_cannot_tell_is_not_written() {
    let folder = shipped();
    let token = "eyJhbGciOiJSUzI1NiJ9.e30.AA";
    let said = explain(
        &folder,
        "/app/v1/missions",
        &["--unverified", "--token", token, "--write-test", "t.yaml"],
    );
    assert_ne!(said.code, 0, "{}", said.out);
    assert!(!folder.path("t.yaml").exists());
}
