//! What one reading saw, to be held against the disk again.
//!
//! Files are compared by how the file system describes them, where that can be believed, and else by
//! what they say: of ten thousand files, one that changed costs one reading.

use super::files::{self, Bytes, Listing};
use super::stamp::Stamp;
use crate::clock::{Clock, Timestamp};
use crate::fault::Fault;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// SHA-256.
pub(super) type Digest = [u8; 32];

/// What one reading saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub(super) sights: BTreeMap<(PathBuf, What), Sight>,
    /// Names in listed folders that are links.
    pub(super) links: BTreeSet<PathBuf>,
    /// Something was read twice, and was not the same.
    pub(super) torn: bool,
    /// Something could not be looked at for want of a descriptor.
    pub(super) starved: bool,
}

/// One file or folder.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) digest: Digest,
    /// The names in a folder.
    pub(super) names: Option<Arc<Listing>>,
    /// How it was described, and when it was read. `None`: only reading tells.
    stamp: Option<(Stamp, Timestamp)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// With its bound.
    File(u64),
    Folder,
}

/// How closely files are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// By description, where that can be believed.
    Stamps,
    /// By what they say: some writers leave no trace in the description (mapped memory), and some file
    /// systems keep it badly.
    Contents,
}

impl Seen {
    /// Whether the disk still says the same. What had to be read for that need not be the next time.
    pub fn holds(&mut self, compare: Compare) -> bool {
        let mut sights = self.sights.iter_mut();
        !self.torn && sights.all(|((path, what), sight)| sight.holds(path, *what, compare))
    }

    /// The same, of those files and folders alone that `names` may be about. `None`: what they are
    /// about is not known.
    pub fn holds_at(&mut self, names: &BTreeSet<PathBuf>) -> Option<bool> {
        let mut holds = !self.torn;
        for name in names {
            // `..data`: a link that other names lead through.
            if is_hidden(name) {
                return None;
            }
            let whatever = (name.clone(), What::File(0))..=(name.clone(), What::Folder);
            let folder = (name.parent()?.to_owned(), What::Folder);
            let folder = folder.clone()..=folder;
            let mut known = false;
            for range in [whatever, folder] {
                for ((path, what), sight) in self.sights.range_mut(range) {
                    known = true;
                    holds = holds && sight.holds(path, *what, Compare::Stamps);
                }
            }
            known.then_some(())?;
        }
        Some(holds)
    }

    /// What is known of a file or folder that nothing was written to since.
    pub(super) fn still(&self, path: &Path, what: What) -> Option<&Sight> {
        let sight = self.sights.get(&(path.to_owned(), what))?;
        sight.is_unwritten(path).then_some(sight)
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
        self.links.extend(other.links);
        for (what, sight) in other.sights {
            let digest = sight.digest;
            let first = self.sights.insert(what, sight);
            self.torn |= first.is_some_and(|first| first.digest != digest);
        }
        self
    }
}

impl Seen {
    /// The folders in which a change of what was seen shows: those that were listed, and those that
    /// hold what was read, before and after following links.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        let listed = self.sights.keys().filter(|(_, what)| *what == What::Folder);
        let listed: BTreeSet<&Path> = listed.map(|(path, _)| &**path).collect();
        let mut folders = BTreeSet::new();
        for (path, what) in self.sights.keys() {
            if *what == What::Folder {
                folders.insert(path.clone());
            }
            let parent = path.parent().filter(|parent| listed.contains(parent));
            let real = if parent.is_none() || self.links.contains(path) {
                path.canonicalize().ok()
            } else {
                // A name in a folder that was listed, and no link: its folder is followed as that.
                continue;
            };
            for path in std::iter::once(path).chain(&real) {
                folders.extend(existing_parent(path));
            }
        }
        folders
    }
}

impl Sight {
    /// A file that was just read, or could not be.
    pub(super) fn of_file(found: &Result<Bytes, Box<Fault>>) -> Self {
        let read = Clock::system().now();
        let stamp = found.as_ref().ok().and_then(|found| found.stamp);
        Self {
            digest: match found {
                Ok(found) => digest(&[b"text", &found.bytes]),
                Err(fault) => digest(&[b"fault", fault.to_string().as_bytes()]),
            },
            names: None,
            stamp: stamp.map(|stamp| (stamp, read)),
        }
    }

    /// A folder, listed now.
    pub(super) fn of_folder(folder: &Path) -> (Result<Arc<Listing>, Box<Fault>>, Self) {
        let (read, before) = (Clock::system().now(), Stamp::at(folder));
        let found = files::list(folder).map(Arc::new);
        // Where a link leads to changes without a trace in its folder.
        let plain = found.as_ref().ok().filter(|listing| {
            listing.refused.is_empty() && !listing.entries.iter().any(|entry| entry.is_link)
        });
        let sight = Self {
            digest: of_names(&found),
            stamp: plain.and(before).map(|stamp| (stamp, read)),
            names: plain.cloned(),
        };
        (found, sight)
    }

    /// Whether the disk says the same; if so, with the description of today.
    fn holds(&mut self, path: &Path, what: What, compare: Compare) -> bool {
        if compare == Compare::Stamps && self.is_unwritten(path) {
            return true;
        }
        let now = match what {
            What::File(bytes_max) => Self::of_file(&files::read_bytes(path, bytes_max)),
            What::Folder => Self::of_folder(path).1,
        };
        let holds = now.digest == self.digest;
        if holds {
            *self = now;
        }
        holds
    }

    fn is_unwritten(&self, path: &Path) -> bool {
        self.stamp
            .is_some_and(|(stamp, read)| stamp.is_settled(read) && Stamp::at(path) == Some(stamp))
    }
}

/// `.new`, `..data`: no listing shows it.
fn is_hidden(name: &Path) -> bool {
    let last = name.file_name().and_then(|name| name.to_str());
    last.is_none_or(|name| name.starts_with('.'))
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

fn of_names(found: &Result<Arc<Listing>, Box<Fault>>) -> Digest {
    let listing = match found {
        Ok(listing) => listing,
        Err(fault) => return digest(&[b"fault", fault.to_string().as_bytes()]),
    };
    let kind = |entry: &files::Entry| if entry.is_folder { "folder" } else { "file" };
    let mut parts: Vec<&[u8]> = vec![b"names"];
    for entry in &listing.entries {
        parts.extend([kind(entry).as_bytes(), entry.name.as_bytes()]);
    }
    let faults: Vec<String> = listing.refused.iter().map(ToString::to_string).collect();
    parts.extend(faults.iter().map(String::as_bytes));
    digest(&parts)
}

/// SHA-256 over parts, each with its length.
pub(super) fn digest(parts: &[&[u8]]) -> Digest {
    let mut hasher = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest = hasher.finish();
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests;
