//! Files and folders that the configuration names: bounded, regular, inside their tree. Only `disk` reads
//! through this: what it does not see is not followed when it changes.

use super::stamp::Stamp;
use crate::fault::{Fault, Place};
use crate::socket::is_starved;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest configuration, tenant, policy or schema file.
pub(crate) const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The longest OpenAPI file.
pub(crate) const OPENAPI_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The code of a fault that says nothing about its file: no descriptor was left to look at it.
pub(super) const STARVED: &str = "descriptors_exhausted";

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Without its folder.
    pub(crate) name: String,
    /// To open.
    pub(crate) path: PathBuf,
    /// A folder, after following links.
    pub(crate) is_folder: bool,
    /// Reached through a link.
    pub(crate) is_link: bool,
}

/// Names in a folder, sorted, and what had to be refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    pub(crate) refused: Vec<Fault>,
}

/// What a listing says of a name that may have changed.
#[derive(Debug)]
pub(super) enum Change {
    /// What stands there.
    None,
    /// The entry at that position is gone.
    Gone(usize),
    /// Another entry stands at that position.
    Other(usize, Entry),
    /// An entry is new, for that position.
    New(usize, Entry),
}

/// The bytes of a regular file, and how the file system describes it: the same before and after
/// reading. `None`: something was written meanwhile.
#[derive(Debug)]
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    pub(super) stamp: Option<Stamp>,
}

impl Entry {
    /// For messages.
    pub(crate) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The name without `.extension`, if it has that extension.
    pub(crate) fn stem(&self, extension: &str) -> Option<&str> {
        let stem = self.name.strip_suffix(extension)?.strip_suffix('.')?;
        (!stem.is_empty()).then_some(stem)
    }
}

impl Listing {
    /// The entry of that name.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        let at = self
            .entries
            .binary_search_by(|entry| (*entry.name).cmp(name));
        self.entries.get(at.ok()?)
    }

    /// What stands under the name of `path`, in `folder`, against what was listed. `None`: only listing
    /// the folder tells, because a link may lead anywhere.
    pub(super) fn change(&self, folder: &Path, path: &Path) -> Option<Change> {
        let name = path.file_name()?.to_str()?;
        if name.starts_with('.') {
            return Some(Change::None);
        }
        let is_folder = match std::fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => return None,
            Ok(found) => Some(found.is_dir()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(_) => return None,
        };
        let entry = |is_folder| Entry {
            name: name.to_owned(),
            path: folder.join(name),
            is_folder,
            is_link: false,
        };
        let entries = &self.entries;
        Some(
            match entries.binary_search_by(|entry| (*entry.name).cmp(name)) {
                Ok(at) => {
                    let known = entries.get(at)?;
                    match is_folder {
                        None => Change::Gone(at),
                        Some(now) if now == known.is_folder && !known.is_link => Change::None,
                        Some(now) => Change::Other(at, entry(now)),
                    }
                }
                Err(at) => {
                    is_folder.map_or(Change::None, |is_folder| Change::New(at, entry(is_folder)))
                }
            },
        )
    }

    /// The listing of `folder` once `names`, and no others, may have changed; the same where none did.
    pub(super) fn following<'a>(
        self: &Arc<Self>,
        folder: &Path,
        names: impl IntoIterator<Item = &'a PathBuf>,
    ) -> Option<Arc<Self>> {
        let mut next = Arc::clone(self);
        let inside = |name: &&PathBuf| name.parent() == Some(folder);
        for name in names.into_iter().filter(inside) {
            match next.change(folder, name)? {
                Change::None => {}
                Change::Gone(at) => {
                    Arc::make_mut(&mut next).entries.remove(at);
                }
                Change::Other(at, entry) => {
                    let entries = &mut Arc::make_mut(&mut next).entries;
                    *entries.get_mut(at)? = entry;
                }
                Change::New(at, entry) => Arc::make_mut(&mut next).entries.insert(at, entry),
            }
        }
        Some(next)
    }
}

/// The whole text of a regular file.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Arc<str>, Box<Fault>> {
    let found = read_bytes(path, bytes_max)?;
    text(path, found.bytes)
}

/// The text that these bytes of a file are.
pub(super) fn text(path: &Path, bytes: Vec<u8>) -> Result<Arc<str>, Box<Fault>> {
    String::from_utf8(bytes).map(Into::into).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let place = Place::file(path.display().to_string());
        let why = format!("is not UTF-8 from byte {at} on");
        Box::new(Fault::error("file_unreadable", place, why).help("save it as UTF-8"))
    })
}

/// All bytes of a regular file.
pub(super) fn read_bytes(path: &Path, bytes_max: u64) -> Result<Bytes, Box<Fault>> {
    let fault = |code, why: String, help: &str| {
        let place = Place::file(path.display().to_string());
        Box::new(Fault::error(code, place, why).help(help))
    };
    let unreadable = |why: String, help: &str| fault("file_unreadable", why, help);
    let failed = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "create it, or correct the path",
            std::io::ErrorKind::PermissionDenied => "let Palisade's user read it",
            _ if is_starved(&error) => "let the process open more files (`ulimit -n`)",
            _ => "it has to be a readable file",
        };
        let code = unless_starved("file_unreadable", &error);
        fault(code, format!("cannot be read: {}", plain(&error)), help)
    };
    let mut bytes = Vec::new();
    let file = open(path).map_err(failed)?;
    // Of what was opened: another file may stand under the name by now.
    let before = file.metadata().map_err(failed)?;
    if !before.is_file() {
        return Err(unreadable(
            "is not a regular file".to_owned(),
            "name a file",
        ));
    }
    let expected = usize::try_from(before.len().min(bytes_max)).unwrap_or_default();
    bytes.reserve_exact(expected.saturating_add(1));
    (&file)
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        let why = format!("is longer than {bytes_max} bytes");
        return Err(unreadable(why, "split it, or remove what is not needed"));
    }
    let (before, after) = (
        Stamp::of(&before),
        Stamp::of(&file.metadata().map_err(failed)?),
    );
    Ok(Bytes {
        bytes,
        stamp: (before == after).then_some(after),
    })
}

/// Without waiting: a pipe would wait for its writer.
fn open(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// Names in `folder`, sorted, and what had to be refused. Names that start with `.` are not looked at
/// (`..data` is how Kubernetes swaps a whole folder); links that leave `folder` are refused.
pub(crate) fn list(folder: &Path) -> Result<Listing, Box<Fault>> {
    let unreadable = |error: std::io::Error| {
        let place = Place::file(folder.display().to_string());
        let why = format!("the folder cannot be read: {}", plain(&error));
        let code = unless_starved("folder_unreadable", &error);
        Box::new(Fault::error(code, place, why).help("create it, or correct the path"))
    };
    let root = folder.canonicalize().map_err(unreadable)?;
    let mut entries = Vec::new();
    let mut refused = Vec::new();
    for entry in std::fs::read_dir(&root).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let path = folder.join(&name);
        let Ok(name) = name.into_string() else {
            let place = Place::file(path.display().to_string());
            let why = "the name is not UTF-8";
            refused.push(Fault::error("file_name", place, why).help("rename it"));
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        // Only a link can lead out of the folder.
        let kind = entry.file_type().ok().filter(|kind| !kind.is_symlink());
        let is_folder = kind.map_or_else(|| inside(&root, &path), |kind| Ok(kind.is_dir()));
        match is_folder {
            Ok(is_folder) => entries.push(Entry {
                name,
                path,
                is_folder,
                is_link: kind.is_none(),
            }),
            Err(fault) => refused.push(*fault),
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(Listing { entries, refused })
}

/// A fault for each file of that extension: a folder of its own is no place for it.
pub(crate) fn buried(entries: &[Entry], extension: &str) -> Vec<Fault> {
    let files = entries
        .iter()
        .filter(|entry| entry.stem(extension).is_some());
    let fault = |entry: &Entry| {
        let why = format!("a `.{extension}` file in a folder of its own is not read");
        Fault::error("file_not_read", Place::file(entry.shown()), why)
            .help("move it one folder up, or rename it")
    };
    files.map(fault).collect()
}

/// Whether `path` is a folder; an error if it leads out of `root`, or nowhere.
fn inside(root: &Path, path: &Path) -> Result<bool, Box<Fault>> {
    let place = || Place::file(path.display().to_string());
    let real = path.canonicalize().map_err(|error| {
        let why = format!("cannot be read: {}", plain(&error));
        let code = unless_starved("file_unreadable", &error);
        Box::new(Fault::error(code, place(), why).help("remove it, or repair the link"))
    })?;
    if !real.starts_with(root) {
        let why = "the link leads out of its folder";
        let fault = Fault::error("file_outside", place(), why);
        return Err(Box::new(fault.help("copy the file into the folder")));
    }
    Ok(real.is_dir())
}

/// `code`, if the error is about the file.
fn unless_starved(code: &'static str, error: &std::io::Error) -> &'static str {
    if is_starved(error) { STARVED } else { code }
}

/// The system's words without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

#[cfg(test)]
mod tests;
