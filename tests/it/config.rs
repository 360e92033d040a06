//! What a bad configuration gets: an error that names the place and the remedy, and no start.

use crate::support::gate::{TestGate, refused};
use serde_json::json;
use std::net::TcpListener;
use std::process::{Command, Stdio};

const PALISADE: &str = env!("CARGO_BIN_EXE_palisade");

#[test]
fn an_unknown_key_is_named_with_the_one_that_was_meant() {
    let builder = TestGate::builder().set("/listen/hots", json!([]));
    refused(builder, &["palisade.yaml", "hots", "hosts"]);
}

#[test]
fn a_bad_duration_is_named_with_its_place() {
    let builder = TestGate::builder().set("/cache", json!({"decision_ttl": "5 fortnights"}));
    refused(builder, &["palisade.yaml", "decision_ttl", "5 fortnights"]);
}

#[test]
fn all_faults_are_told_at_once() {
    let builder = TestGate::builder()
        .set("/listen/hots", json!([]))
        .set("/cache", json!({"decision_ttl": "soon"}))
        .set("/routes/0/upstream", json!("nowhere"));
    refused(builder, &["hots", "soon", "nowhere"]);
}

#[test]
fn a_missing_folder_or_file_is_named() {
    refused(
        TestGate::builder().set("/policies", json!("no-policies/")),
        &["no-policies"],
    );
    let builder = TestGate::builder().set("/routes/0/openapi", json!("apis/none.json"));
    refused(builder, &["apis/none.json"]);
}

#[test]
fn an_issuer_without_clients_and_audiences_does_not_start() {
    refused(
        TestGate::builder().set("/issuers/0/clients", json!(null)),
        &["cosmos"],
    );
}

#[test]
fn a_schema_that_does_not_parse_is_underlined() {
    let builder =
        TestGate::builder().file("schemas/broken.cedarschema", "namespace Tenancy { entity ");
    refused(builder, &["broken.cedarschema"]);
}

#[test]
fn a_policy_that_does_not_validate_is_named_with_file_and_line() {
    let policy = "@id(\"typo\")\npermit (principal, action, resource)\nwhen { principal.acount == \"x\" };\n";
    refused(
        TestGate::builder().policy("typo", policy),
        &["typo.cedar:3", "account"],
    );
}

#[test]
fn two_policies_of_one_id_are_both_named() {
    let policy = "@id(\"twice\")\npermit (principal, action, resource);\n@id(\"twice\")\npermit (principal, action, resource);\n";
    refused(
        TestGate::builder().policy("twice", policy),
        &["twice.cedar", "twice"],
    );
}

#[test]
fn two_routes_alike_are_reported_with_both_places() {
    let route = json!({"context": "app", "match": "GET /app/v1/missions", "action": "missions/again", "upstream": "api"});
    refused(
        TestGate::builder().set("/routes/-", route),
        &["/app/v1/missions", "apis/app.openapi"],
    );
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = taken
        .local_addr()
        .expect("a bound socket has an address")
        .to_string();
    let builder = TestGate::builder().set("/listen/http", json!(address));
    refused(builder, &[address.as_str()]);
}

#[test]
fn the_binary_exits_with_3_for_a_bad_configuration_and_2_for_bad_arguments() {
    let run = |arguments: &[&str]| {
        let run = Command::new(PALISADE)
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        let run = run.expect("the binary runs");
        (
            run.status.code(),
            String::from_utf8_lossy(&run.stderr).into_owned(),
        )
    };
    let (code, error) = run(&["serve", "--config", "/no/such/palisade.yaml"]);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("/no/such/palisade.yaml"), "{error}");
    assert_eq!(run(&["serve", "--no-such-flag"]).0, Some(2));
    assert_eq!(run(&["no-such-command"]).0, Some(2));
}

#[test]
fn tls_to_an_upstream_needs_files_that_fit() {
    let tls = |url: &str, tls: serde_json::Value| {
        TestGate::builder()
            .file("tls/not.pem", "not PEM")
            .set("/upstreams/api/url", json!(url))
            .set("/upstreams/api/tls", tls)
    };
    let secure = "https://127.0.0.1:9443";
    let clear = tls("http://127.0.0.1:9000", json!({"name": "api"}));
    refused(clear, &["upstreams.api.tls", "in the clear", "https://"]);
    let half = tls(secure, json!({"cert": "tls/not.pem"}));
    refused(
        half,
        &["upstreams.api.tls", "`cert` and `key` belong together"],
    );
    let absent = tls(secure, json!({"ca": "tls/absent.pem"}));
    refused(absent, &["upstreams.api.tls.ca", "absent.pem"]);
    let empty = tls(secure, json!({"ca": "tls/not.pem"}));
    refused(empty, &["upstreams.api.tls.ca", "no certificate"]);
    let name = tls(secure, json!({"name": "not a name"}));
    refused(name, &["upstreams.api.tls.name", "not a name"]);
}
