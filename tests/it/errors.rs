//! Refusals in the form that a route set's clients know.

use crate::support::client::Reply;
use crate::support::gate::{Builder, TestGate, refused};
use palisade::reason::Reason;
use serde_json::json;

const APP: &str = include_str!("../../examples/errors/app.json");
const DASHBOARD: &str = include_str!("../../examples/errors/dashboard.json");

/// The shipped examples, as their README configures them.
fn templated() -> Builder {
    TestGate::builder()
        .file("errors/app.json", APP)
        .file("errors/dashboard.json", DASHBOARD)
        .set("/routes/0/errors", json!({"template": "errors/app.json"}))
        .set(
            "/routes/1/errors",
            json!({"template": "errors/dashboard.json"}),
        )
}

#[track_caller]
fn is_apps(reply: &Reply, reason: Reason, title: &str) {
    let id = reply.header("x-palisade-request-id").expect("an id");
    assert_eq!(
        reply.json(),
        json!({"error": {"code": reason.code(), "message": title}, "requestId": id})
    );
    same_head(reply, reason);
}

#[track_caller]
fn is_dashboards(reply: &Reply, reason: Reason, title: &str) {
    assert_eq!(
        reply.json(),
        json!({"message": reason.code(), "statusCode": reason.status(), "error": title})
    );
    same_head(reply, reason);
}

#[track_caller]
fn same_head(reply: &Reply, reason: Reason) {
    assert_eq!(reply.status, reason.status());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(
        reply.header("www-authenticate").is_some(),
        reply.status == 401
    );
}

#[test]
fn each_route_set_refuses_in_its_own_form() {
    let gate = templated().start();
    let ana = gate.issuer.user("ana").sign();
    is_apps(
        &gate.get("/app/v1/missions").send(),
        Reason::TokenMissing,
        "Unauthorized",
    );
    let outside = gate
        .get("/app/v1/missions?workspaceId=globex-prod")
        .bearer(&ana)
        .send();
    is_apps(&outside, Reason::OutsideTenant, "Forbidden");
    let wrong = gate.get("/dashboard/v1/missions").bearer(&ana).send();
    is_dashboards(&wrong, Reason::ContextMismatch, "Forbidden");
    gate.upstream.hang();
    let late = gate.get("/app/v1/missions").bearer(&ana).send();
    is_apps(&late, Reason::UpstreamTimeout, "Gateway Timeout");
}

#[test]
fn a_path_without_a_route_is_refused_in_the_form_of_its_neighbours() {
    let gate = templated().start();
    let ana = gate.issuer.user("ana").sign();
    let reply = gate.get("/app/v1/nothing/at/all").bearer(&ana).send();
    is_apps(&reply, Reason::RouteUnknown, "Not Found");
    let reply = gate
        .request("PUT", "/dashboard/v1/missions")
        .bearer(&ana)
        .send();
    is_dashboards(&reply, Reason::MethodNotAllowed, "Method Not Allowed");
    assert!(reply.header("allow").is_some());
    // Strangers see one form below a path, whether it has a route or not.
    for path in ["/app/v1/missions", "/app/v1/nothing", "/app/v1"] {
        is_apps(&gate.get(path).send(), Reason::TokenMissing, "Unauthorized");
    }
    gate.get("/elsewhere")
        .bearer(&ana)
        .send()
        .refused(Reason::RouteUnknown);
    gate.get("/portal/v1/accounts")
        .send()
        .refused(Reason::TokenMissing);
    gate.get("/app/v1//missions")
        .bearer(&ana)
        .send()
        .refused(Reason::RequestAmbiguous);
}

#[test]
fn a_head_request_gets_the_same_head_and_no_body() {
    let gate = templated().start();
    let get = gate.get("/app/v1/missions").send();
    let head = gate.request("HEAD", "/app/v1/missions").send();
    assert!(head.message.body.is_empty());
    for name in [
        "content-type",
        "content-length",
        "cache-control",
        "www-authenticate",
    ] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    assert_eq!(head.status, get.status);
}

#[test]
fn a_grpc_caller_gets_its_own_form_whatever_the_template() {
    let gate = templated().start();
    let reply = gate
        .request("POST", "/app/v1/missions")
        .header("content-type", "application/grpc")
        .send();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/grpc"));
    assert_eq!(reply.header("grpc-status"), Some("16"));
    assert!(reply.message.body.is_empty());
}

#[test]
fn a_refusal_tells_no_detail_in_any_form() {
    let gate = templated().start();
    let ana = gate.issuer.user("ana").sign();
    let reply = gate
        .get("/app/v1/missions?workspaceId=made-up")
        .bearer(&ana)
        .send();
    assert!(!reply.text().contains("made-up"), "{}", reply.text());
    let record = gate.only_record();
    assert!(record["detail"].to_string().contains("made-up"), "{record}");
}

#[test]
fn a_template_with_a_fault_does_not_start_and_names_the_place() {
    let with = |text: &str| templated().file("errors/app.json", text);
    let unknown = "{\n  \"a\": \"${detail}\",\n  \"b\": \"${request-id}\"\n}";
    refused(
        with(unknown),
        &[
            "app.json:2",
            "`${detail}`",
            "app.json:3",
            "did you mean `${request_id}`?",
        ],
    );
    refused(with("{\"status\": ${status}}"), &["app.json:1", "not JSON"]);
    refused(
        with(&format!("\"{}\"", "x".repeat(20_000))),
        &["routes[0].errors", "16384"],
    );
    let gone = templated().set("/routes/0/errors/template", json!("errors/none.json"));
    refused(gone, &["errors/none.json", "routes[0].errors"]);
    let kind = templated().set("/routes/0/errors/content_type", json!("text/html"));
    refused(kind, &["routes[0].errors.content_type", "text/html"]);
}
