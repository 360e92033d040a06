//! From a resolved configuration to a running gate.

use super::view::Shown;
use crate::clock::Clock;
use crate::config::Resolved;
use crate::decision::Pdp;
use crate::drain::{self, Drain};
use crate::fault::Fault;
use crate::gate::{Generation, Shared};
use crate::limit::{Bodies, Limits};
use crate::policy::Store;
use crate::route::ReferenceTable;
use crate::ruleset::Ruleset;
use crate::snapshot::Snapshot;
use crate::telemetry::{Audit, Metrics};
use crate::token::Issuers;
use crate::{admin, listener};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long admin connections may take to end once everything else has.
const LAST_REPLIES: Duration = Duration::from_secs(2);

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The files do not make a ruleset; every fault that was found.
    #[error("the configuration is not valid")]
    Invalid(Vec<Fault>),
    /// A port or a file of the machine.
    #[error("{what}: {source}")]
    Machine {
        /// What was tried, with its address or path.
        what: String,
        /// What the machine said.
        source: io::Error,
    },
}

/// Where it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The data port.
    pub proxy: SocketAddr,
    /// Metrics and probes.
    pub metrics: SocketAddr,
    /// Control; `None`: there is none.
    pub control: Option<SocketAddr>,
}

/// A gate that serves. Dropping it begins the drain without waiting; [`Running::stop`] waits.
pub struct Running {
    /// Where it listens.
    pub addresses: Addresses,
    shared: Arc<Shared>,
    drain: Arc<Drain>,
    workers: Vec<JoinHandle<()>>,
    admin: tokio::task::JoinHandle<()>,
    last: Drain,
}

/// Starts serving. Call it inside a tokio runtime: admin listeners and key refresh run on it, requests
/// on threads of their own.
pub async fn start(resolved: Resolved, clock: Clock) -> Result<Running, Error> {
    let metrics = Metrics::new();
    let listen = resolved.listen.clone();
    let (audit, admin) = (resolved.audit.clone(), resolved.admin.clone());
    let bodies = resolved.bodies;
    let pdp = Pdp::new(resolved.decision, Arc::clone(&metrics));
    let generation = generation(resolved, &clock, &metrics).map_err(Error::Invalid)?;
    let at = listen.http;
    let data =
        listener::bind(listen).map_err(machine(format!("cannot listen on {at} (listen.http)")))?;
    let admin = admin::bind(admin)
        .await
        .map_err(machine("cannot bind the admin listeners".to_owned()))?;
    let audit = Audit::start(audit, Arc::clone(&metrics))
        .map_err(machine("cannot open the audit output (audit)".to_owned()))?;
    // The data port drains first; keys are refreshed and metrics shown until it has.
    let (drain, draining) = drain::channel();
    let (drain, last) = (Arc::new(drain), drain::channel());
    tokio::spawn(Arc::clone(&generation.rules.issuers).run(last.1.clone()));
    metrics.ruleset(&generation.rules.revision, true, clock.now());
    let shared = Arc::new(Shared {
        generation: Snapshot::new(generation),
        pdp,
        limits: Limits::default(),
        bodies: Bodies::new(bodies),
        audit,
        metrics,
        clock,
    });
    let addresses = Addresses {
        proxy: data.address(),
        metrics: admin.metrics_addr(),
        control: admin.control_addr(),
    };
    let view = Arc::new(Shown::new(Arc::clone(&shared), Arc::clone(&drain)));
    let admin = admin.serve(view, last.1);
    let workers = data
        .serve(&shared, &draining)
        .map_err(machine("cannot start a worker thread".to_owned()))?;
    Ok(Running {
        addresses,
        shared,
        drain,
        workers,
        admin,
        last: last.0,
    })
}

fn machine(what: String) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Machine { what, source }
}

/// Everything that decides requests, from what the files say: to serve it, or to ask it.
pub(crate) fn generation(
    resolved: Resolved,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Result<Generation, Vec<Fault>> {
    let entries = resolved.token_entries;
    let issuers = Issuers::with_cache(
        resolved.issuers,
        entries,
        clock.clone(),
        Arc::clone(metrics),
    );
    let issuers = issuers?;
    let (store, warnings) = Store::build(resolved.policy)?;
    for fault in resolved
        .warnings
        .iter()
        .chain(&resolved.quarantined)
        .chain(&warnings)
    {
        tracing::warn!(code = fault.code, "{fault}");
    }
    metrics.register_policies(store.platform_policy_ids().iter().map(|id| &**id));
    metrics.overlays_quarantined(store.quarantined().len() as u64);
    let mut forward = resolved.forward;
    let references = &resolved.head.header_references;
    forward.annotate = forward.annotate.with_references(references);
    Ok(Generation {
        rules: Ruleset {
            revision: hex(&resolved.inputs).into(),
            router: resolved.router.into(),
            references: ReferenceTable::new(&resolved.references).into(),
            issuers,
            directory: resolved.directory.into(),
            store: store.into(),
            plans: resolved.plans.into(),
            principals: resolved.principals,
            peers: resolved.peers,
        },
        head: resolved.head,
        forward: forward.into(),
    })
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(digit).collect()
}

impl Running {
    /// What its parts share: for tests, and for whoever embeds it.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Completes when somebody asked it to drain through the control listener.
    pub async fn drained(&self) {
        self.drain.subscribe().signal().await;
    }

    /// Stops taking connections, finishes what is under way, writes out the audit record.
    pub async fn stop(self) {
        self.drain.begin();
        let Self {
            shared,
            workers,
            admin,
            last,
            ..
        } = self;
        let joined = tokio::task::spawn_blocking(move || {
            for worker in workers {
                if worker.join().is_err() {
                    tracing::error!("a worker ended in a panic");
                }
            }
            shared.audit.shutdown();
        });
        if joined.await.is_err() {
            tracing::error!("stopping was cut off");
        }
        last.begin();
        if tokio::time::timeout(LAST_REPLIES, admin).await.is_err() {
            tracing::warn!("admin connections were cut");
        }
    }
}
