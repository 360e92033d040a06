//! How much of the decision cache each account fills.
//!
//! An account's own policies settle what its keys hold. Reading what differs for each request, they
//! would fill the whole cache and cool everybody else's answers; so each account has a share (RULES 34).

use crate::tenant::AccountId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// No account fills more than one part in so many.
const SHARES: u64 = 8;

/// The accounts whose answers are remembered.
#[derive(Debug)]
pub(super) struct Shares {
    bytes_max: u64,
    accounts: Mutex<HashMap<AccountId, Arc<AtomicU64>>>,
}

/// What one entry takes of an account's share, until it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    of: Arc<AtomicU64>,
    bytes: u64,
}

impl Shares {
    pub(super) fn of(bytes_max: u64) -> Self {
        Self {
            bytes_max: bytes_max / SHARES,
            accounts: Mutex::default(),
        }
    }

    /// Takes so much of the account's share. `None`: it is used up.
    pub(super) fn take(&self, account: &AccountId, bytes: u64) -> Option<Taken> {
        let of = self.account(account);
        let before = of.fetch_add(bytes, Ordering::Relaxed);
        let taken = Taken { of, bytes };
        (before + bytes <= self.bytes_max).then_some(taken)
    }

    /// The bytes that an account's answers take.
    pub(super) fn taken(&self, account: &AccountId) -> u64 {
        let accounts = self.accounts.lock();
        let accounts = accounts.unwrap_or_else(PoisonError::into_inner);
        accounts
            .get(account)
            .map_or(0, |bytes| bytes.load(Ordering::Relaxed))
    }

    fn account(&self, account: &AccountId) -> Arc<AtomicU64> {
        let accounts = self.accounts.lock();
        let mut accounts = accounts.unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = accounts.get(account) {
            return Arc::clone(bytes);
        }
        if accounts.len().is_power_of_two() {
            // Whoever has nothing in the cache is forgotten, whenever there are twice as many.
            accounts.retain(|_, bytes| Arc::strong_count(bytes) > 1);
        }
        Arc::clone(accounts.entry(account.clone()).or_default())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
