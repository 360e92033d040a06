//! Overlays are parsed away from the workers: one load for any number of requests that wait for it.

use super::held::Held;
use super::stack;
use super::store::Store;
use crate::tenant::AccountId;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Threads that parse at once.
const THREADS_MAX: usize = 2;
/// Requests that wait, all accounts together.
const WAITING_MAX: usize = 4_096;
/// Requests that wait for one account: the others are not to be kept out by it.
const WAITING_EACH_MAX: usize = 256;
/// The longest that a request waits.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// A request does not get its account's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unloaded {
    /// It would be one too many.
    #[error("too many requests wait for policies to be parsed")]
    Crowded,
    /// It took too long.
    #[error("the account's policies were not parsed within {WAIT_MAX:?}")]
    Late,
}

/// Parses what requests wait for. One for the process.
#[derive(Debug, Default)]
pub struct Loader {
    waiting: AtomicUsize,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    /// By the address of what is parsed: its job keeps it alive for as long as it is here.
    under_way: HashMap<usize, Weak<watch::Sender<()>>>,
}

/// Whoever waits has a receiver, and is woken when the sender goes.
#[derive(Debug)]
struct Job {
    store: Arc<Store>,
    held: Arc<Held>,
    done: Arc<watch::Sender<()>>,
}

impl Loader {
    /// Waits until the account's overlay was looked at; what came of it, the store says.
    pub async fn load(&self, store: &Arc<Store>, account: &AccountId) -> Result<(), Unloaded> {
        let Some(held) = store.held(account) else {
            return Ok(());
        };
        let _present = Present::enter(&self.waiting).ok_or(Unloaded::Crowded)?;
        let mut done = self.join(store, held)?;
        // It never gets a value: it changes by its sender's end.
        let woken = timeout(WAIT_MAX, done.changed()).await;
        woken.map_or(Err(Unloaded::Late), |_| Ok(()))
    }

    fn join(&self, store: &Arc<Store>, held: &Arc<Held>) -> Result<watch::Receiver<()>, Unloaded> {
        let mut queue = lock(&self.queue);
        let key = address(held);
        if let Some(done) = queue.under_way.get(&key).and_then(Weak::upgrade) {
            let crowded = done.receiver_count() >= WAITING_EACH_MAX;
            return if crowded {
                Err(Unloaded::Crowded)
            } else {
                Ok(done.subscribe())
            };
        }
        let (done, waiting) = watch::channel(());
        let done = Arc::new(done);
        queue.under_way.insert(key, Arc::downgrade(&done));
        queue.jobs.push_back(Job {
            store: Arc::clone(store),
            held: Arc::clone(held),
            done,
        });
        if queue.threads < THREADS_MAX {
            let shared = Arc::clone(&self.queue);
            if stack::spawn(move || work(&shared)).is_ok() {
                queue.threads += 1;
            } else if queue.threads == 0 {
                // Nobody would ever do them: whoever waits finds the overlay as cold as before.
                queue.jobs.clear();
                queue.under_way.clear();
            }
        }
        Ok(waiting)
    }
}

/// Does jobs until there is none.
fn work(queue: &Mutex<Queue>) {
    while let Some(job) = next(queue) {
        // Whoever waited may have gone.
        if job.done.receiver_count() > 0 {
            // Whatever happens, the thread lives: others wait for it.
            let load = AssertUnwindSafe(|| job.store.load_here(&job.held));
            if catch_unwind(load).is_err() {
                tracing::error!("an overlay could not be parsed");
            }
        }
        lock(queue).under_way.remove(&address(&job.held));
    }
}

fn next(queue: &Mutex<Queue>) -> Option<Job> {
    let mut queue = lock(queue);
    let job = queue.jobs.pop_front();
    queue.threads -= usize::from(job.is_none());
    job
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn address(held: &Arc<Held>) -> usize {
    Arc::as_ptr(held).addr()
}

/// One request that waits, for as long as it does.
struct Present<'a>(&'a AtomicUsize);

impl<'a> Present<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let present = Self(waiting);
        (before < WAITING_MAX).then_some(present)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
