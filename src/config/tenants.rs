//! The tenant directory: files, or lines of one file, become accounts and the texts of their own
//! policies.
//!
//! An entry that cannot be used is left out whole and reported: no tenant's entry stops the others
//! (RULES 36, 43). An account that served until now goes on by its last good entry, as strict as the
//! entry can still be read to say.

mod account;
mod clash;
mod documents;
mod entry;
mod folder;
mod former;
mod lines;
mod members;
mod narrowing;
mod notes;
mod overlay;
mod relations;

pub(crate) use documents::Documents;
pub(crate) use former::Former;
pub(crate) use narrowing::narrowings;

use super::disk::Disk;
use super::files::Listing;
use super::seen::Digest;
use crate::fault::Fault;
use crate::policy::OverlaySource;
use crate::tenant::{Account, AccountId, Candidate, Directory};
use aws_lc_rs::digest::{Context as Hasher, SHA256};
use entry::{Parsed, Unusable};
use overlay::Named;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a tenant's file may refer to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'a> {
    /// Names of issuers; `None`: nobody knows.
    pub(crate) issuers: Option<&'a [&'a str]>,
    /// Names of plans with limits; `None`: nobody knows.
    pub(crate) plans: Option<&'a [&'a str]>,
}

/// Where the directory stands.
#[derive(Clone, Debug)]
pub(crate) enum Layout {
    /// A file for each account, with its policies beside it.
    Folder(PathBuf),
    /// A line for each account.
    Lines {
        file: PathBuf,
        /// The folder of the accounts' own policies. `None`: nobody has any.
        overlays: Option<PathBuf>,
    },
}

impl Layout {
    /// As people name it in one word: a file of lines by its ending, else a folder.
    pub(crate) fn of(path: PathBuf) -> Self {
        if path.extension().is_some_and(|end| end == "ndjson") {
            let overlays = None;
            Self::Lines {
                file: path,
                overlays,
            }
        } else {
            Self::Folder(path)
        }
    }

    fn overlays(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Lines { overlays, .. } => overlays.as_deref(),
        }
    }
}

/// The directory, read.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    /// Who exists.
    pub(crate) directory: Arc<Directory>,
    /// Policies of accounts that have some.
    pub(crate) overlays: Vec<Arc<OverlaySource>>,
    /// What was left out, and why.
    pub(crate) quarantined: Vec<Fault>,
    /// What serves and should be looked at.
    pub(crate) warnings: Vec<Fault>,
    /// The entries of its accounts, for who looks after the directory.
    pub(crate) documents: Documents,
    /// Of names and texts of all files, and what serves beside them, for the revision.
    pub(crate) digest: Digest,
    /// For the next reading.
    pub(crate) former: Former,
}

impl Tenants {
    /// What is as it is said to be, and locks somebody out: for whoever looks after the directory.
    pub(crate) fn notes(&self) -> Vec<Fault> {
        notes::review(&self.directory, &self.documents, &self.overlays)
    }
}

/// Reads the directory. An error: there is nothing to read.
pub(crate) fn read(
    layout: &Layout,
    known: Known<'_>,
    disk: &Disk,
    former: &Former,
) -> Result<Tenants, Box<Fault>> {
    let listing = layout.overlays().map(|folder| disk.list(folder));
    let listing = listing.transpose()?.unwrap_or_default();
    let mut reading = Reading::new(&listing, known, disk, former);
    let candidates = match layout {
        Layout::Folder(folder) => reading.folder(folder),
        Layout::Lines { file, .. } => {
            let candidates = reading.lines(file)?;
            reading.stray_policies(file, &candidates);
            candidates
        }
    };
    let (directory, clashes) = Directory::succeed(&former.directory, candidates);
    for clash in &clashes {
        let fault = reading.clash(clash, &directory);
        reading.tenants.quarantined.push(fault);
        reading.stand_ins.push(clash.newcomer().clone());
    }
    reading.stands_in(&directory);
    // A workspace that is in no file is only then nobody's when every file could be used.
    let complete = reading.tenants.quarantined.is_empty();
    let relations = relations::review(&directory, &reading.tenants.documents, complete);
    reading.tenants.warnings.extend(relations);
    let mut accounts: Vec<&Arc<Account>> = directory.accounts().collect();
    accounts.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    for account in accounts {
        let overlay = reading.overlay(account);
        reading.tenants.overlays.extend(overlay);
    }
    Ok(reading.end(directory))
}

struct Reading<'a> {
    known: Known<'a>,
    known_digest: Digest,
    disk: &'a Disk,
    former: &'a Former,
    /// The folder of files or of policies.
    listing: &'a Listing,
    named: Named<'a>,
    /// Names that may not be followed, and why.
    refused: BTreeMap<String, Fault>,
    tenants: Tenants,
    kept: former::Kept,
    /// Accounts that may serve by another entry than that which stands in the files.
    stand_ins: Vec<AccountId>,
    digest: Hasher,
}

impl<'a> Reading<'a> {
    fn new(listing: &'a Listing, known: Known<'a>, disk: &'a Disk, former: &'a Former) -> Self {
        let known_digest = known.digest();
        let refused = listing.refused.iter().cloned();
        Self {
            known,
            known_digest,
            disk,
            former,
            listing,
            named: overlay::named(listing),
            refused: refused.filter_map(by_name).collect(),
            tenants: Tenants::default(),
            kept: former::Kept {
                known: known_digest,
                ..former::Kept::default()
            },
            stand_ins: Vec::new(),
            digest: Hasher::new(&SHA256),
        }
    }

    /// Tells the revision of something that was read.
    fn reads(&mut self, name: &str, digest: &Digest) {
        self.digest.update(&(name.len() as u64).to_be_bytes());
        self.digest.update(name.as_bytes());
        self.digest.update(digest);
    }

    /// The account of a good entry, or why it cannot be used all the same.
    fn admit(&mut self, parsed: &Parsed) -> Result<Arc<Account>, Unusable> {
        if let Some(unusable) = self.left_out(&parsed.account) {
            return Err(unusable);
        }
        self.tenants
            .warnings
            .extend(parsed.warnings.iter().cloned());
        Ok(Arc::clone(&parsed.account))
    }

    fn settle(&mut self, parsed: &Parsed) -> Option<Candidate> {
        match self.admit(parsed) {
            Ok(account) => Some(self.candidate(account)),
            Err(unusable) => self.fall_back(unusable),
        }
    }

    fn candidate(&self, account: Arc<Account>) -> Candidate {
        Candidate {
            fallback: self.former.as_strict_as(&account),
            account,
        }
    }

    /// The entry that served until now, never less strict than the file can still be read to say.
    fn fall_back(&mut self, unusable: Unusable) -> Option<Candidate> {
        self.tenants.quarantined.extend(unusable.faults);
        let served = self.former.served(&unusable.account?)?;
        let narrowed = unusable.narrowing.and_then(|by| served.narrowed(&by));
        self.stand_ins.push(served.id.clone());
        Some(Candidate {
            account: narrowed.map_or_else(|| Arc::clone(served), Arc::new),
            fallback: None,
        })
    }

    /// Tells the revision about entries that serve and do not stand in the files.
    fn stands_in(&mut self, directory: &Directory) {
        let mut stand_ins = std::mem::take(&mut self.stand_ins);
        stand_ins.sort_unstable();
        stand_ins.dedup();
        for account in stand_ins.iter().filter_map(|id| directory.account(id)) {
            self.reads(&format!("{} kept", account.id), &account.revision);
        }
    }

    fn end(self, directory: Directory) -> Tenants {
        let directory = Arc::new(directory);
        let digest = self.digest.finish();
        Tenants {
            digest: digest.as_ref().try_into().expect("SHA-256 has 32 bytes"),
            former: Former {
                directory: Arc::clone(&directory),
                kept: Arc::new(self.kept),
            },
            directory,
            ..self.tenants
        }
    }
}

fn by_name(fault: Fault) -> Option<(String, Fault)> {
    let name = Path::new(&fault.place.file).file_name()?.to_str()?;
    Some((name.to_owned(), fault))
}

#[cfg(test)]
mod tests;
