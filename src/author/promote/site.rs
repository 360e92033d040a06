//! A file or folder of policies that serves: what it says, and how another one takes its place in one step.

use super::Named;
use aws_lc_rs::digest::{Context as Hasher, SHA256};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Beside what serves: where is kept what served. A name that begins with a dot is nobody's policies.
const KEPT: &str = ".palisade";

/// A link in the place of the lock leads anywhere.
const O_NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// Files of one folder, and their bytes: a folder of more is no folder of policies.
const FILES_MAX: usize = 2_000;
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// In words.
    #[error("{0}; nothing was changed")]
    Said(String),
    /// A file or folder.
    #[error("`{}`: {source}; nothing was changed", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
}

impl Failed {
    pub(super) fn said(why: impl Into<String>) -> Self {
        Self::Said(why.into())
    }

    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

/// What stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The folder of the platform's policies, with tests and whatever else is in it.
    Policies,
    /// The folder of an account's.
    Overlay,
    /// The file of an account's.
    File,
}

/// Where policies serve.
#[derive(Debug)]
pub struct Site {
    path: PathBuf,
    parent: PathBuf,
    name: String,
    form: Form,
}

/// Nobody else promotes beside it for as long as this is held.
#[derive(Debug)]
pub(super) struct Locked {
    _file: File,
}

impl Site {
    pub(super) fn of(path: &Path, form: Form) -> Result<Self, Failed> {
        // Without a slash at its end, behind which a link would be followed.
        let path: PathBuf = path.components().collect();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.map(str::to_owned) else {
            let why = format!("`{}` is no folder with a name of its own", path.display());
            return Err(Failed::said(why));
        };
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Ok(Self {
            parent: parent.to_owned(),
            name,
            form,
            path,
        })
    }

    /// Where.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn parent(&self) -> &Path {
        &self.parent
    }

    /// Where is kept what served here.
    pub(super) fn kept(&self) -> PathBuf {
        self.parent.join(KEPT).join(&self.name)
    }

    /// One promotion at a time. The lock ends with its process, however that ends.
    pub(super) fn lock(&self) -> Result<Locked, Failed> {
        let folder = self.parent.join(KEPT);
        make_folder(&folder)?;
        // No account has such a name.
        let path = folder.join(".lock");
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(false);
        let options = options.custom_flags(O_NOFOLLOW);
        let file = options.open(&path).map_err(Failed::at(&path))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Failed::said(format!(
                "somebody else promotes: `{}` is locked",
                path.display()
            ))
        })?;
        Ok(Locked { _file: file })
    }

    /// The folder that is exchanged holds neither the configuration nor anything beside it.
    pub(super) fn keeps_clear_of(&self, config: &Path) -> Result<(), Failed> {
        let (Ok(own), Ok(config)) = (self.path.canonicalize(), config.canonicalize()) else {
            return Ok(());
        };
        if config.starts_with(&own) {
            let why = format!(
                "`{}` holds the configuration too: give the policies a folder of their own",
                own.display()
            );
            return Err(Failed::said(why));
        }
        Ok(())
    }

    /// Of everything that stands there. `None`: nothing does.
    pub(super) fn digest(&self) -> Result<Option<[u8; 32]>, Failed> {
        digest_at(&self.path)
    }

    /// Its policies, by name.
    pub(super) fn policies(&self) -> Result<Vec<Named>, Failed> {
        policies_at(&self.path, &self.name)
    }

    /// Exchanges what stands there for `other`, in one step.
    pub(super) fn exchange(&self, other: &Path) -> Result<(), Failed> {
        rename(other, &self.path, RenameFlags::EXCHANGE)?;
        self.sync()
    }

    /// Moves `other` to where nothing stands.
    pub(super) fn fill(&self, other: &Path) -> Result<(), Failed> {
        rename(other, &self.path, RenameFlags::NOREPLACE)?;
        self.sync()
    }

    /// Moves what stands there to `other`, where nothing does.
    pub(super) fn empty(&self, other: &Path) -> Result<(), Failed> {
        rename(&self.path, other, RenameFlags::NOREPLACE)?;
        self.sync()
    }

    fn sync(&self) -> Result<(), Failed> {
        sync(&self.parent)
    }
}

fn rename(from: &Path, to: &Path, flags: RenameFlags) -> Result<(), Failed> {
    let moved = renameat_with(CWD, from, CWD, to, flags);
    moved.map_err(|error| Failed::at(to)(error.into()))
}

/// What was written there outlives a crash.
pub(super) fn sync(folder: &Path) -> Result<(), Failed> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(Failed::at(folder))
}

/// A folder of our own; a link in its place leads anywhere.
pub(super) fn make_folder(path: &Path) -> Result<(), Failed> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Failed::at(path)(error)),
        _ => match path.symlink_metadata() {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(Failed::said(format!(
                "`{}` is a link or no folder",
                path.display()
            ))),
            Err(error) => Err(Failed::at(path)(error)),
        },
    }
}

/// Everything below `path`, by its name there, sorted; folders end with a slash. Links are refused: what they
/// lead to would be copied, or lost.
pub(super) fn walk(path: &Path) -> Result<Vec<(String, PathBuf)>, Failed> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), path.to_owned())];
    while let Some((prefix, folder)) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(Failed::at(&folder))? {
            let entry = entry.map_err(Failed::at(&folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(Failed::at(&path))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(Failed::said(format!("`{}` is not UTF-8", path.display())));
            };
            let name = format!("{prefix}{name}");
            if kind.is_dir() {
                open.push((format!("{name}/"), path.clone()));
                found.push((format!("{name}/"), path));
            } else if kind.is_file() {
                found.push((name, path));
            } else {
                let why = format!(
                    "`{}` is a link or no file: policies are promoted among plain files only",
                    path.display()
                );
                return Err(Failed::said(why));
            }
            if found.len() > FILES_MAX {
                let why = format!("`{}` holds more than {FILES_MAX} files", folder.display());
                return Err(Failed::said(why));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

pub(super) fn digest_at(path: &Path) -> Result<Option<[u8; 32]>, Failed> {
    let kind = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failed::at(path)(error)),
    };
    let files = if kind.is_dir() {
        walk(path)?
    } else if kind.is_file() {
        vec![(String::new(), path.to_owned())]
    } else {
        let why = format!(
            "`{}` is a link or no file: nothing is promoted through it",
            path.display()
        );
        return Err(Failed::said(why));
    };
    let mut parts = Vec::new();
    let mut room = BYTES_MAX;
    for (name, path) in files {
        let bytes = if name.ends_with('/') {
            Vec::new()
        } else {
            read(&path, &mut room)?
        };
        parts.push(name.into_bytes());
        parts.push(bytes);
    }
    Ok(Some(digest_of(parts.iter().map(Vec::as_slice))))
}

fn read(path: &Path, room: &mut u64) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Failed::at(path))?;
    let mut file = file.take(*room + 1);
    file.read_to_end(&mut bytes).map_err(Failed::at(path))?;
    let left = room.checked_sub(bytes.len() as u64);
    *room = left.ok_or_else(|| {
        Failed::said(format!(
            "`{}`: the folder holds more than {BYTES_MAX} bytes",
            path.display()
        ))
    })?;
    Ok(bytes)
}

/// The `*.cedar` files at `path`, or the file `path` itself under `name`.
pub(super) fn policies_at(path: &Path, name: &str) -> Result<Vec<Named>, Failed> {
    let files = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => walk(path)?,
        Ok(_) => vec![(name.to_owned(), path.to_owned())],
        Err(_) => Vec::new(),
    };
    let mut found = Vec::new();
    let mut room = BYTES_MAX;
    for (name, path) in files.into_iter().filter(|(name, _)| is_policy(name)) {
        let bytes = read(&path, &mut room)?;
        // What is no text shows as such, and is kept to the byte.
        found.push((name, String::from_utf8_lossy(&bytes).into()));
    }
    Ok(found)
}

/// A file of policies of a folder, not of one inside of it. Names with a dot before them are nobody's.
pub(super) fn is_policy(name: &str) -> bool {
    let stem = name.strip_suffix(".cedar");
    stem.is_some_and(|stem| !stem.contains('/') && !stem.starts_with('.') && !stem.is_empty())
}

pub(super) fn digest_of<'a>(parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hasher = Hasher::new(&SHA256);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hasher.finish().as_ref());
    digest
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
