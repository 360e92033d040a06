//! Which endpoint gets a request: the cheaper of two that were drawn by weight.
//!
//! One worker's own figures decide. They are coarser than the whole process's and cost no lock; two
//! draws are enough to keep away from whatever is slow or full.

use super::settings::Balance;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

/// How fast slow answers are forgotten: after this long without new ones a third of them is left.
const MEMORY: Duration = Duration::from_secs(10);

/// What an answer that never came is taken to have cost: an endpoint that fails fast must not look
/// quick.
const FAILURE: Duration = Duration::from_secs(1);

/// What one worker knows of one endpoint's load.
#[derive(Debug)]
pub(in crate::forward) struct Load {
    in_flight: Cell<u32>,
    /// Seconds; `None`: nobody has answered yet.
    latency: Cell<Option<f64>>,
    at: Cell<Instant>,
}

impl Load {
    pub(in crate::forward) fn new(now: Instant) -> Self {
        Self {
            in_flight: Cell::new(0),
            latency: Cell::new(None),
            at: Cell::new(now),
        }
    }

    /// A request goes there.
    pub(in crate::forward) fn begin(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
    }

    /// Its reply has ended, or it is given up.
    pub(in crate::forward) fn end(&self) {
        self.in_flight.set(self.in_flight.get().saturating_sub(1));
    }

    /// The head of a reply took so long. A peak counts at once, and fades.
    pub(in crate::forward) fn answered(&self, took: Duration, now: Instant) {
        let took = took.as_secs_f64();
        let faded = self.faded(now);
        let latency = match faded {
            Some(former) if former > took => {
                let kept = fading(now.saturating_duration_since(self.at.get()));
                // The place of what has faded is the new figure's.
                former + took * (1.0 - kept)
            }
            Some(_) | None => took,
        };
        self.latency.set(Some(latency));
        self.at.set(now);
    }

    /// No reply came.
    pub(in crate::forward) fn failed(&self, now: Instant) {
        self.answered(FAILURE, now);
    }

    fn faded(&self, now: Instant) -> Option<f64> {
        let latency = self.latency.get()?;
        Some(latency * fading(now.saturating_duration_since(self.at.get())))
    }

    /// What one more request would cost there, beside that of others.
    fn cost(&self, balance: Balance, weight: u32, now: Instant) -> f64 {
        let busy = f64::from(self.in_flight.get()) / f64::from(weight.max(1));
        match balance {
            Balance::LeastRequest => busy,
            Balance::PeakEwma => match self.faded(now) {
                Some(latency) => latency * (1.0 + busy),
                // Tried once; whoever comes before its answer goes elsewhere.
                None if self.in_flight.get() == 0 => 0.0,
                None => FAILURE.as_secs_f64() * (1.0 + busy),
            },
        }
    }
}

fn fading(elapsed: Duration) -> f64 {
    (-elapsed.as_secs_f64() / MEMORY.as_secs_f64()).exp()
}

/// Draws numbers that need not be secret.
#[derive(Debug)]
pub(in crate::forward) struct Dice(Cell<u64>);

impl Dice {
    pub(in crate::forward) fn new(seed: u64) -> Self {
        Self(Cell::new(seed | 1))
    }

    /// Below `bound`, which is not 0. The xorshift of Marsaglia, 64 bits.
    fn below(&self, bound: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        // The low bits of an xorshift are its poorest.
        (x >> 16) % bound.max(1)
    }
}

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub(in crate::forward) struct Choice<'a> {
    /// Its place among all endpoints.
    pub(in crate::forward) at: usize,
    pub(in crate::forward) weight: u32,
    pub(in crate::forward) load: &'a Load,
}

/// The cheaper of two of `choices`; the first drawn where they cost the same, so that weights hold
/// while nobody is busy.
pub(in crate::forward) fn pick<'a>(
    choices: impl Iterator<Item = Choice<'a>> + Clone,
    balance: Balance,
    dice: &Dice,
    now: Instant,
) -> Option<usize> {
    let first = draw(choices.clone(), dice)?;
    let Some(second) = draw(choices.filter(|one| one.at != first.at), dice) else {
        return Some(first.at);
    };
    let cost = |one: Choice<'_>| one.load.cost(balance, one.weight, now);
    let cheaper = if cost(second) < cost(first) {
        second
    } else {
        first
    };
    Some(cheaper.at)
}

fn draw<'a>(
    mut choices: impl Iterator<Item = Choice<'a>> + Clone,
    dice: &Dice,
) -> Option<Choice<'a>> {
    let total: u64 = choices.clone().map(|one| u64::from(one.weight)).sum();
    let mut ticket = dice.below(total);
    choices.find(|one| {
        let weight = u64::from(one.weight);
        let won = ticket < weight;
        ticket = ticket.saturating_sub(weight);
        won
    })
}

#[cfg(test)]
mod tests;
