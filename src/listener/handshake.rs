//! From an accepted connection to one over TLS: in time, counted, and with the client's identity.

use super::preface::Protocol;
use crate::clock::Timestamp;
use crate::gate::Shared;
use crate::head::Peer;
use crate::tls::{Failure, Server};
use crate::x509::{Identity, Said};
use rustls::{HandshakeKind, ServerConnection};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A connection over TLS, and who is at its other end.
pub(super) struct Secured {
    /// Boxed: connections without TLS must not pay for its size.
    pub(super) stream: Box<TlsStream<TcpStream>>,
    pub(super) peer: Peer,
    /// What the client chose of what was offered (ALPN, RFC 7301).
    pub(super) protocol: Protocol,
}

/// Shakes hands with the client at `address`. `None`: it gets no connection, which was counted.
pub(super) async fn shake(
    stream: TcpStream,
    server: &Server,
    (address, limit): (IpAddr, Duration),
    shared: &Shared,
) -> Option<Secured> {
    let metrics = &shared.metrics;
    let made = TlsAcceptor::from(server.config()).accept(stream);
    let ended = match tokio::time::timeout(limit, made).await {
        Ok(ended) => ended.map_err(|error| (Failure::of(&error), error.to_string())),
        Err(_) => Err((Failure::Late, "no whole handshake in time".to_owned())),
    };
    let secured = ended.and_then(|stream| secured(stream, server, address, shared.clock.now()));
    match secured {
        Ok((secured, resumed)) => {
            metrics.tls_handshake(resumed);
            Some(secured)
        }
        Err((failure, why)) => {
            metrics.tls_failed(failure);
            tracing::debug!(peer = %address, cause = failure.label(), %why, "no TLS");
            None
        }
    }
}

/// With what the client proved, and whether it resumed an earlier connection.
fn secured(
    stream: TlsStream<TcpStream>,
    server: &Server,
    address: IpAddr,
    now: Timestamp,
) -> Result<(Secured, bool), (Failure, String)> {
    let (_, tls) = stream.get_ref();
    let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
    let certificate = identity(tls, server, (now, resumed))?;
    let peer = Peer {
        secure: true,
        certificate,
        ..Peer::plain(address)
    };
    let protocol = match tls.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    let secured = Secured {
        stream: Box::new(stream),
        peer,
        protocol,
    };
    Ok((secured, resumed))
}

/// Of the client's own certificate. The library keeps only chains that it verified: now, or when the
/// connection was made that is resumed; those are verified again.
fn identity(
    tls: &ServerConnection,
    server: &Server,
    (now, resumed): (Timestamp, bool),
) -> Result<Option<Arc<Identity>>, (Failure, String)> {
    let chain = tls.peer_certificates().unwrap_or_default();
    let Some(own) = chain.first() else {
        return Ok(None);
    };
    if resumed {
        let why = |failure| (failure, "its chain holds no more".to_owned());
        server.verify(chain).map_err(why)?;
    }
    let mut read = Identity::read(own).map_err(|error| (Failure::Identity, error.to_string()))?;
    // Those above it vouch for it no longer than they live. What ended more than a second ago (the library's
    // clock has no finer one) is not what it was verified by.
    let above = chain.iter().skip(1).filter_map(|one| Said::read(one).ok());
    let ends = above
        .map(|said| said.until)
        .filter(|until| now < until.plus_millis(1000));
    read.until = ends.fold(read.until, Timestamp::min);
    if !read.holds(now) {
        let why = format!("the certificate ended at {}", read.until.rfc3339());
        return Err((Failure::CertificateExpired, why));
    }
    Ok(Some(Arc::new(read)))
}
