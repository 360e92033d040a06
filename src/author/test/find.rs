//! Where cases are found.

use crate::config;
use crate::fault::{Fault, Place};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How files of cases end.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];
/// How deep folders of cases may nest.
const DEPTH_MAX: usize = 8;

/// The files that `paths` name, and all files of cases in the folders that they name, in the order of
/// their names.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<Fault>> {
    let mut found = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, DEPTH_MAX, &mut found, &mut faults);
        } else {
            found.push(path.clone());
        }
    }
    if found.is_empty() && faults.is_empty() {
        let shown: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let fault = Fault::error(
            "test_none",
            Place::file(shown.join(", ")),
            "there are no cases here",
        );
        faults.push(fault.help(
            "write some, as `palisade explain .. --write-test FILE` does, or name their files",
        ));
    }
    if faults.is_empty() {
        Ok(found)
    } else {
        Err(faults)
    }
}

/// How the file system describes files of cases, and what lies beside them.
pub type Stamps = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

/// Of all files that `paths` name, and all files below or beside them.
pub fn stamps(paths: &[PathBuf]) -> Stamps {
    let mut found = Stamps::new();
    for path in paths {
        let folder = if path.is_dir() {
            Some(path.as_path())
        } else {
            path.parent()
        };
        let here = Path::new(".");
        let folder = folder.map(|folder| {
            if folder.as_os_str().is_empty() {
                here
            } else {
                folder
            }
        });
        note(path, &mut found);
        if let Some(folder) = folder {
            describe(folder, DEPTH_MAX, &mut found);
        }
    }
    found
}

fn describe(folder: &Path, depth: usize, found: &mut Stamps) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            describe(&path, depth - 1, found);
        } else if EXTENSIONS
            .iter()
            .any(|end| path.extension().is_some_and(|own| own == *end))
        {
            note(&path, found);
        }
    }
}

fn note(path: &Path, found: &mut Stamps) {
    let stamp = std::fs::metadata(path).ok();
    let stamp = stamp.and_then(|found| Some((found.modified().ok()?, found.len())));
    found.insert(path.to_owned(), stamp);
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>, faults: &mut Vec<Fault>) {
    let listing = match config::list(folder) {
        Ok(listing) => listing,
        Err(fault) => return faults.push(*fault),
    };
    faults.extend(listing.refused);
    for entry in listing.entries {
        if entry.is_folder {
            if depth > 0 {
                walk(&entry.path, depth - 1, found, faults);
            }
        } else if EXTENSIONS.iter().any(|end| entry.stem(end).is_some()) {
            found.push(entry.path);
        }
    }
}
