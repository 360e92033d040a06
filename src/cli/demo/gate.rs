//! The gate inside the demo: started from the demo's files as any other.

use super::Error;
use crate::app::{self, Running};
use crate::clock::Clock;
use crate::config;
use crate::socket;
use std::net::SocketAddr;
use std::path::Path;

/// A gate that serves.
pub(super) struct Gate {
    /// Where requests go.
    pub(super) proxy: SocketAddr,
    /// Where metrics are.
    pub(super) metrics: SocketAddr,
    /// Where it is controlled.
    pub(super) control: SocketAddr,
    running: Running,
}

impl Gate {
    /// Starts what `config` says.
    pub(super) async fn start(config: &Path, clock: Clock) -> Result<Self, Error> {
        let resolved = config::load(config).map_err(Error::Invalid)?;
        socket::raise_descriptors();
        let running = app::start(resolved, clock)
            .await
            .map_err(|error| match error {
                app::Error::Invalid(faults) => Error::Invalid(faults),
                error @ app::Error::Machine { .. } => Error::Gate(error.to_string()),
            })?;
        let at = running.addresses;
        Ok(Self {
            proxy: at.proxy.expect("the demonstration serves plain HTTP"),
            metrics: at.metrics,
            control: at.control.unwrap_or(at.metrics),
            running,
        })
    }

    /// Whether it has everything it needs to decide.
    pub(super) async fn is_ready(&self) -> bool {
        probe(self.metrics).await.unwrap_or(false)
    }

    /// Ends what it has begun and stops.
    pub(super) async fn stop(self) {
        self.running.stop().await;
    }
}
/// Asks `/readyz` on the metrics listener.
async fn probe(metrics: SocketAddr) -> Option<bool> {
    let stream = tokio::net::TcpStream::connect(metrics).await.ok()?;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.ok()?;
    tokio::spawn(connection);
    let request = http::Request::get("/readyz")
        .header(http::header::HOST, metrics.to_string())
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .ok()?;
    let reply = sender.send_request(request).await.ok()?;
    Some(reply.status() == http::StatusCode::OK)
}
