//! The tenant directory: files, or lines of one file, become accounts and the texts of their own
//! policies.
//!
//! An entry that cannot be used is left out whole and reported: no tenant's entry stops the others
//! (RULES 36, 43). An account that served until now goes on by its last good entry, as strict as the
//! entry can still be read to say.

mod account;
mod clash;
mod delta;
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
use crate::fault::{Fault, Place};
use crate::policy::OverlaySource;
use crate::tenant::{Account, Candidate, Directory};
use entry::{Parsed, Unusable};
use former::{Entries, Overlays};
use overlay::Names;
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// The folder of accounts' own policies.
    pub(crate) fn overlays(&self) -> Option<&Path> {
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
    if let Some(tenants) = delta::read(layout, known, disk, former) {
        return Ok(tenants);
    }
    let listing = layout.overlays().map(|folder| disk.list(folder));
    let listing = listing.transpose()?.unwrap_or_default();
    let mut reading = Reading::new(&listing, known, disk, former);
    reading.documents.stand(layout);
    let candidates = match layout {
        Layout::Folder(_) => reading.folder(),
        Layout::Lines { file, .. } => {
            let candidates = reading.lines(file)?;
            reading.stray_policies(file, &candidates);
            candidates
        }
    };
    let (directory, clashes) = Directory::succeed(&former.directory, candidates);
    for clash in &clashes {
        let fault = reading.clash(clash, &directory);
        reading.entries.quarantined.push(fault);
        let newcomer = clash.newcomer().clone();
        reading.entries.stand_ins.insert(newcomer);
    }
    // A workspace that is in no file is only then nobody's when every file could be used.
    let complete = reading.entries.quarantined.is_empty();
    let relations = relations::review(&directory, &reading.documents, complete);
    reading.entries.warnings.extend(relations);
    let laid = directory.accounts().filter_map(|account| {
        let laid = reading.names.overlay(account)?;
        Some((account.id.clone(), laid))
    });
    let overlays: Overlays = laid.collect();
    let entries = Entries {
        layout: Some(layout.clone()),
        directory: Arc::new(directory),
        ..reading.entries
    };
    let documents = reading.documents;
    Ok(Tenants {
        documents,
        ..finish(Arc::new(entries), Arc::new(overlays), layout)
    })
}

/// What the entries and the accounts' policies come to together.
fn finish(entries: Arc<Entries>, overlays: Arc<Overlays>, layout: &Layout) -> Tenants {
    let mut documents = Documents::default();
    documents.stand(layout);
    Tenants {
        directory: Arc::clone(&entries.directory),
        overlays: overlays
            .values()
            .map(|laid| Arc::clone(&laid.source))
            .collect(),
        quarantined: entries.quarantined.clone(),
        warnings: entries.warnings.clone(),
        documents,
        digest: entries.revision(&overlays),
        former: Former {
            directory: Arc::clone(&entries.directory),
            entries,
            overlays,
        },
    }
}

struct Reading<'a> {
    known: Known<'a>,
    known_digest: Digest,
    disk: &'a Disk,
    former: &'a Former,
    names: Names<'a>,
    documents: Documents,
    entries: Entries,
}

impl<'a> Reading<'a> {
    fn new(listing: &'a Listing, known: Known<'a>, disk: &'a Disk, former: &'a Former) -> Self {
        let known_digest = known.digest();
        Self {
            known,
            known_digest,
            disk,
            former,
            names: Names::new(disk, listing, &former.overlays),
            documents: Documents::default(),
            entries: Entries {
                known: known_digest,
                ..Entries::default()
            },
        }
    }

    /// Tells the revision of something that was read.
    fn reads(&mut self, name: &str, digest: &Digest) {
        self.entries.texts.insert(name.to_owned(), *digest);
    }

    /// The account of a good entry, or why it cannot be used all the same.
    fn admit(&mut self, parsed: &Parsed) -> Result<Arc<Account>, Unusable> {
        let (account, documents) = (&parsed.account, &self.documents);
        let place = || {
            let document = documents.get(&account.id);
            document.map_or_else(
                || Place::file(account.id.as_str()),
                |document| document.place("/overlay"),
            )
        };
        if let Some(unusable) = self.names.left_out(account, place) {
            return Err(unusable);
        }
        let warnings = parsed.warnings.iter().cloned();
        self.entries.warnings.extend(warnings);
        Ok(Arc::clone(account))
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
        self.entries.quarantined.extend(unusable.faults);
        let served = self.former.served(&unusable.account?)?;
        let narrowed = unusable.narrowing.and_then(|by| served.narrowed(&by));
        self.entries.stand_ins.insert(served.id.clone());
        Some(Candidate {
            account: narrowed.map_or_else(|| Arc::clone(served), Arc::new),
            fallback: None,
        })
    }
}

#[cfg(test)]
mod tests;
