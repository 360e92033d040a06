//! Very large bodies through the binary itself, over both protocols of clients: memory stays flat. Needs
//! `curl`.

use crate::support::child::TestProcess;
use crate::support::gate::TestGate;
use crate::support::script::{Line, Script};
use crate::support::tools::program;
use serde_json::json;
use std::fs::File;
use std::process::Command;
use tempfile::NamedTempFile;

const MIB: u64 = 1 << 20;
/// What is sent, unless `PALISADE_TEST_VOLUME` says how many MiB.
const VOLUME: u64 = 256 * MIB;
/// What goes before, so that buffers have their size.
const SMALL: u64 = 16 * MIB;
/// By what the most memory that was ever held may rise after that.
const GROWTH_MAX: u64 = 8 * MIB;
const PROTOCOLS: [&str; 2] = ["--http1.1", "--http2-prior-knowledge"];

fn volume() -> u64 {
    let Some(mib) = std::env::var_os("PALISADE_TEST_VOLUME") else {
        return VOLUME;
    };
    let mib = mib.to_str().and_then(|mib| mib.parse::<u64>().ok());
    mib.expect("a number of MiB") * MIB
}

fn start(play: impl Fn(&mut Line, u64) + Send + Sync + 'static) -> TestProcess {
    let script = Script::start(move |line| {
        let length = line.said("x-test-length");
        let length = length.parse().expect("the test says it");
        play(line, length);
    });
    TestProcess::start(TestGate::builder().set("/upstreams/api/url", json!(script.url())))
}

/// What `curl` counted of one exchange: status, bytes sent, bytes received.
fn curl(gate: &TestProcess, protocol: &str, length: u64, more: &[&str]) -> String {
    let editor = gate.issuer.user("edi").role("editor");
    let token = editor.context("dashboard").sign();
    let done = Command::new(program("curl"))
        .args(["-sS", protocol, "-o", "/dev/null", "-m", "300"])
        .args(["-w", "%{http_code} %{size_upload} %{size_download}"])
        .args(["-H", &format!("authorization: Bearer {token}")])
        .args(["-H", &format!("x-test-length: {length}")])
        .args(more)
        .arg(format!("http://{}/dashboard/v1/missions/m-1", gate.proxy))
        .output()
        .expect("curl runs");
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{protocol}: {error}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Fails unless memory stays what it was while `pass` moves bytes over both protocols.
fn in_flat_memory(gate: &TestProcess, pass: impl Fn(&str, u64)) {
    for protocol in PROTOCOLS {
        pass(protocol, SMALL);
    }
    let before = gate.peak();
    for protocol in PROTOCOLS {
        pass(protocol, volume());
        let growth = gate.peak() - before;
        assert!(growth < GROWTH_MAX, "{protocol}: {growth} bytes more");
    }
}

#[test]
fn what_goes_up_without_end_is_not_held() {
    let gate = start(|line, length| {
        if line.take(length) {
            line.send("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        }
    });
    in_flat_memory(&gate, |protocol, length| {
        let body = NamedTempFile::new().expect("a temporary file");
        // All zeros, and no room on the disk.
        let sized = File::set_len(body.as_file(), length);
        sized.expect("a file can be made long");
        let path = body.path().display().to_string();
        let counted = curl(&gate, protocol, length, &["-T", &path]);
        assert_eq!(counted, format!("204 {length} 0"));
    });
}

#[test]
fn what_comes_down_without_end_is_not_held() {
    let gate = start(|line, length| {
        line.send(format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        ));
        let piece = vec![b'x'; 64 << 10];
        let pieces = length / piece.len() as u64;
        (0..pieces).all(|_| line.send(&piece));
    });
    in_flat_memory(&gate, |protocol, length| {
        let counted = curl(&gate, protocol, length, &[]);
        assert_eq!(counted, format!("200 0 {length}"));
    });
}
