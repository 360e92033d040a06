//! Circuit breaking: how much of this process one upstream may take, over all workers.

use super::idle::{Idle, Rest};
use super::settings::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// The limit that refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Requests under way.
    InFlight,
    /// Requests that wait for a connection.
    Pending,
    /// Connections.
    Connections,
}

/// What one upstream takes now.
#[derive(Debug)]
pub(in crate::forward) struct Breaker {
    in_flight: Count,
    pending: Count,
    connections: Option<Arc<Semaphore>>,
    waiting: Arc<AtomicU32>,
    idle: Idle,
}

/// A number with a bound. Without a bound nobody counts, so that workers do not fight for the line.
#[derive(Debug)]
struct Count {
    now: Arc<AtomicU32>,
    max: Option<u32>,
}

/// One of what is counted, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the count"]
pub(in crate::forward) struct Taken(Option<Arc<AtomicU32>>);

/// The right to one connection, as long as that lives.
pub(in crate::forward) type Room = Option<OwnedSemaphorePermit>;

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 3] = [Self::InFlight, Self::Pending, Self::Connections];

    /// Its key in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::InFlight => "max_in_flight",
            Self::Pending => "max_pending",
            Self::Connections => "max_connections",
        }
    }
}

impl Breaker {
    pub(super) fn new(limits: Limits) -> Self {
        let connections = limits.connections.map(|max| max as usize);
        Self {
            in_flight: Count::new(limits.in_flight),
            pending: Count::new(limits.pending),
            connections: connections.map(|max| Arc::new(Semaphore::new(max))),
            waiting: Arc::default(),
            idle: Idle::default(),
        }
    }

    /// A request begins.
    pub(in crate::forward) fn request(&self) -> Result<Taken, Limit> {
        self.in_flight.take().ok_or(Limit::InFlight)
    }

    /// A request has to wait for a connection.
    pub(in crate::forward) fn wait(&self) -> Result<Taken, Limit> {
        self.pending.take().ok_or(Limit::Pending)
    }

    /// Room for one more connection; `Err`: there is none now.
    pub(in crate::forward) fn try_connection(&self) -> Result<Room, Limit> {
        let Some(connections) = &self.connections else {
            return Ok(None);
        };
        let room = Arc::clone(connections).try_acquire_owned();
        room.map(Some).map_err(|_| Limit::Connections)
    }

    /// The same, once there is.
    pub(in crate::forward) async fn connection(&self) -> Room {
        let connections = self.connections.clone()?;
        self.waiting.fetch_add(1, Relaxed);
        let _waiting = Taken(Some(Arc::clone(&self.waiting)));
        self.idle.close_one();
        connections.acquire_owned().await.ok()
    }

    /// The connection that `task` drives is idle from now on, until its rest is broken off; where connections
    /// are bounded, whoever waits for room may close it meanwhile, whichever worker, account and endpoint it
    /// is of. `None`: somebody waits already, and unless it is `wanted` here it has to be closed.
    pub(in crate::forward) fn rest(&self, task: &AbortHandle, wanted: bool) -> Option<Rest> {
        if self.connections.is_none() {
            return Some(Rest::default());
        }
        self.idle
            .add_unless(task, || !wanted && self.waiting.load(Relaxed) > 0)
    }
}

impl Count {
    fn new(max: Option<u32>) -> Self {
        Self {
            now: Arc::default(),
            max,
        }
    }

    fn take(&self) -> Option<Taken> {
        let Some(max) = self.max else {
            return Some(Taken(None));
        };
        let before = self.now.fetch_add(1, Relaxed);
        let taken = Taken(Some(Arc::clone(&self.now)));
        (before < max).then_some(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    //! Counts up to their bounds.

    use super::*;

    #[test]
    fn a_bound_holds_and_frees_what_is_dropped() {
        let breaker = Breaker::new(Limits {
            in_flight: Some(2),
            pending: Some(0),
            connections: None,
        });
        let first = breaker.request().unwrap();
        let second = breaker.request().unwrap();
        assert_eq!(breaker.request().unwrap_err(), Limit::InFlight);
        assert_eq!(breaker.request().unwrap_err(), Limit::InFlight);
        drop(first);
        let third = breaker.request().unwrap();
        assert_eq!(breaker.wait().unwrap_err(), Limit::Pending);
        drop((second, third));
        assert!(breaker.try_connection().unwrap().is_none(), "no bound");
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_connection_that_ends() {
        let breaker = Arc::new(Breaker::new(Limits {
            connections: Some(1),
            ..Limits::default()
        }));
        let only = breaker.try_connection().unwrap();
        assert!(only.is_some());
        assert_eq!(breaker.try_connection().unwrap_err(), Limit::Connections);
        let waiter = Arc::clone(&breaker);
        let waiter = tokio::spawn(async move { waiter.connection().await });
        let task = tokio::spawn(std::future::pending::<()>());
        let rest = |wanted| breaker.rest(&task.abort_handle(), wanted);
        while rest(false).is_some() {
            tokio::task::yield_now().await;
        }
        assert!(rest(true).is_some(), "it has its use here");
        drop(only);
        let room = waiter.await.unwrap();
        assert!(room.is_some());
        assert!(rest(false).is_some());
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_for_whoever_waits() {
        let breaker = Breaker::new(Limits {
            connections: Some(1),
            ..Limits::default()
        });
        let only = breaker.try_connection().unwrap();
        let idle = tokio::spawn(async move {
            let _only = only;
            std::future::pending::<()>().await;
        });
        let _rest = breaker.rest(&idle.abort_handle(), false).unwrap();
        assert!(breaker.connection().await.is_some());
    }
}
