//! Tokens in cookies: accepted where configured, never twice, never for another site, never passed on.

use crate::support::client::Request;
use crate::support::gate::TestGate;
use palisade::reason::Reason;
use serde_json::json;

const PATH: &str = "/app/v1/missions";
const ORIGIN: &str = "https://app.example.com";

fn gate() -> TestGate {
    let cookies = json!({"names": ["__Host-token"], "origins": [ORIGIN]});
    TestGate::builder()
        .set("/listen/token_cookies", cookies)
        .start()
}

fn cookie(gate: &TestGate) -> String {
    let token = gate
        .issuer
        .user("ana")
        .role("editor")
        .scope("app/read app/write");
    format!("__Host-token={}", token.sign())
}

/// What would change something.
fn change(gate: &TestGate) -> Request {
    let request = gate.post(PATH, "{}");
    request.header("cookie", &cookie(gate))
}

#[test]
fn a_cookie_opens_what_its_token_opens() {
    let gate = gate();
    gate.get(PATH)
        .header("cookie", &cookie(&gate))
        .send()
        .allowed(200);
    gate.get(PATH)
        .header("cookie", "a=1")
        .send()
        .refused(Reason::TokenMissing);
    let empty = gate.get(PATH).header("cookie", "__Host-token=");
    empty.send().refused(Reason::TokenMalformed);
}

#[test]
fn without_the_setting_a_cookie_is_no_token() {
    let gate = TestGate::start();
    let request = gate.get(PATH).header("cookie", &cookie(&gate));
    request.send().refused(Reason::TokenMissing);
}

#[test]
fn the_token_is_taken_out_and_other_cookies_stay_as_they_were() {
    let gate = gate();
    let cookies = format!("a=1; {}; b=\"x  y\";c=3", cookie(&gate));
    gate.get(PATH)
        .header("cookie", &cookies)
        .send()
        .allowed(200);
    let seen = gate.upstream.only().message;
    assert_eq!(seen.header("cookie"), Some("a=1; b=\"x  y\";c=3"));
    let alone = TestGate::builder()
        .set("/listen/token_cookies", json!({"names": ["__Host-token"]}))
        .start();
    alone
        .get(PATH)
        .header("cookie", &cookie(&alone))
        .send()
        .allowed(200);
    assert_eq!(alone.upstream.only().message.header("cookie"), None);
}

#[test]
fn an_upstream_that_asks_for_the_token_gets_its_cookie() {
    let gate = TestGate::builder()
        .set("/listen/token_cookies", json!({"names": ["__Host-token"]}))
        .set("/upstreams/api/forward_token", json!(true))
        .start();
    let cookies = format!("a=1; {}", cookie(&gate));
    gate.get(PATH)
        .header("cookie", &cookies)
        .send()
        .allowed(200);
    let seen = gate.upstream.only().message;
    assert_eq!(seen.header("cookie"), Some(cookies.as_str()));
}

#[test]
fn a_change_needs_a_site_of_ours() {
    let gate = gate();
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("x-test-nothing", "1"),
    ] {
        let reply = change(&gate).header(name, value).send();
        reply.refused(Reason::CrossSite);
    }
    gate.upstream.saw_nothing();
    change(&gate).header("origin", ORIGIN).send().allowed(200);
    let same = change(&gate).header("sec-fetch-site", "same-origin");
    same.send().allowed(200);
    // A script had to be given a bearer token: no browser sends it by itself.
    let token = cookie(&gate).replace("__Host-token=", "");
    let bearer = gate.post(PATH, "{}").bearer(&token);
    bearer
        .header("origin", "https://evil.example")
        .send()
        .allowed(200);
}

#[test]
fn an_upgrade_needs_a_site_of_ours() {
    let gate = gate();
    let request = gate.get(PATH).header("cookie", &cookie(&gate));
    let request = request
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-version", "13")
        .header("origin", "https://evil.example");
    request.send().refused(Reason::CrossSite);
    gate.upstream.saw_nothing();
}

#[test]
fn origins_of_the_routes_cors_with_credentials_are_sites_of_ours() {
    let cors = |credentials: bool| json!({"origins": [ORIGIN], "credentials": credentials});
    for (credentials, any) in [(true, false), (false, false), (false, true)] {
        let cors = if any {
            json!({"origins": ["*"]})
        } else {
            cors(credentials)
        };
        let gate = TestGate::builder()
            .set("/listen/token_cookies", json!({"names": ["__Host-token"]}))
            .set("/routes/0/cors", cors)
            .start();
        let reply = change(&gate).header("origin", ORIGIN).send();
        if credentials {
            reply.allowed(200);
        } else {
            reply.refused(Reason::CrossSite);
        }
    }
}

#[test]
fn tossed_and_doubled_cookies_are_refused() {
    let gate = gate();
    let good = cookie(&gate);
    for cookies in [
        format!("{good}; {good}"),
        format!("{good}; __Host-token=eyJ.e30.c2ln"),
        format!("__host-token=eyJ.e30.c2ln; {good}"),
        format!("a=\"x; {good}\"; {good}"),
        format!("$Version=1; {good}"),
        format!("a=1, {good}"),
    ] {
        let reply = gate.get(PATH).header("cookie", &cookies).send();
        reply.refused(Reason::RequestAmbiguous);
    }
    let lines = gate
        .get(PATH)
        .header("cookie", &good)
        .header("cookie", "a=1");
    lines.send().refused(Reason::RequestAmbiguous);
    gate.upstream.saw_nothing();
}

#[test]
fn a_cookie_that_is_nominated_by_connection_hides_nothing() {
    let gate = gate();
    let request = gate
        .get(PATH)
        .header("cookie", &format!("a=1; {}", cookie(&gate)));
    request.header("connection", "cookie").send().allowed(200);
    assert_eq!(gate.upstream.only().message.header("cookie"), None);
    // Nor does it make a change of it that nobody looked at.
    let hidden = change(&gate).header("connection", "cookie, origin");
    hidden.send().refused(Reason::CrossSite);
}

#[test]
fn a_folded_cookie_header_is_no_request() {
    let gate = gate();
    let mut connection = gate.connect();
    let cookie = cookie(&gate);
    let text = format!(
        "GET {PATH} HTTP/1.1\r\nhost: api.example.com\r\ncookie: a=1;\r\n {cookie}\r\n\r\n"
    );
    connection.send(text.as_bytes());
    let replies = connection.replies();
    assert!(
        replies.iter().all(|reply| reply.status == 400),
        "{replies:?}"
    );
    gate.upstream.saw_nothing();
}

#[test]
fn names_and_origins_are_checked_at_the_start() {
    for (cookies, word) in [
        (json!({"names": []}), "names"),
        (json!({"names": ["a b"]}), "names"),
        (json!({"names": ["$a"]}), "names"),
        (json!({"names": ["a-b", "A_B"]}), "names"),
        (json!({"names": ["a"], "origins": ["*"]}), "origins"),
        (
            json!({"names": ["a"], "origins": ["https://a.example/"]}),
            "origins",
        ),
        (
            json!({"names": ["a"], "origins": ["https://a.example:443"]}),
            "origins",
        ),
    ] {
        let builder = TestGate::builder().set("/listen/token_cookies", cookies.clone());
        let (started, _) = builder.try_start();
        let error = started.err().unwrap_or_else(|| panic!("{cookies} starts"));
        assert!(error.contains(word), "{error}");
    }
}
