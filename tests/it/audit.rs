//! Every request leaves exactly one record: allowed, refused, failed, or given up by the client.

use crate::support::eventually;
use crate::support::gate::TestGate;
use palisade::reason::Reason;

const PATH: &str = "/app/v1/missions";

#[test]
fn an_allowed_request_leaves_one_whole_record() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let reply = gate
        .get("/app/v1/missions?workspaceId=acme-prod&note=private")
        .bearer(&token)
        .send();
    reply.allowed(200);
    let record = gate.only_record();
    assert_eq!(record["outcome"], "allow");
    assert_eq!(record["status"], 200);
    assert_eq!(record["method"], "GET");
    assert_eq!(record["path"], PATH);
    let text = record.to_string();
    for part in [
        "\"acme\"",
        "\"acme-prod\"",
        "\"ana\"",
        "\"cosmos\"",
        "app/missions/list",
        "platform/",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(
        !text.contains("private"),
        "a query value that is no reference is logged: {text}"
    );
    let seen = gate.upstream.only();
    assert_eq!(
        record["request_id"].as_str(),
        seen.header("x-palisade-request-id")
    );
}

#[test]
fn a_refusal_names_its_reason_and_the_reply_its_request() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let reply = gate
        .get("/app/v1/missions?workspaceId=globex-prod")
        .bearer(&token)
        .send();
    reply.refused(Reason::OutsideTenant);
    let record = gate.only_record();
    assert_eq!(record["reason"], "outside_tenant");
    assert_eq!(record["outcome"], "deny_isolation");
    assert_eq!(record["request_id"], reply.json()["request_id"]);
    assert!(record.to_string().contains("globex-prod"), "{record}");
}

#[test]
fn a_client_that_goes_away_leaves_one_record_and_one_count() {
    let gate = TestGate::start();
    gate.upstream.hang();
    let token = gate.issuer.user("ana").sign();
    let mut connection = gate.connect();
    connection.send(&gate.get(PATH).bearer(&token).bytes());
    eventually("the request is at the upstream", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    drop(connection);
    let record = gate.only_record();
    assert_eq!(record["outcome"], "aborted");
    assert_eq!(
        gate.metrics()
            .sum("palisade_requests_total", &[("outcome", "aborted")]),
        1.0
    );
    gate.upstream.all_closed();
}

#[test]
fn a_client_that_cuts_its_own_upload_went_away_and_did_nothing_wrong() {
    let gate = TestGate::start();
    let edi = gate.issuer.user("edi").role("editor").context("dashboard");
    let whole = gate.post("/dashboard/v1/missions", "{\"text\":\"whole\"}");
    let bytes = whole.bearer(&edi.sign()).bytes();
    for missing in [4, 1] {
        let sent = bytes.len() - missing;
        let mut connection = gate.connect();
        connection.send(&bytes[..sent]);
        eventually("the head is at the upstream", || {
            (!gate.upstream.requests().is_empty()).then_some(())
        });
        drop(connection);
    }
    for record in gate.audit(2) {
        assert_eq!(record["outcome"], "aborted", "{record}");
    }
    gate.upstream.all_closed();
}

#[test]
fn unverified_claims_appear_as_claimed_only() {
    let gate = TestGate::start();
    let token = gate
        .issuer
        .user("mallory")
        .account("globex")
        .claim("iss", "https://evil.example")
        .sign();
    gate.get(PATH)
        .bearer(&token)
        .send()
        .refused(Reason::IssuerUnknown);
    let mut record = gate.only_record();
    let fields = record.as_object_mut().expect("a record is an object");
    fields.retain(|name, _| !name.starts_with("claimed") && name != "detail");
    let text = record.to_string();
    assert!(
        !text.contains("mallory") && !text.contains("globex"),
        "{text}"
    );
}

#[test]
fn control_bytes_do_not_break_a_line() {
    let gate = TestGate::start();
    let token = gate
        .issuer
        .user("ana")
        .claim("jti", "a\nb\"c\u{1b}[2J")
        .sign();
    gate.get(PATH).bearer(&token).send();
    gate.audit(1);
    assert!(!gate.audit_text().contains('\u{1b}'));
}

#[test]
fn stopping_writes_what_is_still_queued() {
    let mut gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    for _ in 0..50 {
        gate.get(PATH).bearer(&token).send().allowed(200);
    }
    gate.stop();
    assert_eq!(gate.audit_text().lines().count(), 50);
}

#[test]
fn a_token_appears_in_no_record_reply_or_metric() {
    let gate = TestGate::start();
    let good = gate.issuer.user("ana").sign();
    let bad = gate.issuer.user("ana").expired(100).sign();
    let mut shown = String::new();
    for token in [&good, &bad] {
        shown += &gate.get(PATH).bearer(token).send().text();
        shown += &gate.get("/app/v1/nothing").bearer(token).send().text();
        shown += &gate
            .get(&format!("/app/v1/missions?access_token={token}"))
            .send()
            .text();
        shown += &gate
            .get("/app/v1/missions?workspaceId=x")
            .bearer(token)
            .send()
            .text();
    }
    shown += &gate.metrics_port("/metrics").text();
    gate.audit(8);
    shown += &gate.audit_text();
    for token in [&good, &bad] {
        for part in token.split('.').skip(1) {
            assert!(!shown.contains(part), "part of a token is shown");
        }
    }
    for seen in gate.upstream.requests() {
        let forwarded = format!("{:?}", seen.message.headers);
        assert!(!forwarded.contains(good.rsplit('.').next().unwrap()));
    }
}
