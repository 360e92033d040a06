//! One client connection, HTTP/1.1.

use super::Settings;
use super::door::Way;
use super::handshake::{Secured, shake};
use super::patience::{Patience, Watched};
use super::proxy;
use super::tunnel::Opened;
use crate::drain::Draining;
use crate::forward::ReplyBody;
use crate::gate::Gate;
use crate::head::Peer;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long a client that has connected may take to ask once draining begins. It could not know; what it
/// sent is on its way.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// What has arrived on a kept connection when draining begins is read before the connection is closed.
const LAST_LOOK: Duration = Duration::from_millis(1);

/// What the connections of one worker share.
pub(super) struct Inside {
    pub(super) gate: Gate,
    pub(super) settings: Settings,
    pub(super) draining: Draining,
}

/// Serves `stream`, which came by `way`, to its end; once draining begins, to the end of the request under
/// way.
pub(super) async fn serve(
    inside: Rc<Inside>,
    mut stream: TcpStream,
    (mut peer, original): (IpAddr, Option<SocketAddr>),
    way: Way,
) {
    let (settings, mut draining) = (&inside.settings, inside.draining.clone());
    let metrics = &inside.gate.shared().metrics;
    let _open = metrics.connection();
    // Small replies are one write each; waiting for more would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
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
        return run(inside, stream, peer).await;
    };
    // Boxed, like what follows: connections without TLS must not pay for it.
    let server = serving.load();
    let limit = settings.handshake_timeout;
    let shaken = Box::pin(shake(stream, &server, (peer, limit), inside.gate.shared()));
    let secured = tokio::select! {
        secured = shaken => secured,
        () = overdue(&mut draining) => return,
    };
    if let Some(Secured { stream, peer }) = secured {
        Box::pin(run(Rc::clone(&inside), stream, peer)).await;
    }
}

/// Serves requests on `stream`.
async fn run<S>(inside: Rc<Inside>, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (settings, mut draining) = (&inside.settings, inside.draining.clone());
    let metrics = &inside.gate.shared().metrics;
    let (patience, tunnel) = (Patience::new(), Cell::new(None));
    let service = service_fn(|request: Request<Incoming>| {
        let (inside, busy) = (Rc::clone(&inside), patience.busy());
        let (peer, tunnel) = (&peer, &tunnel);
        async move {
            let mut reply = answer(&inside, peer, request, tunnel).await;
            reply.body_mut().hold(busy);
            Ok::<_, Infallible>(reply)
        }
    });
    let watched = Watched {
        stream,
        patience: patience.clone(),
    };
    let connection = http1::Builder::new()
        .max_buf_size(settings.head_bytes_max)
        .max_headers(settings.header_count_max)
        .keep_alive(true)
        .serve_connection(TokioIo::new(watched), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = patience.ends(settings.head_timeout, settings.idle_timeout) => return,
        () = draining.signal() => {
            let rest = if patience.is_new() { FIRST_REQUEST } else { LAST_LOOK };
            let mut asked = pin!(sleep(rest));
            // A slow client is no less slow because the gate drains.
            loop {
                tokio::select! {
                    ended = connection.as_mut() => break ended,
                    () = patience.ends(settings.head_timeout, settings.idle_timeout) => return,
                    () = asked.as_mut(), if !asked.is_elapsed() => connection.as_mut().graceful_shutdown(),
                }
            }
        }
    };
    if let Err(error) = ended {
        // hyper has answered what it could not parse itself; it never became a request.
        if error.is_parse() || error.is_parse_too_large() {
            metrics.malformed_head();
        }
        tracing::debug!(peer = %peer.address, %error, "client connection ended");
    }
    if let Some(tunnel) = tunnel.take() {
        // Boxed: nearly all connections end without one.
        Box::pin(tunnel.run(&inside)).await;
    }
}

/// Answers one request. Where the answer opens a WebSocket, that is what is left for `tunnel`.
async fn answer(
    inside: &Inside,
    peer: &Peer,
    mut request: Request<Incoming>,
    tunnel: &Cell<Option<Opened>>,
) -> Response<ReplyBody> {
    let upgrade = hyper::upgrade::on(&mut request);
    let mut reply = inside.gate.serve(peer, request).await;
    if let Some(opened) = reply.body_mut().tunnel() {
        tunnel.set(Some(Opened::new(opened, upgrade)));
    } else if inside.draining.leaving() {
        let close = HeaderValue::from_static("close");
        reply.headers_mut().insert(CONNECTION, close);
    }
    reply
}

/// Completes when draining has begun, and whoever had connected before has had the time to say so.
async fn overdue(draining: &mut Draining) {
    draining.signal().await;
    sleep(FIRST_REQUEST).await;
}
