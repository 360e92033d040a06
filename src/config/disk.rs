//! The files of one reading: every text is remembered by its digest, so that it can be held against
//! the disk again.
//!
//! A file that is being written is read in halves, and half a policy file has lost its forbids. So
//! what was read is believed only once the disk says the same a moment later (RULES 27).

use super::files::{self, Entry, FILE_BYTES_MAX, Listing, STARVED};
use super::seen::{Digest, Seen, Sight, Told, What, key};
use crate::fault::{Fault, Place};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;

/// Reads files and folders, and notes what it saw.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    seen: RefCell<Seen>,
    before: Before,
    /// When something was read last that was not known.
    read: Cell<Option<Instant>>,
}

/// What earlier readings saw.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// A file that the file system describes as it did then is not read again.
    pub known: Arc<Seen>,
    /// What changed since, where the system told of it by name: other files are not even looked at. What
    /// it does not tell of, the next poll finds.
    pub told: Option<Arc<Told>>,
    /// Only files and folders that were the same there are believed.
    pub earlier: Option<Arc<Seen>>,
}

/// A file that was looked at.
pub(crate) struct Looked {
    pub(super) digest: Digest,
    /// `None`: it is as it was known to be, and was not read.
    bytes: Option<Vec<u8>>,
}

type Listed = Result<Arc<Listing>, Box<Fault>>;

impl Before {
    /// What is known of a file or folder that did not change since.
    fn still(&self, path: &Path, what: What) -> Option<&Sight> {
        match &self.told {
            Some(told) => self.known.untold(path, what, told),
            None => self.known.still(path, what),
        }
    }
}

impl Disk {
    /// After earlier readings.
    pub(crate) fn after(before: Before) -> Self {
        Self {
            seen: RefCell::default(),
            before,
            read: Cell::default(),
        }
    }

    /// The names that changed, if nothing else did.
    pub(super) fn told(&self) -> Option<&Told> {
        self.before
            .told
            .as_deref()
            .filter(|_| self.before.earlier.is_none())
    }

    /// What was listed in `folder` before.
    pub(super) fn known(&self, folder: &Path) -> Option<&Arc<Listing>> {
        let sight = self.before.known.sights.get(&key(folder, What::Folder))?;
        sight.names.as_ref()
    }

    /// Takes it that what stands, or leads on, under names in `folder` that are to be kept is as it was
    /// known to be. `None`: of something there, only reading tells.
    pub(super) fn keep(&self, folder: &Path, is_kept: impl Fn(&str) -> bool) -> Option<()> {
        let (sights, links) = self.before.known.known_in(folder, is_kept)?;
        let mut seen = self.seen.borrow_mut();
        seen.sights.extend(sights);
        seen.links.extend(links);
        Some(())
    }

    /// The whole text of a file, see [`files::read`].
    pub(crate) fn read(&self, path: &Path, bytes_max: u64) -> Result<Arc<str>, Box<Fault>> {
        let found = self.bytes(path, bytes_max)?;
        files::text(path, found.0)
    }

    fn bytes(&self, path: &Path, max: u64) -> Result<(Vec<u8>, Digest), Box<Fault>> {
        let found = files::read_bytes(path, max);
        let starved = found.as_ref().is_err_and(|fault| fault.code == STARVED);
        self.seen.borrow_mut().starved |= starved;
        let sight = Sight::of_file(&found);
        let digest = sight.digest;
        self.note(path, What::File(max), sight);
        self.believe(path, What::File(max), digest)?;
        Ok((found?.bytes, digest))
    }

    /// What a file says, without reading it where nothing was written since it was read.
    pub(crate) fn look(&self, path: &Path, max: u64) -> Result<Looked, Box<Fault>> {
        let what = What::File(max);
        if let Some(sight) = self.before.still(path, what) {
            let digest = sight.digest;
            self.note(path, what, sight.known());
            self.believe(path, what, digest)?;
            return Ok(Looked {
                digest,
                bytes: None,
            });
        }
        let (bytes, digest) = self.bytes(path, max)?;
        let bytes = Some(bytes);
        Ok(Looked { digest, bytes })
    }

    /// What stands in a file that was looked at.
    pub(super) fn bytes_of(
        &self,
        looked: Looked,
        path: &Path,
        max: u64,
    ) -> Result<Vec<u8>, Box<Fault>> {
        match looked.bytes {
            Some(bytes) => Ok(bytes),
            None => Ok(self.bytes(path, max)?.0),
        }
    }

    /// The same, as text.
    pub(super) fn text(
        &self,
        looked: Looked,
        path: &Path,
        max: u64,
    ) -> Result<Arc<str>, Box<Fault>> {
        files::text(path, self.bytes_of(looked, path, max)?)
    }

    /// Names in a folder, see [`files::list`].
    pub(crate) fn list(&self, folder: &Path) -> Listed {
        let (found, digest) = self.listed(folder);
        self.believe(folder, What::Folder, digest)?;
        found
    }

    /// The same, of a folder in which names may come and go: for who is not misled by one that is
    /// missing.
    pub(crate) fn list_any(&self, folder: &Path) -> Listed {
        self.listed(folder).0
    }

    fn listed(&self, folder: &Path) -> (Listed, Digest) {
        if let Some(sight) = self.before.still(folder, What::Folder)
            && let Some(names) = &sight.names
        {
            self.note(folder, What::Folder, sight.known());
            return (Ok(Arc::clone(names)), sight.digest);
        }
        let told = self.before.told.as_ref();
        if let Some(sight) = told.and_then(|told| self.before.known.followed(folder, told))
            && let Some(names) = &sight.names
        {
            let (names, digest) = (Arc::clone(names), sight.digest);
            self.note(folder, What::Folder, sight);
            return (Ok(names), digest);
        }
        let (found, sight) = Sight::of_folder(folder);
        let digest = sight.digest;
        let mut seen = self.seen.borrow_mut();
        match &found {
            Ok(listing) => {
                seen.starved |= listing.refused.iter().any(|fault| fault.code == STARVED);
                let links = listing.entries.iter().filter(|entry| entry.is_link);
                seen.links.extend(links.map(|entry| entry.path.clone()));
            }
            Err(fault) => seen.starved |= fault.code == STARVED,
        }
        drop(seen);
        self.note(folder, What::Folder, sight);
        (found, digest)
    }

    /// Refuses what was not the same in the earlier reading, if there was one.
    fn believe(&self, path: &Path, what: What, digest: Digest) -> Result<(), Box<Fault>> {
        let Some(earlier) = &self.before.earlier else {
            return Ok(());
        };
        let first = earlier.sights.get(&key(path, what));
        if first.is_some_and(|first| first.digest == digest) {
            return Ok(());
        }
        // What it says now may be its last word: it has to be read again.
        self.seen.borrow_mut().torn = true;
        let place = Place::file(path.display().to_string());
        let fault = Fault::error("file_changing", place, "changes while it is read");
        Err(Box::new(fault.help("write it once")))
    }

    /// All files of `folder` with that extension, read; and every fault.
    pub(crate) fn read_all(
        &self,
        folder: &Path,
        extension: &str,
    ) -> (Vec<(Entry, Arc<str>)>, Vec<Fault>) {
        let (files, mut faults) = self.look_all(folder, extension);
        let mut texts = Vec::new();
        for (entry, looked) in files {
            match self.text(looked, &entry.path, FILE_BYTES_MAX) {
                Ok(text) => texts.push((entry, text)),
                Err(fault) => faults.push(*fault),
            }
        }
        (texts, faults)
    }

    /// All files of `folder` with that extension; and every fault. Files of that extension deeper down
    /// are faults: a policy that somebody believes to be in force must not be passed over.
    pub(super) fn look_all(
        &self,
        folder: &Path,
        extension: &str,
    ) -> (Vec<(Entry, Looked)>, Vec<Fault>) {
        let listing = match self.list(folder) {
            Ok(listing) => listing,
            Err(fault) => return (Vec::new(), vec![*fault]),
        };
        let mut faults = listing.refused.clone();
        let mut files = Vec::new();
        for entry in &listing.entries {
            // A folder of such a name is no file, which is said.
            if entry.is_folder && entry.stem(extension).is_none() {
                let inner = self.list(&entry.path).unwrap_or_default();
                faults.extend(files::buried(&inner.entries, extension));
            } else if entry.stem(extension).is_some() {
                match self.look(&entry.path, FILE_BYTES_MAX) {
                    Ok(looked) => files.push((entry.clone(), looked)),
                    Err(fault) => faults.push(*fault),
                }
            }
        }
        (files, faults)
    }

    /// What was seen.
    pub(crate) fn seen(self) -> Seen {
        let read = self.read.get();
        Seen {
            read,
            ..self.seen.into_inner()
        }
    }

    fn note(&self, path: &Path, what: What, sight: Sight) {
        if sight.fresh {
            self.read.set(Some(Instant::now()));
        }
        let mut seen = self.seen.borrow_mut();
        let digest = sight.digest;
        let first = seen.sights.insert(key(path, what), sight);
        seen.torn |= first.is_some_and(|first| first.digest != digest);
    }
}

#[cfg(test)]
mod tests;
