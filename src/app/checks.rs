//! Looks at every overlay that nobody has looked at: one after the other, and mostly at rest.
//!
//! At start none is looked at, so that ten thousand of them delay nobody; a request that needs one does
//! not wait for its turn here. What does not pass is known before anybody asks.

use super::resident;
use crate::drain::Draining;
use crate::gate::Shared;
use crate::tenant::AccountId;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

/// For how long it looks without a rest: a thread for each overlay would cost as much as a small one.
const LOOK: Duration = Duration::from_millis(4);

/// How much longer than a look the rest after it is: a quarter of one core at most.
const REST: u32 = 3;

/// The longest rest: a machine that was busy elsewhere is no reason for more.
const REST_MAX: Duration = Duration::from_millis(100);

/// Looks at what each generation brings, until the signal.
pub(super) async fn run(shared: Arc<Shared>, mut draining: Draining) {
    let mut generations = shared.generation.watch();
    loop {
        generations.mark_unchanged();
        let round = async {
            if look(&shared).await {
                resident::give_back();
            }
            generations.changed().await
        };
        tokio::select! {
            () = draining.signal() => return,
            changed = round => if changed.is_err() { return; },
        }
    }
}

/// Answers whether there was anything to look at. Another generation ends it: it begins anew with that.
async fn look(shared: &Arc<Shared>) -> bool {
    let store = Arc::clone(&shared.generation.load().rules.store);
    let unchecked: Arc<[AccountId]> = store.unchecked().into();
    let mut next = 0;
    while next < unchecked.len() {
        if !Arc::ptr_eq(&store, &shared.generation.peek().rules.store) {
            break;
        }
        let begun = Instant::now();
        let (looked_at, accounts) = (Arc::clone(&store), Arc::clone(&unchecked));
        let look = move || looked_at.check(accounts.get(next..).unwrap_or_default(), LOOK);
        match spawn_blocking(look).await {
            Ok((looked, failing)) => {
                next += looked;
                if failing > 0 {
                    shared.count_quarantined();
                }
            }
            Err(error) => {
                next += 1;
                tracing::error!(%error, "an overlay could not be looked at");
            }
        }
        sleep((REST * begun.elapsed()).min(REST_MAX)).await;
    }
    !unchecked.is_empty()
}
