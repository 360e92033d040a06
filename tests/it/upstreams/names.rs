//! Names of upstreams, followed as their records change.

use super::dns::Dns;
use super::{READ, count, create, read, status};
use crate::support::authority::Authority;
use crate::support::eventually;
use crate::support::gate::{Builder, TestGate, refused};
use crate::support::script::Script;
use crate::support::tls::serving;
use palisade::reason::Reason;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::mpsc::channel;

const NAME: &str = "api.test.internal";
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Services on both addresses, with one port, that answer with their own.
fn pair() -> u16 {
    let first = TcpListener::bind((FIRST, 0)).expect("loopback has a free port");
    let port = first
        .local_addr()
        .expect("a bound socket has an address")
        .port();
    let second = TcpListener::bind((SECOND, port)).expect("the port is free there too");
    for (listener, ip) in [(first, FIRST), (second, SECOND)] {
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || serve(stream, ip));
            }
        });
    }
    port
}

fn serve(mut stream: std::net::TcpStream, ip: Ipv4Addr) {
    let mut heads = [0; 8192];
    while stream.read(&mut heads).is_ok_and(|read| read > 0) {
        let body = ip.to_string();
        let length = body.len();
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn gate(dns: &Dns, port: u16) -> Builder {
    TestGate::builder()
        .set(
            "/dns",
            json!({"servers": [dns.address()], "refresh_min": "50ms", "refresh_max": "100ms",
                   "timeout": "500ms"}),
        )
        .set("/upstreams/api/url", json!(format!("http://{NAME}:{port}")))
}

#[test]
fn a_name_is_followed_to_where_it_leads() {
    let (dns, port) = (Dns::start(), pair());
    dns.says(NAME, &[FIRST]);
    let gate = gate(&dns, port).start();
    assert_eq!(read(&gate).text(), FIRST.to_string());
    dns.says(NAME, &[SECOND]);
    eventually("the new address is used", || {
        (read(&gate).text() == SECOND.to_string()).then_some(())
    });
    for _ in 0..10 {
        assert_eq!(read(&gate).text(), SECOND.to_string());
    }
    dns.says(NAME, &[FIRST, SECOND]);
    eventually("both are known", || {
        let endpoints = status(&gate)["endpoints"].clone();
        (endpoints.as_array()?.len() == 2).then_some(())
    });
}

#[test]
fn connections_to_an_address_that_is_gone_end() {
    let (dns, port) = (Dns::start(), pair());
    dns.says(NAME, &[FIRST]);
    let gate = gate(&dns, port).start();
    read(&gate).allowed(200);
    dns.says(NAME, &[SECOND]);
    eventually("only the new one's connection is left", || {
        let new = read(&gate).text() == SECOND.to_string();
        let open = gate.metrics().sum("palisade_upstream_connections", &[]);
        (new && open == 1.0).then_some(())
    });
}

#[test]
fn connections_to_an_address_that_is_gone_end_though_nobody_asks() {
    let (dns, port) = (Dns::start(), pair());
    dns.says(NAME, &[FIRST]);
    let gate = gate(&dns, port).start();
    read(&gate).allowed(200);
    dns.says(NAME, &[SECOND]);
    eventually("no connection is left", || {
        let open = gate.metrics().sum("palisade_upstream_connections", &[]);
        (open == 0.0).then_some(())
    });
}

#[test]
fn a_request_to_an_address_that_is_gone_finishes() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let leaving = Script::start_on(FIRST.octets(), move |line| {
        line.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha");
        let _ = wait.lock().unwrap().recv();
        line.send("lf");
    });
    let url = leaving.url();
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let dns = Dns::start();
    dns.says(NAME, &[FIRST]);
    let gate = gate(&dns, port).start();
    let mut under_way = gate.connect();
    let token = gate.issuer.user("ana").sign();
    under_way.send(&gate.get(READ).bearer(&token).bytes());
    eventually("it is under way", || {
        (leaving.connections() == 1).then_some(())
    });
    dns.says(NAME, &[SECOND]);
    eventually("the address is gone", || {
        let endpoints = status(&gate)["endpoints"].to_string();
        (!endpoints.contains(&FIRST.to_string())).then_some(())
    });
    go.send(()).unwrap();
    assert_eq!(under_way.reply("GET").text(), "half");
    gate.audit(1);
}

#[test]
fn localhost_is_found_wherever_it_listens() {
    let gate = TestGate::builder();
    let url = gate.upstream_url().replace("127.0.0.1", "localhost");
    let gate = gate.set("/upstreams/api/url", json!(url)).start();
    for _ in 0..10 {
        create(&gate).allowed(200);
    }
    assert_eq!(gate.upstream.requests().len(), 10);
}

#[test]
fn a_name_that_is_lost_keeps_its_last_addresses() {
    let (dns, port) = (Dns::start(), pair());
    dns.says(NAME, &[FIRST]);
    let gate = gate(&dns, port).start();
    read(&gate).allowed(200);
    dns.forgets(NAME);
    eventually("that is seen", || {
        let status = status(&gate);
        (status["unresolved"][0]["host"] == NAME).then_some(())
    });
    assert!(count(&gate, "resolutions_total", ("result", "error")) > 0.0);
    read(&gate).allowed(200);
    dns.says(NAME, &[FIRST]);
    eventually("and that it is back", || {
        let unresolved = status(&gate)["unresolved"].clone();
        unresolved.as_array()?.is_empty().then_some(())
    });
}

#[test]
fn a_name_server_that_is_silent_about_one_family_is_heard_about_the_other() {
    let (dns, port) = (Dns::start(), pair());
    dns.is_silent_about_ipv6();
    dns.says(NAME, &[FIRST]);
    let gate = gate(&dns, port).start();
    eventually("its address is known", || {
        (read(&gate).text() == FIRST.to_string()).then_some(())
    });
}

#[test]
fn a_name_that_never_led_anywhere_refuses_requests_and_no_start() {
    let dns = Dns::start();
    let gate = gate(&dns, 9000).start();
    read(&gate).refused(Reason::UpstreamUnreachable);
    let detail = gate.only_record()["detail"].to_string();
    assert!(detail.contains(NAME), "{detail}");
    assert_eq!(status(&gate)["unresolved"][0]["host"], NAME);
}

#[test]
fn a_name_server_that_is_gone_is_waited_for_no_longer_than_configured() {
    let dns = Dns::start();
    let gate = gate(&dns, 9000)
        .set("/dns/servers", json!(["127.0.0.1:1"]))
        .start();
    read(&gate).refused(Reason::UpstreamUnreachable);
    gate.request("GET", READ)
        .send()
        .refused(Reason::TokenMissing);
}

#[test]
fn rule_44_a_name_that_leads_to_ourselves_is_left_out() {
    let (dns, port) = (Dns::start(), pair());
    let loopback = Ipv4Addr::LOCALHOST;
    dns.says(NAME, &[loopback]);
    let mut gate = gate(&dns, port).start();
    let own = gate.address().port();
    gate.files
        .set("/upstreams/api/url", json!(format!("http://{NAME}:{own}")));
    gate.reload();
    eventually("the alarm is given", || {
        (count(&gate, "own_listener_total", ("upstream", "api")) > 0.0).then_some(())
    });
    let status = status(&gate);
    let why = status["unresolved"][0]["why"].to_string();
    assert!(why.contains("our own listener"), "{status}");
    read(&gate).refused(Reason::UpstreamUnreachable);
    gate.upstream.saw_nothing();
    gate.audit(1);
}

#[test]
fn rule_44_a_connection_that_comes_back_to_ourselves_ends_there() {
    let mut gate = TestGate::start();
    // No file says where a door of port 0 is, as none says where the kernel leads a connection.
    let own = json!(format!("http://{}", gate.address()));
    gate.files.set("/upstreams/api/url", own);
    gate.reload();
    let reply = eventually("the new address is used", || {
        Some(read(&gate)).filter(|reply| reply.status != 200)
    });
    reply.refused(Reason::UpstreamUnreachable);
    assert!(count(&gate, "own_listener_total", ("upstream", "api")) > 0.0);
    let asked = gate.metrics().sum("palisade_requests_total", &[]);
    let failed = gate
        .metrics()
        .sum("palisade_requests_total", &[("code", "502")]);
    let answered = gate.upstream.requests().len();
    assert_eq!(
        (failed.to_string(), asked.to_string()),
        ("1".to_owned(), (answered + 1).to_string())
    );
}

#[test]
fn rule_44_doors_of_tls_and_of_redirected_connections_are_ours_too() {
    let port = crate::support::child::free_address().port();
    let url = json!(format!("https://127.0.0.1:{port}"));
    let pair = Authority::new("clients").host(&["api.example.com"]);
    let tls = serving(&pair, &json!({"address": format!("127.0.0.1:{port}")}));
    let doors =
        json!({"addresses": [format!("0.0.0.0:{port}"), format!("[::]:{port}")], "ports": [80]});
    let redirected = TestGate::builder().set("/listen/transparent", doors);
    for gate in [tls, redirected] {
        let gate = gate.set("/upstreams/api/url", url.clone());
        refused(gate, &["upstream_is_own_listener", "upstreams.api"]);
    }
}

#[test]
fn rule_44_no_listener_of_ours_is_an_endpoint_however_it_is_written() {
    for host in [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        for door in ["/listen/http", "/admin/metrics", "/admin/control"] {
            let gate = TestGate::builder()
                .set(door, json!(format!("127.0.0.1:{port}")))
                .set("/upstreams/api/url", json!(format!("http://{host}:{port}")));
            refused(
                gate,
                &["upstream_is_own_listener", "name the service behind"],
            );
        }
    }
}
