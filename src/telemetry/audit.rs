//! The audit record of every request: two bounded lanes in memory, one writer thread.
//!
//! A request reserves its place before it is forwarded (RULES 41), and fills it when its reply
//! begins. What strangers cause has a lane of its own, so that a flood of refusals never takes the
//! place of what was allowed (RULES 42). Committing appends bytes to a buffer; every few milliseconds
//! the writer swaps the buffers and writes each with one call.

mod json;
mod output;
mod recent;
mod record;
mod stream_end;
mod writer;

pub use output::Output;
pub use record::{Claimed, Record};
pub use stream_end::StreamEnd;

use super::Metrics;
use recent::Recent;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;
use tokio::sync::Notify;

/// Where records go and how many may wait.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they go.
    pub output: Output,
    /// Records of [`Lane::Known`] that may be reserved or wait.
    pub known_records_max: usize,
    /// Records of [`Lane::Strangers`] that may be reserved or wait.
    pub strangers_records_max: usize,
    /// Bytes that may wait in each lane; beyond them it is full, whatever the number of records.
    pub lane_bytes_max: usize,
}

/// One line of the audit file.
pub trait Line {
    /// Appends it, with the line's end.
    fn write(&self, out: &mut Vec<u8>);
}

/// Which bound a record counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Allowed requests, and refusals of callers who proved who they are.
    Known,
    /// Refusals of whoever did not.
    Strangers,
}

/// No place is left in the lane, or the writer has been shut down.
///
/// Whoever goes on without a record says so with [`Audit::dropped`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit lane is full")]
pub struct Full;

/// The audit log. Clones share it; the last one dropped shuts it down.
#[derive(Clone, Debug)]
pub struct Audit(Arc<Owner>);

/// A place in a lane. Dropped without a record, the place is free again.
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub struct Reservation {
    shared: Arc<Shared>,
    lane: Lane,
    /// The place belongs to a record now; the writer gives it back.
    filled: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            output: Output::Stdout,
            known_records_max: 16_384,
            strangers_records_max: 4_096,
            lane_bytes_max: 16 * 1024 * 1024,
        }
    }
}

impl Audit {
    /// Opens the output and starts the writer.
    pub fn start(settings: Settings, metrics: Arc<Metrics>) -> io::Result<Self> {
        let Settings {
            output,
            known_records_max,
            strangers_records_max,
            lane_bytes_max,
        } = settings;
        let sink = output::Sink::open(output)?;
        let known = Queue::new(known_records_max, lane_bytes_max);
        let strangers = Queue::new(strangers_records_max, lane_bytes_max);
        Self::start_with((known, strangers), metrics, Box::new(sink))
    }

    /// The same, to any output that tests like.
    fn start_with(
        (known, strangers): (Queue, Queue),
        metrics: Arc<Metrics>,
        output: Box<dyn output::Write>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            known,
            strangers,
            metrics,
            written: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            writer: OnceLock::new(),
            room: Notify::new(),
        });
        let writer = writer::Writer::new(Arc::clone(&shared), output);
        let (tell, ended) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || {
                // Whoever waited for it has given up otherwise.
                let _ = tell.send(writer.run());
            })?;
        // Set once, here; nobody else has the cell yet.
        let _ = shared.writer.set(thread.thread().clone());
        Ok(Self(Arc::new(Owner {
            shared,
            ended: Mutex::new(Some(ended)),
        })))
    }

    /// Takes a place for one record, at once or not at all. The caller decides what a full lane
    /// means: wait, refuse, or go on and say [`Audit::dropped`].
    pub fn reserve(&self, lane: Lane) -> Result<Reservation, Full> {
        let shared = &self.0.shared;
        shared.take(lane)?;
        Ok(Reservation {
            shared: Arc::clone(shared),
            lane,
            filled: false,
        })
    }

    /// Takes a place for one record, waiting up to `patience` for one.
    pub async fn reserve_within(
        &self,
        lane: Lane,
        patience: Duration,
    ) -> Result<Reservation, Full> {
        if let Ok(reservation) = self.reserve(lane) {
            return Ok(reservation);
        }
        let room = &self.0.shared.room;
        let waiting = async {
            loop {
                // Enlisted before the second look, or a place freed in between would go unnoticed.
                let mut freed = std::pin::pin!(room.notified());
                freed.as_mut().enable();
                if let Ok(reservation) = self.reserve(lane) {
                    return reservation;
                }
                freed.await;
            }
        };
        tokio::time::timeout(patience, waiting)
            .await
            .map_err(|_| Full)
    }

    /// Records what needed no place beforehand: a refusal, the end of a stream. No room means that it is lost and counted.
    pub fn record(&self, lane: Lane, record: &impl Line) {
        match self.reserve(lane) {
            Ok(reservation) => reservation.commit(record),
            Err(Full) => self.dropped(),
        }
    }

    /// A request goes on without its record.
    pub fn dropped(&self) {
        self.0.shared.metrics.audit_dropped(1);
    }

    /// The records of a request that was among the last, as lines; empty: it was not. What is not written yet, for
    /// a moment, is not found.
    pub fn recent(&self, request_id: &str) -> Vec<u8> {
        let Shared {
            known, strangers, ..
        } = &*self.0.shared;
        let lanes = [known, strangers].into_iter();
        lanes
            .flat_map(|lane| locked(&lane.recent).of(request_id))
            .collect()
    }

    /// Writes everything that was committed, syncs it to disk and ends the writer. Answers how many
    /// records could not be written. From then on the lanes are full. Blocks, as long as the output takes
    /// anything.
    pub fn shutdown(&self) -> u64 {
        self.0.shutdown(STUCK_AFTER)
    }
}

impl Reservation {
    /// Fills the place.
    pub fn commit(mut self, record: &impl Line) {
        self.filled = true;
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            record.write(scratch);
            self.shared.commit(self.lane, scratch);
            scratch.shrink_to(SCRATCH_BYTES_KEPT);
        });
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.filled {
            self.shared.release(self.lane, 1);
        }
    }
}

/// Keeps the writer alive.
#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    /// Gets the number of lost records when the writer ends.
    ended: Mutex<Option<mpsc::Receiver<u64>>>,
}

impl Owner {
    fn shutdown(&self, patience: Duration) -> u64 {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake();
        let Some(ended) = locked(&self.ended).take() else {
            return 0;
        };
        loop {
            let before = self.shared.written.load(Ordering::Relaxed);
            match ended.recv_timeout(patience) {
                Ok(lost) => return lost,
                // A panic of the writer is a fault of ours; what it lost cannot be known any more.
                Err(RecvTimeoutError::Disconnected) => return u64::MAX,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.shared.written.load(Ordering::Relaxed) == before {
                let lost = self.shared.queued() as u64;
                tracing::error!(
                    records = lost,
                    "the audit output takes nothing any more; what it has not taken is lost"
                );
                return lost;
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shutdown(STUCK_AFTER);
    }
}

/// What requests and the writer share.
struct Shared {
    known: Queue,
    strangers: Queue,
    metrics: Arc<Metrics>,
    /// Bytes that the output took.
    written: AtomicUsize,
    stop: AtomicBool,
    writer: OnceLock<Thread>,
    room: Notify,
}

/// One lane.
struct Queue {
    /// Places taken: reserved, or committed and not written.
    taken: AtomicUsize,
    records_max: usize,
    bytes: AtomicUsize,
    bytes_max: usize,
    /// The writer was woken for a lane half full, and has not come yet.
    woken: AtomicBool,
    waiting: Mutex<Waiting>,
    /// What the writer took last.
    recent: Mutex<Recent>,
}

/// Records that are committed and not written.
#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    records: usize,
    /// The writer has ended: nobody will come for what is put here.
    closed: bool,
}

impl Shared {
    fn queue(&self, lane: Lane) -> &Queue {
        match lane {
            Lane::Known => &self.known,
            Lane::Strangers => &self.strangers,
        }
    }

    fn take(&self, lane: Lane) -> Result<(), Full> {
        let queue = self.queue(lane);
        let taken = queue.taken.fetch_add(1, Ordering::Relaxed);
        let full = taken >= queue.records_max
            || queue.bytes.load(Ordering::Relaxed) >= queue.bytes_max
            || self.stop.load(Ordering::Relaxed);
        if full {
            queue.taken.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        Ok(())
    }

    fn release(&self, lane: Lane, places: usize) {
        self.queue(lane).taken.fetch_sub(places, Ordering::Relaxed);
        self.room.notify_waiters();
    }

    fn commit(&self, lane: Lane, record: &[u8]) {
        let queue = self.queue(lane);
        let mut waiting = locked(&queue.waiting);
        if waiting.closed {
            drop(waiting);
            self.metrics.audit_dropped(1);
            self.release(lane, 1);
            return;
        }
        waiting.lines.extend_from_slice(record);
        waiting.records += 1;
        let half =
            waiting.records > queue.records_max / 2 || waiting.lines.len() > queue.bytes_max / 2;
        // Under the lock: the writer must not take off what was not added yet.
        queue.bytes.fetch_add(record.len(), Ordering::Relaxed);
        drop(waiting);
        if half && !queue.woken.swap(true, Ordering::Relaxed) {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    fn queued(&self) -> usize {
        self.known.taken.load(Ordering::Relaxed) + self.strangers.taken.load(Ordering::Relaxed)
    }
}

impl Queue {
    fn new(records_max: usize, bytes_max: usize) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            records_max,
            bytes: AtomicUsize::new(0),
            bytes_max,
            woken: AtomicBool::new(false),
            waiting: Mutex::new(Waiting::default()),
            recent: Mutex::new(Recent::default()),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

/// For how long the output may take nothing once all should end: the reader of a pipe may have stopped, and
/// then no write comes back.
const STUCK_AFTER: Duration = Duration::from_secs(5);

thread_local! {
    /// Records are put together here, outside the lock that all workers share.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a thread keeps of its scratch buffer after a long record.
const SCRATCH_BYTES_KEPT: usize = 16 * 1024;

/// A thread that panicked while it held the lock left whole records behind: a record is appended by
/// one call. So the lock's poison says nothing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
