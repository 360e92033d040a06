//! Which protocol a client speaks on a plain connection, by its first bytes.
//!
//! They are looked at, not taken: what reads them next finds them all. A builder that reads both
//! protocols would cost every connection six kilobytes.

use super::patience::Patience;
use std::time::Duration;
use tokio::net::TcpStream;

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 and 1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// How every HTTP/2 connection begins. HTTP/1 has no such method, and never will (RFC 9113, section
/// 3.4).
const PREFACE: &[u8; 4] = b"PRI ";

/// Between two looks at a preface that is not whole: a look takes nothing, so there is nothing to wait
/// for.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Waits for enough bytes to know. `None`: the client sent too little, and went away.
pub(super) async fn protocol(stream: &TcpStream, patience: &Patience) -> Option<Protocol> {
    let mut first = [0; PREFACE.len()];
    loop {
        let seen = stream.peek(&mut first).await.ok()?;
        let seen = first.get(..seen).unwrap_or_default();
        if !PREFACE.starts_with(seen) {
            return Some(Protocol::Http1);
        }
        if seen.len() == PREFACE.len() {
            return Some(Protocol::Http2);
        }
        if seen.is_empty() {
            return None;
        }
        patience.read();
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
