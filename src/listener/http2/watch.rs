//! Ends HTTP/2 connections whose client is too slow with a head, has gone quiet, takes nothing, or
//! takes back what it has just asked for.

use super::super::patience::{Busy, Patience};
use super::frames::{Found, Frames};
use crate::telemetry::{Cut, Metrics};
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Requests that a client may take back within [`RESETS_WINDOW`]. Each costs us the beginning of a
/// request, and the client next to nothing (CVE-2023-44487).
const RESETS_MAX: u32 = 1000;

/// See [`RESETS_MAX`].
const RESETS_WINDOW: Duration = Duration::from_secs(10);

/// Frames that carry nothing: so many may come within [`BARE_WINDOW`], beside those that were paid for. Each
/// is read, and many are answered, for a client that asks for nothing (CVE-2019-9512, 9513, 9515, 9518).
const BARE_MAX: u32 = 10_000;

/// See [`BARE_MAX`].
const BARE_WINDOW: Duration = Duration::from_secs(10);

/// For how many of them a part of a request or reply pays: whoever takes a reply says so now and then.
const BARE_FOR_A_PART: u32 = 10;

/// Watches one connection; clones watch the same.
#[derive(Clone, Debug)]
pub(super) struct Watch(Rc<Seen>);

#[derive(Debug)]
struct Seen {
    /// Requests under way.
    open: Cell<u32>,
    /// The connection as others see it: busy as long as any request is under way.
    patience: Patience,
    busy: RefCell<Option<Busy>>,
    /// Whether nothing was ever asked.
    new: Cell<bool>,
    /// Since when there are none.
    idle: Cell<Instant>,
    /// Since when a frame, or the fields of a request, are not whole.
    amid: Cell<Option<Instant>>,
    /// Since when the client has not taken what is written to it.
    stalled: Cell<Option<Instant>>,
    resets: Cell<(Instant, u32)>,
    bare: Cell<(Instant, u32)>,
    read: RefCell<Frames>,
    written: RefCell<Frames>,
    metrics: Arc<Metrics>,
}

/// What a client did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing was asked for a long time. Not even a fault.
    Idle,
    /// A head did not become whole.
    Head,
    /// What was written was not taken.
    Write,
    /// Too many requests were taken back.
    Resets,
    /// Too many frames carried nothing.
    Frames,
}

/// A request under way.
pub(super) struct Open(Watch);

impl Drop for Open {
    fn drop(&mut self) {
        let Self(Watch(seen)) = self;
        seen.open.set(seen.open.get().saturating_sub(1));
        if seen.open.get() == 0 {
            seen.busy.take();
        }
        seen.idle.set(Instant::now());
    }
}

impl Fault {
    /// As a cut connection is counted for it.
    pub(super) fn cut(self) -> Cut {
        match self {
            Self::Idle => Cut::Idle,
            Self::Head => Cut::Head,
            Self::Write => Cut::Write,
            Self::Resets => Cut::Resets,
            Self::Frames => Cut::Frames,
        }
    }
}

impl Watch {
    pub(super) fn new(metrics: &Arc<Metrics>, patience: Patience) -> Self {
        let now = Instant::now();
        Self(Rc::new(Seen {
            open: Cell::new(0),
            patience,
            busy: RefCell::new(None),
            new: Cell::new(true),
            idle: Cell::new(now),
            amid: Cell::new(Some(now)),
            stalled: Cell::new(None),
            resets: Cell::new((now, 0)),
            bare: Cell::new((now, 0)),
            read: RefCell::new(Frames::of_client()),
            written: RefCell::new(Frames::of_server()),
            metrics: Arc::clone(metrics),
        }))
    }

    /// A request has been read and is under way.
    pub(super) fn open(&self) -> Open {
        let Seen { open, new, .. } = &*self.0;
        if open.get() == 0 {
            *self.0.busy.borrow_mut() = Some(self.0.patience.busy(false));
        }
        open.set(open.get().saturating_add(1));
        new.set(false);
        Open(self.clone())
    }

    /// Whether nothing has ever been asked.
    pub(super) fn is_new(&self) -> bool {
        self.0.new.get()
    }

    /// Completes when the client has done something wrong. `idle`: how long a connection without requests
    /// is kept.
    pub(super) async fn fault(&self, head: Duration, idle: Duration, write: Duration) -> Fault {
        let shortest = head.min(idle).min(write).min(RESETS_WINDOW);
        loop {
            let now = Instant::now();
            let Seen { open, stalled, .. } = &*self.0;
            let since = |since: Option<Instant>, limit: Duration| {
                since.is_some_and(|since| since + limit <= now)
            };
            if self.0.resets.get().1 > RESETS_MAX {
                return Fault::Resets;
            }
            if self.0.bare.get().1 > BARE_MAX {
                return Fault::Frames;
            }
            if since(self.0.amid.get(), head) {
                return Fault::Head;
            }
            if since(stalled.get(), write) {
                return Fault::Write;
            }
            if open.get() == 0 && since(Some(self.0.idle.get()), idle) {
                return Fault::Idle;
            }
            // Whatever begins meanwhile is late by that much at most.
            tokio::time::sleep((shortest / 4).max(Duration::from_millis(1))).await;
        }
    }

    /// The client says goodbye in its own time, from now on.
    pub(super) fn rest(&self) {
        self.0.idle.set(Instant::now());
    }

    fn read(&self, bytes: &[u8]) {
        let mut frames = self.0.read.borrow_mut();
        let before = frames.whole();
        // Whatever code it gives: a reset that blames us costs as much as any other.
        frames.follow(bytes, |found| match found {
            Found::Reset | Found::Malformed => self.taken_back(),
            Found::Part => self.paid(),
            Found::Bare => self.bare(),
        });
        if !frames.is_amid() {
            self.0.amid.set(None);
        } else if self.0.amid.get().is_none() || frames.whole() > before {
            self.0.amid.set(Some(Instant::now()));
        }
    }

    fn taken_back(&self) {
        let (since, count) = self.0.resets.get();
        // Once there were too many, there were: nobody may have looked since.
        if count > RESETS_MAX {
            return;
        }
        let now = Instant::now();
        self.0.resets.set(if since + RESETS_WINDOW < now {
            (now, 1)
        } else {
            (since, count + 1)
        });
    }

    /// The clock is read where a count begins and where it is full, and not for each frame.
    fn bare(&self) {
        let (since, count) = self.0.bare.get();
        self.0.bare.set(match count {
            0 => (Instant::now(), 1),
            BARE_MAX if since.elapsed() > BARE_WINDOW => (Instant::now(), 1),
            _ => (since, count.saturating_add(1)),
        });
    }

    fn paid(&self) {
        let (since, count) = self.0.bare.get();
        // Once there were too many, there were.
        if (1..=BARE_MAX).contains(&count) {
            let left = count.saturating_sub(BARE_FOR_A_PART);
            self.0.bare.set((since, left));
        }
    }

    /// Something was written, or flushed: TLS takes more than the client does, and says so only there.
    fn took<T>(&self, written: &Poll<T>) {
        let stalled = &self.0.stalled;
        if written.is_ready() {
            stalled.set(None);
        } else if stalled.get().is_none() {
            stalled.set(Some(Instant::now()));
        }
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>, slices: &[io::IoSlice<'_>]) {
        self.took(written);
        let Poll::Ready(written) = written else {
            return;
        };
        let mut left = *written.as_ref().unwrap_or(&0);
        let mut frames = self.0.written.borrow_mut();
        for slice in slices {
            let (taken, _) = slice.split_at_checked(left).unwrap_or((slice, &[]));
            left -= taken.len();
            frames.follow(taken, |found| match found {
                // Its request never reached the gate: the library has answered.
                Found::Malformed => self.0.metrics.malformed_head(),
                Found::Part => self.paid(),
                Found::Reset | Found::Bare => {}
            });
        }
    }
}

/// A stream whose frames are seen.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) watch: Watch,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch
            .read(buf.filled().get(before..).unwrap_or_default());
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
        self.watch.wrote(&written, &[io::IoSlice::new(bytes)]);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch.took(&flushed);
        flushed
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
        self.watch.wrote(&written, bytes);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `WINDOW_UPDATE`, and a DATA of one byte.
    const BARE: [u8; 13] = [0, 0, 4, 8, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    const PART: [u8; 10] = [0, 0, 1, 0, 0, 0, 0, 0, 1, b'x'];

    fn watch() -> Watch {
        let watch = Watch::new(&Metrics::new(), Patience::new());
        watch.read(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        watch
    }

    #[test]
    fn frames_that_carry_nothing_are_paid_for_by_parts() {
        let watch = watch();
        for _ in 0..BARE_MAX {
            watch.read(&PART);
            watch.read(&BARE.repeat(9));
        }
        assert!(watch.0.bare.get().1 < 10);
        for _ in 0..=BARE_MAX {
            watch.read(&BARE);
        }
        watch.read(&PART.repeat(2000));
        assert!(watch.0.bare.get().1 > BARE_MAX, "it is not taken back");
    }

    #[tokio::test(start_paused = true)]
    async fn frames_that_carry_nothing_may_come_now_and_then() {
        let watch = watch();
        for _ in 0..10 {
            watch.read(&BARE.repeat(5000));
            tokio::time::advance(BARE_WINDOW).await;
        }
        assert!(watch.0.bare.get().1 <= BARE_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_resets_are_not_forgotten_before_anybody_looks() {
        let watch = watch();
        let reset = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8];
        watch.read(&reset.repeat(RESETS_MAX as usize + 1));
        tokio::time::advance(RESETS_WINDOW * 2).await;
        watch.read(&reset);
        let soon = Duration::from_secs(1);
        assert_eq!(watch.fault(soon, soon, soon).await, Fault::Resets);
    }

    #[test]
    fn every_reset_counts_whatever_its_code() {
        for code in [0_u32, 1, 8] {
            let watch = Watch::new(&Metrics::new(), Patience::new());
            let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            bytes.extend([0, 0, 4, 3, 0, 0, 0, 0, 1]);
            bytes.extend(code.to_be_bytes());
            watch.read(&bytes);
            assert_eq!(watch.0.resets.get().1, 1, "code {code}");
        }
    }
}
