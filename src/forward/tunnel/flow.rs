//! One direction of a tunnel. An idle one holds no buffer: bytes are read onto the stack, written at
//! once, and only what the receiver does not take yet is kept.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read at once, and the most that is kept for a slow receiver.
const CHUNK_BYTES: usize = 16 * 1024;

/// How many chunks a busy direction moves before others have their turn.
const CHUNKS_IN_TURN: usize = 16;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Read, and not written yet.
    rest: Vec<u8>,
    /// How much of it is written.
    written: usize,
    /// The sender has ended.
    ended: bool,
    /// The receiver was told so.
    closed: bool,
    /// How many bytes were written in all.
    pub(super) bytes: u64,
}

/// Which end broke off.
pub(super) enum Broken {
    Sender,
    Receiver,
}

impl Flow {
    /// Whether the sender has ended, and the receiver knows.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Moves what can be moved. Ready: this direction has ended, or an end of it broke off. `seen` gets
    /// all bytes as they are written.
    pub(super) fn poll<S, R>(
        &mut self,
        cx: &mut Context<'_>,
        (sender, receiver): (&mut S, &mut R),
        mut seen: impl FnMut(&[u8]),
    ) -> Poll<Result<(), Broken>>
    where
        S: AsyncRead + Unpin,
        R: AsyncWrite + Unpin,
    {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        let mut room = [MaybeUninit::uninit(); CHUNK_BYTES];
        for _ in 0..CHUNKS_IN_TURN {
            let written = ready!(self.write_rest(cx, receiver, &mut seen));
            written.map_err(|_| Broken::Receiver)?;
            if self.ended {
                let closed = ready!(Pin::new(&mut *receiver).poll_shutdown(cx));
                self.closed = true;
                return Poll::Ready(closed.map_err(|_| Broken::Receiver));
            }
            let mut chunk = ReadBuf::uninit(&mut room);
            match Pin::new(&mut *sender).poll_read(cx, &mut chunk) {
                Poll::Pending => {
                    // What TLS or HTTP/2 holds back must go before the wait.
                    let flushed = ready!(Pin::new(receiver).poll_flush(cx));
                    flushed.map_err(|_| Broken::Receiver)?;
                    return Poll::Pending;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken::Sender)),
                Poll::Ready(Ok(())) => {
                    let chunk = chunk.filled();
                    self.ended = chunk.is_empty();
                    let written = self.write(cx, receiver, chunk, &mut seen);
                    written.map_err(|_| Broken::Receiver)?;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what the receiver takes now, and keeps the rest.
    fn write<R: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        receiver: &mut R,
        chunk: &[u8],
        seen: &mut impl FnMut(&[u8]),
    ) -> io::Result<()> {
        if chunk.is_empty() {
            return Ok(());
        }
        let taken = match Pin::new(receiver).poll_write(cx, chunk)? {
            Poll::Ready(taken) => taken,
            Poll::Pending => 0,
        };
        let (taken, rest) = chunk.split_at_checked(taken).unwrap_or((chunk, &[]));
        self.bytes += taken.len() as u64;
        seen(taken);
        self.rest.extend_from_slice(rest);
        Ok(())
    }

    fn write_rest<R: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        receiver: &mut R,
        seen: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .rest
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            let taken = ready!(Pin::new(&mut *receiver).poll_write(cx, rest))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            seen(rest.get(..taken).unwrap_or(rest));
            self.bytes += taken as u64;
            self.written += taken;
        }
        self.written = 0;
        self.rest = Vec::new();
        Poll::Ready(Ok(()))
    }
}
