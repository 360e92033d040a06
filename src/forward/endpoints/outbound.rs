//! The connections to an upstream, by their ends. One that comes in by one of our doors is this process
//! itself: each of its requests would make another one, until no descriptor is left.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// From where to where. One end alone says nothing: the kernel gives one port to several connections, as
/// long as they go to different places.
pub(super) type Ends = (SocketAddr, SocketAddr);

type All = Mutex<HashSet<Ends>>;

/// The connections of all workers.
#[derive(Debug, Default)]
pub(in crate::forward) struct Outbound {
    all: Arc<All>,
    returned: AtomicBool,
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(in crate::forward) struct Open {
    all: Arc<All>,
    ends: Ends,
}

impl Outbound {
    /// A connection is open. To be said before anything is sent on it.
    pub(in crate::forward) fn open(&self, from: SocketAddr, to: SocketAddr) -> Open {
        let ends = (canonical(from), canonical(to));
        lock(&self.all).insert(ends);
        let all = Arc::clone(&self.all);
        Open { all, ends }
    }

    /// Whether one goes from `from` to `to`.
    pub(super) fn has(&self, (from, to): Ends) -> bool {
        lock(&self.all).contains(&(canonical(from), canonical(to)))
    }

    /// Whether none had come back before: it is said once.
    pub(super) fn is_first_return(&self) -> bool {
        !self.returned.swap(true, Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.all).remove(&self.ends);
    }
}

fn lock(all: &All) -> MutexGuard<'_, HashSet<Ends>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A door of both families names clients of IPv4 in its own way.
fn canonical(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip().to_canonical(), end.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_known_by_both_ends_in_any_spelling_until_it_is_closed() {
        let outbound = Outbound::default();
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (from, to) = (at("127.0.0.1:4000"), at("127.0.0.1:80"));
        let open = outbound.open(from, to);
        assert!(outbound.has((from, to)));
        assert!(outbound.has((at("[::ffff:127.0.0.1]:4000"), to)));
        assert!(!outbound.has((from, at("127.0.0.1:81"))), "a client's");
        assert!(!outbound.has((at("127.0.0.1:4001"), to)));
        drop(open);
        assert!(!outbound.has((from, to)));
    }
}
