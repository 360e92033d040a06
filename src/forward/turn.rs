//! What the two directions of one exchange know of each other: whose turn it is, what became of the
//! request's body, and whether anybody still wants it.

use super::error::Error;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Shared by the request's body, the wait for the reply's head, and the reply.
#[derive(Clone, Default)]
pub(super) struct Turn(Rc<State>);

#[derive(Default)]
struct State {
    since: Cell<Option<Instant>>,
    lost: RefCell<Option<Error>>,
    over: Cell<bool>,
    body: RefCell<Option<Waker>>,
}

/// Why a wait for the upstream ended without its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// It let the configured time pass.
    Limit,
    /// The time that the client itself gave is over.
    Deadline,
}

impl Turn {
    /// The upstream is the one to wait for, from now on.
    pub(super) fn upstreams(&self) {
        self.0.since.set(Some(Instant::now()));
    }

    /// The client is, for more of its body.
    pub(super) fn clients(&self) {
        self.0.since.set(None);
    }

    /// The request's body cannot be read to its end: that ends the exchange, however the connection
    /// tells it.
    pub(super) fn lose(&self, error: Error) {
        *self.0.lost.borrow_mut() = Some(error);
    }

    /// What became of the request's body, if that is what ended the exchange.
    pub(super) fn take_lost(&self) -> Option<Error> {
        self.0.lost.borrow_mut().take()
    }

    /// The reply is over. Nobody wants the rest of the body, whoever still sends it (RULES 45).
    pub(super) fn end(&self) {
        self.0.over.set(true);
        if let Some(body) = self.0.body.take() {
            body.wake();
        }
    }

    /// Whether the body is still wanted; whoever reads it is woken once it is not.
    pub(super) fn is_over(&self, cx: &Context<'_>) -> bool {
        if self.0.over.get() {
            return true;
        }
        let mut body = self.0.body.borrow_mut();
        if !body.as_ref().is_some_and(|one| one.will_wake(cx.waker())) {
            *body = Some(cx.waker().clone());
        }
        false
    }

    /// The output of `work`, unless the upstream lets `limit` pass while it is its turn (a client may
    /// take its time with a long body), or `deadline` passes, whosever turn it is.
    pub(super) async fn within<F: Future>(
        &self,
        limit: Duration,
        deadline: Option<Instant>,
        work: F,
    ) -> Result<F::Output, Late> {
        let mut work = pin!(work);
        loop {
            let patience = self.0.since.get().unwrap_or_else(Instant::now) + limit;
            let until = deadline.map_or(patience, |deadline| deadline.min(patience));
            if let Ok(output) = timeout_at(until, work.as_mut()).await {
                return Ok(output);
            }
            if deadline.is_some_and(|deadline| deadline <= until) {
                return Err(Late::Deadline);
            }
            let since = self.0.since.get();
            if since.is_some_and(|since| since + limit <= until) {
                return Err(Late::Limit);
            }
        }
    }
}
