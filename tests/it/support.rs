//! The harness: a gate with its issuer and upstream on real sockets, and a client that can send
//! anything. Everything blocks, every read has a deadline, every port is the system's choice.

pub(crate) mod assertion;
pub(crate) mod authority;
pub(crate) mod breaking;
pub(crate) mod child;
pub(crate) mod client;
pub(crate) mod exposition;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod frames;
pub(crate) mod gate;
pub(crate) mod headers;
pub(crate) mod issuer;
pub(crate) mod keys;
pub(crate) mod network;
#[expect(dead_code, reason = "unit tests ask more of it")]
pub(crate) mod random;
pub(crate) mod script;
pub(crate) mod start;
pub(crate) mod tls;
pub(crate) mod told;
pub(crate) mod tools;
pub(crate) mod upstream;
pub(crate) mod wire;

use std::time::{Duration, Instant};

/// How long anything may take before the test fails. Long, because the machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Looks until `look` finds something, and fails with `what` after the deadline.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
