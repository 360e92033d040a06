//! A thousand connections at once, against the binary itself: what they held comes back.

use super::{CREATE, READ};
use crate::support::child::{TestProcess, soon};
use crate::support::client::Connection;
use crate::support::gate::{HOST, TestGate};

const CROWD: u16 = 1000;

/// Where in its request each connection is when it goes away.
fn phases(gate: &TestProcess) -> [Vec<u8>; 6] {
    let viewer = gate.issuer.user("ana").sign();
    let editor = gate.issuer.user("edi").role("editor");
    let editor = editor.context("dashboard").sign();
    let whole = gate.request("GET", READ).bearer(&viewer).bytes();
    let upload = |frame: &str, body: &str| {
        let head = format!(
            "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {editor}\r\n\
             content-type: application/json\r\n{frame}\r\n\r\n{body}"
        );
        head.into_bytes()
    };
    [
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        upload("content-length: 100", "{"),
        upload("transfer-encoding: chunked", "5\r\n{"),
        // Nobody reads what it gets.
        whole.clone(),
        [whole.clone(), whole].concat(),
    ]
}

#[test]
fn a_thousand_connections_dropped_at_once_leave_nothing_behind() {
    let gate = TestProcess::start(TestGate::builder());
    gate.upstream.reply(200, &[], &vec![b'x'; 1 << 20]);
    let phases = phases(&gate);
    let open = |count: u16| {
        let is = || gate.scrape().sum("palisade_connections", &[]) == f64::from(count);
        soon("all are open or gone", || is().then_some(()));
    };
    let crowd = |size: u16| -> Vec<Connection> {
        let each = phases.iter().cycle().take(usize::from(size));
        each.map(|bytes| {
            let mut connection = gate.connect();
            connection.send(bytes);
            connection
        })
        .collect()
    };
    let drop_all = || {
        let mut all = crowd(CROWD);
        open(CROWD);
        let closed = all.split_off(all.len() / 2);
        all.into_iter().for_each(Connection::reset);
        drop(closed);
        open(0);
    };
    // The first take what threads and allocator keep.
    drop_all();
    let before = gate.held();
    drop_all();
    gate.rests_as(&before);
    gate.request("GET", "/health").send().allowed(200);
}
