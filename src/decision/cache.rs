//! The decision cache: answers, each with the stretch of time over which it holds.

use super::key::Key;
use super::share::{Shares, Taken};
use crate::clock::Timestamp;
use crate::policy::{Answer, Ruling, Window};
use crate::telemetry::{Metrics, PolicyCounter};
use crate::tenant::AccountId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of all entries together; 0 keeps none.
    pub bytes_max: u64,
    /// An answer is asked for again after that time at the latest; 0 keeps none.
    pub ttl: Duration,
    /// One in so many remembered answers is asked for afresh and compared; 0: none.
    pub audit_every: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bytes_max: 64 * 1024 * 1024,
            ttl: Duration::from_mins(5),
            audit_every: 1_000,
        }
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Answers.
    pub entries: u64,
    /// About how many bytes they take.
    pub bytes: u64,
    /// How many they may.
    pub bytes_max: u64,
    /// Nothing is kept any more, because an answer that was kept was found to be wrong.
    pub off: bool,
}

/// An answer, and whom to count for it. It holds nothing of who asked for what: that comes from the
/// request, never from here.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) ruling: Ruling,
    pub(super) determining: Arc<[Arc<str>]>,
    /// Policies that could not be evaluated.
    pub(super) erring: Arc<[Arc<str>]>,
    pub(super) isolation: bool,
    pub(super) counters: Vec<PolicyCounter>,
    window: Option<Window>,
    /// Of the share of the account that asked first.
    taken: Option<Taken>,
}

impl Entry {
    pub(super) fn new(answer: Answer, counter: impl Fn(&str) -> Option<PolicyCounter>) -> Self {
        let counters = answer.determining.iter().filter_map(|id| counter(id));
        let erring = answer.errors.iter();
        Self {
            counters: counters.collect(),
            // Which policies, not what Cedar says of them: that may name somebody who asked before.
            erring: erring.map(|error| Arc::clone(&error.policy)).collect(),
            ruling: answer.ruling,
            isolation: answer.isolation,
            determining: answer.determining.into(),
            window: None,
            taken: None,
        }
    }

    fn bytes(&self, key: &[u8]) -> usize {
        let slots = self.determining.len() + self.erring.len() + self.counters.len();
        key.len() + ENTRY_BYTES + slots * SLOT_BYTES
    }
}

#[expect(
    clippy::borrowed_box,
    reason = "moka passes a reference to its key type"
)]
fn weight(key: &Box<[u8]>, entry: &Arc<Entry>) -> u32 {
    u32::try_from(entry.bytes(key)).unwrap_or(u32::MAX)
}

/// What moka and an entry need beside key and texts.
const ENTRY_BYTES: usize = 320;
/// A pointer to a text, or to a counter.
const SLOT_BYTES: usize = 24;

/// The cache.
#[derive(Debug)]
pub(super) struct Cache {
    /// Keys are long: hashing one as the standard library does would cost as much as finding it.
    entries: moka::sync::Cache<Box<[u8]>, Arc<Entry>, ahash::RandomState>,
    ttl_ms: i64,
    shares: Shares,
    /// Nothing is remembered any more.
    off: AtomicBool,
    metrics: Arc<Metrics>,
}

impl Cache {
    pub(super) fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        let counting = Arc::clone(&metrics);
        let entries = moka::sync::Cache::builder()
            .max_capacity(settings.bytes_max)
            .weigher(weight)
            // What has ended is never found again; this is for the room that it takes.
            .time_to_live(settings.ttl.max(Duration::from_secs(1)))
            .eviction_listener(move |_key, _entry, cause| {
                if cause.was_evicted() {
                    counting.decision_cache_evictions(1);
                }
            })
            .build_with_hasher(ahash::RandomState::new());
        Self {
            entries,
            ttl_ms: i64::try_from(settings.ttl.as_millis()).unwrap_or(i64::MAX),
            shares: Shares::of(settings.bytes_max),
            off: AtomicBool::new(false),
            metrics,
        }
    }

    /// The answer for `key`, if there is one and it holds at `now`. Time is compared here: the cache's
    /// own expiry would use a clock of its own.
    pub(super) fn find(&self, key: &Key, now: Timestamp) -> Option<Arc<Entry>> {
        if self.off.load(Ordering::Relaxed) {
            return None;
        }
        let entry = self.entries.get(key.bytes())?;
        entry.window?.contains(now).then_some(entry)
    }

    /// Whether there is an answer for `key` that holds at `now`. To the cache this is a use of it.
    pub(super) fn holds(&self, key: &Key, now: Timestamp) -> bool {
        self.find(key, now).is_some()
    }

    /// How much is kept.
    pub(super) fn kept(&self) -> Kept {
        self.entries.run_pending_tasks();
        Kept {
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
            bytes_max: self.entries.policy().max_capacity().unwrap_or(0),
            off: self.off.load(Ordering::Relaxed),
        }
    }

    /// Keeps the answer of `now` for as long as `window` and the settings allow, as far as the share of
    /// the account that asks allows.
    pub(super) fn keep(
        &self,
        key: &Key,
        mut entry: Entry,
        (window, now): (Window, Timestamp),
        payer: Option<&AccountId>,
    ) -> Arc<Entry> {
        entry.window = Some(window.and(Window {
            from: Timestamp(i64::MIN),
            until: now.plus_millis(self.ttl_ms),
        }));
        if self.ttl_ms == 0 || self.off.load(Ordering::Relaxed) {
            return Arc::new(entry);
        }
        let bytes = entry.bytes(key.bytes()) as u64;
        entry.taken = payer.and_then(|account| self.shares.take(account, bytes));
        let entry = Arc::new(entry);
        if payer.is_some() && entry.taken.is_none() {
            self.metrics.decision_cache_share_exceeded();
            return entry;
        }
        self.entries.insert(key.bytes().into(), Arc::clone(&entry));
        self.metrics
            .decision_cache_entries(self.entries.entry_count());
        entry
    }

    /// From now on nothing is remembered.
    pub(super) fn turn_off(&self) {
        self.off.store(true, Ordering::Relaxed);
        self.entries.invalidate_all();
    }

    /// The bytes that an account's answers take.
    pub(super) fn taken(&self, account: &AccountId) -> u64 {
        self.shares.taken(account)
    }
}
