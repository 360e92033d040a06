//! The task that keeps all issuers' keys fresh, and what it knows about them.

use super::issuers::Issuers;
use super::settings::IssuerSettings;
use crate::clock::Timestamp;
use crate::drain::Draining;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How often the plan is looked at when nobody asks. Plans follow [`crate::clock::Clock`], which a
/// sleep cannot follow.
const TICK: Duration = Duration::from_millis(250);
/// The most fetches that begin in one second, over all issuers (RULES 43).
const FETCHES_PER_SECOND: usize = 5;

/// What `/status` shows of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerStatus {
    /// Its name.
    pub name: Arc<str>,
    /// `iss`.
    pub issuer: String,
    /// Whether its tokens can be verified.
    pub usable: bool,
    /// How many keys are held.
    pub keys: usize,
    /// When they were fetched; `None`: from a file, or never.
    pub fetched: Option<Timestamp>,
    /// Why the latest fetch failed.
    pub error: Option<String>,
    /// Whether the gate is not ready without it.
    pub required: bool,
    /// Which of its settings are less strict than they could be, and what they give up.
    pub relaxed: Vec<&'static str>,
}

/// Fetches the keys of the issuers that `current` gives, until the signal: at once, then whenever they
/// are due or a request asks. One issuer's failure is its own: it is tried again, and the others are
/// served. A fetch that is under way when the issuers change goes on: whoever keeps its store has its
/// keys.
pub async fn keep_fresh(current: impl Fn() -> Arc<Issuers>, mut draining: Draining) {
    let mut fetches = JoinSet::new();
    let mut begun = Recent::default();
    loop {
        let issuers = current();
        issuers.begin_due(&mut fetches, &mut begun);
        issuers.metrics.token_cache_entries(issuers.remembered());
        tokio::select! {
            () = draining.signal() => return,
            () = issuers.wanted.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            Some(ended) = fetches.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a fetch of keys was cut off");
                }
            }
        }
    }
}

fn relaxed(settings: &IssuerSettings) -> Vec<&'static str> {
    let local = "allow_local: its keys may come by plain HTTP, or from this machine";
    let scopeless = "scopeless: its tokens are held to no scope";
    let inside = "principals.act_in: its Principals read in App and Dashboard too";
    let acts_in = settings.principals.iter().any(|one| one.grant.act_in);
    let all = [
        (settings.allow_local, local),
        (settings.scopeless, scopeless),
        (acts_in, inside),
    ];
    let set = all.into_iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, what)| what).collect()
}

impl Issuers {
    fn begin_due(&self, fetches: &mut JoinSet<()>, begun: &mut Recent) {
        for issuer in &self.all {
            if !begun.has_room(self.clock.instant()) {
                // The next tick goes on; whoever was fetched is not due again before others are.
                return;
            }
            if let Some(attempt) = issuer.store.begin(self.clock.now()) {
                begun.add(self.clock.instant());
                fetches.spawn(attempt.run(self.clock.clone(), Arc::clone(&self.metrics)));
            }
        }
    }

    /// Whether every required issuer's keys are at hand.
    pub fn ready(&self) -> bool {
        let now = self.clock.now();
        self.all
            .iter()
            .filter(|issuer| issuer.settings.required)
            .all(|issuer| issuer.store.keys(now).is_ok())
    }

    /// How every issuer stands, in the order of the configuration.
    pub fn status(&self) -> Vec<IssuerStatus> {
        let now = self.clock.now();
        self.all
            .iter()
            .map(|issuer| {
                let held = issuer.store.held();
                IssuerStatus {
                    name: Arc::clone(&issuer.name),
                    issuer: issuer.settings.issuer.clone(),
                    usable: issuer.store.keys(now).is_ok(),
                    keys: held.set.as_ref().map_or(0, |set| set.len()),
                    fetched: held.fetched,
                    error: held.error.clone(),
                    required: issuer.settings.required,
                    relaxed: relaxed(&issuer.settings),
                }
            })
            .collect()
    }
}

/// When the fetches of the last second began.
#[derive(Default)]
struct Recent(VecDeque<Instant>);

impl Recent {
    fn has_room(&mut self, now: Instant) -> bool {
        while self
            .0
            .front()
            .is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1))
        {
            self.0.pop_front();
        }
        self.0.len() < FETCHES_PER_SECOND
    }

    fn add(&mut self, now: Instant) {
        self.0.push_back(now);
    }
}
