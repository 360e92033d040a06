//! Large bodies to nginx and back through the binary itself: byte for byte, and in flat memory.

use super::Nginx;
use crate::support::child::TestProcess;
use crate::support::client::{Connection, Reply, Request};
use crate::support::gate::{HOST, TestGate};
use aws_lc_rs::digest::{Context, SHA256};
use serde_json::json;
use std::fs;
use std::io::Read;

const MIB: usize = 1 << 20;
const LARGE: usize = 100 * MIB;
/// What buffers of some connections may take; a body that was held would take six times as much.
const GROWTH_MAX: u64 = 16 << 20;
/// One piece of a chunked body, and of a body that is made as it is sent.
const PIECE: usize = 64 << 10;

fn start(nginx: &Nginx) -> TestProcess {
    let builder = TestGate::builder()
        .set("/upstreams/api/url", json!(nginx.url()))
        .set("/upstreams/api/timeouts/response", json!("60s"));
    TestProcess::start(builder)
}

fn token(gate: &TestProcess) -> String {
    let edi = gate.issuer.user("edi").role("editor");
    edi.context("dashboard").sign()
}

/// Pieces that never repeat, `length` bytes in all.
fn pieces(length: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..length.div_ceil(PIECE)).map(move |at| {
        let mut state = at as u64 | 1 << 63;
        let words = std::iter::repeat_with(move || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            state.to_be_bytes()
        });
        let mut piece: Vec<u8> = words.take(PIECE / 8).flatten().collect();
        piece.truncate(length - at * PIECE);
        piece
    })
}

/// Sends `length` bytes by PUT, making them on the way, and gives their digest.
fn upload(gate: &TestProcess, token: &str, length: usize, chunked: bool) -> (Reply, Vec<u8>) {
    let framing = if chunked {
        "transfer-encoding: chunked".to_owned()
    } else {
        format!("content-length: {length}")
    };
    let head = format!(
        "PUT /dashboard/v1/missions/m-1 HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/octet-stream\r\n{framing}\r\n\r\n"
    );
    let mut connection = Connection::open(gate.proxy);
    connection.send(head.as_bytes());
    let mut digest = Context::new(&SHA256);
    for piece in pieces(length) {
        digest.update(&piece);
        if chunked {
            connection.send(format!("{:x}\r\n", piece.len()).as_bytes());
        }
        connection.send(&piece);
        if chunked {
            connection.send(b"\r\n");
        }
    }
    if chunked {
        connection.send(b"0\r\n\r\n");
    }
    (connection.reply("PUT"), digest.finish().as_ref().to_vec())
}

fn digest(mut from: impl Read) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece).expect("a body can be read") {
            0 => return digest.finish().as_ref().to_vec(),
            length => digest.update(&piece[..length]),
        }
    }
}

/// Up in one framing, down in both: what nginx stored and what came back are what was sent.
fn there_and_back(gate: &TestProcess, nginx: &Nginx, length: usize, chunked: bool) {
    let token = token(gate);
    let (reply, sent) = upload(gate, &token, length, chunked);
    assert!(
        matches!(reply.status, 201 | 204),
        "{} {}",
        reply.status,
        reply.text()
    );
    let stored = fs::File::open(nginx.folder.path().join("files/dashboard/v1/missions/m-1"));
    assert_eq!(
        digest(stored.expect("nginx stored it")),
        sent,
        "{length} up, {chunked}"
    );
    for (mission, in_chunks) in [("m-1", false), ("chunked", true)] {
        let target = format!("/dashboard/v1/missions/{mission}");
        let reply = Request::new(gate.proxy, "GET", &target)
            .bearer(&token)
            .send();
        reply.allowed(200);
        assert_eq!(
            reply.message.chunks.is_some(),
            in_chunks,
            "{length} {mission}"
        );
        assert_eq!(reply.message.body.len(), length);
        assert_eq!(
            digest(&*reply.message.body),
            sent,
            "{length} down, {mission}"
        );
    }
}

#[test]
fn bodies_of_every_size_arrive_byte_for_byte_in_both_directions() {
    let nginx = Nginx::start();
    let gate = start(&nginx);
    for length in [1, PIECE - 1, PIECE, PIECE + 1, MIB + 1] {
        for chunked in [false, true] {
            there_and_back(&gate, &nginx, length, chunked);
        }
    }
}

#[test]
fn a_hundred_mebibytes_pass_both_ways_in_flat_memory() {
    let nginx = Nginx::start();
    let gate = start(&nginx);
    for chunked in [false, true] {
        there_and_back(&gate, &nginx, MIB, chunked);
    }
    let before = gate.peak();
    for chunked in [false, true] {
        there_and_back(&gate, &nginx, LARGE, chunked);
    }
    let growth = gate.peak() - before;
    assert!(
        growth < GROWTH_MAX,
        "{growth} bytes more than for a small body"
    );
}
