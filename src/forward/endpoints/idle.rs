//! Idle connections where their number is bounded. Each belongs to one worker, one account and one endpoint,
//! and would keep room that others wait for: so whoever waits may close the one that has rested longest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;

/// Those of all workers.
#[derive(Debug, Default)]
pub(super) struct Idle(Arc<Mutex<Resting>>);

#[derive(Debug, Default)]
struct Resting {
    next: u64,
    /// In the order in which they came.
    tasks: BTreeMap<u64, AbortHandle>,
}

/// One connection's rest. Dropped, nobody closes it any more.
#[derive(Debug, Default)]
pub(in crate::forward) struct Rest(Option<(Arc<Mutex<Resting>>, u64)>);

impl Idle {
    /// Adds the connection that `task` drives, unless `short` says that there is somebody to close it for.
    /// Whoever waits says so before [`Idle::close_one`]: one of the two sees the other.
    pub(super) fn add_unless(
        &self,
        task: &AbortHandle,
        short: impl FnOnce() -> bool,
    ) -> Option<Rest> {
        let mut resting = lock(&self.0);
        if short() {
            return None;
        }
        let number = resting.next;
        resting.next += 1;
        resting.tasks.insert(number, task.clone());
        Some(Rest(Some((Arc::clone(&self.0), number))))
    }

    /// Closes the one that has rested longest, if there is one. Those that their upstream has closed have
    /// given up their room already, and stay listed until their worker looks at them.
    pub(super) fn close_one(&self) {
        let mut resting = lock(&self.0);
        while let Some((_, task)) = resting.tasks.pop_first() {
            if !task.is_finished() {
                return task.abort();
            }
        }
    }
}

impl Rest {
    /// The connection is wanted again. `false`: it was closed.
    pub(in crate::forward) fn break_off(mut self) -> bool {
        self.0.take().is_none_or(leave)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.0.take().map(leave);
    }
}

/// Whether it was there still.
fn leave((all, number): (Arc<Mutex<Resting>>, u64)) -> bool {
    lock(&all).tasks.remove(&number).is_some()
}

fn lock(all: &Mutex<Resting>) -> MutexGuard<'_, Resting> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_that_rested_longest_is_closed_and_whoever_is_wanted_again_is_not() {
        let idle = Idle::default();
        let tasks = [(); 3].map(|()| tokio::spawn(std::future::pending::<()>()));
        let rests = tasks.each_ref().map(|task| {
            let rest = idle.add_unless(&task.abort_handle(), || false);
            rest.expect("nobody waits")
        });
        let [first, second, third] = rests;
        assert!(first.break_off());
        idle.close_one();
        assert!(!second.break_off(), "it was closed");
        drop(third);
        idle.close_one();
        let [first, second, third] = tasks;
        assert!(second.await.unwrap_err().is_cancelled());
        assert!(!first.is_finished() && !third.is_finished());
        assert!(idle.add_unless(&first.abort_handle(), || true).is_none());
    }

    #[tokio::test]
    async fn one_that_its_upstream_has_closed_is_not_closed_for_anybody() {
        let idle = Idle::default();
        let gone = tokio::spawn(std::future::ready(()));
        let open = tokio::spawn(std::future::pending::<()>());
        let rests = [&gone, &open].map(|task| idle.add_unless(&task.abort_handle(), || false));
        gone.await.unwrap();
        idle.close_one();
        assert!(open.await.unwrap_err().is_cancelled());
        drop(rests);
    }
}
