//! Serves until a signal says stop.

use super::start::{Error, Running, start_on};
use crate::clock::Clock;
use crate::config::Resolved;
use crate::socket;
use crate::supervisor::{self, Inherited};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the operator says to a running process.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// Serves until SIGINT or SIGTERM, then leaves, and finishes what is under way; a second one ends the
/// time that others have to notice. Returns when all is written. SIGHUP makes it look at its files at
/// once. `inherited` are sockets that the service manager opened.
pub fn run(resolved: Resolved, inherited: Inherited) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| machine("cannot start the control runtime", source))?;
    runtime.block_on(async {
        let mut signals = Signals::new().map_err(|source| machine("signals", source))?;
        let descriptors = socket::raise_descriptors().soft;
        let running = start_on(resolved, Clock::system(), inherited).await?;
        let (proxy, tls) = (running.addresses.proxy, running.addresses.tls);
        let (proxy, tls) = (
            proxy.map(tracing::field::display),
            tls.map(tracing::field::display),
        );
        tracing::info!(proxy, tls, metrics = %running.addresses.metrics, descriptors, "serving");
        supervisor::ready();
        signals.obey(&running).await;
        if running.stop().await {
            return Ok(());
        }
        let lost = std::io::Error::other("audit records were lost");
        Err(machine("it has ended, but", lost))
    })
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Until it drains.
    async fn obey(&mut self, running: &Running) {
        loop {
            tokio::select! {
                () = running.drains() => return,
                _ = self.interrupt.recv() => running.leave(),
                _ = self.terminate.recv() => running.leave(),
                Some(()) = self.hangup.recv() => running.reload(),
            }
        }
    }
}

fn machine(what: &str, source: std::io::Error) -> Error {
    Error::Machine {
        what: what.to_owned(),
        source,
    }
}
