//! A real upstream that is stopped, or killed in the middle of a body.

use super::Nginx;
use crate::support::eventually;
use crate::support::gate::{HOST, TestGate};
use palisade::reason::Reason;
use serde_json::json;
use std::fs;
use std::process::Command;

const MISSION: &str = "/dashboard/v1/missions/m-1";
const LARGE: usize = 64 << 20;

fn start(nginx: &Nginx) -> (TestGate, String) {
    let gate = TestGate::builder()
        .set("/upstreams/api/url", json!(nginx.url()))
        .set(
            "/upstreams/api/timeouts",
            json!({"response": "600ms", "idle": "600ms"}),
        )
        .start();
    let editor = gate.issuer.user("edi").role("editor");
    let token = editor.context("dashboard").sign();
    (gate, token)
}

fn signal(nginx: &Nginx, name: &str) {
    let id = nginx.child.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status();
    assert!(sent.expect("there is a kill").success());
}

/// Nothing is in flight, and so many requests have a record each.
fn at_rest(gate: &TestGate, requests: usize) {
    eventually("nothing is in flight", || {
        let left = gate.metrics().sum("palisade_in_flight_requests", &[]);
        (left == 0.0).then_some(())
    });
    gate.audit(requests);
}

#[test]
fn an_upstream_that_is_stopped_is_504_until_it_goes_on() {
    let nginx = Nginx::start();
    let (gate, _) = start(&nginx);
    let ana = gate.issuer.user("ana").sign();
    let ask = || gate.get("/app/v1/missions").bearer(&ana).send();
    ask().allowed(200);
    signal(&nginx, "-STOP");
    // On the connection that is kept, and on one that the kernel accepts.
    for _ in 0..2 {
        ask().refused(Reason::UpstreamTimeout);
    }
    signal(&nginx, "-CONT");
    ask().allowed(200);
    at_rest(&gate, 4);
}

#[test]
fn an_upstream_that_is_killed_inside_its_reply_breaks_it_off() {
    let nginx = Nginx::start();
    let folder = nginx.folder.path().join("files/dashboard/v1/missions");
    fs::create_dir_all(&folder).expect("a folder can be made");
    fs::write(folder.join("m-1"), vec![b'x'; LARGE]).expect("a file can be written");
    let (gate, token) = start(&nginx);
    let mut connection = gate.connect();
    connection.send(&gate.get(MISSION).bearer(&token).bytes());
    let head = connection.until("\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    signal(&nginx, "-KILL");
    let raw = connection.rest();
    assert!(raw.len() < LARGE, "{} bytes came", raw.len());
    at_rest(&gate, 1);
    gate.get(MISSION)
        .bearer(&token)
        .send()
        .refused(Reason::UpstreamUnreachable);
}

#[test]
fn an_upstream_that_is_killed_inside_an_upload_is_502() {
    let nginx = Nginx::start();
    let (gate, token) = start(&nginx);
    let mut connection = gate.connect();
    let head = format!(
        "PUT {MISSION} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/octet-stream\r\ncontent-length: {LARGE}\r\n\r\n"
    );
    connection.send(head.as_bytes());
    connection.send(&vec![b'x'; 64 << 10]);
    eventually("the upload is under way", || {
        let open = gate.metrics().sum("palisade_upstream_connections", &[]);
        (open == 1.0).then_some(())
    });
    signal(&nginx, "-KILL");
    connection.reply("PUT").refused(Reason::UpstreamUnreachable);
    connection.closed();
    at_rest(&gate, 1);
}
