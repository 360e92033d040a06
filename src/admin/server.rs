//! One admin listener: accepts, bounds and ends connections.

use crate::drain::Draining;
use crate::socket;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// What one client may take from the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Scrapers, probes and a few operators; beyond them the oldest connection goes, so that nobody who holds
    /// many keeps a probe out.
    pub(super) connections_max: usize,
    /// How long a head may take to arrive, and a connection may idle before it.
    pub(super) head: Duration,
    /// After this a connection ends with its current reply, so that none that stopped reading holds
    /// its place for ever.
    pub(super) lifetime: Duration,
    /// How long that reply may take: longer than `/drain` waits.
    pub(super) last_reply: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 64,
            head: Duration::from_secs(15),
            lifetime: Duration::from_mins(5),
            last_reply: Duration::from_secs(75),
        }
    }
}

/// The largest head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long the last reply may take when the process ends.
const LAST_REPLY_DRAINING: Duration = Duration::from_secs(5);

/// After a failed `accept`: the process is out of descriptors, and asking at once does not help.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    mut draining: Draining,
) {
    let mut connections = JoinSet::new();
    let mut oldest_first = VecDeque::new();
    let watch = draining.clone();
    loop {
        tokio::select! {
            () = draining.signal() => break,
            Some(_) = connections.join_next() => {
                oldest_first.retain(|one: &AbortHandle| !one.is_finished());
            }
            accepted = socket::accept(&listener) => match accepted {
                Ok((stream, _)) => {
                    if oldest_first.len() >= bounds.connections_max
                        && let Some(oldest) = oldest_first.pop_front()
                    {
                        oldest.abort();
                    }
                    let serving = connection(stream, router.clone(), bounds, watch.clone());
                    oldest_first.push_back(connections.spawn(serving));
                }
                Err(error) => {
                    tracing::warn!(%error, "an admin connection cannot be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, router: Router, bounds: Bounds, mut draining: Draining) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = pin!(serving);
    // What a connection ends with concerns the client alone.
    let last = tokio::select! {
        _ = serving.as_mut() => return,
        () = draining.signal() => LAST_REPLY_DRAINING,
        () = sleep(bounds.lifetime) => bounds.last_reply,
    };
    serving.as_mut().graceful_shutdown();
    let _ = timeout(last, serving).await;
}
