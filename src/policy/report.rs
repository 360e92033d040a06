//! What operators are told of a store.

use super::held::State;
use super::store::Store;
use crate::fault::Fault;
use crate::tenant::AccountId;

/// The accounts' policies, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlayCounts {
    /// Accounts with policies of their own.
    pub announced: usize,
    /// Those at whose policies nobody has looked yet.
    pub unchecked: usize,
    /// Those whose policies do not pass.
    pub quarantined: usize,
    /// Parsed overlays, of all generations that are still in use.
    pub parsed: usize,
    /// About how much memory these take.
    pub parsed_bytes: u64,
    /// How much they may.
    pub parsed_bytes_max: u64,
}

/// One account's policies.
#[derive(Clone, Debug)]
pub struct OverlayReport {
    /// `unchecked`, `good` or `quarantined`.
    pub state: &'static str,
    /// `its files`, `last good` or `nothing`.
    pub serves: &'static str,
    /// Of what serves.
    pub hash: Option<[u8; 32]>,
    /// How many policies, and about how many bytes; `None`: they are not parsed at the moment.
    pub parsed: Option<(usize, u64)>,
    /// What is wrong with its files, or should be looked at.
    pub faults: Vec<Fault>,
}

impl Store {
    /// The accounts' policies, in numbers.
    pub fn overlay_counts(&self) -> OverlayCounts {
        let (parsed, parsed_bytes) = self.shelf().parsed();
        OverlayCounts {
            announced: self.all_held().count(),
            unchecked: self.all_held().filter(|held| !held.is_checked()).count(),
            quarantined: self.quarantined().len(),
            parsed,
            parsed_bytes,
            parsed_bytes_max: self.shelf().bytes_max(),
        }
    }

    /// One account's policies. `None`: it has none of its own.
    pub fn overlay_report(&self, account: &AccountId) -> Option<OverlayReport> {
        let held = self.held(account)?;
        let state = match (held.is_quarantined(), held.is_checked()) {
            (true, _) => "quarantined",
            (false, true) => "good",
            (false, false) => "unchecked",
        };
        let serves = match held.state() {
            State::Unavailable => "nothing",
            State::Ready(_) | State::Cold if held.serves_last_good() => "last good",
            State::Ready(_) | State::Cold => "its files",
        };
        let parsed = held.parsed();
        let serving = serves != "nothing";
        Some(OverlayReport {
            state,
            serves,
            hash: serving.then(|| *held.hash()),
            parsed: parsed.map(|overlay| (overlay.len(), overlay.bytes())),
            faults: held.faults(),
        })
    }
}
