//! Passive health: an endpoint whose answers keep failing is left out for a while, for longer each time.

use super::settings::Ejection;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Doubling stops long before it could overflow.
const DOUBLINGS_MAX: u32 = 20;

/// What all workers' requests to one endpoint came to. Times are in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Outlier {
    /// In a row.
    failures: AtomicU32,
    /// Until when it is left out; 0: it never was.
    until: AtomicU64,
    /// How often in a row.
    times: AtomicU32,
}

impl Outlier {
    /// Whether it is left out at `now`.
    pub(super) fn is_ejected(&self, now: u64) -> bool {
        self.until.load(Relaxed) > now
    }

    /// It answered.
    pub(super) fn succeeded(&self) {
        // Nearly always 0 already: a store would take the line away from the other workers.
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
    }

    /// It did not. `true`: that was one too many.
    pub(super) fn failed(&self, settings: &Ejection) -> bool {
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        settings.failures > 0 && failures >= settings.failures
    }

    /// Leaves it out from `now` on. `None`: another worker has done so.
    pub(super) fn eject(&self, settings: &Ejection, now: u64) -> Option<Duration> {
        let until = self.until.load(Relaxed);
        if until > now {
            return None;
        }
        let former = self.times.load(Relaxed);
        // Once it has been back for as long as it was out, that is forgotten.
        let forgotten = now - until > millis(span(settings, former));
        let times = if forgotten { 1 } else { former + 1 };
        let out = span(settings, times);
        let next = now.saturating_add(millis(out));
        let mine = self.until.compare_exchange(until, next, Relaxed, Relaxed);
        mine.ok()?;
        self.times.store(times.min(DOUBLINGS_MAX), Relaxed);
        self.failures.store(0, Relaxed);
        Some(out)
    }

    /// Takes it back before its time. `false`: it is not out.
    pub(super) fn take_back(&self, now: u64) -> bool {
        let out = self.is_ejected(now);
        if out {
            self.until.store(now, Relaxed);
        }
        out
    }
}

/// Whether one more of `all` endpoints may be left out, `out` of which are already.
pub(super) fn may_eject(settings: &Ejection, all: usize, out: usize) -> bool {
    let share = all * settings.percent as usize / 100;
    out < share.max(1) && out + 1 < all
}

fn span(settings: &Ejection, times: u32) -> Duration {
    let doubled = 1_u32 << times.saturating_sub(1).min(DOUBLINGS_MAX);
    settings.base.saturating_mul(doubled).min(settings.max)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    //! Ejections in a row, and how many at once.

    use super::*;

    fn settings() -> Ejection {
        Ejection {
            failures: 3,
            statuses: Vec::new(),
            base: Duration::from_secs(10),
            max: Duration::from_mins(1),
            percent: 50,
        }
    }

    #[test]
    fn only_failures_in_a_row_count() {
        let (outlier, settings) = (Outlier::default(), settings());
        assert!(!outlier.failed(&settings));
        assert!(!outlier.failed(&settings));
        outlier.succeeded();
        assert!(!outlier.failed(&settings));
        assert!(!outlier.failed(&settings));
        assert!(outlier.failed(&settings));
        let off = Ejection {
            failures: 0,
            ..settings
        };
        assert!(!outlier.failed(&off));
    }

    #[test]
    fn each_further_time_is_twice_as_long_up_to_the_bound() {
        let (outlier, settings) = (Outlier::default(), settings());
        let mut now = 1_000_000;
        let mut out = Vec::new();
        for _ in 0..5 {
            let span = outlier.eject(&settings, now).unwrap();
            assert!(outlier.is_ejected(now + 1));
            assert_eq!(outlier.eject(&settings, now + 1), None, "it is out already");
            now += millis(span);
            assert!(!outlier.is_ejected(now), "it is back");
            out.push(span.as_secs());
        }
        assert_eq!(out, [10, 20, 40, 60, 60]);
        now += 60_001;
        let anew = outlier.eject(&settings, now).unwrap();
        assert_eq!(anew.as_secs(), 10, "it was well for long enough");
    }

    #[test]
    fn one_of_several_may_go_and_never_all() {
        let half = settings();
        let cases = [
            (1, 0, false),
            (2, 0, true),
            (2, 1, false),
            (3, 0, true),
            (3, 1, false),
            (4, 1, true),
            (4, 2, false),
        ];
        for (all, out, may) in cases {
            assert_eq!(may_eject(&half, all, out), may, "{out} of {all} are out");
        }
        let every = Ejection {
            percent: 100,
            ..half
        };
        assert!(may_eject(&every, 3, 1));
        assert!(!may_eject(&every, 3, 2), "one is left, whatever the share");
    }
}
