//! How many connections there are, in all and from each address, so that no client takes what the others
//! need: descriptors above all.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Addresses are spread over so many locks.
const SHARDS: usize = 16;

/// All connections of all workers.
#[derive(Debug)]
pub(super) struct Crowd {
    max: usize,
    open: AtomicUsize,
    /// Of each address whose connections are counted: those that have none are not in it.
    peers: [Mutex<HashMap<IpAddr, usize>>; SHARDS],
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    crowd: Arc<Crowd>,
    peer: Option<IpAddr>,
}

/// Why there is no room for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// There are too many in all.
    All,
    /// Its address has too many.
    Peer,
}

impl Crowd {
    /// With room for `max`.
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            open: AtomicUsize::new(0),
            peers: std::array::from_fn(|_| Mutex::default()),
        })
    }

    /// Whether there is room for another one.
    pub(super) fn has_room(&self) -> bool {
        self.open.load(Relaxed) < self.max
    }

    /// Takes a seat, whether there is room in all or not: the caller has looked, or made room. `peer`: the
    /// address that it counts for, and how many that may have.
    pub(super) fn seat(self: &Arc<Self>, peer: Option<(IpAddr, usize)>) -> Result<Seat, Full> {
        if let Some((address, max)) = peer {
            let mut shard = self.shard(address);
            let open = shard.entry(address).or_insert(0);
            if *open >= max {
                return Err(Full::Peer);
            }
            *open += 1;
        }
        self.open.fetch_add(1, Relaxed);
        Ok(Seat {
            crowd: Arc::clone(self),
            peer: peer.map(|(address, _)| address),
        })
    }

    fn shard(&self, peer: IpAddr) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        let mut hasher = DefaultHasher::new();
        peer.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or_default();
        let [first, ..] = &self.peers;
        let shard = self.peers.get(at).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.crowd.open.fetch_sub(1, Relaxed);
        let Some(peer) = self.peer else { return };
        if let Entry::Occupied(mut open) = self.crowd.shard(peer).entry(peer) {
            *open.get_mut() = open.get().saturating_sub(1);
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(crowd: &Crowd) -> usize {
        crowd
            .peers
            .iter()
            .map(|one| one.lock().unwrap().len())
            .sum()
    }

    #[test]
    fn an_address_has_its_bound_and_gets_back_what_it_gives_up() {
        let crowd = Crowd::new(10);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let first = crowd.seat(Some((one, 2))).unwrap();
        let second = crowd.seat(Some((one, 2))).unwrap();
        assert_eq!(crowd.seat(Some((one, 2))).unwrap_err(), Full::Peer);
        let others = crowd.seat(Some((other, 2))).unwrap();
        drop(first);
        let third = crowd.seat(Some((one, 2))).unwrap();
        assert_eq!(peers(&crowd), 2);
        drop((second, third, others));
        assert_eq!(
            (peers(&crowd), crowd.open.load(Relaxed)),
            (0, 0),
            "nothing is kept"
        );
    }

    #[test]
    fn there_is_room_until_all_are_taken() {
        let crowd = Crowd::new(2);
        let seats = [crowd.seat(None).unwrap(), crowd.seat(None).unwrap()];
        assert!(!crowd.has_room());
        // One more has been made room for.
        let late = crowd.seat(None).unwrap();
        drop(seats);
        assert!(crowd.has_room());
        drop(late);
    }
}
