//! The one mechanism of every limit: a leaky bucket in its virtual-scheduling form (GCRA, ITU-T I.371).
//!
//! A bucket is one number, the theoretical arrival time of the next request in nanoseconds since the
//! epoch. At or before now the bucket is full, so that forgetting it changes nothing.

use crate::clock::Timestamp;

/// How fast, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Sustained. At least 1.
    pub per_second: u32,
    /// At once after a pause. At least 1.
    pub burst: u32,
}

/// There is no room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over {
    /// The bucket as it is.
    pub(super) arrival_ns: i64,
    /// There is room again in this many whole seconds, at least 1.
    pub(super) secs: u32,
}

impl Rate {
    /// The bucket `arrival_ns` after one more, if there is room for it.
    pub(super) fn take(self, arrival_ns: i64, now: Timestamp) -> Result<i64, Over> {
        let next = self.charge(arrival_ns, 1, now);
        let over_ns = next.saturating_sub(self.empty_ns(now));
        if over_ns > 0 {
            let secs = over_ns.saturating_add(SECOND_NS - 1) / SECOND_NS;
            return Err(Over {
                arrival_ns: self.charge(arrival_ns, 0, now),
                secs: u32::try_from(secs).unwrap_or(u32::MAX),
            });
        }
        Ok(next)
    }

    /// The bucket after `count` more, room or not. It is never emptier than empty before: a clock that
    /// was set back must not lock anybody out.
    pub(super) fn charge(self, arrival_ns: i64, count: u32, now: Timestamp) -> i64 {
        let held = arrival_ns.clamp(nanos(now), self.empty_ns(now));
        held.saturating_add(self.step_ns().saturating_mul(i64::from(count)))
    }

    fn step_ns(self) -> i64 {
        SECOND_NS / i64::from(self.per_second.max(1))
    }

    /// What an empty bucket holds.
    fn empty_ns(self, now: Timestamp) -> i64 {
        let room_ns = self.step_ns().saturating_mul(i64::from(self.burst.max(1)));
        nanos(now).saturating_add(room_ns)
    }
}

pub(super) fn nanos(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1_000_000)
}

/// Fine enough for every rate that the configuration can spell.
const SECOND_NS: i64 = 1_000_000_000;
