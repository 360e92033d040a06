//! The thread that writes what the lanes hold.

use super::output::Write;
use super::{Lane, Shared, locked};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// How long committed records wait at most, as long as any come.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The same, after a round that found none.
const IDLE_PAUSE: Duration = Duration::from_millis(50);

/// What a buffer keeps of its size after a flood.
const BUFFER_BYTES_KEPT: usize = 256 * 1024;

pub(super) struct Writer {
    shared: Arc<Shared>,
    output: Box<dyn Write>,
    known: Batch,
    strangers: Batch,
    failing: bool,
}

/// What was taken from one lane and is not written yet.
struct Batch {
    lane: Lane,
    lines: Vec<u8>,
    records: usize,
    written: usize,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, output: Box<dyn Write>) -> Self {
        Self {
            shared,
            output,
            known: Batch::new(Lane::Known),
            strangers: Batch::new(Lane::Strangers),
            failing: false,
        }
    }

    /// Writes until told to stop, then everything that is left. Answers how many records are lost.
    pub(super) fn run(mut self) -> u64 {
        while !self.shared.stop.load(Ordering::Acquire) {
            // A failing output is asked less often, not more.
            let pause = if self.round(false) && !self.failing {
                BUSY_PAUSE
            } else {
                IDLE_PAUSE
            };
            self.shared.metrics.audit_queued(self.shared.queued());
            thread::park_timeout(pause);
        }
        // What an earlier failure left over first, then what came in since; the lanes close.
        self.round(false);
        self.round(true);
        let lost = self.known.abandon(&self.shared) + self.strangers.abandon(&self.shared);
        if lost > 0 {
            tracing::error!(records = lost, "audit records are lost");
        }
        if let Err(error) = self.output.finish() {
            tracing::error!(%error, "the audit output cannot be synced");
        }
        self.shared.metrics.audit_queued(self.shared.queued());
        lost
    }

    /// One look at both lanes; whether anything was there.
    fn round(&mut self, last: bool) -> bool {
        let Self {
            shared,
            output,
            known,
            strangers,
            failing,
        } = self;
        let mut any = false;
        for batch in [known, strangers] {
            batch.fill(shared, last);
            if batch.records == 0 {
                continue;
            }
            any = true;
            match batch.write(shared, output.as_mut()) {
                Ok(()) if *failing => {
                    *failing = false;
                    tracing::info!("audit records are written again");
                }
                Ok(()) => {}
                Err(error) => {
                    shared.metrics.audit_write_error();
                    // Once, not at every attempt: a full disk need not be filled by the log too.
                    if !mem::replace(failing, true) {
                        tracing::error!(%error, "audit records cannot be written; trying again");
                    }
                }
            }
        }
        any
    }
}

impl Batch {
    fn new(lane: Lane) -> Self {
        Self {
            lane,
            lines: Vec::new(),
            records: 0,
            written: 0,
        }
    }

    /// Takes what the lane holds, unless the batch is still waiting to be written: then the lane
    /// fills up, and its bound does what it is there for.
    fn fill(&mut self, shared: &Shared, last: bool) {
        let queue = shared.queue(self.lane);
        let mut waiting = locked(&queue.waiting);
        waiting.closed = last;
        if self.records == 0 {
            mem::swap(&mut waiting.lines, &mut self.lines);
            self.records = mem::take(&mut waiting.records);
            queue.woken.store(false, Ordering::Relaxed);
            drop(waiting);
            locked(&queue.recent).keep(&self.lines);
        } else if last {
            // Nobody comes back: what is left in the lane shares the batch's fate.
            self.lines.append(&mut waiting.lines);
            self.records += mem::take(&mut waiting.records);
        }
    }

    fn write(&mut self, shared: &Shared, output: &mut dyn Write) -> std::io::Result<()> {
        while let Some(rest) = self
            .lines
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match output.write(rest) {
                Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.written += written;
                    shared.written.fetch_add(written, Ordering::Relaxed);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        shared.metrics.audit_written(self.records as u64);
        self.clear(shared);
        output.rest()
    }

    /// Gives up what could not be written.
    fn abandon(&mut self, shared: &Shared) -> u64 {
        let written = self.lines.get(..self.written).unwrap_or_default();
        // A record holds one line feed: its last byte.
        let whole = written.split(|byte| *byte == b'\n').skip(1).count();
        let lost = self.records.saturating_sub(whole) as u64;
        shared.metrics.audit_written(whole as u64);
        shared.metrics.audit_dropped(lost);
        self.clear(shared);
        lost
    }

    fn clear(&mut self, shared: &Shared) {
        let queue = shared.queue(self.lane);
        queue.bytes.fetch_sub(self.lines.len(), Ordering::Relaxed);
        shared.release(self.lane, mem::take(&mut self.records));
        self.written = 0;
        self.lines.clear();
        self.lines.shrink_to(BUFFER_BYTES_KEPT);
    }
}
