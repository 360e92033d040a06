//! Requests that can be read in two ways are refused before anything else, over real sockets.

use crate::support::gate::{HOST, TestGate};
use palisade::reason::Reason;
use serde_json::json;

const PATH: &str = "/app/v1/missions";

#[track_caller]
fn ambiguous(gate: &TestGate, target: &str) {
    let token = gate.issuer.user("ana").sign();
    let reply = gate.get(target).bearer(&token).send();
    assert_eq!(reply.status, 400, "{target}: {}", reply.text());
    gate.upstream.saw_nothing();
}

#[test]
fn paths_with_two_readings_are_refused() {
    let gate = TestGate::start();
    for target in [
        "/app/v1/missions/%2e%2e",
        "/app/v1/missions/a%2fb",
        "/app/v1/missions/a%5cb",
        "/app/v1/missions/%00",
        "/app/v1/missions/a\\b",
        "/app//v1/missions",
        "/app/v1/./missions",
        "/app/v1/x/../missions",
        "/app/v1/missions;a=b",
        "/app/v1/missions/%zz",
        "/app/v1/missions/%4",
        "/app/v1/missions/%c0%af",
        "/app/v1/%6dissions",
        "/app/v1/missions/%7e",
        "/app/v1/missions/..",
        "/app/v1/missions/%0a",
        "//app/v1/missions",
    ] {
        ambiguous(&gate, target);
    }
}

#[test]
fn queries_with_two_readings_are_refused() {
    let gate = TestGate::start();
    for query in [
        "workspaceId=acme-prod&workspaceId=acme-prod",
        "workspaceId=acme-prod&workspaceId=globex-prod",
        "workspaceId=acme-prod&workspaceId[]=globex-prod",
        "workspaceId=acme-prod&WorkspaceID=globex-prod",
        "a=b;workspaceId=globex-prod",
        "_method=DELETE",
    ] {
        ambiguous(&gate, &format!("{PATH}?{query}"));
    }
}

#[test]
fn a_token_in_the_query_is_refused() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let target = format!("{PATH}?access_token={token}");
    gate.get(&target)
        .bearer(&token)
        .send()
        .refused(Reason::RequestAmbiguous);
    gate.upstream.saw_nothing();
}

#[test]
fn a_host_must_be_there_once_and_be_served() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let get = || gate.get(PATH).bearer(&token);
    let two = get().header("host", HOST).send();
    assert_eq!(two.status, 400, "{}", two.text());
    assert_eq!(get().without_host().send().status, 400);
    for host in [
        "evil.example",
        "user@api.example.com",
        "api.example.com:x",
        "",
        "api.example.com.",
    ] {
        assert_eq!(get().host(host).send().status, 400, "{host}");
    }
    gate.upstream.saw_nothing();
    get().host("API.Example.COM").send().allowed(200);
}

#[test]
fn an_absolute_target_must_agree_with_the_host() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    for target in [
        "http://evil.example/app/v1/missions",
        "http://u@api.example.com/app/v1/missions",
    ] {
        ambiguous(&gate, target);
    }
    let own = format!("http://{HOST}{PATH}");
    gate.get(&own).bearer(&token).send().allowed(200);
    assert_eq!(gate.upstream.only().target(), PATH);
}

#[test]
fn doubled_headers_that_decide_are_refused() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let get = || gate.get(PATH).bearer(&token);
    get()
        .bearer(&token)
        .send()
        .refused(Reason::RequestAmbiguous);
    get()
        .header("authorization", "Basic eA==")
        .send()
        .refused(Reason::RequestAmbiguous);
    let user = get().header("x-user-id", "ana").header("x-user-id", "bo");
    user.send().refused(Reason::RequestAmbiguous);
    let workspace = get()
        .header("x-workspace-id", "acme-prod")
        .header("x-workspace-id", "acme-prod");
    workspace.send().refused(Reason::RequestAmbiguous);
    gate.upstream.saw_nothing();
}

#[test]
fn method_overrides_are_refused() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    for name in [
        "x-http-method-override",
        "X-HTTP-Method",
        "x_method_override",
    ] {
        let reply = gate.get(PATH).bearer(&token).header(name, "DELETE").send();
        reply.refused(Reason::RequestAmbiguous);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn trace_and_connect_are_refused() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    for (method, target) in [
        ("TRACE", PATH),
        ("CONNECT", "api.example.com:443"),
        ("CONNECT", PATH),
    ] {
        let reply = gate.request(method, target).bearer(&token).send();
        assert!(
            [400, 405].contains(&reply.status),
            "{method}: {}",
            reply.status
        );
    }
    gate.upstream.saw_nothing();
}

#[test]
fn an_unknown_path_is_404_and_another_method_is_405_with_allow() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    gate.get("/app/v1/nothing")
        .bearer(&token)
        .send()
        .refused(Reason::RouteUnknown);
    gate.get("/app/v1/Missions")
        .bearer(&token)
        .send()
        .refused(Reason::RouteUnknown);
    let reply = gate.request("DELETE", PATH).bearer(&token).send();
    reply.refused(Reason::MethodNotAllowed);
    let allow = reply.header("allow").unwrap_or_default();
    assert!(allow.contains("GET") && allow.contains("HEAD"), "{allow}");
    gate.upstream.saw_nothing();
}

#[test]
fn heads_over_the_limits_are_414_and_431() {
    let gate = TestGate::builder()
        .set(
            "/listen/limits",
            json!({"target_bytes": "1KiB", "header_count": 20, "header_bytes": "4KiB"}),
        )
        .start();
    let token = gate.issuer.user("ana").sign();
    let long = format!("{PATH}?q={}", "x".repeat(1100));
    gate.get(&long)
        .bearer(&token)
        .send()
        .refused(Reason::UriTooLong);
    let big = gate
        .get(PATH)
        .bearer(&token)
        .header("x-test-big", &"x".repeat(4200));
    big.send().refused(Reason::HeadersTooLarge);
    let mut many = gate.get(PATH).bearer(&token);
    for at in 0..30 {
        many = many.header(&format!("x-test-{at}"), "1");
    }
    many.send().refused(Reason::HeadersTooLarge);
    gate.upstream.saw_nothing();
}

#[test]
fn garbage_is_answered_or_cut_and_counted() {
    let gate = TestGate::start();
    for bytes in [
        &b"\x16\x03\x01\x02\0\x01\0\0"[..],
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    ] {
        let mut connection = gate.connect();
        connection.send(bytes);
        connection.finish();
        let rest = connection.rest();
        assert!(
            !rest.starts_with(b"HTTP/1.1 2"),
            "{}",
            String::from_utf8_lossy(&rest)
        );
    }
    gate.upstream.saw_nothing();
    let counted = crate::support::eventually("malformed heads are counted", || {
        let sum = gate.metrics().sum("palisade_malformed_heads_total", &[]);
        (sum >= 1.0).then_some(sum)
    });
    assert!(counted <= 4.0);
}

#[test]
fn a_length_beside_chunks_is_one_request_or_none() {
    let gate = TestGate::start();
    let token = gate
        .issuer
        .user("edi")
        .role("editor")
        .context("dashboard")
        .sign();
    let head = format!(
        "POST /dashboard/v1/missions HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut connection = gate.connect();
    connection.send(head.as_bytes());
    connection.send(
        b"0\r\n\r\nGET /dashboard/v1/missions?smuggled HTTP/1.1\r\nhost: api.example.com\r\n\r\n",
    );
    connection.replies();
    let seen = gate.upstream.requests();
    assert!(seen.len() <= 1, "{seen:?}");
    assert!(
        seen.iter()
            .all(|request| !request.target().contains("smuggled"))
    );
}
