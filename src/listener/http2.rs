//! HTTP/2 on one connection: many requests at once, each a task of its own.

mod frames;
mod pace;
mod watch;

use super::connection::{Asked, FIRST_REQUEST, Inside, Link};
use super::tunnel::Opened;
use crate::forward::ReplyBody;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pace::Tasks;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use watch::{Fault, Watch, Watched};

/// Requests at once on one connection; more are refused for the client to send again.
const STREAMS_MAX: u32 = 100;

/// Bytes of one request's body that may wait for its reader.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;

/// The same for all requests of a connection together: what a client can make us hold.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// Bytes of one reply that may wait for the client.
const SEND_BYTES_MAX: usize = 64 << 10;

/// Requests that a client took back before they were looked at; more end the connection.
const EARLY_RESETS_MAX: usize = 20;

/// Malformed requests; more end the connection.
const MALFORMED_MAX: usize = 100;

/// How long a client may be silent before it is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves requests on `stream`, to its end.
pub(super) async fn serve<S>(link: Rc<Link>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (inside, peer) = (Rc::clone(&link.inside), link.peer.address);
    let settings = &inside.settings;
    let metrics = &inside.gate.shared().metrics;
    let watch = Watch::new(metrics, link.patience.clone());
    let tasks = Tasks::new(settings.write_timeout, metrics);
    let builder = builder(tasks.clone(), settings.head_bytes_max);
    let watched = Watched {
        stream,
        watch: watch.clone(),
    };
    let service = service_fn(|request: Request<Incoming>| {
        let (link, tasks, watch) = (Rc::clone(&link), tasks.clone(), watch.clone());
        let (open, asked) = (watch.open(), Asked::new(Rc::clone(&link)));
        async move {
            asked.begin();
            let reply = answer(link, request, &watch).await;
            Ok::<_, Infallible>(reply.map(|body| tasks.reply(body, open)))
        }
    });
    let connection = builder.serve_connection(TokioIo::new(watched), service);
    let wind_down = http2::Connection::graceful_shutdown;
    let connection = pin!(connection);
    if let Some(Err(error)) = drive(&link, &watch, connection, wind_down).await {
        tracing::debug!(%peer, %error, "client connection ended");
    }
}

/// Answers one request. A WebSocket begins once the reply that opens it is sent, and its connection lasts as
/// long as it does.
async fn answer(
    link: Rc<Link>,
    mut request: Request<Incoming>,
    watch: &Watch,
) -> Response<ReplyBody> {
    let upgrade = (request.method() == Method::CONNECT).then(|| hyper::upgrade::on(&mut request));
    let mut reply = link.inside.gate.serve(&link.peer, request).await;
    if let Some((mut tunnel, upgrade)) = reply.body_mut().tunnel().zip(upgrade) {
        tunnel.hold(watch.open());
        let opened = Opened::new(tunnel, upgrade);
        tokio::task::spawn_local(async move { opened.run(&link.inside).await });
    }
    reply
}

fn builder(tasks: Tasks, head_bytes_max: usize) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(head_bytes_max).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES_MAX)
        .max_pending_accept_reset_streams(EARLY_RESETS_MAX)
        .max_local_error_reset_streams(MALFORMED_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Drives `connection` to its end. Once draining begins, or nothing was asked for long, the client is told
/// to ask no more here, and what it has asked is answered. `None`: it has to be cut.
async fn drive<C>(
    link: &Link,
    watch: &Watch,
    mut connection: Pin<&mut C>,
    wind_down: impl Fn(Pin<&mut C>),
) -> Option<hyper::Result<()>>
where
    C: Future<Output = hyper::Result<()>>,
{
    let inside = &*link.inside;
    let settings = &inside.settings;
    let (head, idle) = (settings.head_timeout, settings.idle_timeout);
    let (write, metrics) = (settings.write_timeout, &inside.gate.shared().metrics);
    tokio::select! {
        ended = connection.as_mut() => return Some(ended),
        fault = watch.fault(head, idle, write) => {
            metrics.cut(fault.cut());
            if fault != Fault::Idle {
                return None;
            }
        }
        () = farewell(inside, watch) => {}
        () = link.vouched() => {}
    }
    wind_down(connection.as_mut());
    watch.rest();
    tokio::select! {
        ended = connection.as_mut() => Some(ended),
        // It is asked whether it has heard; a client that is there answers at once.
        _ = watch.fault(head, head, write) => None,
    }
}

/// Completes when the client should ask elsewhere from now on. Who has just connected could not know: its
/// first request is served.
async fn farewell(inside: &Inside, watch: &Watch) {
    inside.draining.clone().left().await;
    if watch.is_new() {
        sleep(FIRST_REQUEST).await;
    }
}
