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

/// So few accounts are never looked through.
const ROOM_MIN: usize = 64;

/// The accounts whose answers are remembered.
#[derive(Debug)]
pub(super) struct Shares {
    bytes_max: u64,
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    bytes: HashMap<AccountId, Arc<AtomicU64>>,
    /// As many as there may be before those without answers are looked for.
    room: usize,
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
            .bytes
            .get(account)
            .map_or(0, |bytes| bytes.load(Ordering::Relaxed))
    }

    fn account(&self, account: &AccountId) -> Arc<AtomicU64> {
        let accounts = self.accounts.lock();
        let mut accounts = accounts.unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = accounts.bytes.get(account) {
            return Arc::clone(bytes);
        }
        if accounts.bytes.len() >= accounts.room {
            // Whoever has nothing in the cache is forgotten, and not looked for again before there are
            // twice as many as have something: each look goes through all of them.
            accounts
                .bytes
                .retain(|_, bytes| Arc::strong_count(bytes) > 1);
            accounts.room = (2 * accounts.bytes.len()).max(ROOM_MIN);
        }
        Arc::clone(accounts.bytes.entry(account.clone()).or_default())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    //! Who is remembered.

    use super::*;

    #[test]
    fn accounts_without_answers_are_forgotten_and_the_others_are_not() {
        let shares = Shares::of(8_000);
        let account = |at: usize| AccountId::parse(&format!("a{at}")).unwrap();
        let held: Vec<_> = (0..100).map(|at| shares.take(&account(at), 10)).collect();
        for at in 100..10_000 {
            assert!(shares.take(&account(at), 10).is_some());
        }
        let known = shares.accounts.lock().unwrap().bytes.len();
        assert!((100..=200).contains(&known), "{known}");
        assert_eq!(shares.taken(&account(7)), 10);
        drop(held);
        assert_eq!(shares.taken(&account(7)), 0);
    }
}
