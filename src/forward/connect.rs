//! A new connection to an upstream: a byte stream, then the handshake on it.

use super::UpstreamSettings;
use super::body::RequestBody;
use super::error::{Error, broken};
use super::pool::{Connection, Owner};
use crate::telemetry::Metrics;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connects to `host` and `port`, and starts the task that moves the connection's bytes.
pub(super) async fn connect(
    settings: &UpstreamSettings,
    (host, port): (&str, u16),
    owner: Owner,
    metrics: &Metrics,
) -> Result<Connection, Error> {
    let name = &settings.name;
    let limit = settings.connect_timeout;
    let late = |_| Error::Timeout(Arc::clone(name), "accept a connection", limit);
    let stream = timeout(limit, open(host, port)).await.map_err(late)?;
    let stream = stream.map_err(|error| Error::Connect(Arc::clone(name), error))?;
    let handshake = http1::Builder::new().handshake::<_, RequestBody>(TokioIo::new(stream));
    let (sender, connection) = handshake.await.map_err(|error| broken(name, &error))?;
    let name = Arc::clone(name);
    let open = metrics.upstream_connection();
    let task = tokio::task::spawn_local(async move {
        let _open = open;
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(upstream = %name, %error, "upstream connection ended");
        }
    });
    Ok(Connection::new(sender, task.abort_handle(), owner))
}

async fn open(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
