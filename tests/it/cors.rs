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

#[test]
fn headers_with_credentials_are_listed_and_never_any() {
    for (key, value) in [("headers", json!(["*"])), ("expose", json!(["*"]))] {
        let mut cors = json!({"origins": [ORIGIN], "credentials": true});
        cors[key] = value;
        let (started, _) = TestGate::builder().set("/routes/0/cors", cors).try_start();
        let error = started.err().expect("it must not start");
        assert!(error.contains("cors"), "{error}");
    }
}

#[test]
fn without_rules_what_the_upstream_says_of_origins_is_removed() {
    let gate = TestGate::start();
    let own = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-private-network", "true"),
    ];
    gate.upstream.reply(200, &own, b"");
    let token = gate.issuer.user("ana").sign();
    let request = gate.get("/app/v1/missions").bearer(&token);
    let reply = request.header("origin", ORIGIN).send();
    reply.allowed(200);
    let names = reply.message.headers.iter().map(|(name, _)| name);
    let left: Vec<&String> = names
        .filter(|name| name.starts_with("access-control-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_upstream_cannot_widen_the_rules() {
    let gate = gate();
    let own = [
        ("access-control-allow-origin", "https://evil.example"),
        ("access-control-allow-methods", "DELETE"),
        ("access-control-expose-headers", "*"),
        ("access-control-max-age", "86400"),
        ("vary", "accept-encoding, origin"),
    ];
    gate.upstream.reply(200, &own, b"");
    let token = gate.issuer.user("ana").sign();
    let request = gate.get("/app/v1/missions").bearer(&token);
    let reply = request.header("origin", "https://evil.example").send();
    reply.allowed(200);
    let headers = format!("{:?}", reply.message.headers);
    assert!(!headers.contains("access-control-"), "{headers}");
    let vary = reply.message.all("vary").join(", ").to_lowercase();
    assert_eq!(vary.matches("origin").count(), 1, "{vary}");
}

#[test]
fn every_reply_of_a_path_with_rules_varies_by_origin() {
    let gate = gate();
    let token = gate.issuer.user("ana").sign();
    gate.upstream.reply(304, &[("etag", "\"a\"")], b"");
    let vary = |origin: Option<&str>, token: Option<&str>| {
        let mut request = gate.get("/app/v1/missions");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        if let Some(token) = token {
            request = request.bearer(token);
        }
        request.send().message.all("vary").join(", ").to_lowercase()
    };
    for token in [None, Some(token.as_str())] {
        for origin in [None, Some(ORIGIN), Some("https://evil.example")] {
            let vary = vary(origin, token);
            assert!(vary.contains("origin"), "{origin:?}: {vary}");
        }
    }
}

#[test]
fn sets_do_not_lend_each_other_their_rules() {
    let board = "https://board.example.com";
    let gate = TestGate::builder()
        .set("/routes/0/cors", json!({"origins": [ORIGIN]}))
        .set(
            "/routes/1/cors",
            json!({"origins": [board], "expose": ["x-test-total"]}),
        )
        .start();
    let granted = |origin: &str, path: &str| {
        let reply = preflight(&gate, origin, path);
        reply.header("access-control-allow-origin").is_some()
    };
    assert!(granted(ORIGIN, "/app/v1/missions"));
    assert!(granted(board, "/dashboard/v1/missions"));
    assert!(!granted(board, "/app/v1/missions"));
    assert!(!granted(ORIGIN, "/dashboard/v1/missions"));
    let request = gate.get("/dashboard/v1/missions").header("origin", board);
    let reply = request.send();
    reply.refused(Reason::TokenMissing);
    let exposed = reply.header("access-control-expose-headers");
    assert_eq!(exposed, Some("x-test-total"));
}

#[test]
fn a_route_behind_anothers_literal_keeps_its_own_rules() {
    let route = |line: &str, action: &str, cors: serde_json::Value| json!({"context": "app", "upstream": "api", "match": line, "action": action, "cors": cors});
    let gate = TestGate::builder()
        .set(
            "/routes/-",
            route(
                "GET /app/v1/a/b",
                "letters/list",
                json!({"origins": [ORIGIN]}),
            ),
        )
        .set(
            "/routes/-",
            route(
                "GET /app/v1/{letter}/c",
                "letters/get",
                json!({"origins": ["https://letters.example.com"]}),
            ),
        )
        .start();
    let granted = |path: &str| {
        let reply = gate.get(path).header("origin", ORIGIN).send();
        reply.refused(Reason::TokenMissing);
        let granted = |reply: &Reply| reply.header("access-control-allow-origin").is_some();
        (granted(&preflight(&gate, ORIGIN, path)), granted(&reply))
    };
    assert_eq!(granted("/app/v1/a/b"), (true, true));
    assert_eq!(granted("/app/v1/z/c"), (false, false));
    // The literal leads to no route of this path, and the parameter does.
    assert_eq!(granted("/app/v1/a/c"), (false, false));
    // Nobody answers here: it could be either's.
    assert_eq!(granted("/app/v1/a/d"), (false, false));
}

#[test]
fn a_preflight_with_two_origins_or_methods_gets_no_permission() {
    let gate = gate();
    let ask = |origins: &[&str], methods: &[&str]| {
        let mut request = gate.request("OPTIONS", "/app/v1/missions");
        for origin in origins {
            request = request.header("origin", origin);
        }
        for method in methods {
            request = request.header("access-control-request-method", method);
        }
        let reply = request.send();
        assert_eq!(reply.status, 204);
        reply
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    assert_eq!(ask(&[ORIGIN], &["PUT"]).as_deref(), Some(ORIGIN));
    assert_eq!(ask(&[ORIGIN, "https://evil.example"], &["PUT"]), None);
    assert_eq!(ask(&[ORIGIN], &["PUT", "GET"]), None);
    assert_eq!(ask(&[ORIGIN], &["GET, PUT"]), None);
    gate.upstream.saw_nothing();
}

#[test]
fn a_page_of_the_outside_gets_no_way_into_a_private_network() {
    let gate = gate();
    let reply = gate
        .request("OPTIONS", "/app/v1/missions")
        .header("origin", ORIGIN)
        .header("access-control-request-method", "GET")
        .header("access-control-request-private-network", "true")
        .send();
    assert_eq!(reply.header("access-control-allow-private-network"), None);
    gate.upstream.saw_nothing();
}
