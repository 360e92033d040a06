//! The decision cache's key: everything that the answer depends on, in one canonical encoding.
//!
//! Who is asked comes first, in parts of a fixed length; it settles what can be read, and so how the
//! rest is to be understood: the answers to all that those slices can read of the question. No two
//! questions that may be answered differently share an encoding, and equality is on the bytes. The time
//! is not in it: it bounds the entry (RULES 37).

use super::facts::Facts;
use super::layers::{Layer, Layers};
use crate::policy::{Reads, Store};
use std::cell::Cell;

thread_local! {
    /// The buffer of the thread's last key: a look-up allocates nothing.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An encoded key.
#[derive(Debug)]
pub(super) struct Key(Vec<u8>);

/// Who is asked, part by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// Schema, operations and platform policies.
    Platform,
    /// Principal type, action and resource type.
    Environment,
    /// The overlay of the resource's account, with its account.
    Overlay,
    /// The overlay of the account that reads a catalog.
    Reader,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [
        Self::Platform,
        Self::Environment,
        Self::Overlay,
        Self::Reader,
    ];
}

impl Key {
    /// Encodes the question.
    pub(super) fn of(store: &Store, layers: &Layers<'_>, facts: &Facts<'_>) -> Self {
        Self::with(Part::ALL, layers.reads(), store, layers, facts)
    }

    /// Encodes some parts of it, and some of what can be read: tests show what each is for.
    pub(super) fn with<'a>(
        parts: impl IntoIterator<Item = Part>,
        reads: impl IntoIterator<Item = &'a Reads>,
        store: &Store,
        layers: &Layers<'_>,
        facts: &Facts<'_>,
    ) -> Self {
        let mut bytes = SPARE.take();
        bytes.clear();
        let mut key = Self(bytes);
        for part in parts {
            match part {
                Part::Platform => key.fixed(store.platform_hash()),
                Part::Environment => key.fixed(&layers.environment.index.to_be_bytes()),
                Part::Overlay => key.layer(layers.overlay.as_ref()),
                Part::Reader => key.layer(layers.reader.as_ref()),
            }
        }
        for reads in reads {
            reads.answer(facts, &mut key.0);
        }
        key
    }

    /// The encoding.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn layer(&mut self, layer: Option<&Layer>) {
        self.fixed(&[u8::from(layer.is_some())]);
        if let Some(layer) = layer {
            self.fixed(&layer.hash);
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        SPARE.set(std::mem::take(&mut self.0));
    }
}
