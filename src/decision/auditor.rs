//! Now and then a remembered answer is asked for afresh: the cache proves itself where it serves.
//!
//! Two answers that differ mean that the key lacks something. Then nothing is remembered any more until
//! the process begins anew, and what was found is kept to be looked into.

use super::cache::Entry;
use crate::clock::Timestamp;
use crate::policy::{Answer, Ruling};
use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

thread_local! {
    /// Remembered answers since the last that was asked for afresh. One for each thread: workers share
    /// nothing here.
    static SINCE: Cell<u32> = const { Cell::new(0) };
}

/// Compares remembered answers with fresh ones.
#[derive(Debug)]
pub(super) struct Auditor {
    /// One of so many; 0: none.
    every: u32,
    found: Mutex<Option<Arc<Mismatch>>>,
}

/// A remembered answer that is not what the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// When it was found.
    pub at: Timestamp,
    /// What was asked for.
    pub action: Arc<str>,
    /// The key under which it was remembered, in hex.
    pub key: String,
    /// What was remembered.
    pub remembered: String,
    /// What the policies say.
    pub fresh: String,
}

impl Auditor {
    pub(super) fn new(every: u32) -> Self {
        let found = Mutex::new(None);
        Self { every, found }
    }

    /// Whether this remembered answer is one to be asked for afresh.
    pub(super) fn is_due(&self) -> bool {
        if self.every == 0 {
            return false;
        }
        let since = SINCE.get() + 1;
        let due = since >= self.every;
        SINCE.set(if due { 0 } else { since });
        due
    }

    /// The first mismatch.
    pub(super) fn found(&self) -> Option<Arc<Mismatch>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    /// Whether both say the same. What differs is kept, and told to the operators.
    pub(super) fn agree(
        &self,
        remembered: &Entry,
        fresh: &Answer,
        seen: impl FnOnce() -> (Timestamp, Arc<str>, String),
    ) -> bool {
        let erring = fresh.errors.iter().map(|error| &error.policy);
        let same = remembered.ruling == fresh.ruling
            && remembered.isolation == fresh.isolation
            && *remembered.determining == *fresh.determining
            && remembered.erring.iter().eq(erring);
        if same {
            return true;
        }
        let (at, action, key) = seen();
        let mismatch = Mismatch {
            at,
            action,
            key,
            remembered: told(remembered.ruling, &remembered.determining),
            fresh: told(fresh.ruling, &fresh.determining),
        };
        tracing::error!(
            action = %mismatch.action,
            remembered = %mismatch.remembered,
            fresh = %mismatch.fresh,
            key = %mismatch.key,
            "a remembered decision is not what the policies say; decisions are not remembered any more"
        );
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get_or_insert_with(|| Arc::new(mismatch));
        false
    }
}

fn told(ruling: Ruling, by: &[Arc<str>]) -> String {
    format!("{ruling:?} by [{}]", by.join(", "))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
