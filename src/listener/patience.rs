//! Ends connections whose client is too slow with a head, has gone quiet, or takes nothing.
//!
//! hyper's own header timeout starts when it begins to wait, so it cannot tell a client that dribbles
//! a head from a connection that is kept for later. Here the first byte tells them apart.

use super::Settings;
use crate::telemetry::Cut;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
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
}

/// A request under way; the connection is idle again when it is dropped.
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
        }))
    }

    /// A request has been read and is under way.
    pub(super) fn busy(&self) -> Busy {
        self.0.state.set(State::Busy);
        Busy(self.clone())
    }

    /// Whether nothing has ever been read.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.0.state.get(), State::New(_))
    }

    /// The first bytes of a head have arrived.
    pub(super) fn read(&self) {
        if let State::New(_) | State::Idle(_) = self.0.state.get() {
            self.0.state.set(State::Head(Instant::now()));
        }
    }

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
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.patience.read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.patience.wrote(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
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
