//! The log's way out: a queue, and a thread that writes. Whoever reads standard error may stop reading, and
//! then no write comes back: that must hold up no request, no probe and no signal.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// Events that wait to be written; more are lost, and counted.
const EVENTS_MAX: usize = 1024;

/// How long the last ones may take.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Takes events, each in one piece, and lets nobody wait.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    queue: SyncSender<Vec<u8>>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl Outlet {
    /// Starts the thread that writes to `output`.
    pub(super) fn start(output: impl io::Write + Send + 'static) -> io::Result<Self> {
        let (queue, events) = sync_channel(EVENTS_MAX);
        let state = Arc::new(State::default());
        let told = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || write(&events, &told, output))?;
        Ok(Self { queue, state })
    }

    /// Whether everything is written, if need be after a moment.
    pub(super) fn is_empty_soon(&self) -> bool {
        let end = Instant::now() + LAST_EVENTS;
        while self.state.waiting.load(Relaxed) > 0 {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

fn write(events: &Receiver<Vec<u8>>, state: &State, mut output: impl io::Write) {
    for event in events {
        // An error says that nobody reads it.
        let _ = output.write_all(&event);
        let lost = state.lost.swap(0, Relaxed);
        if lost > 0 {
            tracing::warn!(
                events = lost,
                "the log was read too slowly, and some of it is lost"
            );
        }
        // Last: what was said of it waits too.
        state.waiting.fetch_sub(1, Relaxed);
    }
}

impl io::Write for Outlet {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.state.waiting.fetch_add(1, Relaxed);
        if self.queue.try_send(event.to_vec()).is_err() {
            self.state.waiting.fetch_sub(1, Relaxed);
            self.state.lost.fetch_add(1, Relaxed);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Outlet {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use io::Write as _;
    use std::sync::mpsc::{Sender, channel};

    /// Takes an event whenever it is told to.
    struct Slow(Receiver<()>, Sender<Vec<u8>>);

    impl io::Write for Slow {
        fn write(&mut self, event: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(event.to_vec());
            Ok(event.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_that_nobody_reads_lets_nobody_wait_and_counts_what_is_lost() {
        let (go, wait) = channel();
        let (told, written) = channel();
        let mut outlet = Outlet::start(Slow(wait, told)).unwrap();
        for number in 0..2 * EVENTS_MAX {
            outlet.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        assert!(outlet.state.lost.load(Relaxed) >= EVENTS_MAX as u64 - 1);
        assert!(!outlet.is_empty_soon());
        drop(go);
        assert!(outlet.is_empty_soon());
        assert_eq!(outlet.state.lost.load(Relaxed), 0, "it was said");
        let first = written.iter().next().unwrap();
        assert_eq!(first, b"0\n");
    }
}
