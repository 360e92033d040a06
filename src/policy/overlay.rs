//! One account's own policies, ready to be asked, or in quarantine.

use super::about::About;
use super::environment::{Environment, Shapes};
use super::review::Rule;
use super::slice::{Slice, Slices};
use super::source::OverlaySource;
use super::store;
use std::collections::HashMap;
use std::sync::Arc;

/// The policies of one account.
#[derive(Debug)]
pub struct Overlay {
    hash: [u8; 32],
    slices: Slices,
    bytes: u64,
    /// By id.
    about: HashMap<Arc<str>, About>,
}

/// What there is of an account's overlay.
#[derive(Clone, Debug)]
pub enum OverlayState {
    /// The account has none.
    Absent,
    /// It can be asked.
    Ready(Arc<Overlay>),
    /// It is there as text, and is to be parsed first.
    Cold,
    /// It is announced and does not load: the account is denied (RULES 33).
    Unavailable,
}

impl Overlay {
    /// `None`: it would take more than one account may.
    pub(super) fn build(source: &OverlaySource, rules: &[Rule], shapes: &Shapes) -> Option<Self> {
        let slices = Slices::of_overlay(rules, shapes)?;
        let text: usize = source.files().iter().map(|file| file.text.len()).sum();
        Some(Self {
            hash: *source.hash(),
            bytes: bytes(text, rules.len(), &slices),
            slices,
            about: store::abouts(rules),
        })
    }

    /// Of the files' names and texts and of the mode: equal hashes mean equal answers.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many policies it has.
    pub fn len(&self) -> usize {
        self.about.len()
    }

    /// Whether it has none; such an overlay is not built.
    pub fn is_empty(&self) -> bool {
        self.about.is_empty()
    }

    /// The ids of its policies, in no order.
    pub fn policy_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.about.keys()
    }

    /// What is to be told of one of its policies.
    pub(super) fn about(&self, id: &str) -> Option<&About> {
        self.about.get(id)
    }

    /// Its policies that can apply there. `None`: an environment of another store, which denies.
    pub fn slice(&self, environment: &Environment) -> Option<&Arc<Slice>> {
        self.slices.of(environment.index, environment.class)
    }
}

/// An estimate, from measurements of many overlays: Cedar does not say.
fn bytes(text: usize, policies: usize, slices: &Slices) -> u64 {
    let bytes = text * TEXT_FACTOR + policies * POLICY_BYTES + slices.entries() * ENTRY_BYTES;
    bytes as u64
}

/// What a byte of text becomes in memory: expressions, and the text itself.
const TEXT_FACTOR: usize = 12;
/// A policy beside its expressions.
const POLICY_BYTES: usize = 1_500;
/// A policy in one more slice: its expressions are shared.
const ENTRY_BYTES: usize = 700;
