//! The signal that everything should finish what it has begun and stop.

use tokio::sync::watch;

/// Gives the signal. Dropping it gives the signal too, so that nothing outlives its owner.
#[derive(Debug)]
pub struct Drain(watch::Sender<bool>);

/// Sees the signal.
#[derive(Clone, Debug)]
pub struct Draining(watch::Receiver<bool>);

/// A signal and its first watcher.
pub fn channel() -> (Drain, Draining) {
    let (sender, receiver) = watch::channel(false);
    (Drain(sender), Draining(receiver))
}

impl Drain {
    /// Asks every watcher to stop.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether the signal was given.
    pub fn begun(&self) -> bool {
        *self.0.borrow()
    }

    /// A further watcher.
    pub fn subscribe(&self) -> Draining {
        Draining(self.0.subscribe())
    }

    /// Waits until every watcher is gone.
    pub async fn ended(&self) {
        self.0.closed().await;
    }
}

impl Draining {
    /// Whether the signal was given.
    pub fn begun(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Completes when the signal is given.
    pub async fn signal(&mut self) {
        // An error means that the `Drain` is gone: the owner ended, and so must we.
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}
