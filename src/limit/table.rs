//! Buckets of whoever comes, in bounded memory.
//!
//! Strangers choose how many keys there are, so the number of buckets is fixed. Only full buckets are
//! forgotten; when all are in use, newcomers share one bucket instead of going unlimited (RULES 40).

use super::rate::{Rate, nanos};
use crate::clock::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Workers seldom meet in one of so many.
const SHARDS: usize = 64;
/// How long a shard without room is left alone before full buckets are looked for again.
const SWEEP_APART_MS: i64 = 100;

/// Buckets by the hash of their key. The hash is keyed at start, so nobody can aim at another's bucket.
#[derive(Debug)]
pub(super) struct Table {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    shard_max: usize,
}

#[derive(Debug, Default)]
struct Shard {
    buckets: HashMap<u64, i64>,
    /// The bucket of everybody who finds no room.
    shared: i64,
    /// When full buckets were last looked for.
    swept: Option<Timestamp>,
}

impl Table {
    /// With room for `entries_max` buckets.
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_max: entries_max.div_ceil(SHARDS),
        }
    }

    /// Takes one from the bucket of `key`; `Err`: there is room again in this many seconds.
    pub(super) fn take(&self, key: impl Hash, rate: Rate, now: Timestamp) -> Result<(), u32> {
        self.with(key, now, |arrival_ns| {
            let taken = rate.take(*arrival_ns, now);
            *arrival_ns = taken.unwrap_or_else(|over| over.arrival_ns);
            taken.map(drop).map_err(|over| over.secs)
        })
    }

    /// Takes `count` from the bucket of `key`, as far as there are so many.
    pub(super) fn charge(&self, key: impl Hash, rate: Rate, count: u32, now: Timestamp) {
        self.with(key, now, |arrival_ns| {
            *arrival_ns = rate.charge(*arrival_ns, count, now);
        });
    }

    fn with<T>(&self, key: impl Hash, now: Timestamp, work: impl FnOnce(&mut i64) -> T) -> T {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        work(shard.bucket(hash, self.shard_max, now))
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The map below goes by the lower bits.
        let at = usize::try_from(hash >> 32).unwrap_or_default() % SHARDS;
        let shard = self.shards.get(at).expect("the remainder is in range");
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let count = |shard: &Mutex<Shard>| shard.lock().unwrap().buckets.len();
        self.shards.iter().map(count).sum()
    }
}

impl Shard {
    fn bucket(&mut self, hash: u64, max: usize, now: Timestamp) -> &mut i64 {
        if self.buckets.len() >= max && !self.buckets.contains_key(&hash) {
            self.sweep(now);
            if self.buckets.len() >= max {
                return &mut self.shared;
            }
        }
        self.buckets.entry(hash).or_default()
    }

    /// Forgets full buckets; not at every newcomer, or a crowd of them would cost a search each.
    fn sweep(&mut self, now: Timestamp) {
        let again = |last: Timestamp| now >= last.plus_millis(SWEEP_APART_MS) || now < last;
        if self.swept.is_none_or(again) {
            self.swept = Some(now);
            let now_ns = nanos(now);
            self.buckets.retain(|_, arrival_ns| *arrival_ns > now_ns);
        }
    }
}
