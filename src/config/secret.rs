//! Secrets stand outside of the configuration, in files or in the environment.

use super::disk::Disk;
use super::units::SecretRef;
use crate::fault::{Fault, Place};
use std::path::Path;
use std::sync::Arc;

/// The text of one, wherever it is kept.
pub(super) fn read(
    named: &SecretRef,
    folder: &Path,
    disk: &Disk,
    bytes_max: u64,
) -> Result<Arc<str>, Box<Fault>> {
    match named {
        SecretRef::File(path) => disk.read(&folder.join(path), bytes_max),
        SecretRef::Env(name) => {
            #[expect(clippy::disallowed_methods, reason = "the environment stops here")]
            let value = std::env::var(name);
            let place = Place::file(shown(named, folder));
            let missing = |_| {
                let fault = Fault::error("config_secret", place, "is not set");
                Box::new(fault.help("set it, or name a file"))
            };
            value.map(Arc::from).map_err(missing)
        }
    }
}

/// Where one stands, for messages.
pub(super) fn shown(named: &SecretRef, folder: &Path) -> String {
    match named {
        SecretRef::File(path) => folder.join(path).display().to_string(),
        SecretRef::Env(name) => format!("env:{name}"),
    }
}
