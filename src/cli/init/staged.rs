//! Files are written aside and moved into place at the end: all of them, or none. What is there is never
//! overwritten, not even if it comes there meanwhile.

use super::files::File;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What makes the others a configuration: it comes last.
const CONFIG: &str = "palisade.yaml";

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Somebody's work is there.
    #[error("{} there already, and nothing was written; choose another folder", names(.0))]
    Taken(Vec<PathBuf>),
    /// A folder that is none.
    #[error("`{}` is a link or no folder, and nothing was written; remove it, or choose another folder", .0.display())]
    NoFolder(PathBuf),
    /// A file or folder.
    #[error("`{}`: {source}; nothing was written", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// What was to be written does not load.
    #[error("the schema for editors could not be made: {0}; nothing was written")]
    Schema(String),
    /// The machine gave no random numbers.
    #[error("the machine gives no random numbers")]
    Random,
}

fn names(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    let verb = if shown.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", shown.join(", "))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.to_owned(),
        source,
    }
}

/// Files that wait aside. They are removed unless they are installed.
pub(super) struct Staged {
    /// Where they wait.
    folder: PathBuf,
    /// Where they belong.
    dir: PathBuf,
    names: Vec<PathBuf>,
    /// Folders that were made on the way, to be removed where they stay empty.
    made: Vec<PathBuf>,
}

impl Staged {
    /// Writes `files` aside, on the file system where `dir` is or will be.
    pub(super) fn of(dir: &Path, files: &[File]) -> Result<Self, Error> {
        let mut staged = Self {
            folder: PathBuf::new(),
            dir: dir.to_owned(),
            names: files
                .iter()
                .map(|file| PathBuf::from(&*file.name))
                .collect(),
            made: Vec::new(),
        };
        staged.is_free()?;
        let near = if is_there(dir) { dir } else { parent(dir) };
        make_all(near, &mut staged.made)?;
        staged.folder = aside(near)?;
        for file in files {
            staged.put(file)?;
        }
        Ok(staged)
    }

    /// A file in the folder where they wait.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Another text of a file that waits.
    pub(super) fn replace(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.path(name);
        let write = || {
            let mut file = fs::File::create(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(at(&path))
    }

    /// Moves them to where they belong. `Err`: none is there.
    pub(super) fn install(mut self) -> Result<(), Error> {
        self.is_free()?;
        if !is_there(&self.dir) {
            let moved = rename(&self.folder, &self.dir);
            let moved = moved.or_else(|error| self.without_help(error));
            moved.map_err(at(&self.dir))?;
            self.made.clear();
            return Ok(());
        }
        let mut names = self.names.clone();
        names.sort_by_key(|name| name == Path::new(CONFIG));
        let mut placed = Vec::new();
        for name in &names {
            if let Err(error) = self.place(name) {
                // In the reverse order, so that folders are empty before they go.
                for path in placed.iter().rev() {
                    let _ = fs::remove_file(path);
                }
                return Err(error);
            }
            placed.push(self.dir.join(name));
        }
        self.made.clear();
        Ok(())
    }

    fn place(&mut self, name: &Path) -> Result<(), Error> {
        let path = self.dir.join(name);
        make_all(parent(&path), &mut self.made)?;
        let from = self.folder.join(name);
        match rename(&from, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::Taken(vec![path]))
            }
            // A file system that cannot do that has links, which do not overwrite either.
            Err(error) if is_unable(&error) => fs::hard_link(&from, &path).map_err(at(&path)),
            moved => moved.map_err(at(&path)),
        }
    }

    /// The whole folder, where the system cannot promise to overwrite nothing: a folder is never moved over
    /// one with files in it.
    fn without_help(&self, error: io::Error) -> io::Result<()> {
        if is_unable(&error) {
            fs::rename(&self.folder, &self.dir)
        } else {
            Err(error)
        }
    }

    /// What lies there already would come into force unseen: the gate loads these folders whole.
    fn has_nothing_else(&self) -> Result<(), Error> {
        let folders = ["policies", "tenants", "schemas"].map(|name| self.dir.join(name));
        let holds = |path: &PathBuf| path.read_dir().is_ok_and(|mut all| all.next().is_some());
        let filled: Vec<PathBuf> = folders.into_iter().filter(holds).collect();
        if filled.is_empty() {
            Ok(())
        } else {
            Err(Error::Taken(filled))
        }
    }

    /// Whether nobody's file is in the way, or a link that leads elsewhere.
    fn is_free(&self) -> Result<(), Error> {
        if !is_there(&self.dir) {
            return Ok(());
        }
        if !self.dir.is_dir() {
            return Err(Error::NoFolder(self.dir.clone()));
        }
        let folders: BTreeSet<&Path> = self
            .names
            .iter()
            .flat_map(|name| name.ancestors().skip(1))
            .collect();
        for folder in folders
            .into_iter()
            .filter(|one| !one.as_os_str().is_empty())
        {
            let path = self.dir.join(folder);
            let kind = path.symlink_metadata();
            if kind.is_ok_and(|found| !found.is_dir()) {
                return Err(Error::NoFolder(path));
            }
        }
        let taken = self.names.iter().map(|name| self.dir.join(name));
        let taken: Vec<PathBuf> = taken.filter(|path| is_there(path)).collect();
        if taken.is_empty() {
            self.has_nothing_else()
        } else {
            Err(Error::Taken(taken))
        }
    }

    fn put(&self, file: &File) -> Result<(), Error> {
        let path = self.folder.join(&*file.name);
        let write = || {
            fs::create_dir_all(parent(&path))?;
            let mut made = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(if file.secret { 0o600 } else { 0o644 })
                .open(&path)?;
            made.write_all(file.text.as_bytes())?;
            made.sync_all()
        };
        write().map_err(at(&self.dir.join(&*file.name)))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Nobody is left to tell; a name that begins with a dot is nobody's policies.
        if !self.folder.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.folder);
        }
        for folder in self.made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Also a link that leads nowhere.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a folder and those above it, and notes which.
fn make_all(path: &Path, made: &mut Vec<PathBuf>) -> Result<(), Error> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|one| !one.as_os_str().is_empty() && !is_there(one))
        .collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder).map_err(at(folder))?;
        made.push(folder.to_owned());
    }
    Ok(())
}

/// A new folder whose name begins with a dot.
fn aside(near: &Path) -> Result<PathBuf, Error> {
    let id = std::process::id();
    let mut number = 0;
    loop {
        let path = near.join(format!(".palisade-init.{id}.{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 100 => {
                number += 1;
            }
            Err(error) => return Err(at(near)(error)),
        }
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

fn is_unable(error: &io::Error) -> bool {
    let unable = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    unable
        .iter()
        .any(|one| error.raw_os_error() == Some(one.raw_os_error()))
}
