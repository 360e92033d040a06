//! One client connection, from its first byte to its end, whatever is spoken on it.

use super::crowd::Crowd;
use super::door::Way;
use super::handshake::{Secured, shake};
use super::patience::Patience;
use super::preface::{self, Protocol};
use super::rest::Readable;
use super::vouched::Vouched;
use super::{Settings, http1, http2, proxy};
use crate::drain::Draining;
use crate::gate::Gate;
use crate::head::Peer;
use crate::socket;
use crate::x509::Identity;
use rustls::pki_types::CertificateDer;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long a client that has connected may take to ask once draining begins. It could not know; what it
/// sent is on its way.
pub(super) const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// What has arrived on a kept connection when draining begins is read before the connection is closed.
const LAST_LOOK: Duration = Duration::from_millis(1);

/// How often streams are looked for whose client's certificate was withdrawn,
const WITHDRAW: Duration = Duration::from_millis(500);

/// and how many times, before the connection is closed.
const WITHDRAWALS: usize = 4;

/// What the connections of one worker share.
pub(super) struct Inside {
    pub(super) gate: Gate,
    pub(super) settings: Settings,
    pub(super) draining: Draining,
    pub(super) crowd: Arc<Crowd>,
}

impl Inside {
    /// Whether this process has come back to itself on its way to an upstream, or to where `original` says.
    /// Asked once something was received: it is sent after the connection was noted.
    fn is_own(&self, stream: &TcpStream, original: Option<SocketAddr>) -> bool {
        let to = original.map_or_else(|| stream.local_addr(), Ok);
        let generation = self.gate.shared().generation.peek();
        let ends = stream.peer_addr().and_then(|from| Ok((from, to?)));
        ends.is_ok_and(|(from, to)| generation.services.is_own(from, to))
    }
}

/// One connection, as far as its protocol does not matter.
pub(super) struct Link {
    pub(super) inside: Rc<Inside>,
    pub(super) peer: Peer,
    pub(super) patience: Patience,
    /// Over TLS: for how long its client may go on. Behind a pointer: others must not pay for it.
    vouched: Option<Rc<Vouched>>,
}

/// Serves `stream`, which came by `way`, to its end; once draining begins, to the end of the requests
/// under way.
pub(super) async fn serve(
    inside: Rc<Inside>,
    (mut stream, patience): (TcpStream, Patience),
    (mut peer, original): (IpAddr, Option<SocketAddr>),
    way: Way,
) {
    let (settings, mut draining) = (&inside.settings, inside.draining.clone());
    let metrics = &inside.gate.shared().metrics;
    let _open = metrics.connection();
    if let Err(error) = socket::set_up(&stream, settings.write_timeout) {
        tracing::debug!(%error, "cannot set up a client's socket");
    }
    // What the kernel led here came by no load balancer that would say who the client is.
    let rules = settings.proxy_protocol.as_ref();
    if let Some(rules) = rules.filter(|_| original.is_none()) {
        // Boxed: its buffer must not weigh on connections that need none.
        let read = Box::pin(proxy::read(&mut stream, peer, rules, settings.head_timeout));
        let read = tokio::select! {
            read = read => read,
            () = overdue(&mut draining) => return,
        };
        peer = match read {
            Ok(client) => client,
            Err(fault) => {
                metrics.proxy_refused(fault);
                tracing::debug!(%peer, cause = fault.label(), "closed at the PROXY header");
                return;
            }
        };
    }
    let Way::Secure(serving) = way else {
        let peer = Peer {
            original,
            ..Peer::plain(peer)
        };
        return Link::new(&inside, peer, patience).greet(stream).await;
    };
    // Boxed, like what follows: connections without TLS must not pay for it.
    // Watched first: what is swapped meanwhile is not missed.
    let (changes, server) = (serving.watch(), serving.load());
    let limit = settings.handshake_timeout;
    let shaken = Box::pin(shake(stream, &server, (peer, limit), inside.gate.shared()));
    let secured = tokio::select! {
        secured = shaken => secured,
        () = overdue(&mut draining) => return,
    };
    let secured = secured.filter(|one| !inside.is_own(one.stream.get_ref().0, None));
    if let Some(Secured {
        stream,
        peer,
        protocol,
    }) = secured
    {
        let clock = &inside.gate.shared().clock;
        let identity = peer.certificate.clone();
        let changing = (serving, changes);
        let vouched = Vouched::new(changing, &server, identity.as_deref(), clock);
        let vouched = Rc::new(vouched);
        let chain = stream.get_ref().1.peer_certificates();
        let chain = chain.unwrap_or_default().to_vec();
        let link = Link {
            vouched: Some(Rc::clone(&vouched)),
            ..Link::new(&inside, peer, patience)
        };
        let spoken = Box::pin(link.speak(protocol, stream));
        let shown = identity.as_ref().map(|identity| (identity, &*chain));
        let withdrawn = Box::pin(withdraw(&inside.gate, &vouched, shown));
        // Whoever does not let its connection end is not asked again: HTTP/2 ends one by an answer of its
        // client.
        tokio::select! {
            () = spoken => {}
            () = withdrawn => {}
        }
    }
}

/// Ends a connection's streams once nobody vouches for its client; completes when it has had the time to
/// hear of it. What its last requests open meanwhile is not overlooked.
async fn withdraw(
    gate: &Gate,
    vouched: &Vouched,
    shown: Option<(&Arc<Identity>, &[CertificateDer<'_>])>,
) {
    let of = shown.map(|(identity, chain)| (&**identity, chain));
    vouched.withdrawn(of).await;
    for _ in 0..WITHDRAWALS {
        if let Some((identity, _)) = shown {
            gate.withdraw(identity);
        }
        sleep(WITHDRAW).await;
    }
}

impl Link {
    fn new(inside: &Rc<Inside>, peer: Peer, patience: Patience) -> Self {
        Self {
            inside: Rc::clone(inside),
            peer,
            patience,
            vouched: None,
        }
    }

    /// Completes when nobody vouches for the client any more. Its connection ends, and the next one is
    /// verified anew.
    pub(super) async fn vouched(&self) {
        match &self.vouched {
            Some(vouched) => Box::pin(vouched.ended()).await,
            None => pending().await,
        }
    }

    /// Finds out what is spoken on a connection where nobody has said it, and serves its requests.
    async fn greet(self, stream: TcpStream) {
        let mut draining = self.inside.draining.clone();
        let said = tokio::select! {
            said = preface::protocol(&stream, &self.patience) => said,
            () = self.too_slow() => return,
            () = overdue(&mut draining) => return,
        };
        if let Some(protocol) = said.filter(|_| !self.inside.is_own(&stream, self.peer.original)) {
            self.speak(protocol, stream).await;
        }
    }

    /// Serves requests on `stream`, to its end.
    async fn speak<S>(self, protocol: Protocol, stream: S)
    where
        S: AsyncRead + AsyncWrite + Readable + Unpin + Send + 'static,
    {
        match protocol {
            Protocol::Http1 => http1::serve(&self, stream).await,
            // Boxed: it is larger, and most connections do not need it.
            Protocol::Http2 => Box::pin(http2::serve(Rc::new(self), stream)).await,
        }
    }

    /// Drives `connection` to its end; once draining begins, `wind_down` asks it to end with what is
    /// under way. `None`: its client is too slow.
    pub(super) async fn drive<C>(
        &self,
        mut connection: Pin<&mut C>,
        wind_down: impl Fn(Pin<&mut C>),
    ) -> Option<hyper::Result<()>>
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut draining = self.inside.draining.clone();
        tokio::select! {
            ended = connection.as_mut() => return Some(ended),
            () = self.too_slow() => return None,
            () = draining.signal() => {}
            () = self.vouched() => {}
        }
        let is_new = self.patience.is_new();
        self.patience.rest();
        let mut asked = pin!(sleep(if is_new { FIRST_REQUEST } else { LAST_LOOK }));
        // A slow client is no less slow because the gate drains.
        loop {
            tokio::select! {
                ended = connection.as_mut() => return Some(ended),
                () = self.too_slow() => return None,
                () = asked.as_mut(), if !asked.is_elapsed() => wind_down(connection.as_mut()),
            }
        }
    }

    /// Completes when the client has been too slow.
    pub(super) async fn too_slow(&self) {
        let cut = self.patience.ends(&self.inside.settings).await;
        self.inside.gate.shared().metrics.cut(cut);
    }
}

/// A request that was read, as long as nobody has begun to answer it. hyper drops it where it reads the
/// client's end first; the record is written all the same (RULES 41).
pub(super) struct Asked<L: Deref<Target = Link>> {
    link: L,
    heard: bool,
}

impl<L: Deref<Target = Link>> Asked<L> {
    pub(super) fn new(link: L) -> Self {
        let heard = false;
        Self { link, heard }
    }

    /// The answer begins, and will tell of the rest itself.
    pub(super) fn begin(mut self) {
        self.heard = true;
    }
}

impl<L: Deref<Target = Link>> Drop for Asked<L> {
    fn drop(&mut self) {
        if !self.heard {
            self.link.inside.gate.unheard(&self.link.peer);
        }
    }
}

/// Completes when draining has begun, and whoever had connected before has had the time to say so.
async fn overdue(draining: &mut Draining) {
    draining.signal().await;
    sleep(FIRST_REQUEST).await;
}

#[cfg(test)]
mod tests {
    //! What a connection costs while it waits: its task is as large as its largest wait.

    use super::*;

    /// Bytes of a connection's task; ten thousand that are idle have to fit into 130 MiB with all else.
    const TASK_BYTES_MAX: usize = 2048;

    fn bytes<A, B, C, D, F>(_: impl Fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_a_connection_is_small() {
        let bytes = bytes(serve);
        assert!(bytes <= TASK_BYTES_MAX, "{bytes} bytes");
    }
}
