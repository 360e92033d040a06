//! A connection that became a WebSocket: bytes go both ways as they come, until one side has had enough,
//! nothing was sent for too long, or the gate says that it is over.

mod flow;
mod frames;
mod handshake;
mod open;

pub(super) use open::Opened;

use crate::lease::{Ended, Lease};
use crate::telemetry::{Metrics, Present, TunnelEnd};
use flow::{Broken, Flow};
use frames::Frames;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::any::Any;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

/// How long the client has to take the gate's close frame and to close in turn.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// The upstream's half of a tunnel, and what is held while it is open.
pub struct Tunnel {
    upstream: TokioIo<Upgraded>,
    idle: Duration,
    lease: Option<Lease>,
    held: Vec<Box<dyn Any>>,
    metrics: Arc<Metrics>,
    _open: Present,
}

impl Tunnel {
    pub(super) fn new(upstream: Upgraded, idle: Duration, metrics: &Arc<Metrics>) -> Self {
        Self {
            upstream: TokioIo::new(upstream),
            idle,
            lease: None,
            held: Vec::new(),
            metrics: Arc::clone(metrics),
            _open: metrics.tunnel(),
        }
    }

    /// Drops `guard` when the tunnel ends.
    pub fn hold(&mut self, guard: impl Any) {
        self.held.push(Box::new(guard));
    }

    /// Ends it once `lease` is revoked.
    pub(super) fn lease(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Moves bytes between `client` and the upstream to the end of both, or until `drained`.
    pub async fn run<C>(self, client: C, drained: impl Future<Output = ()>)
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let mut pair = Pair {
            client,
            upstream: self.upstream,
            upward: Flow::default(),
            downward: Flow::default(),
            frames: Frames::default(),
        };
        let end = tokio::select! {
            end = pair.run(self.idle) => end,
            () = revoked(self.lease.as_ref()) => TunnelEnd::Revoked,
            () = drained => TunnelEnd::Drain,
        };
        self.metrics.tunnel_closed(end);
        if let Some(lease) = self.lease {
            tell(&lease, end);
        }
        let code = match end {
            TunnelEnd::Client | TunnelEnd::Upstream => return,
            TunnelEnd::Idle | TunnelEnd::Drain => GOING_AWAY,
            TunnelEnd::Revoked => POLICY_VIOLATION,
        };
        // Whoever does not take it is cut off.
        let _ = timeout(CLOSE_GRACE, pair.close(code)).await;
    }
}

/// RFC 6455, section 7.4.1: "an endpoint is going away".
const GOING_AWAY: u16 = 1001;
/// The same section: "a message that violates its policy".
const POLICY_VIOLATION: u16 = 1008;

/// How a tunnel ended, for the count of streams.
fn tell(lease: &Lease, end: TunnelEnd) {
    lease.ended(match end {
        TunnelEnd::Upstream => Ended::Complete,
        TunnelEnd::Idle => Ended::Idle,
        TunnelEnd::Drain => Ended::Drain,
        // The lease itself knows why it was revoked.
        TunnelEnd::Client | TunnelEnd::Revoked => Ended::Client,
    });
}

async fn revoked(lease: Option<&Lease>) {
    match lease {
        Some(lease) => drop(lease.revoked().await),
        None => pending().await,
    }
}

struct Pair<C> {
    client: C,
    upstream: TokioIo<Upgraded>,
    upward: Flow,
    downward: Flow,
    frames: Frames,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Pair<C> {
    async fn run(&mut self, idle: Duration) -> TunnelEnd {
        let mut timer = pin!(sleep(idle));
        let mut active = Instant::now();
        poll_fn(|cx| {
            let before = self.upward.bytes + self.downward.bytes;
            if let Poll::Ready(end) = self.poll(cx) {
                return Poll::Ready(end);
            }
            if self.upward.bytes + self.downward.bytes != before {
                active = Instant::now();
            }
            // Moved when it goes off, not for every byte.
            while timer.as_mut().poll(cx).is_ready() {
                if active + idle <= Instant::now() {
                    return Poll::Ready(TunnelEnd::Idle);
                }
                timer.as_mut().reset(active + idle);
            }
            Poll::Pending
        })
        .await
    }

    /// Ready when both sides have ended, with the one that was first.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TunnelEnd> {
        let client_first = self.upward.is_closed();
        let ends = (&mut self.client, &mut self.upstream);
        let up = self.upward.poll(cx, ends, |_| {});
        let ends = (&mut self.upstream, &mut self.client);
        let down = self
            .downward
            .poll(cx, ends, |bytes| self.frames.pass(bytes));
        match (up, down) {
            (Poll::Ready(Err(Broken::Sender)), _) | (_, Poll::Ready(Err(Broken::Receiver))) => {
                Poll::Ready(TunnelEnd::Client)
            }
            (Poll::Ready(Err(Broken::Receiver)), _) | (_, Poll::Ready(Err(Broken::Sender))) => {
                Poll::Ready(TunnelEnd::Upstream)
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) if client_first => {
                Poll::Ready(TunnelEnd::Client)
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(TunnelEnd::Upstream),
            (Poll::Pending, _) | (_, Poll::Pending) => Poll::Pending,
        }
    }

    /// Ends both sides: the client with a close frame, unless a frame is half sent.
    async fn close(&mut self, code: u16) -> std::io::Result<()> {
        if self.frames.may_close() {
            let [high, low] = code.to_be_bytes();
            self.client.write_all(&[0x88, 2, high, low]).await?;
        }
        self.client.shutdown().await?;
        self.upstream.shutdown().await?;
        // Closing with bytes unread would reset the connection, and take the frame with it.
        let mut unread = [0; 1024];
        while self.client.read(&mut unread).await? > 0 {}
        Ok(())
    }
}
