//! Room in memory for bodies that are read whole: one bound for all, one for each account, so that no
//! account can take it from the others (RULES 40).

use crate::tenant::AccountId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many bytes of bodies may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// By all accounts together.
    pub bytes_max: usize,
    /// By one account; Principals, who have none, share one such bound.
    pub account_bytes_max: usize,
}

/// The room that is taken.
#[derive(Debug)]
pub struct Bodies {
    limits: BodyLimits,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: usize,
    accounts: HashMap<Option<AccountId>, usize>,
}

/// Room for one body, until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Room {
    taken: Arc<Mutex<Taken>>,
    account: Option<AccountId>,
    bytes: usize,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The account has taken its share.
    #[error("the account's bodies take {0} bytes already")]
    Account(usize),
    /// All room is taken.
    #[error("bodies take {0} bytes already")]
    All(usize),
}

impl Bodies {
    /// With nothing taken.
    pub fn new(limits: BodyLimits) -> Self {
        Self {
            limits,
            taken: Arc::default(),
        }
    }

    /// Takes room for `bytes` of a body of `account`.
    pub fn take(&self, account: Option<&AccountId>, bytes: usize) -> Result<Room, Full> {
        let mut taken = lock(&self.taken);
        let account = account.cloned();
        let own = taken.accounts.get(&account).copied().unwrap_or_default();
        if own.saturating_add(bytes) > self.limits.account_bytes_max {
            return Err(Full::Account(own));
        }
        if taken.bytes.saturating_add(bytes) > self.limits.bytes_max {
            return Err(Full::All(taken.bytes));
        }
        taken.bytes += bytes;
        taken.accounts.insert(account.clone(), own + bytes);
        Ok(Room {
            taken: Arc::clone(&self.taken),
            account,
            bytes,
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.bytes = taken.bytes.saturating_sub(self.bytes);
        if let Some(own) = taken.accounts.get_mut(&self.account) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                taken.accounts.remove(&self.account);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    //! Room that is given back.

    use super::*;

    #[test]
    fn one_account_cannot_take_the_room_of_another() {
        let bodies = Bodies::new(BodyLimits {
            bytes_max: 100,
            account_bytes_max: 60,
        });
        let (acme, globex) = (
            AccountId::parse("acme").unwrap(),
            AccountId::parse("globex").unwrap(),
        );
        let first = bodies.take(Some(&acme), 60).unwrap();
        assert_eq!(bodies.take(Some(&acme), 1).unwrap_err(), Full::Account(60));
        let second = bodies.take(Some(&globex), 40).unwrap();
        assert_eq!(bodies.take(None, 1).unwrap_err(), Full::All(100));
        drop((first, second));
        assert!(lock(&bodies.taken).accounts.is_empty());
        assert_eq!(lock(&bodies.taken).bytes, 0);
    }
}
