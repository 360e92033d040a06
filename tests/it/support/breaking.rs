//! A log that breaks. The product writes to it from everywhere, and has no other place where a test could
//! make it panic: whoever logs a word that was named here does.

use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber, set_global_default};
use tracing::{Event, Metadata};

/// Words that break it, each once.
static WORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The log of this process.
struct Log;

/// What an event says, all fields one after the other.
#[derive(Default)]
struct Said(String);

/// Whoever of the product logs `word` next panics. Tests run together in one process: the word has to be
/// one that no other test's gate says.
pub(crate) fn breaks_at(word: &str) {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| set_global_default(Log).expect("no test has another log"));
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    words.push(word.to_owned());
}

/// Takes out the word that stands in `said`.
fn taken(said: &str) -> Option<String> {
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    let at = words.iter().position(|word| said.contains(word))?;
    Some(words.swap_remove(at))
}

impl Subscriber for Log {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("palisade")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        if let Some(word) = taken(&said.0) {
            panic!("as a test wants it, at `{word}`");
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Said {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{value:?} ");
    }
}
