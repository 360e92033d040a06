//! Certificates that change while they are served: good ones serve at once, bad ones never do.

use super::counted;
use crate::support::authority::{Authority, Pair};
use crate::support::eventually;
use crate::support::files::Files;
use crate::support::gate::{Builder, HOST, TestGate};
use crate::support::tls::{TlsClient, asking, der, serving};
use palisade::clock::{Clock, Timestamp};
use serde_json::{Value, json};

/// What a new connection gets.
fn served(gate: &TestGate, authority: &Authority) -> Vec<u8> {
    let client = TlsClient::new(authority, None);
    client.connect(gate.tls_address()).unwrap().certificate()
}

fn put(files: &Files, pair: &Pair) {
    files.put("tls/api.crt", &pair.cert);
    files.put("tls/api.key", &pair.key);
}

fn tls(gate: &TestGate) -> Value {
    gate.status()["tls"].clone()
}

fn successful(gate: &TestGate) -> f64 {
    gate.metrics().sum("palisade_tls_last_load_successful", &[])
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

#[test]
fn a_renewed_certificate_serves_new_connections_and_leaves_open_ones_alone() {
    let authority = Authority::new("servers");
    let (first, next) = (authority.host(&[HOST]), authority.host(&[HOST]));
    let mut gate = serving(&first, &json!({})).start();
    let client = TlsClient::new(&authority, None);
    let mut open = client.connect(gate.tls_address()).unwrap();
    assert_eq!(open.certificate(), der(&first.cert));
    assert_eq!(open.get("/health", "").unwrap(), 200);
    gate.change(|files| put(files, &next));
    assert_eq!(served(&gate, &authority), der(&next.cert));
    assert_eq!(open.get("/health", "").unwrap(), 200);
    assert_eq!(
        gate.metrics()
            .sum("palisade_tls_loads_total", &[("result", "ok")]),
        1.0
    );
    gate.loads_well();
}

#[test]
fn a_bad_certificate_leaves_the_former_one_serving_and_says_so() {
    let authority = Authority::new("servers");
    let (first, other) = (authority.host(&[HOST]), authority.host(&[HOST]));
    let mut gate = serving(&first, &json!({})).start();
    assert_eq!(tls(&gate)["ok"], true);
    gate.change(|files| files.put("tls/api.key", &other.key));
    assert_eq!(served(&gate, &authority), der(&first.cert));
    let said = tls(&gate);
    assert_eq!(said["ok"], false, "{said}");
    assert_eq!(said["faults"][0]["code"], "tls_key", "{said}");
    let file = said["faults"][0]["file"].as_str().unwrap();
    assert!(file.ends_with("tls/api.key"), "{said}");
    assert!(said["faults"][0]["help"].is_string(), "{said}");
    assert_eq!(successful(&gate), 0.0);
    assert_eq!(
        gate.metrics()
            .sum("palisade_tls_loads_total", &[("result", "error")]),
        1.0
    );
    // The rules are not held up by it.
    gate.loads_well();
    gate.change(|files| files.remove("tls/api.crt"));
    assert_eq!(served(&gate, &authority), der(&first.cert));
    gate.change(|files| put(files, &other));
    assert_eq!(served(&gate, &authority), der(&other.cert));
    assert_eq!(tls(&gate)["ok"], true);
    assert_eq!(successful(&gate), 1.0);
}

#[test]
fn a_certificate_that_has_ended_replaces_none_that_has_not() {
    let authority = Authority::new("servers");
    let first = authority.host(&[HOST]);
    let mut gate = serving(&first, &json!({})).start();
    let past = authority.until(HOST, (2020, 1, 1));
    gate.change(|files| put(files, &past));
    assert_eq!(served(&gate, &authority), der(&first.cert));
    assert_eq!(tls(&gate)["faults"][0]["code"], "certificate_not_current");
    assert_eq!(successful(&gate), 0.0);
}

#[test]
fn a_certificate_is_renewed_while_a_policy_is_broken() {
    let authority = Authority::new("servers");
    let (first, next) = (authority.host(&[HOST]), authority.host(&[HOST]));
    let mut gate = serving(&first, &json!({})).start();
    gate.change(|files| files.put("policies/broken.cedar", "permit ("));
    gate.change(|files| put(files, &next));
    assert_eq!(served(&gate, &authority), der(&next.cert));
    assert_eq!(gate.status()["reload"]["ok"], false);
}

#[test]
fn one_certificate_that_is_not_renewed_keeps_no_other_from_it() {
    let authority = Authority::new("servers");
    let (first, next) = (authority.host(&[HOST]), authority.host(&[HOST]));
    let portal = authority.host(&["portal.example.com"]);
    let further = json!({"further": [{"cert": "tls/portal.crt", "key": "file:tls/portal.key"}]});
    let mut gate = serving(&first, &further)
        .file("tls/portal.crt", &portal.cert)
        .file("tls/portal.key", &portal.key)
        .start();
    gate.change(|files| files.put("tls/portal.crt", "torn"));
    gate.change(|files| put(files, &next));
    assert_eq!(served(&gate, &authority), der(&next.cert));
    let kept = super::gets(&gate, &["-servername", "portal.example.com"]);
    assert_eq!(kept.as_deref(), Some("portal.example.com"));
    assert_eq!(tls(&gate)["ok"], false);
}

#[test]
fn clients_authorities_and_revocations_are_followed_and_sessions_end_with_them() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let own = clients.workload("spiffe://example.org/web");
    let more = json!({"client_crl": "tls/clients.crl"});
    let mut gate = asking(&servers.host(&[HOST]), &clients, &more)
        .file("tls/clients.crl", &clients.revoke(&[], 4000))
        .start();
    let client = TlsClient::new(&servers, Some(&own));
    for _ in 0..2 {
        assert_eq!(client.get(&gate, "/health", "").unwrap(), 200);
    }
    counted(&gate, "resumed", 1.0);
    let list = clients.revoke(&[&own], 4000);
    gate.change(|files| files.put("tls/clients.crl", &list));
    // The session that it could resume was made before it was revoked.
    assert!(client.get(&gate, "/health", "").is_err());
    counted(&gate, "certificate_revoked", 1.0);
    let next = Authority::new("next");
    let more = next.workload("spiffe://example.org/web");
    let (roots, lists) = (next.pem.clone(), next.revoke(&[], 4000));
    gate.change(|files| {
        files.put("tls/clients.crl", &lists);
        files.put("tls/clients.crt", &roots);
    });
    assert!(client.get(&gate, "/health", "").is_err());
    let client = TlsClient::new(&servers, Some(&more));
    assert_eq!(client.get(&gate, "/health", "").unwrap(), 200);
    // Nobody stops asking because the file of authorities is broken.
    gate.change(|files| files.put("tls/clients.crt", "torn"));
    assert!(
        TlsClient::new(&servers, None)
            .get(&gate, "/health", "")
            .is_err()
    );
    assert_eq!(client.get(&gate, "/health", "").unwrap(), 200);
}

#[test]
fn a_connection_ends_with_the_authority_that_vouched_for_its_client() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let own = clients.workload("spiffe://example.org/web");
    let more = json!({"client_crl": "tls/clients.crl"});
    let mut gate = asking(&servers.host(&[HOST]), &clients, &more)
        .file("tls/clients.crl", &clients.revoke(&[], 4000))
        .start();
    let known = TlsClient::new(&servers, Some(&own));
    let mut open = known.connect(gate.tls_address()).unwrap();
    assert_eq!(open.get("/health", "").unwrap(), 200);
    let list = clients.revoke(&[&own], 4000);
    gate.change(|files| files.put("tls/clients.crl", &list));
    // It was verified before it was revoked, and is not asked for anything else any more.
    eventually("the connection ends", || open.get("/health", "").err());
    assert!(
        known
            .connect(gate.tls_address())
            .and_then(|mut open| open.get("/health", ""))
            .is_err()
    );
}

#[test]
fn metrics_status_and_log_know_when_certificates_end() {
    let authority = Authority::new("servers");
    let clock = Clock::manual(at("2030-01-01T00:00:00Z"));
    let soon = authority.until(HOST, (2030, 1, 10));
    let mut gate = serving(&soon, &json!({})).clock(&clock).start();
    let ends = |gate: &TestGate| {
        let labels = [("kind", "server"), ("name", HOST)];
        gate.metrics()
            .sum("palisade_tls_certificate_expiry_timestamp_seconds", &labels)
    };
    assert_eq!(ends(&gate), 1_894_233_600.0);
    assert_eq!(
        tls(&gate)["warnings"][0]["code"],
        "certificate_expires_soon"
    );
    // One that has ended serves on: whoever does not care is served, whoever does is told.
    clock.set(at("2030-01-11T00:00:00Z"));
    let said = tls(&gate);
    let codes = said["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str());
    assert!(
        codes.flatten().any(|code| code == "certificate_expired"),
        "{said}"
    );
    let renewed = authority.until(HOST, (2031, 1, 1));
    gate.change(|files| put(files, &renewed));
    assert_eq!(tls(&gate)["warnings"], json!([]));
    assert_eq!(ends(&gate), 1_924_992_000.0);
}

#[test]
fn a_certificate_that_has_ended_starts_with_a_warning() {
    let authority = Authority::new("servers");
    let gate = serving(&authority.until(HOST, (2020, 1, 1)), &json!({})).start();
    assert_eq!(tls(&gate)["warnings"][0]["code"], "certificate_expired");
}

#[test]
fn check_warns_of_what_ends_soon_and_fails_on_what_does_not_fit() {
    let authority = Authority::new("servers");
    let today = Clock::system()
        .now()
        .plus_millis(7 * 24 * 60 * 60 * 1000)
        .rfc3339();
    let mut parts = today[..10]
        .split('-')
        .map(|part| part.parse::<u16>().unwrap());
    let mut part = || parts.next().unwrap();
    let day = (
        i32::from(part()),
        u8::try_from(part()).unwrap(),
        u8::try_from(part()).unwrap(),
    );
    let soon = authority.until(HOST, day);
    let found = |builder: Builder| {
        let (folder, _issuer) = builder.into_folder();
        palisade::author::check(&folder.path().join("palisade.yaml"))
    };
    let faults = found(serving(&soon, &json!({})));
    let ends = faults
        .iter()
        .find(|fault| fault.code == "certificate_expires_soon");
    let ends = ends.unwrap_or_else(|| panic!("{faults:#?}"));
    assert!(
        !ends.is_error() && ends.place.file.ends_with("tls/api.crt"),
        "{ends}"
    );
    let crossed = serving(&soon, &json!({})).file("tls/api.key", &authority.host(&[HOST]).key);
    let faults = found(crossed);
    let wrong = faults
        .iter()
        .find(|fault| fault.is_error())
        .expect("an error");
    assert_eq!(wrong.code, "tls_key");
    assert!(wrong.place.file.ends_with("tls/api.key"), "{wrong}");
}

#[test]
fn further_names_and_rules_are_followed_and_the_address_waits_for_a_restart() {
    let authority = Authority::new("servers");
    let portal = authority.host(&["portal.example.com"]);
    let mut gate = serving(&authority.host(&[HOST]), &json!({})).start();
    let asked = ["-servername", "portal.example.com"];
    assert_eq!(super::gets(&gate, &asked).as_deref(), Some(HOST));
    gate.change(|files| {
        files.put("tls/portal.crt", &portal.cert);
        files.put("tls/portal.key", &portal.key);
        let further = json!([{"cert": "tls/portal.crt", "key": "file:tls/portal.key"}]);
        files.config["listen"]["tls"]["further"] = further;
        files.config["listen"]["tls"]["address"] = json!("127.0.0.1:1");
        let text = files.config.to_string();
        files.put("palisade.yaml", &text);
    });
    assert_eq!(
        super::gets(&gate, &asked).as_deref(),
        Some("portal.example.com")
    );
    assert_eq!(
        gate.status()["reload"]["needs_restart"],
        json!(["listen.tls.address"])
    );
}
