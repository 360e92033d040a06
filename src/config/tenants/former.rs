//! What one reading of the directory leaves to the next: whatever did not change costs nothing again.

use super::Known;
use super::entry::Parsed;
use super::lines::Lines;
use super::overlay::Laid;
use crate::config::seen::{Digest, digest};
use crate::tenant::{Account, AccountId, Directory, Narrowing};
use std::collections::HashMap;
use std::sync::Arc;

/// What one reading leaves to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Former {
    pub(super) directory: Arc<Directory>,
    pub(super) kept: Arc<Kept>,
}

/// Of the files, whoever serves by now.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Good entries by the digest of their text: of a file, or of a line.
    pub(super) parsed: HashMap<Digest, Arc<Parsed>>,
    /// The file of lines, where there is one.
    pub(super) lines: Option<Arc<Lines>>,
    /// Policies that can be read, by account.
    pub(super) overlays: HashMap<AccountId, Laid>,
    /// Of the names that files may refer to.
    pub(super) known: Digest,
}

impl Former {
    /// The same, with another directory that serves.
    pub(crate) fn serving(&self, directory: &Arc<Directory>) -> Self {
        Self {
            directory: Arc::clone(directory),
            kept: Arc::clone(&self.kept),
        }
    }

    /// The entry by which an account serves until now.
    pub(super) fn served(&self, account: &AccountId) -> Option<&Arc<Account>> {
        self.directory.account(account)
    }

    /// What serves until now under the name of `account`, no wider than `account` would be: a file
    /// that claims another's ids may still say that its own account is suspended. `None` too where
    /// `account` is what serves: it has what it claims.
    pub(super) fn as_strict_as(&self, account: &Arc<Account>) -> Option<Arc<Account>> {
        let served = self.directory.account(&account.id)?;
        if Arc::ptr_eq(served, account) {
            return None;
        }
        let narrowed = served.narrowed(&Narrowing::of(account));
        Some(narrowed.map_or_else(|| Arc::clone(served), Arc::new))
    }

    /// The good entry of that text, whatever names files may refer to by now.
    pub(super) fn said(&self, text: &Digest) -> Option<&Arc<Parsed>> {
        self.kept.parsed.get(text)
    }

    /// The good entry of that text, where the same names may be referred to.
    pub(super) fn parsed(&self, text: &Digest, known: &Digest) -> Option<&Arc<Parsed>> {
        self.said(text).filter(|_| self.kept.known == *known)
    }
}

impl Known<'_> {
    pub(super) fn digest(self) -> Digest {
        let names = |names: Option<&[&str]>| format!("{:?}", names.map(|names| names.join("\n")));
        digest(&[names(self.issuers).as_bytes(), names(self.plans).as_bytes()])
    }
}
