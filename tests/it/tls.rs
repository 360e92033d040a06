//! Clients over TLS: versions, names, files that change. Needs `openssl` and `curl`.

mod clients;
mod renewal;

use crate::support::authority::{Authority, Pair};
use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::{HOST, TestGate, refused};
use crate::support::tls::{TlsClient, TlsConnection, curl, s_client, serving};
use serde_json::json;
use std::fs;
use std::io::Read;
use tempfile::TempDir;

/// How many handshakes ended so.
fn handshakes(gate: &TestGate, result: &str) -> f64 {
    let labels = [("result", result)];
    gate.metrics().sum("palisade_tls_handshakes_total", &labels)
}

/// Fails unless one more handshake ends so soon.
fn counted(gate: &TestGate, result: &str, count: f64) {
    eventually(result, || (handshakes(gate, result) >= count).then_some(()));
    assert_eq!(handshakes(gate, result), count);
}

fn served() -> (Authority, TestGate) {
    let authority = Authority::new("servers");
    let gate = serving(&authority.host(&[HOST]), &json!({})).start();
    (authority, gate)
}

#[test]
fn curl_is_served_over_either_version_and_the_upstream_is_told_https() {
    let (authority, gate) = served();
    let folder = TempDir::new().unwrap();
    let roots = folder.path().join("roots.crt");
    fs::write(&roots, &authority.pem).unwrap();
    let roots = roots.to_str().unwrap();
    let token = gate.issuer.user("ana").sign();
    let bearer = format!("authorization: Bearer {token}");
    for version in ["1.2", "1.3"] {
        let said = curl(
            &gate,
            "/app/v1/missions",
            &[
                "--cacert",
                roots,
                "--http1.1",
                "-H",
                &bearer,
                &format!("--tlsv{version}"),
                "--tls-max",
                version,
            ],
        );
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(text.ends_with("\n200 1.1"), "{version}: {said:?}");
    }
    for request in gate.upstream.requests() {
        assert_eq!(request.header("x-forwarded-proto"), Some("https"));
        assert_eq!(request.header("x-palisade-client-certificate"), None);
    }
    counted(&gate, "ok", 2.0);
}

#[test]
fn plain_http_is_served_beside_it() {
    let (_, gate) = served();
    let token = gate.issuer.user("ana").sign();
    let reply = gate.get("/app/v1/missions").bearer(&token).send();
    assert_eq!(reply.status, 200);
    let request = gate.upstream.only();
    assert_eq!(request.header("x-forwarded-proto"), Some("http"));
}

#[test]
fn it_can_be_served_alone_and_nothing_at_all_cannot() {
    let authority = Authority::new("servers");
    let files = json!({"address": "127.0.0.1:0", "cert": "tls/api.crt", "key": "file:tls/api.key"});
    let listen = json!({"hosts": [HOST], "workers": 1, "tls": files});
    let gate = serving(&authority.host(&[HOST]), &json!({}))
        .set("/listen", listen)
        .start();
    let client = TlsClient::new(&authority, None);
    assert_eq!(client.get(&gate, "/health", "").unwrap(), 200);
    let nothing = TestGate::builder().set("/listen", json!({"hosts": [HOST]}));
    refused(nothing, &["listen", "neither `http` nor `tls`"]);
}

#[test]
fn older_versions_are_refused() {
    let (_, gate) = served();
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let said = s_client(gate.tls_address(), &old, "");
    assert!(said.contains("Cipher is (NONE)"), "{said}");
    counted(&gate, "version", 1.0);
}

#[test]
fn tls_1_3_alone_can_be_asked_for() {
    let authority = Authority::new("servers");
    let gate = serving(&authority.host(&[HOST]), &json!({"min_version": "1.3"})).start();
    let said = s_client(gate.tls_address(), &["-tls1_2"], "");
    assert!(said.contains("Cipher is (NONE)"), "{said}");
    counted(&gate, "version", 1.0);
    let said = s_client(gate.tls_address(), &["-tls1_3"], "");
    assert!(said.contains("New, TLSv1.3"), "{said}");
}

/// Three certificates: the default, one by name, one by wildcard.
fn named(unknown: &str) -> TestGate {
    let authority = Authority::new("servers");
    let pairs: [(&str, Pair); 2] = [
        ("portal", authority.host(&["portal.example.com"])),
        ("star", authority.host(&["*.example.org"])),
    ];
    let further = pairs.iter().map(|(name, _)| {
        json!({"cert": format!("tls/{name}.crt"), "key": format!("file:tls/{name}.key")})
    });
    let further: Vec<_> = further.collect();
    let more = json!({"unknown_names": unknown, "further": further});
    let builder = serving(&authority.host(&[HOST]), &more);
    let builder = pairs.iter().fold(builder, |builder, (name, pair)| {
        builder
            .file(&format!("tls/{name}.crt"), &pair.cert)
            .file(&format!("tls/{name}.key"), &pair.key)
    });
    builder.start()
}

/// The first name of the certificate that `openssl` gets.
fn gets(gate: &TestGate, asked: &[&str]) -> Option<String> {
    let said = s_client(gate.tls_address(), asked, "");
    let begin = said.find("-----BEGIN CERTIFICATE-----")?;
    let end = said.find("-----END CERTIFICATE-----")?;
    let pem = format!("{}-----END CERTIFICATE-----\n", &said[begin..end]);
    let read = palisade::x509::Said::read(&crate::support::tls::der(&pem)).expect("a certificate");
    read.dns.first().cloned()
}

#[test]
fn the_certificate_goes_by_the_name_that_is_asked_for() {
    let gate = named("default");
    let of = |name: &str| gets(&gate, &["-servername", name]);
    assert_eq!(
        of("portal.example.com").as_deref(),
        Some("portal.example.com")
    );
    assert_eq!(
        of("PorTal.EXAMPLE.com").as_deref(),
        Some("portal.example.com")
    );
    assert_eq!(of("any.example.org").as_deref(), Some("*.example.org"));
    assert_eq!(of("elsewhere.test").as_deref(), Some(HOST));
    assert_eq!(gets(&gate, &["-noservername"]).as_deref(), Some(HOST));
}

#[test]
fn a_name_without_a_certificate_can_be_refused() {
    let gate = named("refuse");
    assert_eq!(gets(&gate, &["-servername", "elsewhere.test"]), None);
    counted(&gate, "unknown_name", 1.0);
    assert_eq!(gets(&gate, &["-noservername"]).as_deref(), Some(HOST));
}

#[test]
fn plain_http_on_the_tls_port_is_counted_and_reaches_nobody() {
    let (_, gate) = served();
    let mut connection = Connection::open(gate.tls_address());
    connection.send(b"GET /app/v1/missions HTTP/1.1\r\nhost: api.example.com\r\n\r\n");
    let rest = connection.rest();
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    counted(&gate, "not_tls", 1.0);
    gate.upstream.saw_nothing();
}

#[test]
fn a_slow_handshake_is_cut_at_its_own_timeout() {
    let authority = Authority::new("servers");
    let gate = serving(&authority.host(&[HOST]), &json!({}))
        .set("/listen/timeouts", json!({"handshake": "200ms"}))
        .start();
    let mut connection = Connection::open(gate.tls_address());
    // The first bytes of a ClientHello.
    connection.send(&[0x16, 0x03, 0x01]);
    connection.closed();
    counted(&gate, "late", 1.0);
}

/// Fails unless the gate closes without a word.
fn falls_silent(mut connection: TlsConnection) {
    let mut rest = Vec::new();
    // Without a farewell of TLS it is an error to some.
    let _ = connection.0.read_to_end(&mut rest);
    // HTTP/2 begins with the gate's settings.
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
}

#[test]
fn a_crowd_that_says_nothing_is_cut_by_name_and_others_are_served() {
    let authority = Authority::new("servers");
    let timeouts = json!({"handshake": "2s", "head": "2s", "idle": "3s"});
    let gate = serving(&authority.host(&[HOST]), &json!({}))
        .set("/listen/timeouts", timeouts)
        .start();
    let client = TlsClient::new(&authority, None);
    let token = gate.issuer.user("ana").sign();
    let bearer = format!("authorization: Bearer {token}\r\n");
    let mute = || Connection::open(gate.tls_address());
    let mut crowd: Vec<Connection> = (0..100).map(|_| mute()).collect();
    for half in crowd.iter_mut().skip(50) {
        // The first bytes of a ClientHello.
        half.send(&[0x16, 0x03, 0x01]);
    }
    let shaken = ["h2", "http/1.1"].map(|protocol| {
        let client = client.speaking(protocol);
        client.connect(gate.tls_address()).expect("a handshake")
    });
    assert_eq!(client.get(&gate, "/app/v1/missions", &bearer).unwrap(), 200);
    for connection in &mut crowd {
        connection.closed();
    }
    counted(&gate, "late", 100.0);
    shaken.into_iter().for_each(falls_silent);
    let cut = |cause| {
        let cut = "palisade_connections_cut_total";
        gate.metrics().sum(cut, &[("cause", cause)])
    };
    // Of HTTP/2 its preface was missed, of HTTP/1 a first request.
    assert_eq!((cut("head"), cut("idle")), (1.0, 1.0));
    assert_eq!(client.get(&gate, "/app/v1/missions", &bearer).unwrap(), 200);
    eventually("nobody is left", || {
        let open = gate.metrics().sum("palisade_connections", &[]);
        (open == 0.0).then_some(())
    });
}

#[test]
fn nobody_renegotiates_and_early_data_is_not_taken() {
    let (_, gate) = served();
    let said = s_client(
        gate.tls_address(),
        &["-tls1_2"],
        "R\nGET / HTTP/1.0\r\n\r\n",
    );
    assert!(said.contains("RENEGOTIATING"), "{said}");
    assert!(!said.contains("HTTP/1.1 200"), "{said}");
    let folder = TempDir::new().unwrap();
    let session = folder.path().join("session");
    let session = session.to_str().unwrap();
    let request =
        format!("GET /app/v1/missions HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
    let first = ["-tls1_3", "-ign_eof", "-sess_out", session];
    s_client(gate.tls_address(), &first, &request);
    let early = folder.path().join("early");
    fs::write(&early, &request).unwrap();
    let again = [
        "-tls1_3",
        "-sess_in",
        session,
        "-early_data",
        early.to_str().unwrap(),
    ];
    let said = s_client(gate.tls_address(), &again, "");
    assert!(said.contains("Reused, TLSv1.3"), "{said}");
    assert!(
        said.contains("Early data was not sent") || said.contains("Early data was rejected"),
        "{said}"
    );
    gate.upstream.saw_nothing();
}

#[test]
fn what_cannot_be_served_does_not_start_and_says_which_file() {
    let authority = Authority::new("servers");
    let (one, other) = (authority.host(&[HOST]), authority.host(&[HOST]));
    let crossed = serving(&one, &json!({})).file("tls/api.key", &other.key);
    refused(
        crossed,
        &[
            "tls/api.key",
            "does not belong to the certificate",
            "tls/api.crt",
        ],
    );
    let nameless = authority.issue(|_| {});
    refused(
        serving(&nameless, &json!({})),
        &["tls/api.crt", "names no host"],
    );
    let text = serving(&one, &json!({})).file("tls/api.crt", "no certificate");
    refused(text, &["tls/api.crt", "holds no certificate"]);
    let missing = serving(&one, &json!({"client_ca": "tls/none.crt"}));
    refused(missing, &["tls/none.crt", "cannot be read"]);
    let leaf = serving(&one, &json!({"client_ca": "tls/api.crt"}));
    refused(leaf, &["tls/api.crt", "is not an authority's certificate"]);
    let alone = serving(&one, &json!({"client_crl": "tls/clients.crl"}));
    refused(
        alone,
        &["client_crl", "no client is asked for a certificate"],
    );
    let both = serving(
        &one,
        &json!({"cert": "tls/none.crt", "key": "file:tls/none.key"}),
    );
    refused(both, &["tls/none.crt", "tls/none.key"]);
}

#[test]
fn a_session_is_resumed_and_counted_so() {
    let (authority, gate) = served();
    let client = TlsClient::new(&authority, None);
    let token = gate.issuer.user("ana").sign();
    let bearer = format!("authorization: Bearer {token}\r\n");
    for resumed in [false, true, true] {
        let mut connection = client.connect(gate.tls_address()).unwrap();
        assert_eq!(connection.get("/app/v1/missions", &bearer).unwrap(), 200);
        assert_eq!(connection.resumed(), resumed);
    }
    counted(&gate, "ok", 1.0);
    counted(&gate, "resumed", 2.0);
}
