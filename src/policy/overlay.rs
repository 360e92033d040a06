//! One account's own policies, ready to be asked, or in quarantine.

use super::about::About;
use super::environment::{Environment, Shapes};
use super::review::Rule;
use super::slice::{Slice, Slices};
use super::store;
use std::collections::HashMap;
use std::sync::Arc;

/// The policies of one account.
#[derive(Debug)]
pub struct Overlay {
    hash: [u8; 32],
    slices: Slices,
    /// By id.
    about: HashMap<Arc<str>, About>,
}

/// What there is of an account's overlay.
#[derive(Clone, Copy, Debug)]
pub enum OverlayState<'a> {
    /// The account has none.
    Absent,
    /// It can be asked.
    Ready(&'a Overlay),
    /// It is announced and does not load: the account is denied (RULES 33).
    Unavailable,
}

impl Overlay {
    pub(super) fn build(hash: [u8; 32], rules: &[Rule], shapes: &Shapes) -> Self {
        Self {
            hash,
            slices: Slices::build(rules, shapes),
            about: store::abouts(rules),
        }
    }

    /// Of the files' names and texts and of the mode: equal hashes mean equal answers.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// How many policies it has.
    pub fn len(&self) -> usize {
        self.about.len()
    }

    /// Whether it has none; such an overlay is not built.
    pub fn is_empty(&self) -> bool {
        self.about.is_empty()
    }

    /// What is to be told of one of its policies.
    pub(super) fn about(&self, id: &str) -> Option<&About> {
        self.about.get(id)
    }

    /// Its policies that can apply there. `None`: an environment of another store, which denies.
    pub fn slice(&self, environment: &Environment) -> Option<&Slice> {
        let slice = self.slices.of(environment.index, environment.class);
        slice.map(Arc::as_ref)
    }
}
