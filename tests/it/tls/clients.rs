//! Clients that show certificates: who is let in, and what policies and upstreams learn of them.

use super::counted;
use crate::support::authority::{Authority, Pair, dns, uri};
use crate::support::eventually;
use crate::support::frames::{END_HEADERS, END_STREAM, HEADERS, SETTINGS, frame};
use crate::support::gate::{HOST, TestGate};
use crate::support::tls::{TlsClient, asking};
use palisade::clock::{Clock, Timestamp};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Command;

const WEB: &str = "spiffe://example.org/ns/prod/sa/web";
const OTHER: &str = "spiffe://example.org/ns/prod/sa/other";

struct Case {
    servers: Authority,
    clients: Authority,
    server: Pair,
}

impl Case {
    fn new() -> Self {
        let servers = Authority::new("servers");
        Self {
            server: servers.host(&[HOST]),
            servers,
            clients: Authority::new("clients"),
        }
    }

    fn gate(&self, more: &Value) -> TestGate {
        asking(&self.server, &self.clients, more).start()
    }

    /// The status that a client gets, or `None` if it gets no connection.
    fn gets(&self, gate: &TestGate, own: Option<&Pair>) -> Option<u16> {
        let client = TlsClient::new(&self.servers, own);
        client.get(gate, "/app/v1/missions", &bearer(gate)).ok()
    }
}

fn bearer(gate: &TestGate) -> String {
    format!(
        "authorization: Bearer {}\r\n",
        gate.issuer.user("ana").sign()
    )
}

#[test]
fn a_client_is_let_in_by_a_certificate_of_the_authority_and_by_no_other() {
    let case = Case::new();
    let gate = case.gate(&json!({}));
    assert_eq!(
        case.gets(&gate, Some(&case.clients.workload(WEB))),
        Some(200)
    );
    counted(&gate, "ok", 1.0);
    assert_eq!(case.gets(&gate, None), None);
    counted(&gate, "certificate_missing", 1.0);
    // The authority of servers is not one of clients.
    assert_eq!(case.gets(&gate, Some(&case.servers.workload(WEB))), None);
    counted(&gate, "certificate_unknown", 1.0);
    let past = case.clients.until("web.example.org", (2020, 1, 1));
    assert_eq!(case.gets(&gate, Some(&past)), None);
    counted(&gate, "certificate_expired", 1.0);
    assert_eq!(gate.upstream.requests().len(), 1);
}

#[test]
fn a_certificate_that_is_two_workloads_or_a_malformed_one_is_nobodys() {
    let case = Case::new();
    let gate = case.gate(&json!({"client_auth": "optional"}));
    let two = case
        .clients
        .issue(|params| params.subject_alt_names = vec![uri(WEB), uri(OTHER)]);
    let odd = case.clients.workload("spiffe://Example.org/web");
    let silent = case.clients.issue(|params| {
        params.subject_alt_names = vec![uri(WEB)];
        params.key_usages.clear();
    });
    for (bad, count) in [(two, 1.0), (odd, 2.0), (silent, 3.0)] {
        assert_eq!(case.gets(&gate, Some(&bad)), None);
        counted(&gate, "identity", count);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn where_certificates_are_optional_a_bad_one_is_refused_all_the_same() {
    let case = Case::new();
    let gate = case.gate(&json!({"client_auth": "optional"}));
    assert_eq!(case.gets(&gate, None), Some(200));
    assert_eq!(case.gets(&gate, Some(&case.servers.workload(WEB))), None);
    counted(&gate, "certificate_unknown", 1.0);
    assert_eq!(
        gate.upstream.only().header("x-palisade-client-certificate"),
        None
    );
}

#[test]
fn a_revoked_certificate_is_refused_and_so_is_one_that_no_list_speaks_of() {
    let case = Case::new();
    let (good, bad) = (case.clients.workload(WEB), case.clients.workload(WEB));
    let start = |list: &str| {
        asking(
            &case.server,
            &case.clients,
            &json!({"client_crl": "tls/clients.crl"}),
        )
        .file("tls/clients.crl", list)
        .start()
    };
    let gate = start(&case.clients.revoke(&[&bad], 4000));
    assert_eq!(case.gets(&gate, Some(&good)), Some(200));
    assert_eq!(case.gets(&gate, Some(&bad)), None);
    counted(&gate, "certificate_revoked", 1.0);
    let gate = start(&Authority::new("somebody else").revoke(&[], 4000));
    assert_eq!(case.gets(&gate, Some(&good)), None);
    counted(&gate, "revocation_unknown", 1.0);
    // A list that has ended says nothing of who was revoked since.
    let gate = start(&case.clients.revoke(&[], 2021));
    assert_eq!(case.gets(&gate, Some(&good)), None);
    counted(&gate, "revocation_unknown", 1.0);
}

#[test]
fn the_upstream_and_the_record_are_told_whose_certificate_it_was() {
    let case = Case::new();
    let gate = case.gate(&json!({}));
    let own = case.clients.issue(|params| {
        params.subject_alt_names = vec![dns("Web.example.org"), uri(WEB), dns("*.example.org")];
    });
    assert_eq!(case.gets(&gate, Some(&own)), Some(200));
    let told = format!("{WEB}, web.example.org");
    let request = gate.upstream.only();
    assert_eq!(
        request.header("x-palisade-client-certificate"),
        Some(&*told)
    );
    assert_eq!(gate.only_record()["certificate"], told);
}

#[test]
fn nobody_can_say_to_be_somebody_in_a_header() {
    let case = Case::new();
    let gate = case.gate(&json!({"client_auth": "optional"}));
    let mut headers = bearer(&gate);
    for name in [
        "x-palisade-client-certificate",
        "X_Palisade_Client_Certificate",
        "x-forwarded-client-cert",
        "x-client-cert",
        "x-ssl-client-s-dn",
        "ssl-client-verify",
    ] {
        headers.push_str(&format!("{name}: {WEB}\r\n"));
    }
    let client = TlsClient::new(&case.servers, None);
    assert_eq!(
        client.get(&gate, "/app/v1/missions", &headers).unwrap(),
        200
    );
    let plain = gate
        .get("/app/v1/missions")
        .bearer(&gate.issuer.user("ana").sign());
    let plain = plain.header("x-palisade-client-certificate", WEB).send();
    assert_eq!(plain.status, 200);
    for request in gate.upstream.requests() {
        let text = format!("{request:?}");
        assert!(!text.contains("spiffe:"), "{text}");
    }
}

const DEMANDS: &str = r#"
@id("from-web") @description("The App is called by the web workload alone.")
forbid (principal, action in Tenancy::Action::"app", resource)
unless { context has certificate.spiffe && context.certificate.spiffe == "spiffe://example.org/ns/prod/sa/web" };
"#;

#[test]
fn a_policy_can_demand_a_workload_and_the_cache_keeps_workloads_apart() {
    let case = Case::new();
    let gate = asking(
        &case.server,
        &case.clients,
        &json!({"client_auth": "optional"}),
    )
    .policy("workloads", DEMANDS)
    .start();
    let (web, other) = (case.clients.workload(WEB), case.clients.workload(OTHER));
    // Twice: from the policies, and from the cache.
    for _ in 0..2 {
        assert_eq!(case.gets(&gate, Some(&web)), Some(200));
        assert_eq!(case.gets(&gate, Some(&other)), Some(403));
        assert_eq!(case.gets(&gate, None), Some(403));
        let plain = gate
            .get("/app/v1/missions")
            .bearer(&gate.issuer.user("ana").sign());
        assert_eq!(plain.send().status, 403);
    }
    let hits = gate
        .metrics()
        .sum("palisade_decision_cache_hits_total", &[]);
    assert!(hits >= 4.0, "{hits}");
    assert_eq!(gate.upstream.requests().len(), 2);
}

#[test]
fn whoever_resumes_is_still_who_it_was_until_its_certificate_ends() {
    let case = Case::new();
    let clock = Clock::manual(Clock::system().now());
    let gate = asking(&case.server, &case.clients, &json!({}))
        .clock(&clock)
        .start();
    let own = case.clients.issue(|params| {
        params.subject_alt_names = vec![uri(WEB)];
        params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    });
    let client = TlsClient::new(&case.servers, Some(&own));
    for resumed in [false, true] {
        let mut connection = client.connect(gate.tls_address()).unwrap();
        assert_eq!(
            connection.get("/app/v1/missions", &bearer(&gate)).unwrap(),
            200
        );
        assert_eq!(connection.resumed(), resumed);
    }
    let requests = gate.upstream.requests();
    let told = requests
        .iter()
        .map(|one| one.header("x-palisade-client-certificate"));
    assert_eq!(told.collect::<Vec<_>>(), [Some(WEB), Some(WEB)]);
    clock.set(Timestamp::parse_rfc3339("2100-01-02T00:00:00Z").unwrap());
    assert!(client.get(&gate, "/app/v1/missions", "").is_err());
    counted(&gate, "certificate_expired", 1.0);
}

#[test]
fn a_connection_ends_with_any_certificate_that_its_client_showed() {
    let case = Case::new();
    let gate = case.gate(&json!({}));
    let below = || {
        let between = case.clients.between("between", 2);
        let mut own = between.workload(WEB);
        own.cert.push_str(&between.pem);
        own
    };
    let brief = || case.clients.brief(WEB, 2);
    for own in [&brief as &dyn Fn() -> Pair, &below] {
        let own = own();
        let client = TlsClient::new(&case.servers, Some(&own));
        let mut open = client.connect(gate.tls_address()).unwrap();
        assert_eq!(open.get("/health", "").unwrap(), 200);
        // Nobody is served for want of a certificate that everybody has to show.
        eventually("the connection ends", || open.get("/health", "").err());
    }
}

/// HTTP/2 ends a connection by a PING that its client has to answer.
#[test]
fn a_revoked_client_that_does_not_let_its_connection_end_loses_it() {
    let case = Case::new();
    let own = case.clients.workload(WEB);
    let listing = |listed: &[&Pair]| case.clients.revoke(listed, 2100);
    let more = json!({"client_crl": "tls/clients.crl"});
    let mut gate = asking(&case.server, &case.clients, &more)
        .file("tls/clients.crl", &listing(&[]))
        .start();
    let client = TlsClient::new(&case.servers, Some(&own)).speaking("h2");
    let mut open = client.connect(gate.tls_address()).unwrap().0;
    let block = [
        &b"\x82\x87\x04\x07/health\x01"[..],
        &[u8::try_from(HOST.len()).unwrap()],
        HOST.as_bytes(),
    ]
    .concat();
    let ask = |stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, &block);
    let settings = frame(SETTINGS, 0, 0, &[]);
    let begin = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings, &ask(1)].concat();
    open.write_all(&begin).unwrap();
    eventually("it is served", || {
        (gate.metrics().sum("palisade_requests_total", &[]) > 0.0).then_some(())
    });
    gate.change(|files| files.put("tls/clients.crl", &listing(&[&own])));
    let mut stream = 1;
    eventually("the connection ends", || {
        stream += 2;
        open.write_all(&ask(stream)).err()
    });
}

#[test]
fn a_connection_without_a_certificate_ends_once_everybody_has_to_show_one() {
    let case = Case::new();
    let mut gate = case.gate(&json!({"client_auth": "optional"}));
    let client = TlsClient::new(&case.servers, None);
    let mut open = client.connect(gate.tls_address()).unwrap();
    assert_eq!(open.get("/health", "").unwrap(), 200);
    // Of no matter to a client that need not show one.
    let renewed = case.servers.host(&[HOST]);
    gate.change(|files| {
        files.put("tls/api.crt", &renewed.cert);
        files.put("tls/api.key", &renewed.key);
    });
    assert_eq!(open.get("/health", "").unwrap(), 200);
    gate.change(|files| files.set("/listen/tls/client_auth", json!("require")));
    eventually("the connection ends", || open.get("/health", "").err());
}

#[test]
fn whoever_resumes_is_held_against_a_list_that_has_ended_since() {
    let case = Case::new();
    let clock = Clock::manual(Clock::system().now());
    let gate = asking(
        &case.server,
        &case.clients,
        &json!({"client_crl": "tls/clients.crl"}),
    )
    .file("tls/clients.crl", &case.clients.revoke(&[], 2100))
    .clock(&clock)
    .start();
    let client = TlsClient::new(&case.servers, Some(&case.clients.workload(WEB)));
    assert_eq!(client.get(&gate, "/health", "").unwrap(), 200);
    clock.set(Timestamp::parse_rfc3339("2100-01-02T00:00:00Z").unwrap());
    // Who was revoked since, nobody knows.
    assert!(client.get(&gate, "/health", "").is_err());
    counted(&gate, "revocation_unknown", 1.0);
}

#[test]
fn an_explanation_can_be_asked_for_a_workload() {
    let case = Case::new();
    let (folder, issuer) = asking(&case.server, &case.clients, &json!({}))
        .policy("workloads", DEMANDS)
        .file("tls/web.crt", &case.clients.workload(WEB).cert)
        .into_folder();
    let claims = issuer.user("ana").claims_text();
    let told = |certificate: &[&str]| {
        let said = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .current_dir(folder.path())
            .args(["explain", "GET /app/v1/missions", "--claims", &claims])
            .args(certificate)
            .output()
            .expect("the binary runs");
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let without = told(&[]);
    assert!(without.contains("decision   DENY"), "{without}");
    assert!(without.contains("from-web"), "{without}");
    let with = told(&["--client-certificate", "tls/web.crt"]);
    assert!(with.contains("decision   ALLOW"), "{with}");
}
