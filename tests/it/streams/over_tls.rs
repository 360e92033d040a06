//! Streams of clients that showed a certificate: they end with what vouched for it.

use super::{PATH, Streaming};
use crate::support::authority::{Authority, Pair};
use crate::support::eventually;
use crate::support::gate::HOST;
use crate::support::tls::{TlsClient, TlsConnection};
use serde_json::json;
use std::io::Read as _;

struct Case {
    servers: Authority,
    clients: Authority,
    streaming: Streaming,
}

/// One stream of events, as far as it was read.
struct Events(TlsConnection, String);

impl Case {
    fn new() -> Self {
        let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
        let pair = servers.host(&[HOST]);
        let tls = json!({
            "address": "127.0.0.1:0", "cert": "tls/api.crt", "key": "file:tls/api.key",
            "client_ca": "tls/clients.crt", "client_crl": "tls/clients.crl",
        });
        let streaming = Streaming::start(|builder| {
            builder
                .set("/listen/tls", tls)
                .file("tls/api.crt", &pair.cert)
                .file("tls/api.key", &pair.key)
                .file("tls/clients.crt", &clients.pem)
                .file("tls/clients.crl", &clients.revoke(&[], 2100))
        });
        Self {
            servers,
            clients,
            streaming,
        }
    }

    fn events(&mut self, own: &Pair) -> Events {
        let gate = &self.streaming.gate;
        let token = gate.issuer.user("ana").sign();
        let client = TlsClient::new(&self.servers, Some(own));
        let mut connection = client.connect(gate.tls_address()).unwrap();
        let bearer = format!("authorization: Bearer {token}\r\n");
        connection.ask(PATH, &bearer).unwrap();
        let mut events = Events(connection, String::new());
        events.hears("\r\n\r\n");
        events
    }
}

impl Events {
    fn hears(&mut self, word: &str) {
        while !self.1.contains(word) {
            let mut some = [0; 1024];
            let read = self.0.0.read(&mut some).unwrap();
            assert_ne!(read, 0, "it ended after {}", self.1);
            self.1.push_str(&String::from_utf8_lossy(&some[..read]));
        }
    }
}

#[test]
fn a_stream_ends_when_its_clients_certificate_is_revoked_and_no_other_does() {
    let mut case = Case::new();
    let [web, other] = ["web", "other"].map(|name| {
        case.clients
            .workload(&format!("spiffe://example.org/ns/prod/sa/{name}"))
    });
    let (mut revoked, mut kept) = (case.events(&web), case.events(&other));
    // A list that is renewed and lists nobody is no reason.
    let renewed = case.clients.revoke(&[], 2101);
    let gate = &mut case.streaming.gate;
    gate.change(|files| files.put("tls/clients.crl", &renewed));
    case.streaming.say("second");
    revoked.hears("second");
    kept.hears("second");
    let listed = case.clients.revoke(&[&web], 2100);
    let gate = &mut case.streaming.gate;
    gate.change(|files| files.put("tls/clients.crl", &listed));
    revoked.hears("0\r\n\r\n");
    case.streaming.ended("certificate_withdrawn", 1.0);
    case.streaming.say("third");
    kept.hears("third");
    assert!(!revoked.1.contains("third"), "{}", revoked.1);
}

#[test]
fn a_stream_ends_with_its_clients_certificate() {
    let mut case = Case::new();
    let own = case.clients.brief("spiffe://example.org/ns/prod/sa/web", 2);
    case.events(&own).hears("0\r\n\r\n");
    case.streaming.ended("certificate_withdrawn", 1.0);
    let ends = case.streaming.gate.stream_ends(1);
    assert_eq!(ends[0]["reason"], "certificate_withdrawn", "{ends:#?}");
    eventually("nothing is open", || {
        let open = case.streaming.gate.metrics();
        (open.sum("palisade_streams_open", &[]) == 0.0).then_some(())
    });
}
