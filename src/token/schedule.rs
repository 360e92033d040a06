//! When an issuer's keys are fetched: a pure reckoning of attempts and the time.

use super::store::millis;
use crate::clock::Timestamp;
use std::time::Duration;

/// Requests cause at most one fetch in this time: an unknown `kid` must not let strangers drive our
/// traffic to the issuer.
pub(super) const ASKED_APART: Duration = Duration::from_secs(30);
/// The first pause after a failure; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The attempts of one issuer.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    next: Option<Timestamp>,
    last: Option<Timestamp>,
    asked: bool,
    running: bool,
    failures: u32,
}

impl Schedule {
    /// The next attempt is due then.
    pub(super) fn planned(&mut self, at: Timestamp) {
        self.next = Some(at);
    }

    /// A request wants a fetch. Whether one is under way or will be.
    pub(super) fn ask(&mut self, now: Timestamp) -> bool {
        if !self.running && self.may_follow(now) {
            self.asked = true;
        }
        self.running || self.asked
    }

    /// Begins an attempt, if one is due.
    pub(super) fn begin(&mut self, now: Timestamp) -> bool {
        let planned = self.next.is_none_or(|next| now >= next) || self.went_back(now);
        if self.running || !(planned || self.asked) {
            return false;
        }
        self.running = true;
        self.asked = false;
        self.last = Some(now);
        // Unless its end says otherwise: an attempt that is cut off is not made again at once.
        self.next = Some(now.plus_millis(millis(ASKED_APART)));
        true
    }

    /// What came of it, and when the next one follows. Our own retries come sooner than
    /// [`ASKED_APART`]: nobody outside drives them.
    pub(super) fn succeeded(&mut self, ok: bool, now: Timestamp, refresh: Duration) {
        self.failures = if ok { 0 } else { self.failures + 1 };
        let pause = match self.failures {
            0 => refresh,
            failures => (BACKOFF_FIRST * 2_u32.pow((failures - 1).min(5)))
                .min(ASKED_APART)
                .min(refresh),
        };
        self.next = Some(now.plus_millis(millis(pause)));
    }

    /// The attempt is over, whatever came of it.
    pub(super) fn end(&mut self) {
        self.running = false;
    }

    fn may_follow(&self, now: Timestamp) -> bool {
        let apart = millis(ASKED_APART);
        self.last
            .is_none_or(|last| now >= last.plus_millis(apart) || now < last)
    }

    /// The machine's clock was set back: what was planned may lie far ahead.
    fn went_back(&self, now: Timestamp) -> bool {
        self.last.is_some_and(|last| now < last)
    }
}
