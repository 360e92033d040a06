//! One address of an upstream, and how it is.

use super::outlier::Outlier;
use super::settings::HealthCheck;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Shared by all workers; lives as long as the address belongs to the upstream.
#[derive(Debug)]
pub(in crate::forward) struct Endpoint {
    pub(in crate::forward) address: SocketAddr,
    /// The name it came from.
    pub(in crate::forward) host: Arc<str>,
    pub(in crate::forward) weight: u32,
    pub(super) outlier: Outlier,
    pub(super) asked: Asked,
}

/// What it answers when it is asked how it is. One task alone asks and writes.
#[derive(Debug, Default)]
pub(super) struct Asked {
    unhealthy: AtomicBool,
    known: AtomicBool,
    /// Answers in a row that say otherwise.
    against: AtomicU32,
}

/// How an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It gets requests.
    Healthy,
    /// It is left out for what it answered.
    Ejected,
    /// It is left out for what its health check says.
    Unhealthy,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Healthy, Self::Ejected, Self::Unhealthy];

    /// As metrics and `/status` say it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Ejected => "ejected",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl Endpoint {
    pub(super) fn new(address: SocketAddr, host: &Arc<str>, weight: u32) -> Self {
        Self {
            address,
            host: Arc::clone(host),
            weight,
            outlier: Outlier::default(),
            asked: Asked::default(),
        }
    }

    /// How it is at `now`, in milliseconds.
    pub(in crate::forward) fn state(&self, now: u64) -> State {
        if self.asked.unhealthy.load(Relaxed) {
            State::Unhealthy
        } else if self.outlier.is_ejected(now) {
            State::Ejected
        } else {
            State::Healthy
        }
    }
}

impl Asked {
    /// Takes one answer in. `Some`: that settles how it is from now on, and it was otherwise before. The
    /// first answer settles it at once.
    pub(super) fn answered(&self, well: bool, settings: &HealthCheck) -> Option<bool> {
        let was_well = !self.unhealthy.load(Relaxed);
        if !self.known.swap(true, Relaxed) {
            self.unhealthy.store(!well, Relaxed);
            return (well != was_well).then_some(well);
        }
        if well == was_well {
            self.against.store(0, Relaxed);
            return None;
        }
        let needed = if well {
            settings.healthy
        } else {
            settings.unhealthy
        };
        if self.against.fetch_add(1, Relaxed) + 1 < needed {
            return None;
        }
        self.against.store(0, Relaxed);
        self.unhealthy.store(!well, Relaxed);
        Some(well)
    }
}

#[cfg(test)]
mod tests {
    //! Answers in a row.

    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_answer_settles_it_and_then_only_several_in_a_row() {
        let settings = HealthCheck {
            path: "/".parse().unwrap(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            healthy: 2,
            unhealthy: 3,
            expect: Vec::new(),
        };
        let settled = |answers: &[bool]| {
            let asked = Asked::default();
            let each = answers.iter().map(|well| asked.answered(*well, &settings));
            (each.collect::<Vec<_>>(), !asked.unhealthy.load(Relaxed))
        };
        assert_eq!(settled(&[true]), (vec![None], true));
        assert_eq!(settled(&[false]), (vec![Some(false)], false));
        let (said, well) = settled(&[true, false, false, true, false, false, false]);
        assert_eq!(said.last(), Some(&Some(false)));
        assert!(said.iter().rev().skip(1).all(Option::is_none) && !well);
        let (said, well) = settled(&[false, true, false, true, true]);
        assert_eq!(said, [Some(false), None, None, None, Some(true)]);
        assert!(well);
    }
}
