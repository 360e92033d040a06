//! What the store is built from.

use crate::fault::Fault;
use crate::operation::Operation;
use crate::tenant::{AccountId, OverlayMode};
use std::sync::Arc;

/// The text of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file as messages name it; its stem becomes part of the policies' ids.
    pub file: String,
    /// Its whole text.
    pub text: Arc<str>,
}

/// Everything the store is built from.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Fragments of the deployment's own schema: types, never actions.
    pub schema: Vec<Source>,
    /// What the API can do, as the routes say; the action fragment is generated from it.
    pub operations: Vec<Arc<Operation>>,
    /// The platform's policies. Files of the stem `guard` hold further guards; the shipped ones are
    /// compiled in.
    pub platform: Vec<Source>,
    /// The accounts' own policies.
    pub overlays: Vec<OverlaySource>,
    /// Whether Principals may read in App and Dashboard (RULES 17).
    pub principals_act_in: bool,
}

/// The policies of one account.
#[derive(Clone, Debug)]
pub struct OverlaySource {
    /// Whose.
    pub account: AccountId,
    /// What they may do.
    pub mode: OverlayMode,
    /// The files; none: the account has no overlay.
    pub files: Vec<Source>,
    /// Why files that are there cannot be read: the overlay does not load (RULES 33).
    pub faults: Vec<Fault>,
}

impl OverlaySource {
    /// Whether the account has policies of its own, readable or not.
    pub(super) fn is_announced(&self) -> bool {
        !self.files.is_empty() || !self.faults.is_empty()
    }
}

impl Source {
    /// A file's name and text.
    pub fn new(file: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self {
            file: file.into(),
            text: text.into(),
        }
    }

    /// The file's name without folder and extension.
    pub(super) fn stem(&self) -> &str {
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or_default();
        name.strip_suffix(".cedar").unwrap_or(name)
    }
}
