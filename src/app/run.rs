//! Serves until a signal says stop.

use super::start::{Error, start};
use crate::clock::Clock;
use crate::config::Resolved;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGINT or SIGTERM, then finishes what is under way. Returns when all is written.
/// SIGHUP makes it look at its files at once.
pub fn run(resolved: Resolved) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| machine("cannot start the control runtime", source))?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|source| machine("signals", source))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(|source| machine("signals", source))?;
        let mut hangup = signal(SignalKind::hangup()).map_err(|source| machine("signals", source))?;
        let running = start(resolved, Clock::system()).await?;
        tracing::info!(proxy = %running.addresses.proxy, metrics = %running.addresses.metrics, "serving");
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                () = running.drained() => break,
                Some(()) = hangup.recv() => running.reload(),
            }
        }
        running.stop().await;
        Ok(())
    })
}

fn machine(what: &str, source: std::io::Error) -> Error {
    Error::Machine {
        what: what.to_owned(),
        source,
    }
}
