//! `slowhttptest` with 200 connections of each kind, all at once, against the binary itself. It asks
//! meanwhile on a connection of its own whether the service is still there.

use crate::support::child::TestProcess;
use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::tools::program;
use serde_json::json;
use std::process::{Child, Command, Stdio};

/// What each kind of attack sends, and how.
const KINDS: [(&str, &[&str]); 4] = [
    // A head that never ends.
    ("/health", &["-H", "-i", "1", "-x", "8"]),
    // A body that never ends.
    (
        "/upload",
        &["-B", "-i", "1", "-x", "8", "-s", "8192", "-t", "POST"],
    ),
    // A reply that is hardly read.
    (
        "/health",
        &[
            "-X", "-w", "256", "-y", "512", "-n", "1", "-z", "16", "-k", "3",
        ],
    ),
    // Ranges beyond number.
    ("/health", &["-R", "-t", "HEAD", "-a", "10", "-b", "3000"]),
];

fn attack(gate: &TestProcess, (target, options): (&str, &[&str])) -> Child {
    Command::new(program("slowhttptest"))
        .args(options)
        .args(["-c", "200", "-r", "200", "-l", "8", "-p", "3"])
        .args(["-u", &format!("http://{}{target}", gate.proxy)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("slowhttptest starts")
}

#[test]
fn slow_heads_bodies_and_readers_are_cut_and_the_service_stays() {
    let upload = json!({"context": "app", "match": "POST /upload", "action": "upload/create",
                        "public": true, "upstream": "api"});
    let timeouts = json!({"head": "2s", "body": "2s", "write": "2s", "idle": "3s"});
    let builder = TestGate::builder()
        .set("/listen/timeouts", timeouts)
        .set("/routes/-", upload);
    let gate = TestProcess::start(builder);
    gate.upstream.accept_any_header();
    gate.upstream.reply(200, &[], &vec![b'x'; 256 << 10]);
    gate.request("GET", "/health").send().allowed(200);
    // The first round takes what threads and allocator keep; a leak grows in the second too.
    round(&gate);
    eventually("the first are gone", || {
        (gate.scrape().sum("palisade_connections", &[]) < 1.0).then_some(())
    });
    let before = gate.held();
    round(&gate);
    gate.rests_as(&before);
    let scrape = gate.scrape();
    let cut = |cause| scrape.sum("palisade_connections_cut_total", &[("cause", cause)]);
    assert!(cut("head") >= 400.0, "{}", cut("head"));
    assert!(cut("write") >= 200.0, "{}", cut("write"));
    let records = gate.records();
    let late = records.iter().filter(|one| one["reason"] == "body_timeout");
    assert_eq!(late.count(), 400);
}

/// All kinds at once; the service answers whoever asks meanwhile.
fn round(gate: &TestProcess) {
    for child in KINDS.map(|kind| attack(gate, kind)) {
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stdout);
        let asked = text
            .lines()
            .filter(|line| line.contains("service available"));
        let asked: Vec<&str> = asked.collect();
        assert!(asked.iter().any(|line| line.contains("YES")), "{text}");
        assert!(!asked.iter().any(|line| line.contains("NO")), "{text}");
    }
}
