//! Requests whose account's policies are not parsed: they wait for it off the workers, and are decided
//! anew.

use super::decide::{Case, Pending};
use super::refusal::Refusal;
use super::serve::Shared;
use crate::decision::{LOADS_MAX, Permit};
use crate::policy::OverlayState;
use crate::reason::Reason;
use crate::ruleset::Ruleset;

/// Parses what is missing, and asks again, by the rules and at the moment that the request began with.
/// Nothing that was charged is charged twice.
pub(super) async fn conclude(
    shared: &Shared,
    rules: &Ruleset,
    case: &mut Case<'_>,
    mut pending: Pending,
) -> Result<Permit, Refusal> {
    for _ in 0..LOADS_MAX {
        let (placed, account) = match pending {
            Pending::Refused(refusal) => return Err(refusal),
            Pending::Cold(cold) => *cold,
        };
        let loaded = shared.loader.load(&rules.store, &account).await;
        if matches!(rules.store.overlay(&account), OverlayState::Unavailable) {
            shared.count_quarantined();
        }
        loaded.map_err(|error| Refusal::new(Reason::OverlayUnavailable, error.to_string()))?;
        pending = match case.consider(placed, &shared.pdp) {
            Ok(permit) => return Ok(permit),
            Err(pending) => pending,
        };
    }
    Err(match pending {
        Pending::Refused(refusal) => refusal,
        Pending::Cold(_) => Refusal::new(
            Reason::OverlayUnavailable,
            "the account's policies do not stay parsed",
        ),
    })
}
