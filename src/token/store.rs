//! One issuer's keys: the set that serves, and the fetches that renew it.
//!
//! Workers only look and ask; the fetch itself runs on the control runtime. Whoever asks for a key
//! that is not there waits for that one fetch, a short while and in bounded company.

use super::error::Error;
use super::jwks::{BadJwks, Jwks};
use super::schedule::Schedule;
use super::source::Source;
use crate::clock::{Clock, Timestamp};
use crate::snapshot::Snapshot;
use crate::telemetry::Metrics;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a request waits for a fetch that it asked for.
const WAIT: Duration = Duration::from_secs(2);
/// How many requests may wait for one issuer: strangers can ask for any `kid`.
const WAITING_MAX: usize = 64;

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct KeyStore {
    issuer: String,
    source: Source,
    refresh: Duration,
    max_stale: Duration,
    held: Snapshot<Held>,
    schedule: Mutex<Schedule>,
    attempts: watch::Sender<u64>,
    waiting: AtomicUsize,
}

/// What is held at one moment.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The last good set.
    pub(super) set: Option<Arc<Jwks>>,
    /// When it was fetched.
    pub(super) fetched: Option<Timestamp>,
    /// Until when it serves.
    until: Timestamp,
    /// Why the latest attempt failed; `None`: it did not.
    pub(super) error: Option<String>,
}

/// What came of asking for another fetch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// An attempt ended: look again.
    Ended,
    /// There was one just now: what is held is all there is.
    TooSoon,
    /// Too many wait, or it took too long.
    GaveUp,
}

/// Why a fetch gave no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    /// No document.
    #[error(transparent)]
    Fetch(#[from] crate::fetch::Error),
    /// A document without keys.
    #[error(transparent)]
    Keys(#[from] BadJwks),
    /// A discovery document that does not lead to the keys.
    #[error("the discovery document {0}")]
    Discovery(&'static str),
}

impl KeyStore {
    /// A store that is filled from `source`; `first` is what it holds already.
    pub(super) fn new(
        issuer: &str,
        source: Source,
        (refresh, max_stale): (Duration, Duration),
        first: Option<Jwks>,
    ) -> Self {
        let held = Held {
            until: match source {
                Source::Fixed => Timestamp::MAX,
                Source::Remote { .. } => Timestamp(i64::MIN),
            },
            set: first.map(Arc::new),
            fetched: None,
            error: None,
        };
        Self {
            issuer: issuer.to_owned(),
            source,
            refresh,
            max_stale,
            held: Snapshot::new(held),
            schedule: Mutex::default(),
            attempts: watch::Sender::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Takes over what `former` fetched from the same place, and when it would fetch again.
    pub(super) fn inherit(&self, former: &Self) {
        let last = former.held.load();
        let Some(fetched) = last.fetched else { return };
        self.held.replace(Held {
            until: fetched.plus_millis(millis(self.max_stale)),
            ..Held::clone(&last)
        });
        self.schedule()
            .planned(fetched.plus_millis(millis(self.refresh)));
    }

    /// The keys that serve at `now`.
    pub(super) fn keys(&self, now: Timestamp) -> Result<Arc<Jwks>, Error> {
        let held = self.held.peek();
        match &held.set {
            Some(set) if now < held.until => Ok(Arc::clone(set)),
            _ => Err(Error::KeysUnavailable(self.issuer.clone())),
        }
    }

    /// Whether a key that once verified a token is still published. `Err`: nothing can be said.
    pub(super) fn holds(&self, thumbprint: &[u8; 32], now: Timestamp) -> Result<bool, Error> {
        let held = self.held.peek();
        match &held.set {
            Some(set) if now < held.until => Ok(set.holds(thumbprint)),
            _ => Err(Error::KeysUnavailable(self.issuer.clone())),
        }
    }

    /// What is held.
    pub(super) fn held(&self) -> Arc<Held> {
        self.held.load()
    }

    /// Asks for a fetch and waits for its end. `wake` rouses the task that fetches.
    pub(super) async fn ask(&self, now: Timestamp, wake: impl FnOnce()) -> Asked {
        if matches!(self.source, Source::Fixed) {
            return Asked::TooSoon;
        }
        let mut attempts = self.attempts.subscribe();
        if !self.schedule().ask(now) {
            return Asked::TooSoon;
        }
        wake();
        let Some(_place) = Place::take(&self.waiting) else {
            return Asked::GaveUp;
        };
        match tokio::time::timeout(WAIT, attempts.changed()).await {
            Ok(Ok(())) => Asked::Ended,
            Ok(Err(_)) | Err(_) => Asked::GaveUp,
        }
    }

    /// Begins an attempt if one is due.
    pub(super) fn begin(self: &Arc<Self>, now: Timestamp) -> Option<Attempt> {
        let remote = matches!(self.source, Source::Remote { .. });
        (remote && self.schedule().begin(now)).then(|| Attempt(Arc::clone(self)))
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, fetched: Result<Jwks, FetchError>, now: Timestamp) {
        let next = match fetched {
            Ok(set) => {
                tracing::info!(issuer = %self.issuer, keys = set.len(), dropped = set.dropped(), "keys fetched");
                Held {
                    set: Some(Arc::new(set)),
                    fetched: Some(now),
                    until: now.plus_millis(millis(self.max_stale)),
                    error: None,
                }
            }
            Err(error) => {
                let last = self.held.load();
                tracing::warn!(issuer = %self.issuer, %error, serving = now < last.until, "keys could not be fetched; trying again");
                Held {
                    error: Some(error.to_string()),
                    ..Held::clone(&last)
                }
            }
        };
        self.held.replace(next);
    }
}

/// One attempt under way. Dropping it ends it, whatever happened: an attempt that was cut off must
/// not look as if it went on for ever.
pub(super) struct Attempt(Arc<KeyStore>);

impl Attempt {
    /// Fetches, and keeps what came.
    pub(super) async fn run(self, clock: Clock, metrics: Arc<Metrics>) {
        let fetched = self.0.source.fetch().await;
        let (now, ok) = (clock.now(), fetched.is_ok());
        self.0.keep(fetched, now);
        metrics.jwks_refresh(&self.0.issuer, ok, now);
        self.0.schedule().succeeded(ok, now, self.0.refresh);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.schedule().end();
        self.0.attempts.send_modify(|ended| *ended += 1);
    }
}

struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < WAITING_MAX).then_some(count + 1)
            })
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whole milliseconds; saturates.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
