//! Whose turn it is while a request is under way: a client may take its time with a long body, an
//! upstream may not with its answer.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Since when the upstream is the one to wait for. `None`: the client is, for more of its body.
pub(super) type Turn = Rc<Cell<Option<Instant>>>;

/// The output of `work`, unless the upstream lets `limit` pass while it is its turn: a client may take
/// its time with a long body.
pub(super) async fn in_turn<F: Future>(limit: Duration, turn: &Turn, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    loop {
        let until = turn.get().unwrap_or_else(Instant::now) + limit;
        if let Ok(output) = timeout_at(until, work.as_mut()).await {
            return Some(output);
        }
        if turn.get().is_some_and(|since| since + limit <= until) {
            return None;
        }
    }
}
