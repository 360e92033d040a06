//! What one reading of the directory leaves to the next: whatever did not change costs nothing again.

use super::entry::Parsed;
use super::lines::Lines;
use super::overlay::Laid;
use super::{Known, Layout};
use crate::config::seen::{Digest, digest};
use crate::fault::Fault;
use crate::tenant::{Account, AccountId, Directory, Narrowing};
use aws_lc_rs::digest::{Context as Hasher, SHA256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What one reading leaves to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Former {
    pub(super) directory: Arc<Directory>,
    /// Of the files, whoever serves by now.
    pub(super) entries: Arc<Entries>,
    pub(super) overlays: Arc<Overlays>,
}

/// Policies by account.
pub(super) type Overlays = BTreeMap<AccountId, Arc<Laid>>;

/// Everything but the accounts' policies.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    /// Good entries by the digest of their text: of a file, or of a line.
    pub(super) parsed: HashMap<Digest, Arc<Parsed>>,
    /// The file of lines, where there is one.
    pub(super) lines: Option<Arc<Lines>>,
    /// Of the names that files may refer to.
    pub(super) known: Digest,
    /// Where they stood. `None`: nothing was read.
    pub(super) layout: Option<Layout>,
    /// What they came to.
    pub(super) directory: Arc<Directory>,
    /// Accounts that may serve by another entry than that which stands in the files.
    pub(super) stand_ins: BTreeSet<AccountId>,
    /// What was left out, and why.
    pub(super) quarantined: Vec<Fault>,
    /// What serves and should be looked at.
    pub(super) warnings: Vec<Fault>,
    /// What was read, by the names that the revision tells.
    pub(super) texts: BTreeMap<String, Digest>,
}

impl Entries {
    /// A content hash of what was read, of what serves and does not stand in the files, and of the accounts'
    /// policies.
    pub(super) fn revision(&self, overlays: &Overlays) -> Digest {
        let mut hasher = Hasher::new(&SHA256);
        let mut reads = |name: &str, text: &Digest| {
            hasher.update(&(name.len() as u64).to_be_bytes());
            hasher.update(name.as_bytes());
            hasher.update(text);
        };
        for (name, text) in &self.texts {
            reads(name, text);
        }
        let stand_ins = self.stand_ins.iter();
        for account in stand_ins.filter_map(|id| self.directory.account(id)) {
            reads(&format!("{} kept", account.id), &account.revision);
        }
        for (account, laid) in overlays {
            for (name, text) in &laid.files {
                reads(&format!("{account}/{name}"), text);
            }
        }
        let digest = hasher.finish();
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

impl Former {
    /// The same, with another directory that serves.
    pub(crate) fn serving(&self, directory: &Arc<Directory>) -> Self {
        Self {
            directory: Arc::clone(directory),
            ..self.clone()
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
        self.entries.parsed.get(text)
    }

    /// The good entry of that text, where the same names may be referred to.
    pub(super) fn parsed(&self, text: &Digest, known: &Digest) -> Option<&Arc<Parsed>> {
        self.said(text).filter(|_| self.entries.known == *known)
    }
}

impl Known<'_> {
    pub(super) fn digest(self) -> Digest {
        let names = |names: Option<&[&str]>| format!("{:?}", names.map(|names| names.join("\n")));
        digest(&[names(self.issuers).as_bytes(), names(self.plans).as_bytes()])
    }
}
