//! HTTP/1.0 and 1.1 on one connection: one request after the other.

use super::connection::{Asked, Link};
use super::patience::Watched;
use super::tunnel::Opened;
use crate::forward::ReplyBody;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::convert::Infallible;
use std::pin::pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves requests on `stream`, to its end.
pub(super) async fn serve<S>(link: &Link, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let settings = &link.inside.settings;
    let tunnel = Cell::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let (busy, tunnel, asked) = (link.patience.busy(), &tunnel, Asked::new(link));
        // Boxed: hyper makes room for it when the connection begins, and an idle one must not pay for it.
        Box::pin(async move {
            asked.begin();
            let mut reply = answer(link, request, tunnel).await;
            reply.body_mut().hold(busy);
            Ok::<_, Infallible>(reply)
        })
    });
    let watched = Watched {
        stream,
        patience: link.patience.clone(),
    };
    let connection = http1::Builder::new()
        .max_buf_size(settings.head_bytes_max)
        .max_headers(settings.header_count_max)
        .keep_alive(true)
        .serve_connection(TokioIo::new(watched), service)
        .with_upgrades();
    let (connection, wind_down) = (
        pin!(connection),
        http1::UpgradeableConnection::graceful_shutdown,
    );
    if let Some(Err(error)) = link.drive(connection, wind_down).await {
        // hyper has answered what it could not parse itself; it never became a request.
        if error.is_parse() || error.is_parse_too_large() {
            link.inside.gate.shared().metrics.malformed_head();
        }
        tracing::debug!(peer = %link.peer.address, %error, "client connection ended");
    }
    if let Some(tunnel) = tunnel.take() {
        // Boxed: nearly all connections end without one.
        Box::pin(tunnel.run(&link.inside)).await;
    }
}

/// Answers one request. Where the answer opens a WebSocket, that is what is left for `tunnel`.
async fn answer(
    link: &Link,
    mut request: Request<Incoming>,
    tunnel: &Cell<Option<Opened>>,
) -> Response<ReplyBody> {
    let upgrade = hyper::upgrade::on(&mut request);
    let mut reply = link.inside.gate.serve(&link.peer, request).await;
    if let Some(opened) = reply.body_mut().tunnel() {
        tunnel.set(Some(Opened::new(opened, upgrade)));
    } else if link.inside.draining.leaving() {
        let close = HeaderValue::from_static("close");
        reply.headers_mut().insert(CONNECTION, close);
    }
    reply
}
