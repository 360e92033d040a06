//! A new connection to an upstream: a byte stream, TLS where the upstream has it, and the handshake of
//! the protocol that is spoken on it.

use super::body::RequestBody;
use super::endpoints::{Room, Service};
use super::error::{Error, broken};
use super::pool::{Connection, Lease, Owner, Pool};
use super::secure;
use super::streams::Here;
use super::wire::{Stream, Wire};
use super::{Protocol, UpstreamSettings};
use crate::socket;
use crate::telemetry::Metrics;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// What a connection of HTTP/1 holds of a reply that its client does not take, and the longest head there.
const BUFFER_BYTES_MAX: usize = 128 * 1024;

/// What one stream may have under way to us, unread: enough for its rate, little enough for many.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;

/// All streams of a connection together: streams that nobody reads must not stop the others.
const CONNECTION_WINDOW_BYTES: u32 = 100 * STREAM_WINDOW_BYTES;

/// What is kept of one stream's request while the upstream takes no more.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// The longest head of a reply.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// What a connection counts for as long as it lives.
pub(super) type Counted<'a> = (&'a Service, &'a Metrics, Room);

/// Connects to `address`, and starts what moves the connection's bytes.
pub(super) async fn connect(
    settings: &UpstreamSettings,
    address: SocketAddr,
    owner: Owner,
    pool: &Pool,
    counted: Counted<'_>,
) -> Result<Lease, Error> {
    let until = Instant::now() + settings.connect_timeout;
    let (stream, shared) = reach(settings, address, (until, false)).await?;
    let wire = wire(stream, counted);
    if !shared {
        return http1(&settings.name, wire, owner).await.map(Lease::Alone);
    }
    let opened = timeout_at(until, http2(settings, wire, owner, pool)).await;
    opened.map_err(|_| late(settings, "begin with HTTP/2"))?
}

/// The same for HTTP/1.1, even where HTTP/2 could be agreed on.
pub(super) async fn connect_alone(
    settings: &UpstreamSettings,
    address: SocketAddr,
    owner: Owner,
    counted: Counted<'_>,
) -> Result<Connection, Error> {
    let until = Instant::now() + settings.connect_timeout;
    let (stream, _) = reach(settings, address, (until, true)).await?;
    let wire = wire(stream, counted);
    http1(&settings.name, wire, owner).await
}

/// The byte stream, and whether HTTP/2 is spoken on it; with `alone` it never is.
pub(super) async fn reach(
    settings: &UpstreamSettings,
    address: SocketAddr,
    (until, alone): (Instant, bool),
) -> Result<(Stream, bool), Error> {
    let name = &settings.name;
    let opened = timeout_at(until, open(settings, address)).await;
    let opened = opened.map_err(|_| late(settings, "accept a connection"))?;
    let opened = opened.map_err(|error| Error::Connect(Arc::clone(name), error))?;
    Ok(match &settings.tls {
        None => (
            Stream::Plain(opened),
            settings.protocol == Protocol::Http2 && !alone,
        ),
        Some(tls) => {
            let secured = timeout_at(until, secure::handshake(tls, opened, alone)).await;
            let secured = secured.map_err(|_| late(settings, "finish the TLS handshake"))?;
            let secured = secured.map_err(|why| Error::Untrusted(Arc::clone(name), why))?;
            let shared = secure::is_http2(&secured);
            (Stream::Tls(Box::new(secured)), shared)
        }
    })
}

fn wire(stream: Stream, (service, metrics, room): Counted<'_>) -> TokioIo<Wire> {
    let ends = stream.ends().ok();
    let open = ends.map(|(from, to)| service.outbound.open(from, to));
    let open = (metrics.upstream_connection(), open);
    TokioIo::new(Wire::new(stream, Some(open), room))
}

fn late(settings: &UpstreamSettings, what: &'static str) -> Error {
    Error::ConnectTimeout(Arc::clone(&settings.name), what, settings.connect_timeout)
}

async fn open(settings: &UpstreamSettings, address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    socket::set_up(&stream, settings.silence())?;
    Ok(stream)
}

async fn http1(name: &Arc<str>, wire: TokioIo<Wire>, owner: Owner) -> Result<Connection, Error> {
    let handshake = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES_MAX)
        .handshake::<_, RequestBody>(wire);
    let (sender, connection) = handshake
        .await
        .map_err(|error| broken(name, &error, None))?;
    let name = Arc::clone(name);
    let task = tokio::task::spawn_local(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(upstream = %name, %error, "upstream connection ended");
        }
    });
    Ok(Connection::new(sender, task.abort_handle(), owner))
}

async fn http2(
    settings: &UpstreamSettings,
    mut wire: TokioIo<Wire>,
    owner: Owner,
    pool: &Pool,
) -> Result<Lease, Error> {
    let heard = wire.inner_mut().on_first_word();
    let handshake = http2::Builder::new(Here)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(HEAD_BYTES_MAX)
        .keep_alive_interval(settings.ping.interval)
        .keep_alive_timeout(settings.ping.timeout)
        .handshake(wire);
    let name = &settings.name;
    let opened = handshake
        .await
        .map_err(|error| broken(name, &error, None))?;
    // The upstream begins with its settings, which say how many requests it takes at once. One sent
    // before would be refused where they are few.
    heard.notified().await;
    let streams = pool.streams();
    let stream = streams.open(pool.service(), opened, owner);
    Ok(Lease::Stream(stream))
}
