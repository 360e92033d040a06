//! What one reading saw, to be held against the disk again.
//!
//! Files are compared by how the file system describes them, where that can be believed, and else by
//! what they say: of ten thousand files, one that changed costs one reading.

use super::files::{self, Bytes, Change, Listing};
use super::stamp::Stamp;
use crate::clock::{Clock, Timestamp};
use crate::fault::Fault;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::time::Instant;

/// A path as its bytes: of thousands, comparing the parts of paths would take longer than the disk.
pub(super) type Key = (OsString, What);

/// What is known, and which of it are links.
type Kept = (Vec<(Key, Sight)>, Vec<PathBuf>);

/// SHA-256.
pub(super) type Digest = [u8; 32];

/// What one reading saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub(super) sights: BTreeMap<Key, Sight>,
    /// Names in listed folders that are links.
    pub(super) links: BTreeSet<PathBuf>,
    /// Something was read twice, and was not the same.
    pub(super) torn: bool,
    /// Something could not be looked at for want of a descriptor.
    pub(super) starved: bool,
    /// When something was read last for this very reading.
    pub(super) read: Option<Instant>,
}

/// One file or folder.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) digest: Digest,
    /// The names in a folder.
    pub(super) names: Option<Arc<Listing>>,
    /// How it was described, and when it was read. `None`: only reading tells.
    stamp: Option<(Stamp, Timestamp)>,
    /// It was read for this very reading.
    pub(super) fresh: bool,
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
        !self.torn
            && sights.all(|((path, what), sight)| sight.holds(Path::new(path), *what, compare))
    }

    /// The same, of what was read for this very reading, and of what bears one of the names `told`:
    /// all those that may have changed since the reading before it.
    pub fn holds_since(&mut self, told: Option<&BTreeSet<PathBuf>>) -> bool {
        let Some((names, holds)) = told.and_then(|names| Some((names, self.holds_at(names)?)))
        else {
            return self.holds(Compare::Stamps);
        };
        // Those of the names were just compared.
        let fresh = self.sights.iter_mut().filter(|(_, sight)| sight.fresh);
        let mut others = fresh.filter(|((path, _), _)| !names.contains(Path::new(path)));
        let compare = Compare::Stamps;
        holds && others.all(|((path, what), sight)| sight.holds(Path::new(path), *what, compare))
    }

    /// The same, of those files and folders alone that `names` may be about. `None`: what they are
    /// about is not known.
    pub fn holds_at(&mut self, names: &BTreeSet<PathBuf>) -> Option<bool> {
        let mut holds = !self.torn;
        for name in names {
            for (at, what) in self.concerned(name)? {
                let sight = self.sights.get_mut(&(at.clone(), what));
                holds = holds
                    && sight.is_some_and(|sight| {
                        let at = Path::new(&at);
                        if what == What::Folder && name.parent() == Some(at) {
                            sight.lists(at, name)
                        } else {
                            sight.holds(at, what, Compare::Stamps)
                        }
                    });
            }
        }
        Some(holds)
    }

    /// Whether these are names that files have for a moment only.
    pub fn is_passing(names: &BTreeSet<PathBuf>) -> bool {
        names.iter().all(|name| is_hidden(name) && is_passing(name))
    }

    /// These names, if it is known what each of them is about.
    pub fn told(&self, names: BTreeSet<PathBuf>) -> Option<Told> {
        let known = !self.torn && names.iter().all(|name| self.concerned(name).is_some());
        let is_folder = |name: &&PathBuf| self.sights.contains_key(&key(name, What::Folder));
        known.then(|| Told {
            whole: names.iter().filter(is_folder).cloned().collect(),
            folders: names
                .iter()
                .filter_map(|name| Some(name.parent()?.to_owned()))
                .collect(),
            names,
        })
    }

    /// What a name may be about that changed: a file, and the listing of its folder. `None`: nobody
    /// knows, because other names lead through it.
    fn concerned(&self, name: &Path) -> Option<Vec<Key>> {
        if !self.links.is_empty() {
            // What a link leads to changes under another name.
            return None;
        }
        if is_hidden(name) {
            return is_passing(name).then(Vec::new);
        }
        let files = key(name, What::File(0))..=key(name, What::Folder);
        let folder = key(name.parent()?, What::Folder);
        let mut keys: Vec<Key> = self
            .sights
            .range(files)
            .map(|(key, _)| key.clone())
            .collect();
        if keys.last().is_some_and(|(_, what)| *what == What::Folder) {
            // Another folder may have got its name, with other files.
            keys.extend(self.below(name).map(|(key, _)| key.clone()));
        }
        keys.extend(self.sights.contains_key(&folder).then_some(folder));
        (!keys.is_empty() || self.is_unrelated(name)).then_some(keys)
    }

    /// Whether nothing that was seen stands under that name, or leads through it: a log beside the
    /// configuration, for instance. In doubt it does.
    fn is_unrelated(&self, name: &Path) -> bool {
        let unrelated = || {
            let parent = named(name.parent()?).canonicalize().ok()?;
            let real = parent.join(name.file_name()?);
            if leads_on(name) || self.below(name).next().is_some() {
                return None;
            }
            for (at, what) in self.unlisted() {
                let found = at.canonicalize().ok()?;
                let is_it = match what {
                    What::File(_) => found == real,
                    What::Folder => parent.starts_with(&found) || found.starts_with(&real),
                };
                if is_it {
                    return None;
                }
            }
            Some(())
        };
        unrelated().is_some()
    }

    /// What was seen below a folder.
    fn below(&self, folder: &Path) -> impl Iterator<Item = (&Key, &Sight)> {
        let (mut inside, first) = key(folder, What::File(0));
        inside.push("/");
        let after = self.sights.range((inside.clone(), first)..);
        after.take_while(move |((at, _), _)| at.as_bytes().starts_with(inside.as_bytes()))
    }

    /// What is known of a file or folder that nothing was written to since.
    pub(super) fn still(&self, path: &Path, what: What) -> Option<&Sight> {
        let sight = self.sights.get(&key(path, what))?;
        sight.is_unwritten(path).then_some(sight)
    }

    /// The same, where the system told of every name that changed.
    pub(super) fn untold(&self, path: &Path, what: What, told: &Told) -> Option<&Sight> {
        let is_told = match what {
            What::File(_) => told.names.contains(path),
            What::Folder => told.folders.contains(path),
        } || told.is_whole(path);
        let sight = self.sights.get(&key(path, what))?;
        (!is_told && sight.stamp.is_some()).then_some(sight)
    }

    /// A folder as it was listed, with what stands by now under the names in it that the system told of.
    pub(super) fn followed(&self, folder: &Path, told: &Told) -> Option<Sight> {
        let sight = self.sights.get(&key(folder, What::Folder));
        let sight = sight.filter(|_| !told.is_whole(folder))?;
        let (names, _) = sight.names.as_ref().zip(sight.stamp)?;
        let next = names.following(folder, &told.names)?;
        if Arc::ptr_eq(names, &next) {
            return Some(sight.known());
        }
        let listed = Ok(next);
        Some(Sight {
            digest: of_names(&listed),
            names: listed.ok(),
            ..sight.known()
        })
    }

    /// What is known of what stands, or leads on, under names in `folder` that are to be kept, and the
    /// links there. `None`: of something there, only reading tells.
    pub(super) fn known_in(&self, folder: &Path, is_kept: impl Fn(&str) -> bool) -> Option<Kept> {
        let prefix = key(folder, What::Folder).0.len() + 1;
        let is_kept = |bytes: &[u8]| {
            let name = bytes.get(prefix..)?.split(|byte| *byte == b'/').next();
            Some(is_kept(std::str::from_utf8(name?).ok()?))
        };
        let mut known = Vec::new();
        for (key, sight) in self.below(folder) {
            if is_kept(key.0.as_bytes())? {
                sight.stamp?;
                known.push((key.clone(), sight.known()));
            }
        }
        let links = self.links.iter().filter(|link| link.starts_with(folder));
        Some((known, links.cloned().collect()))
    }

    /// When something was read last for this very reading. `None`: all of it was known.
    pub fn read(&self) -> Option<Instant> {
        self.read
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
        self.read = self.read.max(other.read);
        for (what, sight) in other.sights {
            let digest = sight.digest;
            let first = self.sights.insert(what, sight);
            self.torn |= first.is_some_and(|first| first.digest != digest);
        }
        self
    }
}

/// The names that changed, as the system told.
#[derive(Clone, Debug)]
pub struct Told {
    names: BTreeSet<PathBuf>,
    /// In which they stand.
    folders: BTreeSet<PathBuf>,
    /// Those that are folders: nothing below them is what it was.
    whole: Vec<PathBuf>,
}

impl Told {
    /// The names.
    pub fn names(&self) -> &BTreeSet<PathBuf> {
        &self.names
    }

    /// Whether that may be another folder, or stand in one.
    fn is_whole(&self, path: &Path) -> bool {
        self.whole.iter().any(|folder| path.starts_with(folder))
    }
}

/// Configurations name a folder `tenants/`, the system tells of names in `tenants`.
pub(super) fn key(path: &Path, what: What) -> Key {
    let mut bytes = path.as_os_str().as_bytes();
    while let [shorter @ .., b'/'] = bytes
        && !shorter.is_empty()
    {
        bytes = shorter;
    }
    (OsStr::from_bytes(bytes).to_owned(), what)
}

impl Seen {
    /// The folders in which a change of what was seen shows: those that were listed, and those that
    /// hold what was read, before and after following links.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        let listed = self.sights.keys().filter(|(_, what)| *what == What::Folder);
        let mut folders: BTreeSet<PathBuf> = listed.map(|(path, _)| path.into()).collect();
        for (path, _) in self.unlisted() {
            let real = path.canonicalize().ok();
            for path in std::iter::once(path).chain(real.as_deref()) {
                folders.extend(existing_parent(path));
            }
        }
        folders
    }

    /// Everything but plain names in a folder that was listed, which is followed as that.
    fn unlisted(&self) -> impl Iterator<Item = (&Path, What)> {
        // By bytes: of thousands of paths, comparing the parts would take longer than all the rest.
        let listed = self.sights.keys().filter(|(_, what)| *what == What::Folder);
        let listed: HashSet<&[u8]> = listed.map(|(path, _)| path.as_bytes()).collect();
        self.sights.keys().filter_map(move |(path, what)| {
            let parent = path.as_bytes().rsplitn(2, |byte| *byte == b'/').nth(1);
            let is_listed = parent.is_some_and(|parent| listed.contains(parent));
            let path = Path::new(path);
            let is_plain = is_listed && !self.links.contains(path);
            (!is_plain).then_some((path, *what))
        })
    }
}

#[cfg(test)]
impl Seen {
    /// As if everything had been read a minute later.
    pub(super) fn aged(mut self) -> Self {
        for sight in self.sights.values_mut() {
            if let Some((_, read)) = &mut sight.stamp {
                *read = read.plus_millis(60_000);
            }
        }
        self
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
            fresh: true,
        }
    }

    /// The same, known from an earlier reading.
    pub(super) fn known(&self) -> Self {
        Self {
            fresh: false,
            ..self.clone()
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
            fresh: true,
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

    /// Whether `folder` still has, or has not, what it was listed to have under `name`.
    fn lists(&mut self, folder: &Path, name: &Path) -> bool {
        let names = self.names.as_ref();
        match names.and_then(|names| names.change(folder, name)) {
            Some(change) => matches!(change, Change::None),
            None => self.holds(folder, What::Folder, Compare::Stamps),
        }
    }

    fn is_unwritten(&self, path: &Path) -> bool {
        self.stamp
            .is_some_and(|(stamp, read)| stamp.is_settled(read) && Stamp::at(path) == Some(stamp))
    }
}

/// Nothing leads through `.new`: a file that is about to get another name, or has got it. Through
/// `..data`, and through other links and folders, something may.
fn is_passing(name: &Path) -> bool {
    let last = name.file_name().and_then(|name| name.to_str());
    last.is_some_and(|last| !last.starts_with("..")) && !leads_on(name)
}

/// A link or a folder: other names may lead through it.
fn leads_on(name: &Path) -> bool {
    std::fs::symlink_metadata(name).is_ok_and(|found| !found.is_file())
}

/// `.new`, `..data`: no listing shows it.
fn is_hidden(name: &Path) -> bool {
    let last = name.file_name().and_then(|name| name.to_str());
    last.is_none_or(|name| name.starts_with('.'))
}

/// The nearest folder above `path` that exists: there a missing one would appear.
fn existing_parent(path: &Path) -> Option<PathBuf> {
    let mut parents = path.ancestors().skip(1).map(named);
    parents.find(|parent| parent.is_dir()).map(Path::to_owned)
}

/// The folder that a name without one stands in is the current one.
fn named(parent: &Path) -> &Path {
    let unnamed = parent.as_os_str().is_empty();
    if unnamed { Path::new(".") } else { parent }
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
