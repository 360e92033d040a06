//! One door of one worker: takes connections until it closes, and sees them to their end.

use super::closing::{HANDSHAKE, QUEUE};
use super::connection::{self, Inside};
use super::crowd::{Full, Seat};
use super::door::{Door, Way};
use super::patience::Patience;
use crate::limit;
use crate::socket;
use crate::telemetry::{Crowded, Cut};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// After a failed `accept`: the process is out of descriptors, and asking at once does not help.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection that is unused for less may have a request on its way.
const UNUSED: Duration = Duration::from_secs(1);

/// One door, and who came in by it.
struct Entrance {
    door: Rc<Door>,
    inside: Rc<Inside>,
    connections: JoinSet<()>,
    /// What each of them is at, and what ends it.
    open: HashMap<Id, (Patience, AbortHandle)>,
    /// The last attempt to accept one failed.
    failing: bool,
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
        open: HashMap::new(),
        failing: false,
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
                accepted = socket::accept(listener) => self.admit(accepted).await,
                () = draining.signal() => return,
                Some(ended) = self.connections.join_next_with_id() => self.ended(ended),
            }
        }
    }

    /// Takes what waits in the queue, until nobody comes any more.
    async fn empty(&mut self, listener: &TcpListener) {
        let end = Instant::now() + QUEUE;
        while let Ok(accepted) = timeout(HANDSHAKE, socket::accept(listener)).await {
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
                // Out of descriptors, mostly: the queue holds the client until some are free again. Said
                // once, not twenty times a second.
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "cannot accept connections");
                }
                return sleep(ACCEPT_PAUSE).await;
            }
        };
        self.failing = false;
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
        let Some(seat) = self.seat(peer) else { return };
        let (inside, patience) = (Rc::clone(&self.inside), Patience::new());
        let arrived = (stream, patience.clone());
        let serving = async move {
            let _seat = seat;
            connection::serve(inside, arrived, (peer, led), way).await;
        };
        let ending = self.connections.spawn_local(serving);
        self.open.insert(ending.id(), (patience, ending));
    }

    /// A seat for a client at `peer`, if need be that of whoever has not used theirs for longest. `None`:
    /// there is none, which was counted.
    fn seat(&mut self, peer: IpAddr) -> Option<Seat> {
        let inside = Rc::clone(&self.inside);
        let had_room = inside.crowd.has_room();
        // An address that has too many costs nobody else a seat.
        let full = match inside.crowd.seat(own_bound(&inside, peer)) {
            Ok(seat) if had_room || self.make_room() => return Some(seat),
            Ok(_) => Full::All,
            Err(full) => full,
        };
        tracing::debug!(%peer, ?full, "no room for a connection");
        inside.gate.shared().metrics.connection_refused(match full {
            Full::All => Crowded::Total,
            Full::Peer => Crowded::Peer,
        });
        None
    }

    /// Ends the connection of this worker that has gone unused for longest. It takes a look at each: only a
    /// full house pays for that.
    fn make_room(&mut self) -> bool {
        let unused = self.open.iter().filter_map(|(id, (patience, _))| {
            let since = patience.unused_since()?;
            (since.elapsed() > UNUSED).then_some((since, *id))
        });
        let Some((_, longest)) = unused.min_by_key(|(since, _)| *since) else {
            return false;
        };
        // Forgotten at once: it ends a moment later, and the next client must not get the same seat.
        if let Some((_, ending)) = self.open.remove(&longest) {
            ending.abort();
        }
        self.inside.gate.shared().metrics.cut(Cut::Room);
        true
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        self.open.remove(&id);
        report(ended.map(|_| ()));
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

impl Drop for Entrance {
    /// A panic here breaks the whole worker. The connections break with it, a moment later and while it
    /// does: their records must not say that their clients went away.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.connections.detach_all();
        }
    }
}

/// What a client at `peer` counts for, and how many connections that may have. `None`: many clients come
/// from there.
fn own_bound(inside: &Inside, peer: IpAddr) -> Option<(IpAddr, usize)> {
    let own = limit::network(peer).filter(|_| inside.settings.proxy_protocol.is_none())?;
    let generation = inside.gate.shared().generation.peek();
    let own = Some(own).filter(|_| !generation.head.is_trusted(peer));
    own.zip(generation.rules.peers.connections)
}

/// A panic ended this connection, and nothing else.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection panicked");
    }
}
