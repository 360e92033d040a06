//! What becomes of a connection, or of a stream of one, after the reply that opened a WebSocket.

use super::connection::Inside;
use crate::forward::Tunnel;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::time::Duration;

/// How long before the drain timeout those who still talk are told that it is over: long enough for a
/// close frame and its answer.
const LAST_CALL: Duration = Duration::from_secs(1);

/// A WebSocket whose client is about to be told of it.
pub(super) struct Opened {
    tunnel: Box<Tunnel>,
    client: OnUpgrade,
}

impl Opened {
    pub(super) fn new(tunnel: Box<Tunnel>, client: OnUpgrade) -> Self {
        Self { tunnel, client }
    }

    /// Serves it to its end.
    pub(super) async fn run(self, inside: &Inside) {
        match self.client.await {
            Ok(client) => {
                let client = TokioIo::new(client);
                self.tunnel.run(client, last_call(inside)).await;
            }
            // The client went away before the head of the reply was sent.
            Err(error) => tracing::debug!(%error, "a WebSocket was opened for nobody"),
        }
    }
}

/// A WebSocket is one long request: like any other it may go on while the gate drains, and is cut at the
/// end.
async fn last_call(inside: &Inside) {
    let limit = inside.settings.drain_timeout;
    inside.draining.clone().signal().await;
    tokio::time::sleep(limit.saturating_sub(LAST_CALL.min(limit / 2))).await;
}
