//! One client connection, HTTP/1.1.

use super::Settings;
use super::patience::{Patience, Watched};
use super::proxy;
use crate::drain::Draining;
use crate::gate::Gate;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use tokio::net::TcpStream;

/// Serves `stream` to its end; once draining begins, to the end of the request under way.
pub(super) async fn serve(
    gate: Rc<Gate>,
    mut stream: TcpStream,
    mut peer: IpAddr,
    settings: Rc<Settings>,
    mut draining: Draining,
) {
    let metrics = &gate.shared().metrics;
    let _open = metrics.connection();
    // Small replies are one write each; waiting for more would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    if let Some(rules) = &settings.proxy_protocol {
        // Boxed: its buffer must not weigh on connections that need none.
        let read = Box::pin(proxy::read(&mut stream, peer, rules, settings.head_timeout));
        let read = tokio::select! {
            read = read => read,
            () = draining.signal() => return,
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
    let patience = Patience::new();
    let service = service_fn(|request: http::Request<Incoming>| {
        let (gate, busy) = (Rc::clone(&gate), patience.busy());
        async move {
            let mut reply = gate.serve(peer, request).await;
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
        .serve_connection(TokioIo::new(watched), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = patience.ends(settings.head_timeout, settings.idle_timeout) => return,
        () = draining.signal() => {
            connection.as_mut().graceful_shutdown();
            // A slow client is no less slow because the gate drains.
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = patience.ends(settings.head_timeout, settings.idle_timeout) => return,
            }
        }
    };
    if let Err(error) = ended {
        // hyper has answered what it could not parse itself; it never became a request.
        if error.is_parse() || error.is_parse_too_large() {
            metrics.malformed_head();
        }
        tracing::debug!(%peer, %error, "client connection ended");
    }
}
