//! Ends connections whose client is too slow with a head, has gone quiet, or takes nothing; and without a
//! reset where it still sends what nobody wants.
//!
//! hyper's own header timeout starts when it begins to wait, so it cannot tell a client that dribbles
//! a head from a connection that is kept for later. Here the first byte tells them apart.

use super::Settings;
use crate::telemetry::Cut;
use bytes::Bytes;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// A `Cell` that is `Send`: hyper asks that of a connection that may be upgraded. One thread uses it, so
/// that its lock is always free.
#[derive(Debug)]
struct Spot<T>(Mutex<T>);

impl<T: Copy> Spot<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn get(&self) -> T {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It was opened then, and nothing was read yet.
    New(Instant),
    /// Nothing was read since then.
    Idle(Instant),
    /// The first byte of a head was read then.
    Head(Instant),
    /// A request is under way.
    Busy,
}

/// Watches one connection; clones watch the same.
#[derive(Clone, Debug)]
pub(super) struct Patience(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    state: Spot<State>,
    /// Since when the client has not taken what is written to it.
    stalled: Spot<Option<Instant>>,
    /// The latest request has a body that may not have been read to its end.
    upload: Spot<bool>,
}

/// A request under way; the connection is idle again when it is dropped.
#[derive(Debug)]
pub(super) struct Busy(Patience);

impl Drop for Busy {
    fn drop(&mut self) {
        let Self(patience) = self;
        patience.0.state.set(State::Idle(Instant::now()));
    }
}

impl Patience {
    pub(super) fn new() -> Self {
        Self(Arc::new(Seen {
            state: Spot::new(State::New(Instant::now())),
            stalled: Spot::new(None),
            upload: Spot::new(false),
        }))
    }

    /// A request has been read and is under way; `upload`: all but its body.
    pub(super) fn busy(&self, upload: bool) -> Busy {
        self.0.state.set(State::Busy);
        self.0.upload.set(upload);
        Busy(self.clone())
    }

    /// Since when nobody needs the connection, if that is so. Whoever has not taken its reply yet needs it.
    pub(super) fn unused_since(&self) -> Option<Instant> {
        if self.0.stalled.get().is_some() {
            return None;
        }
        match self.0.state.get() {
            State::New(since) | State::Idle(since) => Some(since),
            State::Head(_) | State::Busy => None,
        }
    }

    /// Whether nothing has ever been read.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.0.state.get(), State::New(_))
    }

    /// Whether nothing has been under way for that long: nothing was read, and all that was written is
    /// taken.
    pub(super) fn has_rested(&self, quiet: Duration) -> bool {
        let state = self.0.state.get();
        let rested = matches!(state, State::Idle(since) if since.elapsed() >= quiet);
        rested && self.0.stalled.get().is_none()
    }

    /// The first bytes of a head have arrived.
    pub(super) fn read(&self) {
        if let State::New(_) | State::Idle(_) = self.0.state.get() {
            self.0.state.set(State::Head(Instant::now()));
        }
    }

    /// The connection is to end: between two requests nothing is left to be read.
    pub(super) fn rest(&self) {
        if let State::New(_) | State::Idle(_) = self.0.state.get() {
            self.0.upload.set(false);
        }
    }

    /// The gate has said its last word. `true`: the client may still be sending, for as long as a head
    /// may take.
    fn lingers(&self) -> bool {
        let upload = self.0.upload.get();
        if upload && !matches!(self.0.state.get(), State::Head(_)) {
            self.0.state.set(State::Head(Instant::now()));
        }
        upload
    }

    /// Something was written, or flushed: TLS takes more than the client does, and says so only there.
    fn wrote<T>(&self, written: Poll<T>) -> Poll<T> {
        let stalled = &self.0.stalled;
        if written.is_ready() {
            stalled.set(None);
        } else if stalled.get().is_none() {
            stalled.set(Some(Instant::now()));
        }
        written
    }

    /// Completes when the client takes longer than it may: for a head, with nothing to do, or to take
    /// what is written.
    pub(super) async fn ends(&self, limits: &Settings) -> Cut {
        // A state that begins while this sleeps ends no earlier than that from now.
        let shortest = limits.head_timeout.min(limits.write_timeout);
        loop {
            let now = Instant::now();
            let next = self.next(limits);
            if let Some((_, cut)) = next.filter(|(until, _)| *until <= now) {
                return cut;
            }
            let look = now + shortest;
            tokio::time::sleep_until(next.map_or(look, |(until, _)| until.min(look))).await;
        }
    }

    /// When the client will have taken too long with what it is at, and the name of that.
    fn next(&self, limits: &Settings) -> Option<(Instant, Cut)> {
        if let Some(since) = self.0.stalled.get() {
            return Some((since + limits.write_timeout, Cut::Write));
        }
        match self.0.state.get() {
            State::New(since) | State::Idle(since) => {
                Some((since + limits.idle_timeout, Cut::Idle))
            }
            State::Head(since) => Some((since + limits.head_timeout, Cut::Head)),
            State::Busy => None,
        }
    }
}

/// A stream whose reads and stalled writes are seen.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) patience: Patience,
    /// Read before, and to be read again first.
    first: Bytes,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, patience: Patience) -> Self {
        Self {
            stream,
            patience,
            first: Bytes::new(),
        }
    }

    /// The next to read will get `bytes`, then what the stream has.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.first = bytes;
    }

    /// Whether something was put back and not read yet.
    pub(super) fn has_more(&self) -> bool {
        !self.first.is_empty()
    }
}

/// What is thrown away at once.
const REST_BYTES: usize = 8 * 1024;

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Reads what the client still sends, to its end. Closing with bytes unread would reset the connection,
    /// and many clients lose the answer that they already have over it.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = [MaybeUninit::uninit(); REST_BYTES];
        loop {
            let mut rest = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut rest))?;
            if rest.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_more() {
            let taken = self.first.len().min(buf.remaining());
            buf.put_slice(&self.first.split_to(taken));
            self.patience.read();
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.patience.read();
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.patience.wrote(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.patience.wrote(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        if self.patience.lingers() {
            return self.poll_rest(cx);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.patience.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn what_is_put_back_is_read_first_and_begins_a_head() {
        let patience = Patience::new();
        let mut watched = Watched::new(&b" world"[..], patience.clone());
        watched.put_back(Bytes::from_static(b"hello"));
        assert!(watched.has_more());
        let mut some = [0; 3];
        watched.read_exact(&mut some).await.unwrap();
        assert!(matches!(patience.0.state.get(), State::Head(_)));
        let mut rest = String::new();
        watched.read_to_string(&mut rest).await.unwrap();
        assert_eq!((&some, rest.as_str()), (b"hel", "lo world"));
    }

    #[test]
    fn only_an_idle_connection_whose_writes_were_taken_has_rested() {
        let patience = Patience::new();
        let rested = || patience.has_rested(Duration::ZERO);
        assert!(!rested(), "it is new");
        let busy = patience.busy(false);
        assert!(!rested(), "a request is under way");
        drop(busy);
        assert!(rested());
        let _ = patience.wrote(Poll::<()>::Pending);
        assert!(!rested(), "the client has not taken its reply");
        let _ = patience.wrote(Poll::Ready(()));
        patience.read();
        assert!(!rested(), "a head has begun");
    }
}
