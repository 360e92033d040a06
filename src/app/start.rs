//! From a resolved configuration to a running gate.

use super::certificates::Certificates;
use super::checks;
use super::departure::depart;
use super::generation::{self, Built};
use super::reload::{READINGS, Reloader};
use super::view::Shown;
use crate::clock::Clock;
use crate::config::{self, Before, Compare, Origin, Resolved};
use crate::decision::{self, Pdp, Shadows};
use crate::drain::{self, Drain, Draining};
use crate::fault::Fault;
use crate::forward::{self, Own};
use crate::gate::Shared;
use crate::limit::{Bodies, BodyLimits, Limits};
use crate::policy::Loader;
use crate::snapshot::Snapshot;
use crate::supervisor::Inherited;
use crate::telemetry::{Audit, Metrics, audit};
use crate::tls::Material;
use crate::token;
use crate::{admin, listener};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

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
    /// The data port for plain HTTP; `None`: there is none.
    pub proxy: Option<SocketAddr>,
    /// The data port for TLS; `None`: there is none.
    pub tls: Option<SocketAddr>,
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
    reload: Arc<Notify>,
    workers: Vec<JoinHandle<()>>,
    admin: tokio::task::JoinHandle<()>,
    last: Drain,
}

/// Starts serving, and follows the files. Call it inside a tokio runtime: admin listeners, key refresh
/// and reloads run on it, requests on threads of their own.
pub async fn start(resolved: Resolved, clock: Clock) -> Result<Running, Error> {
    start_on(resolved, clock, Inherited::default()).await
}

/// The same, on sockets that were passed; what was not is bound.
pub async fn start_on(
    resolved: Resolved,
    clock: Clock,
    mut inherited: Inherited,
) -> Result<Running, Error> {
    let metrics = Metrics::new();
    let (machine, origin, built) = Box::pin(read_whole(resolved, &clock, &metrics)).await?;
    let delay = machine.listen.drain_delay;
    let certificates = certificates(machine.tls, &clock, &metrics)?;
    let serving = certificates.as_ref().map(Certificates::serving);
    let data = listener::bind(machine.listen, serving, &mut inherited)
        .map_err(failed("cannot open the data port".to_owned()))?;
    let admin = admin::bind(machine.admin, &mut inherited)
        .await
        .map_err(failed("cannot bind the admin listeners".to_owned()))?;
    let taken = inherited.all_taken().map_err(Into::into);
    taken.map_err(failed("cannot use what was passed".to_owned()))?;
    let audit = Audit::start(machine.audit, Arc::clone(&metrics))
        .map_err(failed("cannot open the audit output (audit)".to_owned()))?;
    // The data port drains first; keys are refreshed and metrics shown until it has.
    let (drain, draining) = drain::channel();
    let (drain, last) = (Arc::new(drain), drain::channel());
    let asked = drain.subscribe();
    tokio::spawn(depart(asked, Arc::downgrade(&drain), delay));
    let own = ours(&data, &admin);
    generation::install(&built.generation, &metrics);
    built.generation.services.prepare(&own).await;
    metrics.ruleset(&built.generation.rules.revision, true, clock.now());
    let shared = Arc::new(Shared {
        generation: Snapshot::new(built.generation.clone()),
        pdp: Pdp::new(machine.decision, Arc::clone(&metrics)),
        shadows: Shadows::new(Arc::clone(&metrics)),
        limits: Limits::default(),
        bodies: Bodies::new(machine.bodies),
        loader: Loader::default(),
        audit,
        metrics,
        clock,
    });
    shared.shadows.follow(built.generation.shadow.as_ref());
    tokio::spawn(keep_keys_fresh(Arc::clone(&shared), last.1.clone()));
    let looked_after = keep_upstreams(Arc::clone(&shared), own.clone(), last.1.clone());
    tokio::spawn(looked_after);
    let after = (origin, certificates.clone(), own);
    tokio::spawn(checks::run(Arc::clone(&shared), last.1.clone()));
    let reloader = Reloader::new(Arc::clone(&shared), after, built);
    let (report, reload) = (reloader.report(), reloader.asked());
    tokio::spawn(reloader.run(last.1.clone()));
    let addresses = Addresses {
        proxy: data.http_address(),
        tls: data.tls_address(),
        metrics: admin.metrics_addr(),
        control: admin.control_addr(),
    };
    let view = Shown::new(
        Arc::clone(&shared),
        Arc::clone(&drain),
        report,
        certificates,
    );
    let admin = admin.serve(Arc::new(view), last.1);
    let workers = data
        .serve(&shared, &draining)
        .map_err(failed("cannot start a worker thread".to_owned()))?;
    Ok(Running {
        addresses,
        shared,
        drain,
        reload,
        workers,
        admin,
        last: last.0,
    })
}

/// Every address that we listen on.
fn ours(data: &listener::Bound, admin: &admin::Bound) -> Own {
    let data = data.addresses().into_iter();
    Own::new(
        data.chain([admin.metrics_addr()])
            .chain(admin.control_addr()),
    )
}

/// What a start alone can follow.
struct Machine {
    listen: listener::Settings,
    tls: Option<Material>,
    admin: admin::Settings,
    audit: audit::Settings,
    decision: decision::Settings,
    bodies: BodyLimits,
}

/// Builds the first generation, from files that hold: one that was still being written may have lost
/// its forbids (RULES 27). Files that are written without end are left out: no tenant stops a start
/// (RULES 43).
async fn read_whole(
    mut resolved: Resolved,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Result<(Machine, Origin, Built), Error> {
    let mut readings = 0;
    loop {
        readings += 1;
        let begun = Instant::now();
        let mut origin = std::mem::take(&mut resolved.origin);
        let machine = Machine {
            listen: resolved.listen.clone(),
            tls: resolved.tls.clone(),
            admin: resolved.admin.clone(),
            audit: resolved.audit.clone(),
            decision: resolved.decision,
            bodies: resolved.bodies,
        };
        let built = generation::build(resolved, None, clock, metrics).map_err(Error::Invalid)?;
        sleep_until(begun + built.reload.debounce).await;
        if readings > READINGS || origin.seen.holds(Compare::Stamps) {
            return Ok((machine, origin, built));
        }
        tracing::warn!("the files change while they are read; reading them again");
        let known = Arc::new(origin.seen);
        let before = Before {
            earlier: (readings == READINGS).then(|| Arc::clone(&known)),
            known,
            told: None,
        };
        resolved = config::load_after(&origin.path, before).map_err(Error::Invalid)?;
    }
}

/// What TLS is served with.
fn certificates(
    material: Option<Material>,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Result<Option<Certificates>, Error> {
    let start = |material| Certificates::start(material, clock, metrics);
    material.map(start).transpose().map_err(Error::Invalid)
}

async fn keep_keys_fresh(shared: Arc<Shared>, draining: Draining) {
    let current = || Arc::clone(&shared.generation.peek().rules.issuers);
    token::keep_fresh(current, draining).await;
}

async fn keep_upstreams(shared: Arc<Shared>, own: Own, draining: Draining) {
    let current = || Arc::clone(&shared.generation.peek().services);
    forward::keep(current, shared.generation.watch(), own, draining).await;
}

fn failed(what: String) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Machine { what, source }
}

impl Running {
    /// What its parts share: for tests, and for whoever embeds it.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Looks at the files at once, whether they have changed or not.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Says to everybody that this process ends, and drains after `listen.timeouts.drain_delay`. Said
    /// again, at once.
    pub fn leave(&self) {
        if self.drain.leaving() {
            self.drain.begin();
        }
        self.drain.leave();
    }

    /// Completes when it drains: after [`Running::leave`], or when somebody asked for it through the
    /// control listener.
    pub async fn drains(&self) {
        self.drain.subscribe().signal().await;
    }

    /// Stops taking connections at once, finishes what is under way, writes out the audit record.
    /// Answers whether all of it was written.
    pub async fn stop(self) -> bool {
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
            shared.audit.shutdown()
        });
        let lost = joined.await.unwrap_or_else(|error| {
            tracing::error!(%error, "stopping was cut off");
            u64::MAX
        });
        last.begin();
        if tokio::time::timeout(LAST_REPLIES, admin).await.is_err() {
            tracing::warn!("admin connections were cut");
        }
        lost == 0
    }
}
