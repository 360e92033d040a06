//! `POST /explain`: a gate that serves is asked what it would do.

use crate::bodies::reading;
use crate::support::client::Reply;
use crate::support::gate::{CONTROL_TOKEN, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};

const STOP: &str = "@id(\"stop\")\n@reason(\"x\")\nforbid (principal, action, resource);\n";

fn ask(gate: &TestGate, question: &Value) -> Reply {
    raw(gate, question.to_string().as_bytes())
}

fn raw(gate: &TestGate, body: &[u8]) -> Reply {
    let post = gate.control("POST", "/explain").bearer(CONTROL_TOKEN);
    post.header("content-type", "application/json")
        .body(body)
        .send()
}

#[track_caller]
fn told(gate: &TestGate, question: &Value) -> Value {
    let reply = ask(gate, question);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[test]
fn a_gate_tells_what_it_would_do_by_the_rules_that_it_has() {
    let mut gate = TestGate::start();
    let token = gate.issuer.user("ana").role("viewer").sign();
    // It fetches its keys for a request, never for a question.
    gate.get("/app/v1/missions")
        .bearer(&token)
        .send()
        .allowed(200);
    let question = json!({ "request": "GET /app/v1/missions", "token": token });
    let story = told(&gate, &question);
    assert_eq!(story["decision"]["allowed"], true, "{story:#}");
    assert_eq!(story["revision"], gate.status()["revision"]);
    assert_eq!(story["cache"]["remembered"], true, "{story:#}");
    assert_eq!(story["questions"][0]["answer"], "allow");
    let other = json!({ "request": "/app/v1/badges", "token": token });
    assert_eq!(told(&gate, &other)["cache"]["remembered"], false);
    gate.change(|files| files.put("tenants/acme.cedar", STOP));
    let story = told(&gate, &question);
    assert_eq!(story["decision"]["code"], "policy_denied", "{story:#}");
    assert_eq!(story["policies"][0]["id"], "account/acme/stop");
    let stopped = &story["remedy"]["still_forbidden"][0]["forbids"];
    assert_eq!(*stopped, json!(["account/acme/stop"]));
}

#[test]
fn what_would_be_is_asked_with_claims_body_address_and_moment() {
    let gate = reading().start();
    let claims = gate.issuer.user("ana").role("viewer").context("dashboard");
    let claims: Value =
        serde_json::from_str(&claims.scope("dashboard/write").claims_text()).expect("claims");
    let question = json!({ "request": "POST /dashboard/v1/missions", "claims": claims,
        "body": { "title": "x" }, "client_ip": "::ffff:203.0.113.7" });
    let story = told(&gate, &question);
    assert_eq!(story["decision"]["code"], "policy_denied", "{story:#}");
    assert_eq!(
        story["remedy"]["allowed_by"][0]["changes"],
        json!(["role=editor"])
    );
    assert_eq!(
        story["questions"][0]["context"]["ip"],
        "ip(\"203.0.113.7\")"
    );
    let mut supposed = question;
    supposed["what_if"] = json!(["role=editor"]);
    let story = told(&gate, &supposed);
    assert_eq!(story["decision"]["allowed"], true, "{story:#}");
    assert_eq!(story["supposed"], json!(["role=editor"]));
    assert!(
        story["notes"][0]
            .as_str()
            .is_some_and(|note| note.contains("as if their issuer"))
    );
    supposed["body"] = json!({ "workspaceId": "globex-prod" });
    assert_eq!(told(&gate, &supposed)["decision"]["code"], "outside_tenant");
    supposed["at"] = json!("2099-01-01T00:00:00Z");
    assert_eq!(told(&gate, &supposed)["decision"]["code"], "token_expired");
}

#[test]
fn a_question_is_no_request() {
    let gate = TestGate::builder().overlay("acme", STOP).start();
    let token = gate.issuer.user("ana").role("viewer").sign();
    gate.get("/app/v1/missions")
        .bearer(&token)
        .send()
        .refused(Reason::PolicyDenied);
    let before = (
        gate.metrics().sum("palisade_requests_total", &[]),
        gate.status(),
    );
    for request in [
        "/app/v1/missions",
        "/app/v1/badges",
        "/no/such",
        "/app/v1//x",
    ] {
        told(&gate, &json!({ "request": request, "token": token }));
    }
    let after = gate.metrics();
    assert!((after.sum("palisade_requests_total", &[]) - before.0).abs() < 0.5);
    for name in ["decisions", "tokens_remembered", "in_flight"] {
        assert_eq!(gate.status()[name], before.1[name], "{name}");
    }
    for name in [
        "palisade_decision_cache_misses_total",
        "palisade_policy_determining_total",
        "palisade_token_cache_misses_total",
    ] {
        let now = gate.metrics().sum(name, &[]);
        assert!((now - after.sum(name, &[])).abs() < 0.5, "{name}");
    }
    // The one record is the request's.
    assert_eq!(gate.audit(1).len(), 1);
}

#[test]
fn neither_the_token_nor_a_forged_one_is_told_again() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").role("viewer").sign();
    gate.get("/app/v1/missions")
        .bearer(&token)
        .send()
        .allowed(200);
    let (said, signature) = token.rsplit_once('.').expect("three parts");
    let forged = format!("{said}.{}", signature.chars().rev().collect::<String>());
    let story = told(
        &gate,
        &json!({ "request": "/app/v1/missions", "token": forged }),
    );
    assert_eq!(story["decision"]["allowed"], false, "{story:#}");
    for question in [
        json!({ "request": "/app/v1/missions", "token": token }),
        json!({ "request": "/app/v1/missions", "token": forged }),
        json!({ "request": format!("/app/v1/missions?access_token={token}") }),
        json!({ "request": "/app/v1/missions", "claims": token }),
        json!({ "request": "/app/v1/missions", "headers": { "authorization": format!("Bearer {token}") } }),
        json!({ "request": "/app/v1/missions", "headers": { "cookie": format!("{token}\n") } }),
        json!({ "request": "/app/v1/missions", "token": format!("{token}\nx") }),
        json!({ "request": format!("Bearer {token}") }),
        json!({ "request": "/app/v1/missions", "what_if": [token] }),
        json!({ "request": "/app/v1/missions", "what_if": [format!("{token}=1")] }),
    ] {
        let text = ask(&gate, &question).text();
        assert!(!text.contains(signature), "{text}");
        assert!(!text.contains(said), "{text}");
        assert!(!text.contains(CONTROL_TOKEN), "{text}");
    }
}

/// What nobody signed is not taken for signed because something is supposed of it.
#[test]
fn nothing_is_supposed_of_a_forged_token() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").role("viewer").sign();
    let (said, signature) = token.rsplit_once('.').expect("three parts");
    let forged = format!("{said}.{}", signature.chars().rev().collect::<String>());
    let question = |token: &str| json!({ "request": "/app/v1/missions", "token": token, "what_if": ["claims.x=1"] });
    let reply = ask(&gate, &question(&forged));
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(
        reply.text().contains("the token does not hold"),
        "{}",
        reply.text()
    );
    assert_eq!(told(&gate, &question(&token))["decision"]["allowed"], true);
}

#[test]
fn more_headers_than_a_request_can_have_are_no_question() {
    let gate = TestGate::start();
    let headers: serde_json::Map<String, Value> = (0..25_500_usize)
        .map(|n| {
            let letter = |n: usize| char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[n % 36]);
            let name: String = [n / 1296, n / 36, n].map(letter).into_iter().collect();
            (name, json!(""))
        })
        .collect();
    let reply = ask(
        &gate,
        &json!({ "request": "/app/v1/missions", "headers": headers }),
    );
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(reply.text().contains("more headers"), "{}", reply.text());
}

#[test]
fn only_operators_ask_and_only_on_the_control_port() {
    let gate = TestGate::start();
    let body = br#"{"request": "/app/v1/missions"}"#;
    let json = ("content-type", "application/json");
    let post = || {
        gate.control("POST", "/explain")
            .header(json.0, json.1)
            .body(body)
    };
    assert_eq!(post().bearer(CONTROL_TOKEN).send().status, 200);
    assert_eq!(post().send().status, 401);
    let page = post()
        .bearer(CONTROL_TOKEN)
        .header("origin", "https://evil.example");
    assert_eq!(page.send().status, 403);
    let rebound = post().bearer(CONTROL_TOKEN).host("evil.example");
    assert!([400, 403, 421].contains(&rebound.send().status));
    assert_eq!(
        gate.control_port("/explain")
            .bearer(CONTROL_TOKEN)
            .send()
            .status,
        405
    );
    let plain = gate
        .control("POST", "/explain")
        .bearer(CONTROL_TOKEN)
        .body(body);
    assert_eq!(plain.send().status, 415);
    assert_eq!(gate.metrics_port("/explain").status, 404);
    let token = gate.issuer.user("ana").sign();
    let data = gate
        .request("POST", "/explain")
        .header(json.0, json.1)
        .body(body);
    data.bearer(&token).send().refused(Reason::RouteUnknown);
}

#[test]
fn what_is_no_question_says_why() {
    let gate = TestGate::start();
    for (body, why) in [
        ("", "no JSON object"),
        ("[]", "no JSON object"),
        (
            "{\"request\": \"/x\", \"request\": \"/y\"}",
            "a name stands twice",
        ),
        ("{}", "request"),
        ("{\"request\": \"not one\"}", "`request` is none"),
        ("{\"request\": \"/x\", \"as\": \"ana\"}", "`as`"),
        ("{\"request\": \"/x\", \"at\": \"noon\"}", "is no moment"),
        ("{\"request\": \"/x\", \"client_ip\": \"here\"}", "address"),
        (
            "{\"request\": \"/x\", \"token\": \"a\", \"claims\": {}}",
            "not both",
        ),
        (
            "{\"request\": \"/x\", \"what_if\": [\"role=editor\"]}",
            "without a token",
        ),
        (
            "{\"request\": \"/x\", \"what_if\": [\"rolle=editor\"]}",
            "did you mean `role`?",
        ),
        (
            "{\"request\": \"/x\", \"headers\": {\"a b\": \"c\"}}",
            "`a b` is no header",
        ),
    ] {
        let reply = raw(&gate, body.as_bytes());
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
        assert_eq!(reply.json()["code"], "question_invalid", "{body}");
        let detail = reply.json()["detail"].as_str().map(str::to_owned);
        assert!(
            detail.as_deref().is_some_and(|text| text.contains(why)),
            "{body}: {detail:?}"
        );
    }
    let deep = format!(
        "{{\"request\": \"/x\", \"body\": {}1{}}}",
        "[".repeat(900),
        "]".repeat(900)
    );
    assert_eq!(raw(&gate, deep.as_bytes()).status, 400);
    let long = format!("{{\"request\": \"/{}\"}}", "x".repeat(300 * 1024));
    assert_eq!(raw(&gate, long.as_bytes()).status, 413);
    // It answers on.
    assert_eq!(ask(&gate, &json!({ "request": "/x" })).status, 200);
}
