//! Between the wish to end and the end: load balancers need time to notice.

use crate::drain::{Drain, Draining};
use crate::supervisor;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::sleep;

/// Begins the drain `delay` after somebody asked to leave, or as soon as somebody has no time for that.
/// It does not keep the signal alive: whoever drops that has no time either.
pub(super) async fn depart(mut asked: Draining, drain: Weak<Drain>, delay: Duration) {
    asked.left().await;
    supervisor::stopping();
    tracing::info!(
        ?delay,
        "leaving: not ready any more, new connections are still taken"
    );
    tokio::select! {
        () = sleep(delay) => {}
        () = asked.signal() => {}
    }
    // Whoever waits for the end of the drain waits for every watcher.
    drop(asked);
    tracing::info!("draining: no new connections");
    if let Some(drain) = drain.upgrade() {
        drain.begin();
    }
}
