//! One of two things that are compared: a configuration, or a folder of policies.

use crate::config::{self, FILE_BYTES_MAX, Resolved};
use crate::fault::{Fault, Place};
use crate::policy::Source;
use std::path::{Path, PathBuf};

/// A configuration, or one with a folder in the place of its platform's policies; and its file.
pub(super) fn side(path: &Path, config: &Path) -> Result<(Resolved, PathBuf), Vec<Fault>> {
    if !path.is_dir() {
        return Ok((config::load(path)?, path.to_owned()));
    }
    let mut resolved = config::load(config)?;
    let mut faults = Vec::new();
    let mut platform = Vec::new();
    let listing = config::list(path).map_err(|fault| vec![*fault])?;
    faults.extend(listing.refused);
    let files = listing.entries.iter();
    for entry in files.filter(|entry| !entry.is_folder && entry.stem("cedar").is_some()) {
        match config::read_file(&entry.path, FILE_BYTES_MAX) {
            Ok(text) => platform.push(Source::new(entry.shown(), text)),
            Err(fault) => faults.push(*fault),
        }
    }
    if platform.is_empty() && faults.is_empty() {
        let place = Place::file(path.display().to_string());
        let fault = Fault::error("folder_empty", place, "the folder holds no `*.cedar` file");
        faults.push(fault.help("name a folder of policies, or a configuration"));
    }
    if faults.is_empty() {
        resolved.policy.platform = platform;
        Ok((resolved, config.to_owned()))
    } else {
        Err(faults)
    }
}
