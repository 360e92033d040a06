//! Parsed overlays: as many as the budget holds, the ones asked last.
//!
//! The text of every overlay is kept; parsed, it takes some ten times as much. One shelf serves all
//! stores of the process, so that a reload does not cool what it did not change.

use super::held::Held;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Memory for parsed overlays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlayBytes(pub u64);

impl Default for OverlayBytes {
    fn default() -> Self {
        Self(64 << 20)
    }
}

/// What is parsed.
#[derive(Debug)]
pub(super) struct Shelf {
    bytes_max: u64,
    /// How often something was put here: the clock by which overlays are asked earlier or later.
    puts: AtomicU64,
    held: Mutex<Vec<Weak<Held>>>,
}

impl Shelf {
    pub(super) fn new(OverlayBytes(bytes_max): OverlayBytes) -> Self {
        Self {
            bytes_max,
            puts: AtomicU64::new(1),
            held: Mutex::default(),
        }
    }

    /// Notes that `held` is asked.
    pub(super) fn touch(&self, held: &Held) {
        held.touch(self.puts.load(Ordering::Relaxed));
    }

    /// Takes note of what was parsed, and lets go of what was asked longest ago until the rest fits.
    /// What was put here last stays in any case: somebody waits for it.
    pub(super) fn put(&self, newest: &Arc<Held>) {
        newest.touch(self.puts.fetch_add(1, Ordering::Relaxed) + 1);
        let mut shelved = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let others = std::mem::take(&mut *shelved);
        let mut kept: Vec<(Arc<Held>, u64)> = others
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|held| !Arc::ptr_eq(held, newest))
            .filter_map(|held| Some((Arc::clone(&held), held.parsed()?.bytes())))
            .collect();
        let newest_bytes = newest.parsed().map_or(0, |overlay| overlay.bytes());
        let mut bytes: u64 = newest_bytes + kept.iter().map(|(_, bytes)| bytes).sum::<u64>();
        if bytes > self.bytes_max {
            kept.sort_by_key(|(held, _)| std::cmp::Reverse(held.used()));
        }
        while bytes > self.bytes_max
            && let Some((oldest, freed)) = kept.pop()
        {
            oldest.cool();
            bytes -= freed;
        }
        shelved.extend(kept.iter().map(|(held, _)| Arc::downgrade(held)));
        shelved.push(Arc::downgrade(newest));
    }

    /// How many are parsed, and their bytes.
    pub(super) fn parsed(&self) -> (usize, u64) {
        let shelved = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let parsed = shelved.iter().filter_map(Weak::upgrade);
        parsed
            .filter_map(|held| held.parsed())
            .fold((0, 0), |(count, bytes), overlay| {
                (count + 1, bytes + overlay.bytes())
            })
    }

    /// The budget.
    pub(super) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }
}
