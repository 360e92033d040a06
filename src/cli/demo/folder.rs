//! The demo's folder: where its files stand, whose they are, and how a later command finds them.
//!
//! Without `--dir` the folder is a temporary one, removed at the end. A pointer file in a place that
//! only this user can write says which folder the last demo used.

use super::Error;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Held by a running demo, so that two never share a folder.
const LOCK_FILE: &str = ".lock";

/// Says which folder the last demo used.
const POINTER_FILE: &str = "current";

/// The permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// How temporary folders begin.
const TEMPORARY_PREFIX: &str = "run-";

/// The folder of a running demo.
pub(super) struct Folder {
    path: PathBuf,
    base: PathBuf,
    temporary: bool,
    // Unlocked when the file is closed, that is, whenever and however the demo ends.
    _lock: File,
}

impl Folder {
    /// Takes `dir` for this demo, or a new temporary folder, and points later commands to it.
    pub(super) fn take(dir: Option<&Path>, random: &str) -> Result<Self, Error> {
        Self::take_at(base()?, dir, random)
    }

    fn take_at(base: PathBuf, dir: Option<&Path>, random: &str) -> Result<Self, Error> {
        claim(&base)?;
        sweep(&base);
        let path = match dir {
            Some(dir) => dir.to_owned(),
            None => base.join(format!("{TEMPORARY_PREFIX}{random}")),
        };
        create_all(&path)?;
        let path = path.canonicalize().map_err(at(&path))?;
        let lock = lock(&path)?;
        let folder = Self {
            path,
            base,
            temporary: dir.is_none(),
            _lock: lock,
        };
        folder.point()?;
        Ok(folder)
    }

    /// Where it is; absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is removed at the end.
    pub(super) fn is_temporary(&self) -> bool {
        self.temporary
    }

    fn point(&self) -> Result<(), Error> {
        use std::os::unix::ffi::OsStrExt as _;
        write_secret(
            &self.base.join(POINTER_FILE),
            self.path.as_os_str().as_bytes(),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.temporary {
            return;
        }
        // Nobody is left to report to; what stays behind is swept by the next demo.
        let _ = fs::remove_dir_all(&self.path);
        let pointer = self.base.join(POINTER_FILE);
        if read_pointer(&pointer).is_ok_and(|now| now.as_deref() == Some(&self.path)) {
            let _ = fs::remove_file(pointer);
        }
    }
}

/// The folder of the demo that runs, or was kept. `None`: there is none.
pub(super) fn current() -> Result<Option<PathBuf>, Error> {
    current_at(&base()?)
}

fn current_at(base: &Path) -> Result<Option<PathBuf>, Error> {
    if !base.try_exists().map_err(at(base))? {
        return Ok(None);
    }
    claim(base)?;
    let dir = read_pointer(&base.join(POINTER_FILE))?;
    Ok(dir.filter(|dir| dir.is_dir()))
}

fn read_pointer(pointer: &Path) -> Result<Option<PathBuf>, Error> {
    use std::os::unix::ffi::OsStringExt as _;
    let text = read_if_there(pointer)?;
    Ok(text.map(|text| PathBuf::from(std::ffi::OsString::from_vec(text))))
}

/// The whole file. `None`: there is none.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// Writes a file that only this user may read, whole or not at all.
pub(super) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, bytes, 0o600)
}

/// Writes a file that anybody may read, whole or not at all.
pub(super) fn write_public(path: &Path, text: &str) -> Result<(), Error> {
    replace(path, text.as_bytes(), 0o644)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        create_all(parent)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = path.with_file_name(name);
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&new)?;
        file.write_all(bytes)?;
        fs::rename(&new, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&new);
        at(path)(error)
    })
}

fn create_all(dir: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(at(dir))
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK_FILE);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::FolderInUse {
            dir: dir.to_owned(),
        }),
        Err(fs::TryLockError::Error(error)) => Err(at(&path)(error)),
    }
}

/// Removes temporary folders whose demos were killed: there are private keys in them.
fn sweep(base: &Path) {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    for entry in entries {
        let is_temporary = entry
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX);
        // Open, never create: a demo that has made its folder and not yet locked it is not swept.
        let lock = OpenOptions::new()
            .write(true)
            .open(entry.path().join(LOCK_FILE));
        if is_temporary && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn base() -> Result<PathBuf, Error> {
    let temp = std::env::temp_dir();
    let uid = own_uid(&temp)?;
    Ok(temp.join(format!("palisade-demo-{uid}")))
}

/// Which user we are, as the file system sees it: by the owner of a file that we make.
fn own_uid(temp: &Path) -> Result<u32, Error> {
    let path = temp.join(format!(".palisade-{}", super::random_hex()?));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(at(&path))?;
    let uid = file.metadata().map(|meta| meta.uid());
    let _ = fs::remove_file(&path);
    uid.map_err(at(&path))
}

/// Makes `base`, or sees that it is ours alone: whoever can write there could point `demo token` at
/// a key of their own, or have us remove a folder of theirs.
fn claim(base: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(base) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(at(base)(error)),
    }
    let found = fs::symlink_metadata(base).map_err(at(base))?;
    let parent = base.parent().unwrap_or(base);
    let ours = found.uid() == own_uid(parent)?;
    let closed = found.mode() & OTHERS == 0;
    if found.is_dir() && ours && closed {
        return Ok(());
    }
    Err(Error::PointerUnsafe {
        dir: base.to_owned(),
    })
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}

#[cfg(test)]
mod tests;
