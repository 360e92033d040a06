//! Worker threads. One that breaks begins anew, with the same doors.

use super::connection::Inside;
use super::crowd::Crowd;
use super::door::{self, Door};
use super::{Settings, accept};
use crate::drain::Draining;
use crate::gate::{Gate, Shared};
use crate::snapshot::Snapshot;
use crate::socket;
use crate::supervisor::Inherited;
use crate::telemetry::Metrics;
use crate::tls::Server;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::task::{JoinSet, LocalSet};

/// Virtual memory of a worker's stack; Cedar evaluates on it, and with too little left it would err
/// (only touched pages cost memory).
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// How long a worker that broke waits: what broke it may break it again at once.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// Sockets that listen, before anything is served.
#[derive(Debug)]
pub struct Bound {
    doors: door::Doors,
    settings: Settings,
}

/// Opens every address once for each worker, or takes the sockets that were passed.
///
/// `serving` is what TLS is served with, where it is.
pub fn bind(
    settings: Settings,
    serving: Option<Arc<Snapshot<Server>>>,
    inherited: &mut Inherited,
) -> io::Result<Bound> {
    Ok(Bound {
        doors: door::open(&settings, serving, inherited)?,
        settings,
    })
}

impl Bound {
    /// Where clients connect for plain HTTP.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.doors.http
    }

    /// Where they connect for TLS.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.doors.tls
    }

    /// Every address that it listens on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let doors = self.doors.of_workers.iter().flatten();
        doors.filter_map(Door::address).collect()
    }

    /// Starts the workers. Each ends when draining began and its connections are done, or after the
    /// drain timeout.
    pub fn serve(
        self,
        shared: &Arc<Shared>,
        draining: &Draining,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let Self { doors, settings } = self;
        let crowd = Crowd::new(seats(settings.connections_max));
        let start = |(number, doors): (usize, Vec<Door>)| {
            let (shared, draining) = (Arc::clone(shared), draining.clone());
            let (settings, crowd) = (settings.clone(), Arc::clone(&crowd));
            std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    let doors: Vec<_> = doors.into_iter().map(Rc::new).collect();
                    keep(&shared.metrics, &draining, || {
                        let inside = Inside {
                            gate: Gate::new(Arc::clone(&shared)),
                            settings: settings.clone(),
                            draining: draining.clone(),
                            crowd: Arc::clone(&crowd),
                        };
                        work(&doors, &Rc::new(inside))
                    });
                })
        };
        doors
            .of_workers
            .into_iter()
            .enumerate()
            .map(start)
            .collect()
    }
}

/// How many clients may be connected: as many as was said, or as descriptors allow.
fn seats(given: Option<usize>) -> usize {
    let possible = socket::descriptors().clients();
    let given = given.unwrap_or(possible);
    if given > possible {
        tracing::warn!(
            connections = given,
            possible,
            "fewer clients may be connected than `listen.limits.connections` says: raise `ulimit -n`"
        );
    }
    given
}

/// Works until the work is done. A worker that is gone while the others serve would leave its share of
/// clients without an answer, and nobody would see it: it begins anew, and is counted.
fn keep(metrics: &Metrics, draining: &Draining, mut work: impl FnMut() -> io::Result<()>) {
    loop {
        match catch_unwind(AssertUnwindSafe(&mut work)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!(%error, "a worker cannot work"),
            Err(_) => tracing::error!("a worker panicked; its connections are lost"),
        }
        if draining.begun() {
            return;
        }
        metrics.worker_restarted();
        std::thread::sleep(RESTART_PAUSE);
    }
}

/// Serves by all doors until each is closed and empty.
fn work(doors: &[Rc<Door>], inside: &Rc<Inside>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = LocalSet::new();
    let streams = Rc::clone(inside);
    local.spawn_local(async move { streams.gate.look_after_streams().await });
    let upstreams = Rc::clone(inside);
    local.spawn_local(async move { upstreams.gate.look_after_upstreams().await });
    local.block_on(&runtime, async {
        let mut open = JoinSet::new();
        for door in doors {
            open.spawn_local(accept::serve(Rc::clone(door), Rc::clone(inside)));
        }
        while let Some(ended) = open.join_next().await {
            match ended {
                Ok(ended) => ended?,
                Err(error) => {
                    if let Ok(panic) = error.try_into_panic() {
                        resume_unwind(panic);
                    }
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain;

    #[test]
    fn a_worker_that_breaks_begins_anew_and_is_counted() {
        let (metrics, (_drain, draining)) = (Metrics::new(), drain::channel());
        let mut attempts = 0;
        keep(&metrics, &draining, || {
            attempts += 1;
            match attempts {
                1 => panic!("the first one dies"),
                2 => Err(io::ErrorKind::OutOfMemory.into()),
                _ => Ok(()),
            }
        });
        assert_eq!(attempts, 3);
        let shown = metrics.render();
        assert!(
            shown.contains("palisade_worker_restarts_total 2"),
            "{shown}"
        );
    }

    #[test]
    fn a_worker_that_breaks_while_it_drains_has_ended() {
        let (metrics, (drain, draining)) = (Metrics::new(), drain::channel());
        drain.begin();
        keep(&metrics, &draining, || panic!("too late to matter"));
    }
}
