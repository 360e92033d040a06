//! Preflights are answered from configuration and reveal nothing.

use crate::support::client::Reply;
use crate::support::gate::TestGate;
use palisade::reason::Reason;
use serde_json::json;

const ORIGIN: &str = "https://app.example.com";

fn gate() -> TestGate {
    let cors = json!({"origins": [ORIGIN], "credentials": true, "headers": ["authorization"], "max_age": "10m"});
    TestGate::builder().set("/routes/0/cors", cors).start()
}

fn preflight(gate: &TestGate, origin: &str, path: &str) -> Reply {
    gate.request("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
        .send()
}

#[test]
fn a_preflight_is_answered_without_a_token_and_never_forwarded() {
    let gate = gate();
    let reply = preflight(&gate, ORIGIN, "/app/v1/missions");
    assert!([200, 204].contains(&reply.status), "{}", reply.text());
    assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(
        reply.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_eq!(reply.header("access-control-max-age"), Some("600"));
    assert!(
        reply
            .header("access-control-allow-methods")
            .unwrap_or_default()
            .contains("GET")
    );
    assert!(
        reply
            .header("vary")
            .unwrap_or_default()
            .to_lowercase()
            .contains("origin")
    );
    gate.upstream.saw_nothing();
}

#[test]
fn another_origin_gets_no_permission() {
    let gate = gate();
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
    ] {
        let reply = preflight(&gate, origin, "/app/v1/missions");
        assert_eq!(
            reply.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
    }
    gate.upstream.saw_nothing();
}

#[test]
fn a_refusal_carries_the_headers_that_let_a_script_read_it() {
    let gate = gate();
    let reply = gate.get("/app/v1/missions").header("origin", ORIGIN).send();
    reply.refused(Reason::TokenMissing);
    assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN));
}

#[test]
fn an_answer_carries_ours_and_not_the_upstreams() {
    let gate = gate();
    gate.upstream
        .reply(200, &[("access-control-allow-origin", "*")], b"");
    let token = gate.issuer.user("ana").sign();
    let reply = gate
        .get("/app/v1/missions")
        .bearer(&token)
        .header("origin", ORIGIN)
        .send();
    reply.allowed(200);
    assert_eq!(reply.message.all("access-control-allow-origin"), [ORIGIN]);
}

#[test]
fn any_origin_with_credentials_does_not_start() {
    let cors = json!({"origins": ["*"], "credentials": true});
    let (started, _) = TestGate::builder().set("/routes/0/cors", cors).try_start();
    let error = started.err().expect("it must not start");
    assert!(error.contains("cors"), "{error}");
}
