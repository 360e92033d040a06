//! HTTP/1.0 and 1.1 on one connection: one request after the other.

use super::Settings;
use super::connection::{Asked, Link};
use super::patience::Watched;
use super::rest::{self, Readable};
use super::tunnel::Opened;
use crate::forward::ReplyBody;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves requests on `stream`, to its end.
pub(super) async fn serve<S>(link: &Link, stream: S)
where
    S: AsyncRead + AsyncWrite + Readable + Unpin + Send + 'static,
{
    let (tunnel, bare) = (Cell::new(None), Cell::new(false));
    let service = service_fn(|request: Request<Incoming>| {
        bare.set(request.body().is_end_stream());
        let busy = link.patience.busy(!bare.get());
        let (tunnel, asked) = (&tunnel, Asked::new(link));
        // Boxed: hyper makes room for it when the connection begins, and an idle one must not pay for it.
        Box::pin(async move {
            asked.begin();
            let mut reply = answer(link, request, tunnel).await;
            reply.body_mut().hold(busy);
            Ok::<_, Infallible>(reply)
        })
    });
    let mut watched = Watched::new(stream, link.patience.clone());
    loop {
        // Boxed: a connection that rests gives its place back.
        let mut connection = Box::new(
            builder(&link.inside.settings)
                .serve_connection(TokioIo::new(watched), &service)
                .with_upgrades(),
        );
        let driven = link.drive(
            Pin::new(&mut *connection),
            http1::UpgradeableConnection::graceful_shutdown,
        );
        tokio::select! {
            ended = driven => {
                note(link, ended);
                break;
            }
            () = rest::due(link, &bare) => {}
        }
        let Some(parts) = connection.into_parts() else {
            break;
        };
        watched = parts.io.into_inner();
        // Half of a head that came with the request before it.
        watched.put_back(parts.read_buf);
        if !watched.has_more() && !rest::wait(link, &watched.stream).await {
            break;
        }
    }
    if let Some(tunnel) = tunnel.take() {
        // Its reply has ended, and it goes on: nobody else may have its place.
        let _busy = link.patience.busy(false);
        // Boxed: nearly all connections end without one.
        Box::pin(tunnel.run(&link.inside)).await;
    }
}

fn builder(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(settings.head_bytes_max)
        .max_headers(settings.header_count_max)
        .keep_alive(true);
    builder
}

/// Says how a connection ended, where that is worth it.
fn note(link: &Link, ended: Option<hyper::Result<()>>) {
    if let Some(Err(error)) = ended {
        // hyper has answered what it could not parse itself; it never became a request.
        if error.is_parse() || error.is_parse_too_large() {
            link.inside.gate.shared().metrics.malformed_head();
        }
        tracing::debug!(peer = %link.peer.address, %error, "client connection ended");
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
