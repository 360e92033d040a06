//! The opening handshake, as it should be and as attackers have it.

use super::{ACCEPT, KEY, LIVE, builder, handshake, live, open, opening, switched};
use crate::support::client::Request;
use crate::support::gate::{TestGate, refused};
use palisade::reason::Reason;
use serde_json::json;

#[test]
fn the_upstream_gets_the_clients_handshake_and_the_client_its_answer() {
    let gate = builder().start();
    gate.upstream.bytes(&switched(
        "sec-websocket-protocol: chat\r\nsec-websocket-extensions: permessage-deflate\r\nx-palisade-account: evil\r\n",
    ));
    let mut connection = gate.connect();
    let request = handshake(&gate, "/app/v1/live?page=2")
        .header("sec-websocket-protocol", "log, chat")
        .header(
            "sec-websocket-extensions",
            "permessage-deflate; client_max_window_bits",
        );
    connection.send(&request.bytes());
    let reply = connection.next("GET").expect("a reply");
    assert_eq!(reply.status, 101);
    assert_eq!(reply.header("upgrade"), Some("websocket"));
    assert_eq!(reply.header("connection"), Some("upgrade"));
    assert_eq!(reply.header("sec-websocket-accept"), Some(ACCEPT));
    assert_eq!(reply.header("sec-websocket-protocol"), Some("chat"));
    assert_eq!(
        reply.header("sec-websocket-extensions"),
        Some("permessage-deflate")
    );
    assert_eq!(reply.header("x-palisade-account"), None);
    assert_eq!(reply.header("content-length"), None);
    let seen = gate.upstream.only();
    assert_eq!(
        (seen.method(), seen.target()),
        ("GET", "/app/v1/live?page=2")
    );
    assert_eq!(seen.header("upgrade"), Some("websocket"));
    assert_eq!(seen.header("connection"), Some("upgrade"));
    assert_eq!(seen.header("sec-websocket-key"), Some(KEY));
    assert_eq!(seen.header("sec-websocket-version"), Some("13"));
    assert_eq!(seen.header("sec-websocket-protocol"), Some("log, chat"));
    assert_eq!(seen.header("x-palisade-account"), Some("acme"));
    assert_eq!(seen.header("authorization"), None);
}

#[test]
fn a_websocket_is_refused_where_the_route_is_not_marked() {
    let gate = builder().start();
    let path = "/app/v1/missions";
    handshake(&gate, path)
        .send()
        .refused(Reason::UpgradeRefused);
    opening(gate.get(path)).send().refused(Reason::TokenMissing);
    opening(gate.get(LIVE)).send().refused(Reason::TokenMissing);
    gate.upstream.saw_nothing();
}

#[test]
fn a_marked_route_decides_as_for_any_get() {
    let gate = builder().start();
    let worker = gate.issuer.user("ana").context("dashboard").sign();
    let request = opening(gate.get(LIVE).bearer(&worker));
    request.send().refused(Reason::ContextMismatch);
    let other = handshake(&gate, "/app/v1/live?workspaceId=globex-prod");
    other.send().refused(Reason::OutsideTenant);
    gate.upstream.saw_nothing();
    // Without a handshake it is a plain GET.
    let token = gate.issuer.user("ana").sign();
    gate.get(LIVE).bearer(&token).send().allowed(200);
}

#[test]
fn a_token_cookie_opens_a_websocket_for_a_listed_origin_alone() {
    let origin = "https://app.example.com";
    let mut route = live("api");
    route["cors"] = json!({"origins": [origin], "credentials": true});
    let gate = TestGate::builder()
        .set("/listen/token_cookies", json!({"names": ["__Host-token"]}))
        .set("/routes/-", route)
        .start();
    let cookie = format!("__Host-token={}", gate.issuer.user("ana").sign());
    let with = |origin: &str| {
        let request = gate.get(LIVE).header("cookie", &cookie);
        opening(request).header("origin", origin).send()
    };
    with("https://evil.example").refused(Reason::CrossSite);
    gate.upstream.saw_nothing();
    with(origin).allowed(200);
    assert_eq!(gate.upstream.only().header("cookie"), None);
}

#[test]
fn a_handshake_that_can_be_read_in_two_ways_is_refused() {
    let gate = builder().start();
    let token = gate.issuer.user("ana").sign();
    let get = || gate.get(LIVE).bearer(&token);
    let with = |headers: &[(&str, &str)]| {
        let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
        headers.iter().fold(get(), add)
    };
    let (upgrade, version) = (("upgrade", "websocket"), ("sec-websocket-version", "13"));
    let (connection, key) = (("connection", "upgrade"), ("sec-websocket-key", KEY));
    let cases = [
        with(&[connection, upgrade, version]),
        with(&[connection, upgrade, version, key, key]),
        with(&[
            connection,
            upgrade,
            version,
            ("sec-websocket-key", "c2hvcnQ="),
        ]),
        with(&[
            connection,
            upgrade,
            version,
            ("sec-websocket-key", "not base64 at all!!!!!=="),
        ]),
        with(&[connection, upgrade, key]),
        with(&[connection, upgrade, key, version, version]),
        with(&[connection, upgrade, key, ("sec-websocket-version", "8")]),
        with(&[connection, upgrade, ("upgrade", "h2c"), key, version]),
        with(&[connection, ("upgrade", "h2c, websocket"), key, version]),
        with(&[
            connection,
            upgrade,
            key,
            version,
            ("sec-websocket-protocol", "a b"),
        ]),
        opening(get()).body(b"{}"),
        opening(get())
            .header("transfer-encoding", "chunked")
            .body(b""),
        opening(gate.request("POST", "/app/v1/missions").bearer(&token)),
    ];
    for request in cases {
        let reply = request.send();
        reply.refused(Reason::WebsocketHandshake);
        assert_eq!(reply.header("sec-websocket-version"), Some("13"));
    }
    gate.upstream.saw_nothing();
}

#[test]
fn whatever_asks_for_no_websocket_is_plain_http() {
    let gate = builder().start();
    let token = gate.issuer.user("ana").sign();
    let get = || gate.get(LIVE).bearer(&token);
    let old = opening(get()).bytes();
    let old = String::from_utf8(old)
        .expect("text")
        .replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut connection = gate.connect();
    connection.send(old.as_bytes());
    connection.reply("GET").allowed(200);
    get().header("connection", "upgrade").send().allowed(200);
    get().header("upgrade", "websocket").send().allowed(200);
    let h2c = get()
        .header("connection", "upgrade")
        .header("upgrade", "h2c");
    h2c.send().allowed(200);
    for seen in gate.upstream.requests() {
        assert_eq!(seen.header("upgrade"), None);
    }
    assert_eq!(gate.upstream.requests().len(), 4);
}

#[test]
fn an_answer_that_is_not_the_answer_to_this_handshake_is_502() {
    let gate = builder().start();
    let right = String::from_utf8(switched("")).expect("text");
    let wrong = [
        right.replace(ACCEPT, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        right.replace("sec-websocket-accept", "x-test-accept"),
        right.replace("upgrade: websocket", "upgrade: h2c"),
        right.replace("connection: Upgrade", "connection: keep-alive"),
        right.replace(
            "\r\n\r\n",
            &format!("\r\nsec-websocket-accept: {ACCEPT}\r\n\r\n"),
        ),
        String::from_utf8(switched("sec-websocket-protocol: chat\r\n")).expect("text"),
        String::from_utf8(switched("sec-websocket-extensions: x-other\r\n")).expect("text"),
    ];
    for answer in &wrong {
        gate.upstream.bytes(answer.as_bytes());
        let reply = handshake(&gate, LIVE).send();
        reply.refused(Reason::UpstreamUnreachable);
    }
    gate.upstream.all_closed();
}

#[test]
fn what_follows_a_declined_handshake_is_a_request_of_its_own() {
    let gate = builder().start();
    gate.upstream
        .reply(400, &[("content-type", "text/plain")], b"no");
    let mut connection = gate.connect();
    let mut bytes = handshake(&gate, LIVE).bytes();
    bytes.extend(gate.get("/app/v1/missions").bytes());
    connection.send(&bytes);
    connection.reply("GET").allowed(400);
    connection.reply("GET").refused(Reason::TokenMissing);
    gate.upstream.only();
    // Nobody else gets the connection that was asked for a WebSocket.
    let token = gate.issuer.user("ana").sign();
    gate.get("/app/v1/missions")
        .bearer(&token)
        .send()
        .allowed(400);
    let connections: Vec<_> = gate
        .upstream
        .requests()
        .iter()
        .map(|one| one.connection)
        .collect();
    assert_eq!(connections, [0, 1]);
}

#[test]
fn bytes_that_come_early_wait_for_the_answer() {
    let gate = builder().start();
    gate.upstream.bytes(&switched(""));
    let mut connection = gate.connect();
    let mut bytes = handshake(&gate, LIVE).bytes();
    // To the recorder of the upstream a tunnel's lines look like heads.
    bytes.extend(b"EARLY bytes\r\n\r\n");
    connection.send(&bytes);
    assert_eq!(connection.next("GET").expect("a reply").status, 101);
    let second = crate::support::eventually("the bytes arrive", || {
        gate.upstream.requests().get(1).cloned()
    });
    assert_eq!(second.message.start, "EARLY bytes");
    assert_eq!(second.connection, 0);
}

#[test]
fn a_tunnels_connection_serves_nobody_else() {
    let gate = builder().start();
    gate.upstream.bytes(&switched(""));
    drop(open(&gate));
    gate.upstream.all_closed();
    gate.upstream.reply(200, &[], b"{}");
    let token = gate.issuer.user("ana").sign();
    gate.get("/app/v1/missions")
        .bearer(&token)
        .send()
        .allowed(200);
    assert_eq!(gate.upstream.requests()[1].connection, 1);
}

#[test]
fn only_a_get_can_be_marked() {
    let post = json!({"context": "app", "match": "POST /app/v1/live", "action": "live/send",
                      "upstream": "api", "websocket": true});
    refused(
        TestGate::builder().set("/routes/-", post),
        &["route_websocket", "POST"],
    );
}

#[test]
fn an_operation_of_an_openapi_file_is_marked_by_itself_or_by_its_entry() {
    let file = |mark: &str| {
        format!(
            "openapi: 3.1.0\npaths:\n  {LIVE}:\n    get: {{ operationId: live/watch{mark} }}\n    \
             post: {{ operationId: live/send }}\n"
        )
    };
    for (mark, whole) in [
        (", x-palisade-websocket: true", false),
        ("", true),
        ("", false),
    ] {
        let mut entry = live("api");
        entry["websocket"] = json!(whole);
        entry["openapi"] = json!("apis/live.yaml");
        let entry = entry.as_object_mut().expect("an object");
        entry.remove("match");
        entry.remove("action");
        let gate = TestGate::builder()
            .file("apis/live.yaml", &file(mark))
            .set("/routes/-", json!(entry))
            .start();
        gate.upstream.bytes(&switched(""));
        if whole || !mark.is_empty() {
            open(&gate);
        } else {
            handshake(&gate, LIVE)
                .send()
                .refused(Reason::UpgradeRefused);
        }
    }
    let wrong = TestGate::builder()
        .file("apis/live.yaml", &file(", x-palisade-websocket: maybe"))
        .set(
            "/routes/-",
            json!({"context": "app", "openapi": "apis/live.yaml", "upstream": "api"}),
        );
    refused(wrong, &["openapi_websocket", "live.yaml"]);
}
