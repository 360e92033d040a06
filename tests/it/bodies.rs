//! References in JSON bodies: what is read, what is refused, and that the body arrives unchanged.

use crate::support::client::Reply;
use crate::support::eventually;
use crate::support::files::Files;
use crate::support::gate::{Builder, HOST, TestGate};
use palisade::reason::Reason;
use serde_json::json;

const CREATE: &str = "/dashboard/v1/missions";

/// A gate whose table has references in bodies.
pub(crate) fn reading() -> Builder {
    TestGate::builder()
        .set(
            "/references/-",
            json!({"in": "body", "name": "workspaceId", "is": "workspace"}),
        )
        .set(
            "/references/-",
            json!({"in": "body", "pointer": "/catalogWorkspaceId", "is": "catalog"}),
        )
}

pub(crate) fn editor(gate: &TestGate) -> String {
    let edi = gate.issuer.user("edi").role("editor").context("dashboard");
    edi.scope("dashboard/read dashboard/write").sign()
}

#[track_caller]
fn post(gate: &TestGate, body: &str) -> Reply {
    gate.post(CREATE, body).bearer(&editor(gate)).send()
}

#[test]
fn a_reference_in_a_body_is_held_to_the_callers_workspace() {
    let gate = reading().start();
    for body in [
        "{}",
        r#"{"workspaceId":"acme-prod"}"#,
        r#"{"a":[{"workspace_id":"acme-prod"}]}"#,
    ] {
        post(&gate, body).allowed(200);
    }
    let seen = gate.upstream.requests();
    assert_eq!(seen[1].message.body, br#"{"workspaceId":"acme-prod"}"#);
    assert_eq!(seen[1].header("content-length"), Some("27"));
    for value in ["globex-prod", "acme-two", "ACME-PROD", ""] {
        let body = format!(r#"{{"a":{{"work\u0073pace-ID":"{value}"}}}}"#);
        post(&gate, &body).refused(Reason::OutsideTenant);
    }
    assert_eq!(gate.upstream.requests().len(), 3);
}

#[test]
fn a_long_reference_is_recorded_by_its_beginning() {
    let gate = reading().start();
    let long = "\u{e4}".repeat(30_000);
    post(&gate, &format!("{{\"workspaceId\":\"{long}\"}}")).refused(Reason::OutsideTenant);
    let record = gate.only_record();
    assert_eq!(record["references"][0]["value"], "\u{e4}".repeat(80));
    assert!(record.to_string().len() < 4096, "{record}");
}

#[test]
fn a_chunked_body_stays_chunked_with_its_trailers() {
    let gate = reading().start();
    let mut connection = gate.connect();
    let head = format!(
        "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: x-test-sum\r\n\r\n",
        editor(&gate)
    );
    connection.send(head.as_bytes());
    connection
        .send(b"1\r\n{\r\n1\r\n}\r\n0\r\nx-test-sum: 2\r\nx-palisade-account: globex\r\n\r\n");
    connection.reply("POST").allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.message.body, b"{}");
    assert_eq!(
        seen.message.trailers,
        [("x-test-sum".to_owned(), "2".to_owned())]
    );
}

#[test]
fn a_body_that_is_not_plain_json_is_refused() {
    let gate = reading().start();
    let token = editor(&gate);
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(64 << 10));
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    for (kind, body) in [
        ("application/json", &b"not json"[..]),
        ("application/json", b"{} {}"),
        ("application/json", b"\xef\xbb\xbf{}"),
        ("application/json", &utf16),
        ("application/json", long.as_bytes()),
        ("application/json", deep.as_bytes()),
        ("application/json; charset=utf-16", b"{}"),
        ("application/json; boundary=x", b"{}"),
        ("application/json; charset=\"\"utf-8", b"{}"),
        ("application/json, text/plain", b"{}"),
        ("text/plain", b"{}"),
        (
            "application/x-www-form-urlencoded",
            b"workspaceId=globex-prod",
        ),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/merge-patch+json", b"{}"),
    ] {
        let request = gate.request("POST", CREATE).bearer(&token);
        let request = request.header("content-type", kind).body(body);
        request.send().refused(Reason::BodyUnreadable);
    }
    for (name, value) in [
        ("content-encoding", "gzip"),
        ("content-encoding", "identity"),
        ("content_encoding", "gzip"),
        ("content-type", "application/json"),
        ("Content_Type", "text/plain"),
    ] {
        let request = gate.post(CREATE, "{}").bearer(&token).header(name, value);
        request.send().refused(Reason::BodyUnreadable);
    }
    let bare = || gate.request("POST", CREATE).bearer(&token).body(b"{}");
    let spelt = bare().header("Content_Type", "application/json");
    spelt.send().refused(Reason::BodyUnreadable);
    let bare = bare();
    bare.send().refused(Reason::BodyUnreadable);
    post(&gate, r#"{"workspaceId":null}"#).refused(Reason::RequestAmbiguous);
    post(&gate, r#"{"_Method":"DELETE"}"#).refused(Reason::RequestAmbiguous);
    post(
        &gate,
        r#"{"workspaceId":"acme-prod","WorkspaceID":"acme-prod"}"#,
    )
    .refused(Reason::RequestAmbiguous);
    gate.upstream.saw_nothing();
    let utf8 = gate.request("POST", CREATE).bearer(&token);
    let utf8 = utf8.header("content-type", "Application/JSON;charset=UTF-8");
    utf8.body(b"{}").send().allowed(200);
}

#[test]
fn what_was_decided_as_json_arrives_as_json() {
    let gate = reading().start();
    let request = gate.post(CREATE, "{}").bearer(&editor(&gate));
    let request = request.header("connection", "content-type, content-length");
    request.send().allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

#[test]
fn a_body_on_a_route_that_declares_none_is_refused() {
    let gate = reading().start();
    let token = editor(&gate);
    let read = gate.request("GET", CREATE).bearer(&token);
    let with = |kind: &str| {
        let request = gate.request("GET", CREATE).bearer(&token);
        request.header("content-type", kind).body(b"{}").send()
    };
    read.send().allowed(200);
    with("application/json").refused(Reason::BodyUnreadable);
    with("text/plain").refused(Reason::BodyUnreadable);
    // No rows in bodies, no look into them: what there is passes as it comes.
    let gate = TestGate::start();
    let request = gate.request("GET", CREATE).bearer(&editor(&gate));
    request.body(b"{}").send().allowed(200);
}

#[test]
fn a_route_may_say_why_its_bodies_are_not_read() {
    let why = "uploads: the service holds them to the annotated workspace";
    let gate = reading()
        .set(
            "/routes/-",
            json!({"context": "dashboard", "upstream": "api",
            "match": "POST /dashboard/v1/media", "action": "media/create",
            "body_references": {"unchecked": why}}),
        )
        .start();
    let request = gate.request("POST", "/dashboard/v1/media");
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    let large = vec![b'x'; 1 << 20];
    let request = request.bearer(&editor(&gate)).body(&large);
    request.send().allowed(200);
    assert_eq!(gate.upstream.only().message.body, large);
    let status = gate
        .control_port("/status")
        .bearer(crate::support::gate::CONTROL_TOKEN)
        .send();
    assert!(status.text().contains(why), "{}", status.text());
}

#[test]
fn a_body_is_read_only_for_those_who_proved_who_they_are() {
    let gate = reading().start();
    let mut connection = gate.connect();
    let head = format!(
        "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n\
         content-length: 60000\r\n\r\n"
    );
    // Nothing of the body is sent, and the answer comes all the same.
    connection.send(head.as_bytes());
    connection.reply("POST").refused(Reason::TokenMissing);
    gate.upstream.saw_nothing();
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let gate = reading()
        .set("/listen/timeouts", json!({"body": "200ms"}))
        .start();
    let mut connection = gate.connect();
    let whole = gate
        .post(CREATE, "{\"a\":1}")
        .bearer(&editor(&gate))
        .bytes();
    connection.send(&whole[..whole.len() - 1]);
    connection.reply("POST").refused(Reason::BodyTimeout);
    gate.upstream.saw_nothing();
    let mut connection = gate.connect();
    connection.send(&whole[..whole.len() - 1]);
    drop(connection);
    let records = eventually("both are on record", || {
        let records = gate.audit_text();
        (records.lines().count() == 2).then_some(records)
    });
    assert!(records.contains("\"aborted\""), "{records}");
}

/// A request whose body is still to come when `change` is made is refused for `reason`.
#[track_caller]
fn taken_away(change: impl FnOnce(&mut Files), reason: Reason) {
    let mut gate = reading()
        .set("/revocations", json!("revocations.yaml"))
        .file("revocations.yaml", "{}")
        .start();
    let request = gate.post(CREATE, "{\"a\":1}").bearer(&editor(&gate));
    let whole = request.bytes();
    let mut connection = gate.connect();
    connection.send(&whole[..whole.len() - 1]);
    eventually("its body is waited for", || {
        (gate.metrics().sum("palisade_in_flight_requests", &[]) == 1.0).then_some(())
    });
    gate.change(change);
    connection.send(&whole[whole.len() - 1..]);
    connection.reply("POST").refused(reason);
    gate.upstream.saw_nothing();
    let record = gate.only_record();
    assert_eq!(record["reason"], reason.code());
    // It had come to its route, and was asked once more behind its body.
    assert_eq!(record["action"], "dashboard/missions/create", "{record}");
    assert!(record["detail"].is_string(), "{record}");
}

#[test]
fn what_is_taken_away_while_a_body_is_read_counts_for_its_request() {
    let revoked = r#"{"client": ["client-acme-prod"]}"#;
    taken_away(
        |files| files.put("revocations.yaml", revoked),
        Reason::TokenRevoked,
    );
    taken_away(
        |files| files.tenant("acme", "/status", json!("suspended")),
        Reason::AccountSuspended,
    );
    taken_away(
        |files| files.tenant("acme", "/workspaces/0/clients", json!(["another"])),
        Reason::ClientNotBound,
    );
}

#[test]
fn room_for_bodies_is_bounded_for_each_account() {
    let gate = reading()
        .set(
            "/listen/limits",
            json!({"body_bytes": "1MiB", "account_body_bytes": "64KiB"}),
        )
        .start();
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(60_000));
    let whole = gate.post(CREATE, &body).bearer(&editor(&gate)).bytes();
    let mut slow = gate.connect();
    slow.send(&whole[..whole.len() - 1]);
    eventually("the account's room is taken", || {
        let reply = post(&gate, &body);
        (reply.status == 429).then(|| reply.refused(Reason::RateLimited))
    });
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod");
    let bo = bo.role("editor").context("dashboard");
    gate.post(CREATE, &body)
        .bearer(&bo.sign())
        .send()
        .allowed(200);
    slow.send(&whole[whole.len() - 1..]);
    slow.reply("POST").allowed(200);
    post(&gate, &body).allowed(200);
}
