//! Upstreams under TLS: nginx with certificates of our own, good and bad.

use super::viewer;
use crate::support::authority::{Authority, Pair};
use crate::support::child::free_address;
use crate::support::client::Reply;
use crate::support::eventually;
use crate::support::gate::{Builder, TestGate};
use crate::support::tools::program;
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const NAME: &str = "api.internal";

/// A gate that shows an upstream `pair`.
fn showing(pair: &Pair) -> Builder {
    TestGate::builder()
        .set("/upstreams/api/url", json!("https://127.0.0.1:9"))
        .set(
            "/upstreams/api/tls",
            json!({"cert": "tls/own.crt", "key": "file:tls/own.key"}),
        )
        .file("tls/own.crt", &pair.cert)
        .file("tls/own.key", &pair.key)
}

#[test]
fn metrics_know_when_the_certificate_that_an_upstream_is_shown_ends() {
    let authority = Authority::new("clients");
    let mut gate = showing(&authority.until("gate", (2030, 1, 10))).start();
    let ends = |gate: &TestGate| {
        let labels = [("kind", "upstream"), ("name", "api")];
        gate.metrics()
            .sum("palisade_tls_certificate_expiry_timestamp_seconds", &labels)
    };
    assert_eq!(ends(&gate), 1_894_233_600.0);
    let renewed = authority.until("gate", (2031, 1, 1));
    gate.change(|files| {
        files.put("tls/own.crt", &renewed.cert);
        files.put("tls/own.key", &renewed.key);
    });
    assert_eq!(ends(&gate), 1_924_992_000.0);
    gate.change(|files| files.set("/upstreams/api/tls", json!({})));
    assert_eq!(ends(&gate), 0.0, "it is shown none any more");
}

#[test]
fn check_warns_of_a_certificate_for_an_upstream_that_has_ended() {
    let past = Authority::new("clients").until("gate", (2020, 1, 1));
    let (folder, _issuer) = showing(&past).into_folder();
    let faults = palisade::author::check(&folder.path().join("palisade.yaml"));
    let ended = faults.iter().find(|one| one.code == "certificate_expired");
    let ended = ended.unwrap_or_else(|| panic!("{faults:#?}"));
    assert!(!ended.is_error(), "{ended}");
    assert!(ended.place.file.ends_with("tls/own.crt"), "{ended}");
}

/// Older versions of nginx speak 1.2 alone if they are not told.
const MODERN: &str = "ssl_protocols TLSv1.2 TLSv1.3;";

/// nginx that serves `pair`, and says how it was asked.
struct Nginx {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    fn start(pair: &Pair, listen: &str, more: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let (port, path) = (free_address().port(), folder.path().display());
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("a file can be written");
        };
        write("server.crt", &pair.cert);
        write("server.key", &pair.key);
        let config = format!(
            "daemon off;\nmaster_process off;\npid {path}/pid;\nerror_log {path}/error.log;\nevents {{}}\n\
             http {{\n  access_log off;\n  client_body_temp_path {path}/body;\n\
             proxy_temp_path {path}/proxy;\n  fastcgi_temp_path {path}/fastcgi;\n\
             uwsgi_temp_path {path}/uwsgi;\n  scgi_temp_path {path}/scgi;\n\
             server {{\n    listen 127.0.0.1:{port} {listen};\n\
             ssl_certificate {path}/server.crt;\n    ssl_certificate_key {path}/server.key;\n    {more}\n\
             default_type text/plain;\n    location / {{\n\
             return 200 \"$ssl_protocol $server_protocol $ssl_server_name $http_host $ssl_client_serial\";\n\
             }}\n  }}\n}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), config).expect("a file can be written");
        let child = Command::new(program("nginx"))
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .arg("-e")
            .arg(folder.path().join("start.log"))
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let nginx = Self {
            child,
            port,
            _folder: folder,
        };
        eventually("nginx listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A gate whose upstream is `port` under TLS; it trusts `authority`, and knows the upstream as `NAME`.
fn gate(port: u16, authority: &Authority, more: &Value) -> Builder {
    let mut tls = json!({"ca": "tls/ca.crt", "name": NAME});
    let keys = tls.as_object_mut().expect("an object");
    keys.extend(more.as_object().expect("an object").clone());
    TestGate::builder()
        .file("tls/ca.crt", &authority.pem)
        .set(
            "/upstreams/api/url",
            json!(format!("https://127.0.0.1:{port}")),
        )
        .set("/upstreams/api/tls", tls)
}

fn ask(gate: &TestGate) -> Reply {
    gate.get("/app/v1/missions").bearer(&viewer(gate)).send()
}

/// Fails unless the upstream cannot be trusted, for a reason with these words in it.
#[track_caller]
fn untrusted(gate: &TestGate, words: &str) {
    ask(gate).refused(Reason::UpstreamUnreachable);
    let detail = gate.only_record()["detail"].to_string();
    assert!(detail.contains(words), "`{words}` is not in {detail}");
}

#[test]
fn an_authority_and_a_name_of_ones_own_are_trusted() {
    let authority = Authority::new("internal");
    let nginx = Nginx::start(&authority.host(&[NAME]), "ssl http2", MODERN);
    let port = nginx.port;
    for (protocol, version) in [("auto", "2.0"), ("http2", "2.0"), ("http1", "1.1")] {
        let gate = gate(port, &authority, &json!({}))
            .set("/upstreams/api/protocol", json!(protocol))
            .start();
        for _ in 0..2 {
            let reply = ask(&gate);
            reply.allowed(200);
            let expected = format!("TLSv1.3 HTTP/{version} {NAME} 127.0.0.1:{port} ");
            assert_eq!(reply.text(), expected);
        }
    }
}

#[test]
fn tls_1_2_without_http2_is_spoken_too() {
    let authority = Authority::new("internal");
    let nginx = Nginx::start(&authority.host(&[NAME]), "ssl", "ssl_protocols TLSv1.2;");
    let gate = gate(nginx.port, &authority, &json!({})).start();
    let reply = ask(&gate);
    reply.allowed(200);
    assert!(
        reply.text().starts_with("TLSv1.2 HTTP/1.1 "),
        "{}",
        reply.text()
    );
}

#[test]
fn http2_is_not_assumed_where_it_is_not_agreed_on() {
    let authority = Authority::new("internal");
    let nginx = Nginx::start(&authority.host(&[NAME]), "ssl", "");
    let gate = gate(nginx.port, &authority, &json!({}))
        .set("/upstreams/api/protocol", json!("http2"))
        .start();
    untrusted(&gate, "protocol");
}

#[test]
fn a_certificate_of_another_name_is_not_trusted() {
    let authority = Authority::new("internal");
    let nginx = Nginx::start(&authority.host(&["other.internal"]), "ssl", "");
    let gate = gate(nginx.port, &authority, &json!({})).start();
    untrusted(&gate, "not for `api.internal` (`tls.name`)");
}

#[test]
fn a_certificate_of_another_authority_is_not_trusted() {
    let authority = Authority::new("internal");
    let nginx = Nginx::start(&authority.host(&[NAME]), "ssl", "");
    let other = gate(nginx.port, &Authority::new("other"), &json!({})).start();
    untrusted(&other, "no authority that is trusted (`tls.ca`)");
    // The public web's authorities did not sign it either.
    let public = gate(nginx.port, &authority, &json!({}))
        .set("/upstreams/api/tls", json!({"name": NAME}))
        .start();
    untrusted(&public, "no authority that is trusted (`tls.ca`)");
}

#[test]
fn an_expired_certificate_is_not_trusted() {
    let authority = Authority::new("internal");
    let nginx = Nginx::start(&authority.until(NAME, (2020, 1, 1)), "ssl", "");
    let gate = gate(nginx.port, &authority, &json!({})).start();
    untrusted(&gate, "has expired");
}

#[test]
fn what_speaks_no_tls_is_not_spoken_to() {
    let authority = Authority::new("internal");
    let nginx = Nginx::start(&authority.host(&[NAME]), "", "");
    let gate = gate(nginx.port, &authority, &json!({})).start();
    untrusted(&gate, "does not speak TLS");
}

#[test]
fn a_client_certificate_is_shown_and_its_renewal_followed() {
    let authority = Authority::new("internal");
    let folder = TempDir::new().expect("a temporary folder");
    fs::write(folder.path().join("ca.crt"), &authority.pem).expect("a file can be written");
    let ca = folder.path().join("ca.crt");
    let more = format!(
        "ssl_client_certificate {};\n    ssl_verify_client on;",
        ca.display()
    );
    let nginx = Nginx::start(&authority.host(&[NAME]), "ssl http2", &more);
    let without = gate(nginx.port, &authority, &json!({})).start();
    assert_eq!(ask(&without).status, 400, "nginx wants a certificate");
    let own = authority.host(&["palisade.internal"]);
    let shown = json!({"cert": "tls/own.crt", "key": "file:tls/own.key"});
    let with = gate(nginx.port, &authority, &shown)
        .file("tls/own.crt", &own.cert)
        .file("tls/own.key", &own.key)
        .start();
    let serial = || {
        let reply = ask(&with);
        reply.allowed(200);
        reply.text().rsplit(' ').next().unwrap().to_owned()
    };
    let first = serial();
    assert!(!first.is_empty());
    let renewed = authority.host(&["palisade.internal"]);
    fs::write(with.files.path("tls/own.key"), &renewed.key).expect("a file can be written");
    fs::write(with.files.path("tls/own.crt"), &renewed.cert).expect("a file can be written");
    eventually("the new certificate is shown", || {
        (serial() != first).then_some(())
    });
}

#[test]
fn a_key_of_another_certificate_starts_nothing() {
    let authority = Authority::new("internal");
    let (own, other) = (authority.host(&["a"]), authority.host(&["b"]));
    let shown = json!({"cert": "tls/own.crt", "key": "file:tls/own.key"});
    let builder = gate(9443, &authority, &shown)
        .file("tls/own.crt", &own.cert)
        .file("tls/own.key", &other.key);
    crate::support::gate::refused(
        builder,
        &["upstreams.api.tls.cert", "cannot be used together"],
    );
}
