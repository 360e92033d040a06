//! One door of one worker: takes connections until it closes, and sees them to their end.

use super::closing::{HANDSHAKE, QUEUE};
use super::connection::{self, Inside};
use super::door::{Door, Way};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// After a failed `accept`: the process is out of descriptors, and asking at once does not help.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One door, and who came in by it.
struct Entrance {
    door: Rc<Door>,
    inside: Rc<Inside>,
    connections: JoinSet<()>,
}

/// Serves whoever comes in by `door`; after the signal whoever came in before, up to the drain timeout.
pub(super) async fn serve(door: Rc<Door>, inside: Rc<Inside>) -> io::Result<()> {
    let Some(listener) = door.listener()? else {
        return Ok(());
    };
    let mut entrance = Entrance {
        door,
        inside,
        connections: JoinSet::new(),
    };
    entrance.take(&listener).await;
    let begun = Instant::now();
    if entrance.door.shut() {
        entrance.empty(&listener).await;
    }
    drop(listener);
    entrance.door.close();
    entrance.finish(begun).await;
    Ok(())
}

impl Entrance {
    /// Takes connections until the signal.
    async fn take(&mut self, listener: &TcpListener) {
        let mut draining = self.inside.draining.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => self.admit(accepted).await,
                () = draining.signal() => return,
                Some(ended) = self.connections.join_next() => report(ended),
            }
        }
    }

    /// Takes what waits in the queue, until nobody comes any more.
    async fn empty(&mut self, listener: &TcpListener) {
        let end = Instant::now() + QUEUE;
        while let Ok(accepted) = timeout(HANDSHAKE, listener.accept()).await {
            self.admit(accepted).await;
            if Instant::now() > end {
                return;
            }
        }
    }

    async fn admit(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly: the queue holds the client until some are free again.
                tracing::warn!(%error, "cannot accept a connection");
                return sleep(ACCEPT_PAUSE).await;
            }
        };
        let peer = peer.ip().to_canonical();
        let way = self.door.way().clone();
        let mut led = None;
        if let Way::Redirected(rules) = &way {
            match rules.original(&stream) {
                Ok(original) => led = Some(original),
                Err(fault) => {
                    self.inside.gate.shared().metrics.transparent_refused(fault);
                    tracing::debug!(%peer, cause = fault.label(), "closed at the transparent door");
                    return;
                }
            }
        }
        let serving = connection::serve(Rc::clone(&self.inside), stream, (peer, led), way);
        self.connections.spawn_local(serving);
    }

    /// Waits for the connections, and cuts those that are not done in time.
    async fn finish(&mut self, begun: Instant) {
        let end = begun + self.inside.settings.drain_timeout;
        while let Ok(ended) = timeout_at(end, self.connections.join_next()).await {
            match ended {
                Some(ended) => report(ended),
                None => return,
            }
        }
        let cut = self.connections.len();
        tracing::warn!(
            connections = cut,
            "still busy at the drain timeout, and cut"
        );
    }
}

/// A panic ended this connection, and nothing else.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection panicked");
    }
}
