//! What the store is built from.

use super::hash;
use super::shelf::OverlayBytes;
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
    /// The accounts' own policies. Files that did not change keep their `Arc` from reading to reading:
    /// the next store then has nothing to do for them.
    pub overlays: Vec<Arc<OverlaySource>>,
    /// Memory for parsed overlays; of the first store of a process.
    pub overlay_bytes: OverlayBytes,
    /// Whether Principals may read in App and Dashboard (RULES 17).
    pub principals_act_in: bool,
}

/// The policies of one account, as its files say them.
#[derive(Debug)]
pub struct OverlaySource {
    account: AccountId,
    mode: OverlayMode,
    files: Vec<Source>,
    faults: Vec<Fault>,
    hash: [u8; 32],
}

impl OverlaySource {
    /// The files of `account`, none: it has no overlay; what they may do; and why files that are there
    /// cannot be read, in which case the overlay does not load (RULES 33).
    pub fn new(
        account: AccountId,
        mode: OverlayMode,
        files: Vec<Source>,
        faults: Vec<Fault>,
    ) -> Self {
        Self {
            hash: hash::overlay(&account, mode, &files),
            account,
            mode,
            files,
            faults,
        }
    }

    /// The same files under another mode.
    pub(super) fn with_mode(&self, mode: OverlayMode) -> Self {
        let (account, files) = (self.account.clone(), self.files.clone());
        Self::new(account, mode, files, self.faults.clone())
    }

    /// The same files, which cannot be used.
    pub(super) fn with_fault(&self, fault: Fault) -> Self {
        let (account, files) = (self.account.clone(), self.files.clone());
        Self::new(account, self.mode, files, vec![fault])
    }

    /// Whose.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// What they may do.
    pub fn mode(&self) -> OverlayMode {
        self.mode
    }

    /// The files.
    pub fn files(&self) -> &[Source] {
        &self.files
    }

    /// Why files that are there cannot be read.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Of account, mode, and the files' names and texts: equal hashes mean equal answers.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Whether both say the same: of one reading they are even the same value.
    pub(super) fn is_same(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, other) || (self.hash == other.hash && self.faults == other.faults)
    }

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
