//! Overlays that take too long to be asked (RULES 34).

use crate::clock::Timestamp;
use std::time::{Duration, Instant};

/// One evaluation of an overlay may take that long.
pub(super) const EVALUATION_MAX: Duration = Duration::from_millis(1);

/// How often a long one is measured again.
const REPEATS: usize = 2;

/// That many longer ones within [`WITHIN_MS`] are no accident.
pub(super) const SLOW_MAX: u32 = 10;

/// Slow evaluations that are further apart do not add up.
const WITHIN_MS: u64 = 60_000;

/// Asks, and says whether it took long. Only what takes long every time does: a thread that had to
/// wait for its core is no fault of the policies.
pub(super) fn timed<T>(mut ask: impl FnMut() -> T) -> (T, bool) {
    let mut once = || {
        let started = Instant::now();
        (ask(), started.elapsed() > EVALUATION_MAX)
    };
    let (answer, slow) = once();
    (answer, slow && (0..REPEATS).all(|_| once().1))
}

/// Slow evaluations of one overlay.
#[derive(Debug, Default)]
pub(super) struct Strikes {
    since: Option<Timestamp>,
    count: u32,
}

impl Strikes {
    /// Counts one more; answers whether they are too many.
    pub(super) fn add(&mut self, now: Timestamp) -> bool {
        // Clocks step back: what was counted by another time says nothing of this minute.
        let recent = |since: Timestamp| now.millis().abs_diff(since.millis()) < WITHIN_MS;
        if self.since.is_none_or(|since| !recent(since)) {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        self.count += 1;
        self.count >= SLOW_MAX
    }
}
