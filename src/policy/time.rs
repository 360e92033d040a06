//! For how long an answer stays the same: what policies ask of the clock.
//!
//! An answer is a function of the request's one `now`. Where policies only compare `context.now` with
//! moments that are known, that function is constant between them, so `now` need not be in the
//! decision cache's key: the entry holds the stretch instead (RULES 37).

use super::annotation::Keep;
use crate::clock::Timestamp;
use std::collections::BTreeSet;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How the policies of one slice use the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clockwork {
    /// Moments at which an answer may change.
    instants: BTreeSet<i64>,
    /// Milliseconds of the day (UTC) at which an answer may change.
    times_of_day: BTreeSet<i64>,
    /// `now` is compared with the end of the grant.
    grant_end: bool,
    /// Some policy bounds how long its answer may be kept.
    keep_ms: Option<i64>,
    /// Some use of the time cannot be foreseen, or a policy says `@cache("no")`.
    never: bool,
}

/// The stretch of time over which an answer holds: `from` included, `until` excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment that is too late.
    pub until: Timestamp,
}

impl Clockwork {
    /// `now` is compared with that moment: before, at and after it may differ.
    pub(super) fn compare_instant(&mut self, at: i64) {
        self.instants.extend([at, at.saturating_add(1)]);
    }

    /// What counts until then stops counting at that moment.
    pub(super) fn ends(&mut self, at: Timestamp) {
        self.instants.insert(at.millis());
    }

    /// The time of day is compared with that one.
    pub(super) fn compare_time_of_day(&mut self, at: i64) {
        self.times_of_day.extend([at, at.saturating_add(1)]);
    }

    /// `now` is compared with the end of the grant.
    pub(super) fn compare_grant_end(&mut self) {
        self.grant_end = true;
    }

    /// `now` is used in a way that nothing is known about; only the policy's own word bounds it.
    pub(super) fn opaque(&mut self, keep: Keep) {
        self.never |= !matches!(keep, Keep::Millis(_));
    }

    /// What the policy's `@cache` says.
    pub(super) fn keep(&mut self, keep: Keep) {
        match keep {
            Keep::Unsaid => {}
            Keep::Never => self.never = true,
            Keep::Millis(millis) => {
                self.keep_ms = Some(self.keep_ms.map_or(millis, |other| other.min(millis)));
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.instants.extend(&other.instants);
        self.times_of_day.extend(&other.times_of_day);
        self.grant_end |= other.grant_end;
        self.never |= other.never;
        self.keep(other.keep_ms.map_or(Keep::Unsaid, Keep::Millis));
    }

    /// Whether an answer that is kept is what would be answered at any moment of its window; not where a
    /// policy's `@cache` says for how long it may be another one.
    pub fn is_exact(&self) -> bool {
        self.keep_ms.is_none()
    }

    /// The stretch around `now` over which the answer holds. `None`: for this moment only.
    pub fn window(&self, now: Timestamp, grant_end: Option<Timestamp>) -> Option<Window> {
        if self.never {
            return None;
        }
        let now = now.millis();
        let mut window = Window {
            from: Timestamp(i64::MIN),
            until: Timestamp::MAX,
        };
        for at in &self.instants {
            window.change_at(*at, now);
        }
        if let Some(end) = grant_end.filter(|_| self.grant_end) {
            window.change_at(end.millis(), now);
            window.change_at(end.millis().saturating_add(1), now);
        }
        if !self.times_of_day.is_empty() {
            let midnight = now.saturating_sub(now.rem_euclid(DAY_MS));
            window.change_at(midnight, now);
            window.change_at(midnight.saturating_add(DAY_MS), now);
            for at in self.times_of_day.range(0..DAY_MS) {
                window.change_at(midnight.saturating_add(*at), now);
            }
        }
        if let Some(keep_ms) = self.keep_ms {
            window.change_at(now, now);
            window.change_at(now.saturating_add(keep_ms), now);
        }
        Some(window)
    }
}

impl Window {
    /// Whether the answer holds at `now`.
    pub fn contains(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// The stretch in which both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }

    fn change_at(&mut self, at: i64, now: i64) {
        if at <= now {
            self.from = self.from.max(Timestamp(at));
        } else {
            self.until = self.until.min(Timestamp(at));
        }
    }
}
