//! One value that is swapped whole: readers always see one complete generation.

use arc_swap::{ArcSwap, Guard};
use std::sync::Arc;
use tokio::sync::watch;

/// Holds the current generation of `T`. Reading is wait-free; replacing wakes whoever watches.
#[derive(Debug)]
pub struct Snapshot<T> {
    current: ArcSwap<T>,
    changed: watch::Sender<u64>,
}

impl<T> Snapshot<T> {
    /// Starts with `first` as generation 0.
    pub fn new(first: T) -> Self {
        Self {
            current: ArcSwap::from_pointee(first),
            changed: watch::Sender::new(0),
        }
    }

    /// The generation of this moment, for a short look. Do not hold it across an `await`.
    pub fn peek(&self) -> Guard<Arc<T>> {
        self.current.load()
    }

    /// The generation of this moment, to keep for one request.
    pub fn load(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Puts `next` in place; requests that hold the former one finish with it.
    pub fn replace(&self, next: T) {
        self.current.store(Arc::new(next));
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Wakes at each replacement; its value is the number of the generation.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
