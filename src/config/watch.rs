//! Tells when files may have changed.
//!
//! Folders are watched, never files: an editor renames a new file into the place of the old one, and
//! Kubernetes swaps a whole folder by the link `..data`. What really changed, only reading tells.

use super::seen::Seen;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// How changed files are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// All files are compared that often, whatever the file system tells.
    pub poll: Duration,
    /// For how long files must have been the same.
    pub debounce: Duration,
}

/// Watches the folders of what was read last.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// By identity: another folder may take the name of one, and one may have two names.
    folders: BTreeMap<Identity, PathBuf>,
    told: Arc<Tidings>,
}

/// What the system told.
#[derive(Debug, Default)]
struct Tidings {
    changed: Notify,
    /// Of what. `None`: of more than is worth to be remembered, or of something unknown.
    names: Mutex<Option<BTreeSet<PathBuf>>>,
}

/// Of more names than that, it is not worth to look at each.
const NAMES_MAX: usize = 64;

impl Watch {
    /// Watches nothing yet. Where the system cannot watch, polling has to do.
    pub fn new() -> Self {
        let told = Arc::new(Tidings::default());
        let tells = Arc::clone(&told);
        let tell = move |event: notify::Result<Event>| match event {
            Ok(event) if !may_change(event.kind) => {}
            Ok(event) if event.need_rescan() => tells.something(),
            Ok(event) => tells.of(event.paths),
            Err(_) => tells.something(),
        };
        let watcher = notify::recommended_watcher(tell);
        let watcher = watcher.inspect_err(|error| {
            tracing::warn!(%error, "files cannot be watched; changes are noticed by polling alone");
        });
        Self {
            watcher: watcher.ok(),
            folders: BTreeMap::new(),
            told,
        }
    }

    /// From now on watches the folders of `seen`.
    pub fn follow(&mut self, seen: &Seen) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let mut wanted = BTreeMap::new();
        for folder in seen.folders() {
            if let Some(identity) = identity(&folder) {
                wanted.entry(identity).or_insert(folder);
            }
        }
        // First: the name of what is gone may be that of what comes.
        for (identity, folder) in &self.folders {
            if !wanted.contains_key(identity) {
                // An error says that it is gone already.
                let _ = watcher.unwatch(folder);
            }
        }
        let mut is_more = false;
        wanted.retain(|identity, folder| {
            if self.folders.contains_key(identity) {
                return true;
            }
            is_more = true;
            let begun = watcher.watch(folder, RecursiveMode::NonRecursive);
            if let Err(error) = &begun {
                let folder = folder.display();
                tracing::warn!(%folder, %error, "a folder cannot be watched; it is polled");
            }
            begun.is_ok()
        });
        self.folders = wanted;
        if is_more {
            // What changed before its folder was watched has told nobody.
            self.told.something();
        }
    }

    /// What may have changed since [`Watch::changed`] completed. `None`: anything.
    pub fn since(&self) -> Option<BTreeSet<PathBuf>> {
        let names = self.told.names.lock();
        names.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Completes when something may have changed since the last time that it did: what bears one of
    /// these names. `None`: anything.
    pub async fn changed(&self) -> Option<BTreeSet<PathBuf>> {
        self.told.changed.notified().await;
        self.told.take()
    }
}

impl Tidings {
    fn of(&self, paths: Vec<PathBuf>) {
        if paths.is_empty() {
            return self.something();
        }
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = &mut *names {
            names.extend(paths);
        }
        if names.as_ref().is_some_and(|names| names.len() > NAMES_MAX) {
            *names = None;
        }
        drop(names);
        self.changed.notify_one();
    }

    fn something(&self) {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed.notify_one();
    }

    /// Begins to remember anew.
    fn take(&self) -> Option<BTreeSet<PathBuf>> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.replace(BTreeSet::new())
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

/// Reading changes nothing, and tells of itself too: following that would never end.
fn may_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

/// Device and number, and when it was made: a folder that is removed leaves its number, and nobody
/// watching, to the one that is made next. The moment is `None` where the file system keeps none.
type Identity = (u64, u64, Option<SystemTime>);

fn identity(folder: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(folder).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.created().ok()))
}
