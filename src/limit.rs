//! Limits of one account: a rate and a number of requests in flight, by its plan.
//!
//! The rate is a leaky bucket in its virtual-scheduling form (GCRA, ITU-T I.371): one number per
//! account, moved by compare-and-swap, so that workers never wait for each other.

mod bodies;

pub use bodies::{Bodies, BodyLimits, Full, Room};

use crate::clock::Timestamp;
use crate::tenant::AccountId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What a plan allows one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Requests per second, sustained. At least 1.
    pub per_second: u32,
    /// Requests at once after a pause. At least 1.
    pub burst: u32,
    /// Requests in flight; `None`: any number.
    pub concurrent: Option<u32>,
}

/// The limits of every account that was seen.
#[derive(Debug, Default)]
pub struct Limits {
    accounts: RwLock<HashMap<AccountId, Arc<State>>>,
}

#[derive(Debug, Default)]
struct State {
    /// Theoretical arrival time of the next request, in nanoseconds since the epoch.
    arrival_ns: AtomicI64,
    in_flight: AtomicU32,
}

/// A request that counts as in flight until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct InFlight(Arc<State>);

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too fast; room again in this many whole seconds, at least 1.
    #[error("over the rate; try again in {0} s")]
    Rate(u32),
    /// Too many at once.
    #[error("{0} requests in flight")]
    Concurrent(u32),
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limits {
    /// Counts one request of `account` under `plan` at `now`.
    pub fn admit(
        &self,
        account: &AccountId,
        plan: Plan,
        now: Timestamp,
    ) -> Result<InFlight, Error> {
        let state = self.state(account);
        let in_flight = state.in_flight.fetch_add(1, Ordering::Relaxed);
        let admitted = InFlight(Arc::clone(&state));
        if plan.concurrent.is_some_and(|max| in_flight >= max) {
            return Err(Error::Concurrent(in_flight));
        }
        state.take(plan, now)?;
        Ok(admitted)
    }

    /// Account ids come from the directory, so the map is as bounded as the directory is.
    fn state(&self, account: &AccountId) -> Arc<State> {
        let known = self
            .accounts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(account)
            .cloned();
        known.unwrap_or_else(|| {
            let mut accounts = self
                .accounts
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(account.clone()).or_default())
        })
    }
}

impl State {
    fn take(&self, plan: Plan, now: Timestamp) -> Result<(), Error> {
        let now_ns = now.millis().saturating_mul(1_000_000);
        let step_ns = SECOND_NS / i64::from(plan.per_second.max(1));
        let room_ns = step_ns.saturating_mul(i64::from(plan.burst.max(1)));
        let mut arrival = self.arrival_ns.load(Ordering::Relaxed);
        loop {
            let next = arrival.max(now_ns).saturating_add(step_ns);
            let over_ns = next.saturating_sub(now_ns).saturating_sub(room_ns);
            if over_ns > 0 {
                let secs = u32::try_from(over_ns / SECOND_NS).unwrap_or(u32::MAX);
                return Err(Error::Rate(secs.saturating_add(1)));
            }
            match self.arrival_ns.compare_exchange_weak(
                arrival,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(other) => arrival = other,
            }
        }
    }
}

/// Fine enough for every rate that the configuration can spell.
const SECOND_NS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests;
