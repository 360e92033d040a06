//! Closing a listening socket without losing whoever has connected to it.
//!
//! The kernel answers a client's connect by itself, and resets everybody in the queue of a socket that is
//! closed. So first it is told to drop the packets that open a connection (SYN); the queue is served to
//! its end; and only then the socket is closed. A client that comes meanwhile hears nothing, sends its
//! SYN again within a second, and is then refused, or served by whoever listens next.

use socket2::{SockFilter, SockRef};
use std::net::TcpListener;
use std::time::Duration;

/// How long a handshake may take that had begun before: a round trip, and the queue stays empty for that
/// long before the socket is closed.
pub(super) const HANDSHAKE: Duration = Duration::from_millis(50);

/// How long the queue is served at most: a client that connects as fast as it is refused ends nothing.
pub(super) const QUEUE: Duration = Duration::from_secs(2);

/// Classic BPF over a TCP header: load the byte of flags, keep SYN, drop what has it (0 bytes pass), pass
/// everything else whole. The filter binds this socket alone, not the connections that came from it.
const DROP_SYN: [SockFilter; 5] = [
    SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_AT),
    SockFilter::new(AND, 0, 0, SYN),
    SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
    SockFilter::new(RETURN, 0, 0, 0),
    SockFilter::new(RETURN, 0, 0, u32::MAX),
];
/// `BPF_LD | BPF_B | BPF_ABS`.
const LOAD_BYTE: u16 = 0x30;
/// `BPF_ALU | BPF_AND | BPF_K`.
const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
const JUMP_IF_EQUAL: u16 = 0x15;
/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;
/// Where a TCP header has its flags.
const FLAGS_AT: u32 = 13;
const SYN: u32 = 0x02;

/// No client that has not begun to connect can do so from now on.
pub(super) fn refuse_new(socket: &TcpListener) {
    if let Err(error) = SockRef::from(socket).attach_filter(&DROP_SYN) {
        // The queue is served to its end all the same; only who comes in the last moment is reset.
        tracing::warn!(%error, "new connections cannot be held off while the port closes");
    }
}
