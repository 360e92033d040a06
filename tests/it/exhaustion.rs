//! More connections than there is room for: what is full is named, whoever is served stays served, and
//! everything comes back.

use crate::http2;
use crate::support::child::{TestProcess, soon};
use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::network::{FAR, GATE, Network};
use crate::websocket;
use palisade::reason::Reason;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const READ: &str = "/app/v1/missions";

fn refused(gate: &TestGate, cause: &str) -> f64 {
    let refused = "palisade_connections_refused_total";
    gate.metrics().sum(refused, &[("cause", cause)])
}

fn ask(gate: &TestGate, connection: &mut Connection) {
    connection.send(&gate.get("/health").bytes());
    connection.reply("GET").allowed(200);
}

/// Whether a new connection is served.
fn is_served(gate: &TestGate) -> Option<Connection> {
    let mut connection = gate.connect();
    connection.send(&gate.get("/health").bytes());
    // Closed at once, or reset for what it said already.
    let reply = connection.try_next("GET")?;
    (reply.status == 200).then_some(connection)
}

#[test]
fn beyond_the_bound_nobody_takes_the_place_of_a_request() {
    let gate = TestGate::builder()
        .set("/listen/limits", json!({"connections": 2}))
        .set("/upstreams/api/timeouts/response", json!("1m"))
        .start();
    gate.upstream.hang();
    let token = gate.issuer.user("ana").sign();
    let busy: Vec<Connection> = (0..2)
        .map(|_| {
            let mut connection = gate.connect();
            connection.send(&gate.get(READ).bearer(&token).bytes());
            connection
        })
        .collect();
    eventually("both are under way", || {
        (gate.upstream.requests().len() == 2).then_some(())
    });
    assert!(is_served(&gate).is_none());
    assert_eq!(refused(&gate, "total"), 1.0);
    drop(busy);
    gate.upstream.reply(200, &[], b"{}");
    eventually("there is room again", || is_served(&gate));
}

#[test]
fn a_newcomer_takes_the_place_of_whoever_was_unused_for_longest() {
    let gate = TestGate::builder()
        .set("/listen/limits", json!({"connections": 2}))
        .start();
    let [mut first, mut second] = [gate.connect(), gate.connect()];
    ask(&gate, &mut first);
    ask(&gate, &mut second);
    let mut third = eventually("there is room", || is_served(&gate));
    first.closed();
    ask(&gate, &mut second);
    ask(&gate, &mut third);
    let cut = "palisade_connections_cut_total";
    assert_eq!(gate.metrics().sum(cut, &[("cause", "room")]), 1.0);
}

/// Newcomers find no room, for longer than an unused connection keeps its place.
fn nobody_else_comes_in(gate: &TestGate) {
    let begun = Instant::now();
    eventually("long enough", || {
        assert!(is_served(gate).is_none());
        (begun.elapsed() > Duration::from_millis(1500)).then_some(())
    });
    let cut = "palisade_connections_cut_total";
    assert_eq!(gate.metrics().sum(cut, &[("cause", "room")]), 0.0);
}

#[test]
fn an_open_websocket_keeps_its_place() {
    let gate = TestGate::builder()
        .set("/routes/-", websocket::live("api"))
        .set("/listen/limits", json!({"connections": 1}))
        .start();
    gate.upstream.garbage(&websocket::switched(""));
    let _talking = websocket::open(&gate);
    nobody_else_comes_in(&gate);
}

#[test]
fn a_request_over_http2_keeps_its_connection() {
    let gate = TestGate::builder()
        .set("/listen/limits", json!({"connections": 1}))
        .set("/upstreams/api/timeouts/response", json!("1m"))
        .start();
    gate.upstream.hang();
    let token = gate.issuer.user("ana").sign();
    let mut peer = http2::Peer::open(&gate);
    peer.send(&[http2::get(1, &token)]);
    eventually("it is under way", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    nobody_else_comes_in(&gate);
    gate.upstream.reply(200, &[], b"{}");
    peer.send(&[http2::get(3, &token)]);
    assert_eq!(http2::status(&peer.ended(3), 3), Some(200));
}

#[test]
fn an_address_that_has_too_many_gets_no_more_and_the_others_do() {
    let network = Network::new();
    let mut gate = network.at_gate(|| {
        TestGate::builder()
            .set("/listen/http", json!(SocketAddr::from((GATE, 0))))
            .set("/listen/peers", json!({"connections": 2}))
            .start()
    });
    let from_afar = || network.far(|| is_served(&gate));
    let held = [from_afar(), from_afar()];
    assert!(held.iter().all(Option::is_some));
    assert!(from_afar().is_none(), "{FAR:?} has two");
    assert!(network.at_gate(|| is_served(&gate)).is_some());
    assert_eq!(network.at_gate(|| refused(&gate, "peer")), 1.0);
    drop(held);
    network.far(|| eventually("its place is free again", || is_served(&gate)));
    network.at_gate(|| gate.stop());
}

#[test]
fn clients_are_fewer_than_descriptors_so_that_the_rest_goes_on() {
    let gate = TestProcess::start_with(TestGate::builder(), &["prlimit", "--nofile=128:128"]);
    let crowd: Vec<Connection> = (0..160).map(|_| gate.connect()).collect();
    let refused = "palisade_connections_refused_total";
    soon("some are refused", || {
        (gate.scrape().sum(refused, &[("cause", "total")]) > 20.0).then_some(())
    });
    assert_eq!(gate.status()["reload"]["ok"], true);
    // Files are read, upstreams connected to and requests recorded with what is left.
    let tenant = gate.path("tenants/acme.yaml");
    let text = std::fs::read_to_string(&tenant).expect("it is there");
    let suspended = text.replacen(r#""status":"active""#, r#""status":"suspended""#, 1);
    assert_ne!(suspended, text);
    std::fs::write(&tenant, suspended).expect("it can be written");
    let token = gate.issuer.user("ana").sign();
    let request = gate.request("GET", READ).bearer(&token).bytes();
    soon("the reload is followed", || {
        let mut newcomer = gate.connect();
        newcomer.send(&request);
        let reply = newcomer.try_next("GET")?;
        (reply.status == 403).then(|| reply.refused(Reason::AccountSuspended))
    });
    let scrape = gate.scrape();
    assert!(scrape.sum("palisade_connections", &[]) > 60.0);
    let told = scrape.sum("palisade_requests_total", &[]);
    soon("each has its record", || {
        (gate.records().len().to_string() == told.to_string()).then_some(())
    });
    drop(crowd);
    soon("they are gone", || {
        (gate.scrape().sum("palisade_connections", &[]) < 1.0).then_some(())
    });
    gate.request("GET", "/health").send().allowed(200);
}

#[test]
fn a_start_says_when_descriptors_are_too_few_for_the_configured_connections() {
    let logged = "exec prlimit --nofile=256:256 \"$@\" 2>log";
    for (connections, told) in [(1000, true), (100, false)] {
        let limits = json!({"connections": connections});
        let builder = TestGate::builder().set("/listen/limits", limits);
        let gate = TestProcess::start_with(builder, &["sh", "-c", logged, "sh"]);
        let log = std::fs::read_to_string(gate.path("log")).expect("the shell made it");
        assert_eq!(log.contains("raise `ulimit -n`"), told, "{log}");
        assert_eq!(log.contains("192"), told, "three quarters: {log}");
    }
}

#[test]
fn without_descriptors_nothing_spins_and_nothing_is_forgotten() {
    let builder = TestGate::builder()
        .set("/listen/limits", json!({"connections": 100_000}))
        .set("/listen/timeouts", json!({"idle": "1m"}));
    let gate = TestProcess::start_with(builder, &["prlimit", "--nofile=64:64"]);
    gate.request("GET", "/health").send().allowed(200);
    let mut early = gate.connect();
    let (mut scraper, scrape) = gate.scraper();
    assert_eq!(scrape.send_on(&mut scraper).status, 200);
    let crowd: Vec<Connection> = (0..100).map(|_| gate.connect()).collect();
    soon("no descriptor is left", || {
        (gate.descriptors() >= 64).then_some(())
    });
    // The idle connection to the upstream is used first; it closes after this.
    gate.upstream
        .garbage(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let token = gate.issuer.user("ana").sign();
    let request = gate.request("GET", READ).bearer(&token);
    early.send(&request.bytes());
    early.reply("GET").allowed(200);
    // So is whoever scrapes on a connection that it keeps.
    assert_eq!(scrape.send_on(&mut scraper).status, 200);
    // A reload that finds no descriptor leaves what serves.
    let tenant = gate.path("tenants/acme.yaml");
    let text = std::fs::read_to_string(&tenant).expect("it is there");
    std::fs::write(&tenant, text.replace("\"acme\"", "\"acme\" ")).expect("it can be written");
    let (before, begun) = (gate.cpu_seconds(), Instant::now());
    std::thread::sleep(Duration::from_secs(2));
    let used = gate.cpu_seconds() - before;
    assert!(
        used < begun.elapsed().as_secs_f64() / 4.0,
        "{used} s of CPU"
    );
    soon("an upstream that cannot be reached for want of one", || {
        early.send(&request.bytes());
        let reply = early.reply("GET");
        (reply.status == 503).then(|| reply.refused(Reason::Overloaded))
    });
    drop(crowd);
    gate.upstream.reply(200, &[], b"{}");
    soon("it serves again", || {
        early.send(&request.bytes());
        (early.reply("GET").status == 200).then_some(())
    });
    let starved = soon("it is recorded", || {
        let mut records = gate.records().into_iter();
        records.find(|one| one["reason"] == "overloaded")
    });
    let detail = starved["detail"].to_string();
    assert!(detail.contains("open files"), "{detail}");
}
