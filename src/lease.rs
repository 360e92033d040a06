//! The lease of an open stream: whoever moves its bytes holds it, and learns from it that the stream has to
//! end now.
//!
//! Nothing here knows why a caller may not have its stream any more: `gate` asks that of every open
//! stream, and revokes the lease. Lease and [`Revoker`] stay on the worker that opened them.

use crate::reason::Reason;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Whole, as whoever sent it meant it.
    Complete,
    /// The upstream broke off, or paused for too long.
    Upstream,
    /// The client went away, or the gate stopped.
    Client,
    /// Neither side of a tunnel said anything for too long.
    Idle,
    /// The gate stopped, and said so.
    Drain,
    /// The caller may not have it any more.
    Gate(Reason),
}

impl Ended {
    /// As records say it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Upstream => "upstream",
            Self::Client => "client",
            Self::Idle => "idle",
            Self::Drain => "drain",
            Self::Gate(_) => "gate",
        }
    }
}

/// Which ends of a stream are told beside the record of its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// None: the request has no record yet, which will tell.
    #[default]
    None,
    /// Those that cut it short: what its record says of a whole one is true.
    Cut,
    /// Every end.
    All,
}

/// Held until a stream has ended, by whoever moves its bytes. Its drop is the stream's end.
pub struct Lease {
    open: Rc<Open>,
    closing: Option<Closing>,
}

/// The other end of a lease.
#[derive(Clone, Debug)]
pub struct Revoker(Rc<Open>);

type Closing = Box<dyn FnOnce(Ended, bool)>;

#[derive(Debug, Default)]
struct Open {
    revoked: Cell<Option<Reason>>,
    ended: Cell<Option<Ended>>,
    outlasts: Cell<bool>,
    telling: Cell<Telling>,
    waiting: RefCell<Option<Waker>>,
}

impl Lease {
    /// A lease, and what revokes it. `closing` is told once, when the stream has ended: how, and whether
    /// that is to be recorded.
    pub fn open(closing: impl FnOnce(Ended, bool) + 'static) -> (Self, Revoker) {
        let open = Rc::new(Open::default());
        let lease = Self {
            open: Rc::clone(&open),
            closing: Some(Box::new(closing)),
        };
        (lease, Revoker(open))
    }

    /// Ready once the stream has to end, and why. Whoever polls last is woken.
    pub fn poll_revoked(&self, cx: &mut Context<'_>) -> Poll<Reason> {
        if let Some(reason) = self.open.revoked.get() {
            return Poll::Ready(reason);
        }
        let mut waiting = self.open.waiting.borrow_mut();
        match &mut *waiting {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waiting = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Completes once the stream has to end, and says why.
    pub async fn revoked(&self) -> Reason {
        poll_fn(|cx| self.poll_revoked(cx)).await
    }

    /// What is sent was there when it was asked for, and has a known end: the mere end of the token does
    /// not cut it.
    pub fn outlasts_token(&self) {
        self.open.outlasts.set(true);
    }

    /// Its request is recorded by now; these ends will be, too.
    pub fn tells(&self, telling: Telling) {
        self.open.telling.set(telling);
    }

    /// The stream ended in that way. The first word counts; without any, the client went away.
    pub fn ended(&self, how: Ended) {
        if self.open.ended.get().is_none() && self.open.revoked.get().is_none() {
            self.open.ended.set(Some(how));
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(closing) = self.closing.take() else {
            return;
        };
        let revoked = self.open.revoked.get().map(Ended::Gate);
        let ended = self.open.ended.get().or(revoked);
        let ended = ended.unwrap_or(Ended::Client);
        let told = match self.open.telling.get() {
            Telling::None => false,
            Telling::Cut => ended != Ended::Complete,
            Telling::All => true,
        };
        closing(ended, told);
    }
}

impl Revoker {
    /// Ends the stream. The first reason counts.
    pub fn revoke(&self, reason: Reason) {
        if self.is_revoked() {
            return;
        }
        self.0.revoked.set(Some(reason));
        if let Some(waker) = self.0.waiting.take() {
            waker.wake();
        }
    }

    /// Whether it was revoked already.
    pub fn is_revoked(&self) -> bool {
        self.0.revoked.get().is_some()
    }

    /// Whether the mere end of the token leaves it open.
    pub fn outlasts_token(&self) -> bool {
        self.0.outlasts.get()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    //! Leases that end, and how.

    use super::*;

    /// How a lease ended after `happens`.
    fn ended(happens: fn(&Lease, &Revoker)) -> Ended {
        let told = Rc::new(Cell::new(None));
        let tell = Rc::clone(&told);
        let (lease, revoker) = Lease::open(move |ended, _| tell.set(Some(ended)));
        happens(&lease, &revoker);
        assert_eq!(told.get(), None, "it is open");
        drop(lease);
        told.get().expect("it was told")
    }

    #[test]
    fn the_first_word_on_the_end_counts() {
        assert_eq!(ended(|_, _| ()), Ended::Client);
        assert_eq!(
            ended(|lease, revoker| {
                lease.ended(Ended::Complete);
                revoker.revoke(Reason::TokenRevoked);
            }),
            Ended::Complete
        );
        assert_eq!(
            ended(|lease, revoker| {
                revoker.revoke(Reason::TokenExpired);
                revoker.revoke(Reason::TokenRevoked);
                lease.ended(Ended::Upstream);
            }),
            Ended::Gate(Reason::TokenExpired)
        );
    }

    #[test]
    fn a_stream_tells_of_its_end_once_its_request_is_recorded() {
        let told = |telling, ended| {
            let told = Rc::new(Cell::new(false));
            let tell = Rc::clone(&told);
            let (lease, _) = Lease::open(move |_, told| tell.set(told));
            lease.tells(telling);
            lease.ended(ended);
            drop(lease);
            told.get()
        };
        assert!(!told(Telling::None, Ended::Upstream));
        assert!(!told(Telling::Cut, Ended::Complete));
        assert!(told(Telling::Cut, Ended::Client));
        assert!(told(Telling::All, Ended::Complete));
    }

    #[tokio::test]
    async fn whoever_waits_for_the_end_is_woken_with_its_reason() {
        let (lease, revoker) = Lease::open(|_, _| ());
        let (reason, ()) = tokio::join!(lease.revoked(), async {
            tokio::task::yield_now().await;
            revoker.revoke(Reason::AccountSuspended);
        });
        assert_eq!(reason, Reason::AccountSuspended);
        assert_eq!(lease.revoked().await, Reason::AccountSuspended);
    }
}
