//! How the file system describes a file: while that stays the same, the file does.
//!
//! Every write moves the moment of change forward, and nobody but the system sets it. But its clock
//! ticks: what is written within the tick of a former writing bears the same moment. So a description
//! counts only once it was old when the file was read.

use crate::clock::Timestamp;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The longest tick of file systems (2 s), and some difference between their clock and ours.
const SETTLED_MILLIS: i64 = 5_000;

/// A file or folder, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    number: u64,
    bytes: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
            bytes: metadata.size(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Of what stands under that name, after following links.
    pub(super) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::of)
    }

    /// Whether any change after `read` must show in it.
    pub(super) fn is_settled(&self, read: Timestamp) -> bool {
        let changed = Timestamp::from_secs(self.changed.0);
        changed.plus_millis(SETTLED_MILLIS) < read
    }
}
