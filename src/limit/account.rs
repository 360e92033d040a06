//! Accounts: a rate and a number of requests in flight, one state for each.

use super::{Error, Rate};
use crate::clock::Timestamp;
use crate::telemetry::LimitScope;
use crate::tenant::AccountId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The states of every account that was seen. Moved by compare-and-swap, so that workers never wait
/// for each other.
#[derive(Debug, Default)]
pub(super) struct Accounts(RwLock<HashMap<AccountId, Arc<State>>>);

#[derive(Debug, Default)]
struct State {
    arrival_ns: AtomicI64,
    in_flight: AtomicU32,
}

/// A request that counts as in flight until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct InFlight(Arc<State>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Accounts {
    /// One more request in flight, unless there are `max` already.
    pub(super) fn begin(&self, account: &AccountId, max: Option<u32>) -> Result<InFlight, Error> {
        let state = self.state(account);
        let count = state.in_flight.fetch_add(1, Ordering::Relaxed);
        let begun = InFlight(state);
        if max.is_some_and(|max| count >= max) {
            return Err(Error::Concurrent(count));
        }
        Ok(begun)
    }

    /// How many requests are in flight now.
    pub(super) fn in_flight(&self, account: &AccountId) -> u32 {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let state = seen.get(account);
        state.map_or(0, |state| state.in_flight.load(Ordering::Relaxed))
    }

    /// Account ids come from the directory, so the map is as bounded as the directory is.
    fn state(&self, account: &AccountId) -> Arc<State> {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(account)
            .cloned();
        known.unwrap_or_else(|| {
            let mut accounts = self.0.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(account.clone()).or_default())
        })
    }
}

impl InFlight {
    /// Takes one from the account's rate.
    pub(super) fn take(&self, rate: Rate, now: Timestamp) -> Result<(), Error> {
        let bucket = &self.0.arrival_ns;
        let mut arrival = bucket.load(Ordering::Relaxed);
        loop {
            let taken = rate.take(arrival, now);
            let next = taken.unwrap_or_else(|over| over.arrival_ns);
            let (set, read) = (Ordering::Relaxed, Ordering::Relaxed);
            match bucket.compare_exchange_weak(arrival, next, set, read) {
                Ok(_) => {
                    let scope = LimitScope::Account;
                    let over = |secs| Error::Rate { scope, secs };
                    return taken.map(drop).map_err(|full| over(full.secs));
                }
                Err(other) => arrival = other,
            }
        }
    }
}
