//! The budget of retries: an upstream that is down gets a little more than its requests, never a multiple.

use super::settings::Retries;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// How long requests and retries are remembered.
const WINDOW_SECS: u64 = 10;
/// A slot for each of them.
const SLOTS: usize = 10;

/// What happened in one second.
#[derive(Debug, Default)]
struct Second {
    /// Which second this is.
    number: AtomicU64,
    requests: AtomicU32,
    retries: AtomicU32,
}

/// What all workers sent in the last seconds. Two that begin a second together may lose a few counts:
/// a budget is no account.
#[derive(Debug, Default)]
pub(super) struct Budget {
    seconds: [Second; SLOTS],
}

impl Budget {
    /// A request is sent for the first time.
    pub(super) fn request(&self, now_secs: u64) {
        if let Some(second) = self.second(now_secs) {
            second.requests.fetch_add(1, Relaxed);
        }
    }

    /// Takes one retry out of it. `false`: it is used up.
    pub(super) fn retry(&self, settings: &Retries, now_secs: u64) -> bool {
        let (mut requests, mut retries) = (0_u64, 0_u64);
        for second in &self.seconds {
            if second.number.load(Relaxed) + WINDOW_SECS > now_secs {
                requests += u64::from(second.requests.load(Relaxed));
                retries += u64::from(second.retries.load(Relaxed));
            }
        }
        let share = requests * u64::from(settings.percent) / 100;
        if retries >= share + u64::from(settings.floor) * WINDOW_SECS {
            return false;
        }
        if let Some(second) = self.second(now_secs) {
            second.retries.fetch_add(1, Relaxed);
        }
        true
    }

    fn second(&self, now_secs: u64) -> Option<&Second> {
        let at = usize::try_from(now_secs % WINDOW_SECS).ok()?;
        let second = self.seconds.get(at)?;
        // Looked at first: to write where all workers write costs more.
        if second.number.load(Relaxed) != now_secs
            && second.number.swap(now_secs, Relaxed) != now_secs
        {
            second.requests.store(0, Relaxed);
            second.retries.store(0, Relaxed);
        }
        Some(second)
    }
}

#[cfg(test)]
mod tests {
    //! Shares and windows.

    use super::*;

    fn settings(percent: u32, floor: u32) -> Retries {
        Retries {
            max: 2,
            statuses: Vec::new(),
            percent,
            floor,
        }
    }

    fn allowed(budget: &Budget, settings: &Retries, now: u64) -> usize {
        (0..1000).filter(|_| budget.retry(settings, now)).count()
    }

    #[test]
    fn retries_are_a_share_of_the_requests_and_a_floor() {
        let budget = Budget::default();
        for _ in 0..500 {
            budget.request(100);
        }
        assert_eq!(allowed(&budget, &settings(20, 1), 100), 110);
        assert_eq!(allowed(&budget, &settings(20, 1), 105), 0, "one window");
    }

    #[test]
    fn what_is_ten_seconds_old_does_not_count() {
        let budget = Budget::default();
        for _ in 0..100 {
            budget.request(100);
        }
        assert_eq!(allowed(&budget, &settings(10, 0), 100), 10);
        assert_eq!(allowed(&budget, &settings(10, 0), 109), 0);
        budget.request(110);
        assert_eq!(allowed(&budget, &settings(100, 0), 110), 1);
    }

    #[test]
    fn without_requests_there_is_the_floor_and_without_it_nothing() {
        assert_eq!(allowed(&Budget::default(), &settings(20, 3), 50), 30);
        assert_eq!(allowed(&Budget::default(), &settings(20, 0), 50), 0);
    }
}
