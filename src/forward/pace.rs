//! How slow the sender of a body may be: how long it may pause, and how little it may send at that.
//!
//! A bound on pauses alone never ends a client that sends a byte before each of them is over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// A sender was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Slow {
    /// It paused for longer than allowed.
    #[error("no data for {0:?}")]
    Paused(Duration),
    /// It sent something before each pause was over, and too little in all.
    #[error("less than {0} bytes a second")]
    Dripping(u32),
}

/// Ends a body whose sender is too slow. Only the time that its reader waits counts: a reader that is
/// slow itself finds the sender no slower for it. The timer is made at the first pause.
pub(super) struct Patience {
    pause: Duration,
    /// Bytes in a second, on average over `pause`; 0: any.
    rate: u32,
    waiting: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// Since the average began: how long the reader waited, and for how much.
    waited: Duration,
    bytes: u64,
}

impl Patience {
    /// With a sender that sends something before each `pause` is over, and `rate` on average.
    pub(super) fn new(pause: Duration, rate: u32) -> Self {
        Self {
            pause,
            rate,
            waiting: false,
            timer: None,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// The same for another sender, or for one that begins anew.
    pub(super) fn anew(&self) -> Self {
        Self::new(self.pause, self.rate)
    }

    /// Nothing came: completes when nothing has for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Slow> {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep(self.pause)));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + self.pause);
        }
        timer.as_mut().poll(cx).map(|()| Slow::Paused(self.pause))
    }

    /// Something came, or the end: the pause is over.
    pub(super) fn went_on(&mut self) {
        let until = self.timer.as_ref().map(|timer| timer.deadline());
        if let Some(until) = until.filter(|_| self.waiting) {
            self.waited += self.pause.saturating_sub(until - Instant::now());
        }
        self.waiting = false;
    }

    /// What came was so much of the body.
    pub(super) fn came(&mut self, bytes: usize) -> Result<(), Slow> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.waited < self.pause {
            return Ok(());
        }
        let due = u128::from(self.rate) * self.waited.as_millis() / 1000;
        if u128::from(self.bytes) < due {
            return Err(Slow::Dripping(self.rate));
        }
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    //! Time stands still but for what each case lets pass.

    use super::*;
    use std::future::poll_fn;

    /// What becomes of a sender whose pieces come after such pauses, in milliseconds.
    async fn sent(pieces: &[(u64, usize)]) -> Result<(), Slow> {
        let mut patience = Patience::new(Duration::from_secs(2), 100);
        for (pause, bytes) in pieces {
            let next = tokio::time::sleep(Duration::from_millis(*pause));
            let slow = poll_fn(|cx| patience.poll(cx));
            tokio::select! {
                biased;
                () = next => {}
                slow = slow => return Err(slow),
            }
            patience.went_on();
            patience.came(*bytes)?;
        }
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_drips_is_ended_as_one_that_pauses_is() {
        let drips = [(900, 1); 9];
        assert_eq!(sent(&drips).await, Err(Slow::Dripping(100)));
        let paused = Slow::Paused(Duration::from_secs(2));
        assert_eq!(sent(&[(2500, 9000)]).await, Err(paused));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_keeps_its_average_may_pause() {
        let bursts = [(1900, 10), (100, 500), (1900, 0), (200, 210)];
        assert_eq!(sent(&bursts).await, Ok(()));
        // What came before does not pay for what comes late.
        let later = [(10, 1 << 20), (1999, 1), (1999, 1), (1999, 1)];
        assert_eq!(sent(&later).await, Err(Slow::Dripping(100)));
    }
}
