//! The signal that everything should finish what it has begun and stop.
//!
//! It is given in two steps. First Palisade leaves: it still takes what comes, and says to everybody that
//! the next time they should go elsewhere. Then the drain begins: nothing new is taken, and what is under
//! way ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// How far it has come. In this order, and never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Leaving,
    Closing,
}

/// Gives the signal. Dropping it gives the signal too, so that nothing outlives its owner.
#[derive(Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    leaving: Arc<AtomicBool>,
}

/// Sees the signal.
#[derive(Clone, Debug)]
pub struct Draining {
    phase: watch::Receiver<Phase>,
    /// Beside the phase: each reply looks at it, and must not take a lock for it.
    leaving: Arc<AtomicBool>,
}

/// A signal and its first watcher.
pub fn channel() -> (Drain, Draining) {
    let (sender, receiver) = watch::channel(Phase::Serving);
    let leaving = Arc::new(AtomicBool::new(false));
    let drain = Drain {
        phase: sender,
        leaving: Arc::clone(&leaving),
    };
    let draining = Draining {
        phase: receiver,
        leaving,
    };
    (drain, draining)
}

impl Drain {
    /// Tells every watcher that the end is near: nobody should stay because of us.
    pub fn leave(&self) {
        self.advance(Phase::Leaving);
    }

    /// Asks every watcher to stop.
    pub fn begin(&self) {
        self.advance(Phase::Closing);
    }

    /// Whether the end is near, or there.
    pub fn leaving(&self) -> bool {
        *self.phase.borrow() >= Phase::Leaving
    }

    /// A further watcher.
    pub fn subscribe(&self) -> Draining {
        Draining {
            phase: self.phase.subscribe(),
            leaving: Arc::clone(&self.leaving),
        }
    }

    /// Waits until every watcher is gone.
    pub async fn ended(&self) {
        self.phase.closed().await;
    }

    fn advance(&self, next: Phase) {
        // Before the phase: whoever wakes finds it set.
        self.leaving.store(true, Ordering::Release);
        self.phase.send_if_modified(|phase| {
            let earlier = *phase < next;
            *phase = next.max(*phase);
            earlier
        });
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.begin();
    }
}

impl Draining {
    /// Whether everything should stop.
    pub fn begun(&self) -> bool {
        *self.phase.borrow() == Phase::Closing
    }

    /// Whether the end is near, or there.
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Completes when everything should stop.
    pub async fn signal(&mut self) {
        self.reached(Phase::Closing).await;
    }

    /// Completes when the end is near, or there.
    pub async fn left(&mut self) {
        self.reached(Phase::Leaving).await;
    }

    async fn reached(&mut self, phase: Phase) {
        // An error means that the `Drain` is gone: the owner ended, and so must we.
        let _ = self.phase.wait_for(|now| *now >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_leaves_first_and_never_turns_back() {
        let (drain, mut draining) = channel();
        assert!(!drain.leaving() && !draining.leaving() && !draining.begun());
        drain.leave();
        draining.left().await;
        assert!(drain.leaving() && draining.leaving() && !draining.begun());
        drain.begin();
        drain.leave();
        draining.signal().await;
        assert!(draining.leaving() && draining.begun());
    }

    #[tokio::test]
    async fn an_owner_that_goes_gives_the_signal() {
        let (drain, mut draining) = channel();
        drop(drain);
        assert!(draining.leaving() && draining.begun());
        draining.left().await;
        draining.signal().await;
    }
}
