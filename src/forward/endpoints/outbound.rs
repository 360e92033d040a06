//! Our ends of the connections to an upstream. Whoever comes in by one of our doors from there is this
//! process itself: each of its requests would make another one, until no descriptor is left.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Ends = Mutex<HashSet<SocketAddr>>;

/// The connections of all workers.
#[derive(Debug, Default)]
pub(in crate::forward) struct Outbound {
    ends: Arc<Ends>,
    returned: AtomicBool,
}

/// One connection's end, until it is dropped.
#[derive(Debug)]
pub(in crate::forward) struct OwnEnd {
    all: Arc<Ends>,
    end: SocketAddr,
}

impl Outbound {
    /// A connection is open. To be said before anything is sent on it.
    pub(in crate::forward) fn open(&self, end: SocketAddr) -> OwnEnd {
        let end = canonical(end);
        ends(&self.ends).insert(end);
        let all = Arc::clone(&self.ends);
        OwnEnd { all, end }
    }

    /// Whether `peer` is the end of one.
    pub(super) fn has(&self, peer: SocketAddr) -> bool {
        ends(&self.ends).contains(&canonical(peer))
    }

    /// Whether none had come back before: it is said once.
    pub(super) fn is_first_return(&self) -> bool {
        !self.returned.swap(true, Relaxed)
    }
}

impl Drop for OwnEnd {
    fn drop(&mut self) {
        ends(&self.all).remove(&self.end);
    }
}

fn ends(all: &Ends) -> MutexGuard<'_, HashSet<SocketAddr>> {
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
    fn an_end_is_known_in_both_spellings_and_until_it_is_closed() {
        let outbound = Outbound::default();
        let open = outbound.open("127.0.0.1:4000".parse().unwrap());
        assert!(outbound.has("127.0.0.1:4000".parse().unwrap()));
        assert!(outbound.has("[::ffff:127.0.0.1]:4000".parse().unwrap()));
        assert!(!outbound.has("127.0.0.1:4001".parse().unwrap()));
        drop(open);
        assert!(!outbound.has("127.0.0.1:4000".parse().unwrap()));
    }
}
