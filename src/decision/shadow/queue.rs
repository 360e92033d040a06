//! The thread that asks, and the queue before it: who serves a request never waits for either.

use super::compared::{Asked, Example};
use super::tally::{Shown, Tally, basis};
use super::{Built, Shadow};
use crate::decision::Pdp;
use crate::policy::{EVALUATION_STACK_BYTES_MIN, Store};
use crate::telemetry::{Compared, Metrics};
use crate::tenant::AccountId;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Decisions that wait to be compared. More are let go and counted.
const WAITING_MAX: usize = 1_024;

/// Whoever asks policies that are to be. One for the process; its thread starts with the first of them.
#[derive(Debug)]
pub struct Shadows {
    jobs: OnceLock<Option<SyncSender<Job>>>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    metrics: Arc<Metrics>,
    /// Those of the generation that serves.
    current: Mutex<Option<Arc<Shadow>>>,
    tally: Mutex<Tally>,
}

#[derive(Debug)]
struct Job {
    shadow: Arc<Shadow>,
    /// `None`: it is to be built.
    asked: Option<Box<Asked>>,
}

impl Shadows {
    /// Nothing is asked yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            jobs: OnceLock::new(),
            state: Arc::new(State {
                metrics,
                current: Mutex::default(),
                tally: Mutex::default(),
            }),
        }
    }

    /// Another generation serves, with those beside it. `None`: with none.
    pub fn follow(&self, shadow: Option<&Arc<Shadow>>) {
        *lock(&self.state.current) = shadow.cloned();
        let Some(shadow) = shadow else {
            self.state.metrics.shadow(false, 0);
            *lock(&self.state.tally) = Tally::default();
            return;
        };
        let job = Job {
            shadow: Arc::clone(shadow),
            asked: None,
        };
        if let Some(jobs) = self.jobs() {
            // Should there be no room, it is built by the first decision that gets there.
            let _ = jobs.try_send(job);
        } else {
            self.state.metrics.shadow(false, 0);
        }
    }

    /// Puts a decision to them later, if it is one of those that are, and there is room.
    pub fn offer(&self, shadow: &Arc<Shadow>, asked: impl FnOnce() -> Option<Asked>) {
        if !shadow.is_due() {
            return;
        }
        let Some(asked) = asked() else { return };
        let job = Job {
            shadow: Arc::clone(shadow),
            asked: Some(Box::new(asked)),
        };
        let sent = self.jobs().map(|jobs| jobs.try_send(job).is_ok());
        if sent != Some(true) {
            self.state.metrics.shadow_dropped();
        }
    }

    /// What was compared: all of it, or what is of one account.
    pub fn shown(&self, of: Option<&AccountId>) -> Shown {
        lock(&self.state.tally).shown(of)
    }

    fn jobs(&self) -> Option<&SyncSender<Job>> {
        let start = || {
            let (sender, jobs) = sync_channel(WAITING_MAX);
            let state = Arc::clone(&self.state);
            let builder = std::thread::Builder::new().name("shadow".to_owned());
            let builder = builder.stack_size(EVALUATION_STACK_BYTES_MIN * 2);
            let failed = |error: &std::io::Error| {
                tracing::error!(%error, "no thread for the shadow policies; they are not asked");
            };
            let thread = builder.spawn(move || state.work(&jobs));
            thread.inspect_err(failed).ok().map(|_| sender)
        };
        self.jobs.get_or_init(start).as_ref()
    }
}

impl State {
    /// Until nobody can offer anything any more.
    fn work(&self, jobs: &Receiver<Job>) {
        let pdp = Pdp::aside(Metrics::new());
        let mut told: Option<Arc<Shadow>> = None;
        while let Ok(Job { shadow, asked }) = jobs.recv() {
            let built = shadow.built();
            if told.as_ref().is_none_or(|told| !Arc::ptr_eq(told, &shadow)) {
                self.tell(&shadow, built);
                told = Some(Arc::clone(&shadow));
            }
            if let Some(asked) = asked {
                self.compare(&pdp, &shadow, &asked);
            }
        }
    }

    /// Says what it came to, if it still belongs to what serves.
    fn tell(&self, shadow: &Arc<Shadow>, built: &Built) {
        let current = lock(&self.current);
        if current.as_ref().is_some_and(|one| Arc::ptr_eq(one, shadow)) {
            shadow.tell(&self.metrics);
            if let Some(store) = &built.store {
                lock(&self.tally).follow(&shadow.serving, store);
            }
        }
    }

    fn compare(&self, pdp: &Pdp, shadow: &Arc<Shadow>, asked: &Asked) {
        let Some(store) = &shadow.built().store else {
            return self.metrics.shadow_compared(Compared::Error);
        };
        let after = asked.put(pdp, shadow, store);
        let change = asked.compared(after.as_ref());
        let example =
            (change != Compared::Same).then(|| asked.example(change, after.as_ref(), (pdp, store)));
        self.note(shadow, asked, (store, change, example));
        self.metrics.shadow_compared(change);
    }

    /// What was left over by a generation that serves no more says nothing of the one that does.
    fn note(
        &self,
        shadow: &Arc<Shadow>,
        asked: &Asked,
        (store, change, example): (&Store, Compared, Option<Example>),
    ) {
        let account = asked.account();
        let basis = basis(&shadow.serving, store, account);
        let current = lock(&self.current);
        if !current.as_ref().is_some_and(|one| Arc::ptr_eq(one, shadow)) {
            return;
        }
        let mut tally = lock(&self.tally);
        tally.count(account, (basis, asked.now()), change);
        if let Some(example) = example {
            tally.keep(account, example);
        }
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
