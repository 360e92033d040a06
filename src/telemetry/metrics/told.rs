//! Counts that are read back, for `/status`.

use super::Metrics;
use super::accounts::Requests;

/// What the decision cache has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheCounts {
    /// Questions that were answered from it.
    pub hits: u64,
    /// Questions that were not.
    pub misses: u64,
    /// Answers that made room for others.
    pub evictions: u64,
}

impl Metrics {
    /// What the decision cache has done so far.
    pub fn decision_cache(&self) -> CacheCounts {
        CacheCounts {
            hits: self.decisions.hits.get(),
            misses: self.decisions.misses.get(),
            evictions: self.decisions.evictions.get(),
        }
    }

    /// How the requests of an account's callers ended. `None`: it has no series of its own.
    pub fn requests_of(&self, account: &str) -> Option<Requests> {
        self.accounts.counted(account)
    }
}
