//! The bytes of a connection to an upstream, plain or under TLS.

use super::endpoints::{Open, Room};
use crate::telemetry::Present;
use std::io::{IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::client::TlsStream;

/// A connection's stream; counted until it is dropped, if it is.
pub(super) struct Wire {
    // Goes before the stream: its ends may be another connection's as soon as that is closed.
    _open: Option<(Present, Option<Open>)>,
    stream: Stream,
    heard: Option<Arc<Notify>>,
    _room: Room,
}

/// What moves the bytes. TLS is in a box: plain connections must not pay for its buffers.
pub(super) enum Stream {
    /// As they are.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Our end of it, and the other one.
    pub(super) fn ends(&self) -> Result<(SocketAddr, SocketAddr)> {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        Ok((stream.local_addr()?, stream.peer_addr()?))
    }
}

impl Wire {
    pub(super) fn new(stream: Stream, open: Option<(Present, Option<Open>)>, room: Room) -> Self {
        Self {
            stream,
            heard: None,
            _open: open,
            _room: room,
        }
    }

    /// Told once, as soon as the peer has said anything, or is gone.
    pub(super) fn on_first_word(&mut self) -> Arc<Notify> {
        let heard = self.heard.insert(Arc::default());
        Arc::clone(heard)
    }
}

impl Drop for Wire {
    /// What could not even be written to was never read.
    fn drop(&mut self) {
        if let Some(heard) = self.heard.take() {
            heard.notify_one();
        }
    }
}

/// The same call on whichever stream it is.
macro_rules! on_stream {
    ($wire:expr, $call:ident, $($argument:expr),+) => {
        match &mut $wire.as_mut().get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).$call($($argument),+),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).$call($($argument),+),
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let read = std::task::ready!(on_stream!(self, poll_read, cx, into));
        if let Some(heard) = self.heard.take() {
            heard.notify_one();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        on_stream!(self, poll_write, cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        on_stream!(self, poll_flush, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        on_stream!(self, poll_shutdown, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        on_stream!(self, poll_write_vectored, cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
