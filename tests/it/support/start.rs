//! Starts the product in this process: the one place of the harness that knows its start-up API.

use palisade::app::{self, Running};
use palisade::clock::Clock;
use palisade::fault;
use std::net::SocketAddr;
use std::path::Path;
use tokio::runtime::Runtime;

/// A gate that runs.
pub(crate) struct Started {
    /// The data port.
    pub(crate) proxy: SocketAddr,
    /// The same over TLS, where that is configured.
    pub(crate) tls: Option<SocketAddr>,
    /// `/metrics` and probes.
    pub(crate) metrics: SocketAddr,
    /// The control port.
    pub(crate) control: SocketAddr,
    running: Option<Running>,
    runtime: Runtime,
}

/// Starts from a configuration file, on ports of the system's choice.
pub(crate) fn start(config: &Path, clock: Clock) -> Result<Started, String> {
    let resolved = palisade::config::load(config).map_err(|faults| fault::render(&faults))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let running = runtime
        .block_on(app::start(resolved, clock))
        .map_err(|error| match error {
            app::Error::Invalid(faults) => fault::render(&faults),
            error @ app::Error::Machine { .. } => error.to_string(),
        })?;
    let at = running.addresses;
    Ok(Started {
        proxy: at.proxy.or(at.tls).expect("there is a data port"),
        tls: at.tls,
        metrics: at.metrics,
        control: at.control.expect("the harness configures `control`"),
        running: Some(running),
        runtime,
    })
}

impl Started {
    /// Makes it look at its files.
    pub(crate) fn reload(&self) {
        if let Some(running) = &self.running {
            running.reload();
        }
    }

    /// Drains and stops; a second time does nothing.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}
