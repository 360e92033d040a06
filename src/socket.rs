//! What the kernel is told about connections, and what it says when it has no more of them.

use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{SockRef, TcpKeepalive};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How much of what is written may wait in the kernel to be sent. A peer that takes nothing holds no
/// more than that, and whoever takes a little is seen to go on.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// A connection on which nothing is sent is asked after this time whether its peer is still there,
const ASKED_AFTER: Duration = Duration::from_secs(15);
/// then after each of these,
const ASKED_EVERY: Duration = Duration::from_secs(5);
/// and closed when so many questions had no answer.
const ASKED_TIMES: u32 = 3;

/// Sets up a connection to a client or an upstream. One whose peer is gone without a word (a network
/// that drops everything, a machine that lost its power) is closed by the kernel: `silence` after
/// something was sent that the peer did not take, or half a minute into a pause.
pub fn set_up(stream: &TcpStream, silence: Duration) -> io::Result<()> {
    // Small messages are one write each; waiting for more would only delay them.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(silence))?;
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    let keepalive = TcpKeepalive::new()
        .with_time(ASKED_AFTER)
        .with_interval(ASKED_EVERY)
        .with_retries(ASKED_TIMES);
    socket.set_tcp_keepalive(&keepalive)
}

/// The next client of `listener`. One that was passed is shared with other processes, and each of them can
/// make it blocking, as systemd does when it starts a service without `NonBlocking=`: whoever asked then would
/// stand still until somebody connects. So it is made right again before each look.
pub async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|cx| {
        SockRef::from(listener).set_nonblocking(true)?;
        listener.poll_accept(cx)
    })
    .await
}

/// How many descriptors the process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// Now.
    pub soft: u64,
    /// If it asked for more.
    pub hard: u64,
}

/// What is said of the process's descriptors.
pub fn descriptors() -> Descriptors {
    let limit = getrlimit(Resource::Nofile);
    Descriptors {
        soft: limit.current.unwrap_or(u64::MAX),
        hard: limit.maximum.unwrap_or(u64::MAX),
    }
}

/// Asks for as many as it may have, and says how many that are.
pub fn raise_descriptors() -> Descriptors {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of descriptors cannot be raised");
    }
    descriptors()
}

impl Descriptors {
    /// How many clients may be connected: the rest is for upstreams, files, and the listeners of those who
    /// look after the process. A client that waits for its reply takes a second one, an idle client none.
    pub fn clients(self) -> usize {
        usize::try_from(self.soft - self.soft / 4).unwrap_or(usize::MAX)
    }
}

/// Whether an error says that no descriptor is left, to this process or to the whole machine: it says
/// nothing about the file or the peer that was asked for.
pub fn is_starved(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// Linux's numbers, the same on every architecture.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

#[cfg(test)]
mod tests {
    //! What the kernel says it was told.

    use super::*;

    #[tokio::test]
    async fn a_peer_that_is_gone_without_a_word_is_missed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
        let stream = stream.unwrap();
        set_up(&stream, Duration::from_secs(7)).unwrap();
        let socket = SockRef::from(&stream);
        assert_eq!(
            socket.tcp_user_timeout().unwrap(),
            Some(Duration::from_secs(7))
        );
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), ASKED_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), ASKED_EVERY);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), ASKED_TIMES);
    }

    #[test]
    fn only_want_of_descriptors_is_starvation() {
        let starved = |code| is_starved(&io::Error::from_raw_os_error(code));
        assert!(starved(24) && starved(23));
        assert!(!starved(2) && !starved(111));
    }
}
