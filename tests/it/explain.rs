//! `palisade explain`: what it tells of a request is what the gate would do, and why.

mod serving;
mod why;

use crate::support::folder::{Folder, Said};
use crate::support::issuer::{ISS, TestIssuer, Token};
use serde_json::Value;

/// The shipped folder with the test's issuer in it.
struct Desk {
    folder: Folder,
    issuer: TestIssuer,
}

const MISSIONS: &str = "GET /app/v1/missions?workspaceId=acme-prod";

impl Desk {
    fn new() -> Self {
        let (folder, issuer) = (Folder::shipped(), TestIssuer::start());
        let demo = "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade";
        folder.replace("palisade.yaml", demo, ISS);
        let keys = "http://127.0.0.1:9001/.well-known/jwks.json";
        folder.replace("palisade.yaml", keys, &issuer.jwks_url());
        folder.replace("tenants/acme.yaml", "acme-prod-web", "client-acme-prod");
        Self { folder, issuer }
    }

    fn claims(&self, claims: &Token, request: &str, more: &[&str]) -> Said {
        let claims = claims.claims_text();
        let arguments = ["explain", request, "--claims", &claims];
        self.folder.run(&[&arguments, more].concat())
    }

    fn json(&self, claims: &Token, request: &str, more: &[&str]) -> Value {
        let said = self.claims(claims, request, &[more, &["--format", "json"]].concat());
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        serde_json::from_str(&said.out).expect("the output is JSON")
    }
}

#[track_caller]
fn tells(said: &Said, parts: &[&str]) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for part in parts {
        assert!(said.out.contains(part), "`{part}` is not in:\n{}", said.out);
    }
}

/// The line of the policy with that id.
fn line(folder: &Folder, file: &str, id: &str) -> usize {
    let text = folder.read(file);
    let id = format!("@id(\"{id}\")");
    let at = text.lines().position(|line| line.contains(&id));
    at.expect("the policy ships") + 1
}

#[test]
fn an_allowed_request_is_told_from_caller_to_annotation() {
    let desk = Desk::new();
    let said = desk.claims(&desk.issuer.user("ana").role("viewer"), MISSIONS, &[]);
    let at = line(&desk.folder, "policies/baseline.cedar", "base.viewer");
    let policy = format!("permit platform/baseline/base.viewer (policies/baseline.cedar:{at})");
    tells(
        &said,
        &[
            "request    GET /app/v1/missions?workspaceId=acme-prod\n",
            "note       the claims were taken as if their issuer had signed them\n",
            "in workspace `acme-prod` of account `acme`, by issuer `cosmos`",
            "roles: account-member, viewer\n",
            "route      /app/v1/missions (apis/app.openapi.json:",
            "action     app/missions/list: read, on missions\n",
            "names      workspace `acme-prod` (query workspaceId)\n",
            "isolation  held to workspace `acme-prod` of account `acme`\n",
            "decision   ALLOW\n",
            &policy,
            "viewers of the workspace read",
            "annotated  x-palisade-account: acme\n",
            "annotated  x-palisade-workspace: acme-prod\n",
        ],
    );
}

#[test]
fn a_request_out_of_the_workspace_is_told_with_the_reference_that_leaves_it() {
    let desk = Desk::new();
    let request = "GET /app/v1/missions?workspaceId=globex-prod";
    let said = desk.claims(&desk.issuer.user("ana").role("viewer"), request, &[]);
    tells(
        &said,
        &[
            "names      workspace `globex-prod` (query workspaceId)",
            "isolation  leaves what the caller may touch",
            "DENY 403 outside_tenant, at step `isolation`",
            "query workspaceId names `globex-prod`, outside of `acme-prod`",
            "help       the request names an account, workspace or user other than the caller's",
        ],
    );
    assert!(!said.out.contains("annotated"), "{}", said.out);
}

#[test]
fn a_reference_in_the_body_is_read() {
    let desk = Desk::new();
    desk.folder
        .write("body.json", r#"{"workspaceId": "globex-prod"}"#);
    let token = desk
        .issuer
        .user("edi")
        .role("editor")
        .context("dashboard")
        .scope("dashboard/write");
    let body = [
        "--header",
        "content-type: application/json",
        "--body",
        "body.json",
    ];
    let story = desk.json(&token, "POST /dashboard/v1/missions", &body);
    let told = |pointer| story.pointer(pointer).and_then(Value::as_str);
    assert_eq!(told("/decision/code"), Some("outside_tenant"), "{story:#}");
    // As the gate, it reads no body that is longer than 64 KiB.
    let long = format!(r#"{{"title": "{}"}}"#, "x".repeat(64 * 1024));
    desk.folder.write("body.json", &long);
    let story = desk.json(&token, "POST /dashboard/v1/missions", &body);
    let told = |pointer| story.pointer(pointer).and_then(Value::as_str);
    assert_eq!(told("/decision/code"), Some("body_unreadable"), "{story:#}");
}

#[test]
fn what_no_policy_permits_and_what_one_forbids_are_told_apart() {
    let desk = Desk::new();
    let of = |role: &str| {
        let token = desk.issuer.user("ana").role(role);
        token.context("dashboard").scope("dashboard/write")
    };
    let said = desk.claims(&of("viewer"), "DELETE /dashboard/v1/missions/m-1", &[]);
    tells(
        &said,
        &[
            "DENY 403 policy_denied, at step `policies`",
            "policies   none permits it",
        ],
    );
    let said = desk.claims(
        &of("admin"),
        "DELETE /dashboard/v1/missions/m-legal-hold",
        &[],
    );
    let at = line(&desk.folder, "tenants/acme.cedar", "legal-hold");
    let policy = format!("forbid account/acme/legal-hold (tenants/acme.cedar:{at})");
    tells(
        &said,
        &[
            &policy,
            "the mission is kept for a lawsuit",
            "Not even an admin deletes it.",
        ],
    );
}

#[test]
fn a_token_is_verified_with_the_issuers_keys() {
    let desk = Desk::new();
    let token = desk.issuer.user("ana").role("viewer").sign();
    let ask = |token: &str, more: &[&str]| {
        desk.folder.write("token", token);
        let arguments = ["explain", MISSIONS, "--token-file", "token"];
        desk.folder.run(&[&arguments, more].concat())
    };
    let said = ask(&token, &[]);
    tells(&said, &["decision   ALLOW"]);
    assert!(!said.out.contains("note"), "{}", said.out);

    // What was said under one signature, with the signature under something else.
    let (said, _) = token.rsplit_once('.').expect("a token has three parts");
    let other = desk.issuer.user("bob").role("admin").sign();
    let (_, signature) = other.rsplit_once('.').expect("a token has three parts");
    let forged = format!("{said}.{signature}");
    tells(
        &ask(&forged, &[]),
        &["DENY 401 token_signature, at step `token`"],
    );
    tells(
        &ask(&forged, &["--unverified"]),
        &[
            "decision   ALLOW",
            "note       the token's signature was not checked",
        ],
    );
}

#[test]
fn claims_on_trust_are_held_to_everything_but_the_signature() {
    let desk = Desk::new();
    let code = |token: &Token| {
        let story = desk.json(token, MISSIONS, &[]);
        let code = story.pointer("/decision/code").and_then(Value::as_str);
        code.unwrap_or("allowed").to_owned()
    };
    let user = || desk.issuer.user("ana").role("viewer");
    assert_eq!(code(&user()), "allowed");
    assert_eq!(
        code(&user().claim("iss", "https://elsewhere")),
        "issuer_unknown"
    );
    assert_eq!(code(&user().expired(600)), "token_expired");
    assert_eq!(code(&user().claim("token_use", "id")), "token_kind");
    assert_eq!(
        code(&user().claim("client_id", "client-else")),
        "client_not_bound"
    );
    assert_eq!(code(&user().without("accountId")), "claim_missing");
    assert_eq!(code(&user().context("dashboard")), "context_mismatch");
}

#[test]
fn the_moment_of_the_request_can_be_another() {
    let desk = Desk::new();
    let at = ["--at", "2099-01-01T00:00:00Z"];
    let story = desk.json(&desk.issuer.user("ana").role("viewer"), MISSIONS, &at);
    let code = story.pointer("/decision/code").and_then(Value::as_str);
    assert_eq!(code, Some("token_expired"), "{story:#}");
}

#[test]
fn strangers_learn_nothing_and_public_routes_need_nobody() {
    let desk = Desk::new();
    let ask = |request: &str| desk.folder.run(&["explain", request, "--anonymous"]);
    tells(
        &ask("/no/such/path"),
        &[
            "request    GET /no/such/path",
            "caller     anonymous",
            "DENY 401 token_missing, at step `token`",
        ],
    );
    tells(
        &ask("GET /health"),
        &[
            "decision   ALLOW",
            "note       the route is public: no policy was asked",
        ],
    );
    tells(
        &ask("GET /app/v1//missions"),
        &["DENY 400 request_ambiguous, at step `head`"],
    );
}

#[test]
fn headers_are_read_and_what_is_not_forwarded_is_named() {
    let desk = Desk::new();
    let more = ["--header", "x-workspace-id: globex-prod"];
    let token = desk.issuer.user("ana").role("viewer");
    let story = desk.json(&token, "/app/v1/missions", &more);
    let place = story.pointer("/references/0/place").and_then(Value::as_str);
    assert_eq!(place, Some("header x-workspace-id"), "{story:#}");
    let more = ["--header", "X-Palisade-Account: globex"];
    let story = desk.json(&token, "/app/v1/missions", &more);
    assert_eq!(
        story.get("removed"),
        Some(&serde_json::json!(["x-palisade-account"])),
        "{story:#}"
    );
}

#[test]
fn support_inside_a_workspace_is_told_with_its_grant() {
    let desk = Desk::new();
    let (file, sub) = ("palisade.yaml", "4e5ba996-b05f-4f42-b19c-906342cfae05");
    desk.folder
        .replace(file, "roles: [operator]", "roles: [support]");
    desk.folder.append(file, "\nprincipals: { act_in: true }\n");
    let token = desk.issuer.principal("root").claim("sub", sub);
    let token = token.claim("client_id", "portal-web");
    let inside = ["--header", "x-palisade-act-in: acme-prod"];
    let why = ["--header", "x-palisade-reason: case 7"];
    let said = desk.claims(&token, "/app/v1/missions", &[inside, why].concat());
    tells(
        &said,
        &[
            "held to workspace `acme-prod` of account `acme`, under a grant until ",
            "permit platform/baseline/base.support",
            "removed    x-palisade-act-in\n",
        ],
    );
    let said = desk.claims(&token, "/app/v1/missions", &inside);
    let refused = "DENY 403 act_in_refused, at step `isolation`";
    tells(&said, &[refused, "without a stated reason"]);
}

#[test]
fn the_answer_is_good_and_the_questions_faults_are_told_apart() {
    let desk = Desk::new();
    let run = |arguments: &[&str]| desk.folder.run(arguments);
    assert_eq!(run(&["explain", MISSIONS]).code, 2);
    assert_eq!(run(&["explain", "not a request", "--anonymous"]).code, 2);
    assert_eq!(
        run(&["explain", MISSIONS, "--claims", "no-such-file"]).code,
        2
    );
    let two = ["explain", MISSIONS, "--anonymous", "--token", "x"];
    assert_eq!(run(&two).code, 2);
    let header = ["explain", MISSIONS, "--anonymous", "--header", "nonsense"];
    assert_eq!(run(&header).code, 2);
    desk.folder.append("policies/x.cedar", "permit (");
    let said = run(&["explain", MISSIONS, "--anonymous"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("policies/x.cedar:1"), "{}", said.err);
}
