//! The one source of time: real in production, set by hand in tests.

mod span;

pub use span::{TIMEOUT_MAX, TIMEOUT_MIN, count_and_unit, read_span};

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// A moment of wall-clock time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The far future: no boundary.
    pub const MAX: Self = Self(i64::MAX);

    /// From whole seconds since the epoch, as JWTs carry them (RFC 7519, section 2, `NumericDate`).
    pub fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// This moment, `millis` later; saturates.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// RFC 3339 in UTC with milliseconds: `2026-11-23T10:00:00.000Z`.
    pub fn rfc3339(self) -> String {
        chrono::DateTime::from_timestamp_millis(self.0).map_or_else(
            || "9999-12-31T23:59:59.999Z".to_owned(),
            |at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        )
    }

    /// Reads an RFC 3339 date and time with its offset. `None`: it is not one.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| Self(at.timestamp_millis()))
    }
}

/// Tells the time. Cheap to clone; clones of one manual clock move together.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until [`Clock::set`] or [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.0))))
    }

    /// Wall-clock time.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(at) => Timestamp(at.load(Ordering::Relaxed)),
            None => Timestamp(
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .map_or(0, |since| {
                        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
                    }),
            ),
        }
    }

    /// A monotonic instant, for measuring how long something took. Never manual.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Moves a manual clock to `at`; does nothing to the machine's clock.
    pub fn set(&self, at: Timestamp) {
        if let Some(clock) = &self.0 {
            clock.store(at.0, Ordering::Relaxed);
        }
    }

    /// Moves a manual clock forward by `millis`; does nothing to the machine's clock.
    pub fn advance(&self, millis: i64) {
        if let Some(clock) = &self.0 {
            clock.fetch_add(millis, Ordering::Relaxed);
        }
    }
}
