//! The files of one reading: every text is remembered by its digest, so that it can be held against
//! the disk again.
//!
//! A file that is being written is read in halves, and half a policy file has lost its forbids. So
//! what was read is believed only once the disk says the same a moment later (RULES 27).

use super::files::{self, Entry, FILE_BYTES_MAX, STARVED};
use crate::fault::{Fault, Place};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads files and folders, and notes what it saw.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    seen: RefCell<Seen>,
    /// What an earlier reading saw: what says something else by now is not believed.
    earlier: Option<Seen>,
}

/// What one reading saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    digests: BTreeMap<(PathBuf, What), [u8; 32]>,
    /// Something was read twice, and was not the same.
    torn: bool,
    /// Something could not be looked at for want of a descriptor.
    starved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// With its bound.
    File(u64),
    Folder,
}

type Listed = (Vec<Entry>, Vec<Fault>);

impl Disk {
    /// Believes only the files and folders that were the same in an earlier reading.
    pub(crate) fn after(earlier: Seen) -> Self {
        Self {
            seen: RefCell::default(),
            earlier: Some(earlier),
        }
    }

    /// The whole text of a file, see [`files::read`].
    pub(crate) fn read(&self, path: &Path, bytes_max: u64) -> Result<Arc<str>, Box<Fault>> {
        let found = files::read(path, bytes_max);
        let starved = found.as_ref().is_err_and(|fault| fault.code == STARVED);
        self.seen.borrow_mut().starved |= starved;
        let (what, digest) = (What::File(bytes_max), of_file(&found));
        self.note(path, what, digest);
        self.believe(path, what, digest)?;
        found
    }

    /// Names in a folder, see [`files::list`].
    pub(crate) fn list(&self, folder: &Path) -> Result<Listed, Box<Fault>> {
        let (found, digest) = self.listed(folder);
        self.believe(folder, What::Folder, digest)?;
        found
    }

    /// The same, of a folder in which names may come and go: for who is not misled by one that is
    /// missing.
    pub(crate) fn list_any(&self, folder: &Path) -> Result<Listed, Box<Fault>> {
        self.listed(folder).0
    }

    fn listed(&self, folder: &Path) -> (Result<Listed, Box<Fault>>, [u8; 32]) {
        let found = files::list(folder);
        self.seen.borrow_mut().starved |= match &found {
            Ok((_, faults)) => faults.iter().any(|fault| fault.code == STARVED),
            Err(fault) => fault.code == STARVED,
        };
        let digest = of_folder(&found);
        self.note(folder, What::Folder, digest);
        (found, digest)
    }

    /// Refuses what was not the same in the earlier reading, if there was one.
    fn believe(&self, path: &Path, what: What, digest: [u8; 32]) -> Result<(), Box<Fault>> {
        let key = (path.to_owned(), what);
        let first = self.earlier.as_ref().map(|seen| seen.digests.get(&key));
        if first.is_none_or(|first| first == Some(&digest)) {
            return Ok(());
        }
        let place = Place::file(path.display().to_string());
        let fault = Fault::error("file_changing", place, "changes while it is read");
        Err(Box::new(fault.help("write it once")))
    }

    /// All files of `folder` with that extension, read; and every fault. Files of that extension
    /// deeper down are faults: a policy that somebody believes to be in force must not be passed over.
    pub(crate) fn read_all(
        &self,
        folder: &Path,
        extension: &str,
    ) -> (Vec<(Entry, Arc<str>)>, Vec<Fault>) {
        let (entries, mut faults) = match self.list(folder) {
            Ok(listed) => listed,
            Err(fault) => return (Vec::new(), vec![*fault]),
        };
        let mut texts = Vec::new();
        for entry in entries {
            if entry.is_folder {
                let (inner, _) = self.list(&entry.path).unwrap_or_default();
                faults.extend(files::buried(&inner, extension));
            } else if entry.stem(extension).is_some() {
                match self.read(&entry.path, FILE_BYTES_MAX) {
                    Ok(text) => texts.push((entry, text)),
                    Err(fault) => faults.push(*fault),
                }
            }
        }
        (texts, faults)
    }

    /// What was seen.
    pub(crate) fn seen(self) -> Seen {
        self.seen.into_inner()
    }

    fn note(&self, path: &Path, what: What, digest: [u8; 32]) {
        let mut seen = self.seen.borrow_mut();
        let first = seen.digests.insert((path.to_owned(), what), digest);
        seen.torn |= first.is_some_and(|first| first != digest);
    }
}

impl Seen {
    /// Whether the disk still says the same.
    pub fn holds(&self) -> bool {
        !self.torn
            && self.digests.iter().all(|((path, what), digest)| {
                let now = match what {
                    What::File(bytes_max) => of_file(&files::read(path, *bytes_max)),
                    What::Folder => of_folder(&files::list(path)),
                };
                now == *digest
            })
    }

    /// Whether descriptors ran out: what was seen then says nothing about the files.
    pub fn starved(&self) -> bool {
        self.starved
    }

    /// With what another reading of about the same time saw.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.torn |= other.torn;
        self.starved |= other.starved;
        for (what, digest) in other.digests {
            let first = self.digests.insert(what, digest);
            self.torn |= first.is_some_and(|first| first != digest);
        }
        self
    }

    /// The folders in which a change of what was seen shows: those that were listed, and those that
    /// hold what was read, before and after following links.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        let mut folders = BTreeSet::new();
        for (path, what) in self.digests.keys() {
            if *what == What::Folder {
                folders.insert(path.clone());
            }
            let real = path.canonicalize().ok();
            for path in std::iter::once(path).chain(&real) {
                folders.extend(existing_parent(path));
            }
        }
        folders
    }
}

/// The nearest folder above `path` that exists: there a missing one would appear.
fn existing_parent(path: &Path) -> Option<PathBuf> {
    let parents = path.ancestors().skip(1);
    let here = |parent: &Path| {
        let unnamed = parent.as_os_str().is_empty();
        if unnamed { Path::new(".") } else { parent }.to_owned()
    };
    parents.map(here).find(|parent| parent.is_dir())
}

fn of_file(found: &Result<Arc<str>, Box<Fault>>) -> [u8; 32] {
    match found {
        Ok(text) => digest(&["text", text]),
        Err(fault) => digest(&["fault", &fault.to_string()]),
    }
}

fn of_folder(found: &Result<Listed, Box<Fault>>) -> [u8; 32] {
    let (entries, faults) = match found {
        Ok(listed) => listed,
        Err(fault) => return digest(&["fault", &fault.to_string()]),
    };
    let kind = |entry: &Entry| if entry.is_folder { "folder" } else { "file" };
    let mut parts: Vec<&str> = vec!["names"];
    for entry in entries {
        parts.extend([kind(entry), &entry.name]);
    }
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    parts.extend(faults.iter().map(String::as_str));
    digest(&parts)
}

/// SHA-256 over parts, each with its length.
pub(super) fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hasher = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finish();
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests;
