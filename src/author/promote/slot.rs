//! One promotion of one site: what it says of itself, and what stood there before.
//!
//! `held` is what is to be until the promotion, and what was from then on. Which of both it is, the digests tell:
//! nothing has to be written after the one step that makes the change, so that a crash leaves nothing in between.

use super::Named;
use super::site::{
    Failed, Form, Site, digest_at, hex, is_policy, make_folder, policies_at, sync, walk,
};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, Metadata, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Promotions of one site that can be taken back, one after the other.
const KEPT_MAX: usize = 10;

const RECORD: &str = "record.json";

#[derive(Debug)]
pub(super) struct Slot {
    folder: PathBuf,
    record: Record,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// What stood there; `None`: nothing did.
    from: Option<String>,
    to: String,
    at: String,
}

impl Slot {
    /// Writes aside what is to be.
    pub(super) fn stage(
        site: &Site,
        (from, after): (Option<[u8; 32]>, &[Named]),
        now: &str,
    ) -> Result<Self, Failed> {
        let kept = site.kept();
        make_folder(&kept)?;
        let folder = kept.join(format!("{:08}", next(&kept)?));
        make_folder(&folder)?;
        let mut slot = Self {
            record: Record {
                from: from.map(|from| hex(&from)),
                to: String::new(),
                at: now.to_owned(),
            },
            folder,
        };
        let written = slot.fill(site, after);
        if written.is_err() {
            // Nothing of it ever served.
            let _ = fs::remove_dir_all(&slot.folder);
        }
        written.map(|()| slot)
    }

    fn fill(&mut self, site: &Site, after: &[Named]) -> Result<(), Failed> {
        let held = self.held();
        let like = site.path().symlink_metadata().ok();
        match (site.form(), after) {
            (Form::File, [(_, text)]) => write(&held, text.as_bytes(), like.as_ref())?,
            (Form::File, _) => return Err(Failed::said("an account's file is one file")),
            (Form::Policies | Form::Overlay, _) => {
                copy_rest(site.path(), &held, like.as_ref())?;
                let any = site.policies()?.into_iter().next();
                let any = any.and_then(|(name, _)| site.path().join(name).symlink_metadata().ok());
                for (name, text) in after {
                    let own = site.path().join(name).symlink_metadata().ok();
                    let like = own.or_else(|| any.clone());
                    write(&held.join(name), text.as_bytes(), like.as_ref())?;
                }
                sync(&held)?;
            }
        }
        if like.is_none() {
            own_new(&held, site.parent())?;
        }
        let to = digest_at(&held)?;
        self.record.to = to.map(|to| hex(&to)).unwrap_or_default();
        let record = serde_json::to_vec(&self.record);
        let record = record.map_err(|error| Failed::said(error.to_string()))?;
        write(&self.folder.join(RECORD), &record, None)?;
        sync(&self.folder)?;
        sync(&site.kept())?;
        sync(site.parent())
    }

    /// What stood there, or is to.
    pub(super) fn held(&self) -> PathBuf {
        self.folder.join("held")
    }

    pub(super) fn policies(&self, site: &Site) -> Result<Vec<Named>, Failed> {
        let name = site.path().file_name().unwrap_or_default();
        policies_at(&self.held(), &name.to_string_lossy())
    }

    /// Lets it serve, if what it was made beside still stands there.
    pub(super) fn enter(&self, site: &Site) -> Result<(), Failed> {
        if site.digest()?.map(|now| hex(&now)) != self.record.from {
            return Err(changed(site));
        }
        if let Err(failed) = self.enter_again(site) {
            // It may have come there all the same.
            if site.digest()?.map(|now| hex(&now)).as_ref() == Some(&self.record.to) {
                self.leave(site)?;
            }
            return Err(failed);
        }
        let was = digest_at(&self.held()).map(|was| was.map(|was| hex(&was)));
        if !was.is_ok_and(|was| was == self.record.from) {
            // Somebody wrote in the last moment: it is theirs again.
            self.leave(site)?;
            return Err(changed(site));
        }
        Ok(())
    }

    pub(super) fn enter_again(&self, site: &Site) -> Result<(), Failed> {
        if self.record.from.is_some() {
            site.exchange(&self.held())
        } else {
            site.fill(&self.held())
        }
    }

    /// Brings back what stood there.
    pub(super) fn leave(&self, site: &Site) -> Result<(), Failed> {
        let there = site.path().symlink_metadata().is_ok();
        match (&self.record.from, there) {
            (Some(_), true) => site.exchange(&self.held()),
            (Some(_), false) => site.fill(&self.held()),
            (None, true) => site.empty(&self.held()),
            (None, false) => Ok(()),
        }
    }

    /// The same; where what was promoted was `untouched`, it must be that which comes out.
    pub(super) fn leave_again(&self, site: &Site, untouched: bool) -> Result<(), Failed> {
        self.leave(site)?;
        let was = digest_at(&self.held()).map(|was| was.map(|was| hex(&was)));
        if untouched && !was.is_ok_and(|was| was.as_ref() == Some(&self.record.to)) {
            // Somebody wrote in the last moment: it is theirs again.
            self.enter_again(site)?;
            return Err(changed(site));
        }
        Ok(())
    }

    /// The latest promotion that can be taken back, and whether what it brought still stands there.
    pub(super) fn latest(site: &Site) -> Result<Option<(Self, bool)>, Failed> {
        let now = site.digest()?.map(|now| hex(&now));
        for folder in folders(&site.kept()).into_iter().rev() {
            let text = fs::read(folder.join(RECORD)).unwrap_or_default();
            let Ok(record) = serde_json::from_slice::<Record>(&text) else {
                // Never finished: nothing came of it.
                continue;
            };
            let slot = Self { folder, record };
            let held = digest_at(&slot.held())?.map(|held| hex(&held));
            if held.as_ref() == Some(&slot.record.to) && held != slot.record.from {
                // It never served, or was taken back already.
                continue;
            }
            if held != slot.record.from {
                let why = format!(
                    "what is kept in `{}` is not what stood there",
                    slot.folder.display()
                );
                return Err(Failed::said(why));
            }
            let untouched = now.as_ref() == Some(&slot.record.to);
            return Ok(Some((slot, untouched)));
        }
        Ok(None)
    }

    /// Whether anything was ever promoted there.
    pub(super) fn any(site: &Site) -> bool {
        !folders(&site.kept()).is_empty()
    }

    /// Lets go of what was promoted and serves no more. What is left of anything else is somebody's.
    pub(super) fn forget(&self) {
        let held = digest_at(&self.held()).map(|held| held.map(|held| hex(&held)));
        if held.is_ok_and(|held| held.is_none_or(|held| held == self.record.to)) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    /// What is left in it is somebody's, and no promotion.
    pub(super) fn set_aside(&self) {
        let name = self
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let _ = fs::rename(
            &self.folder,
            self.folder.with_file_name(format!("replaced-{name}")),
        );
    }

    /// Lets go of the oldest.
    pub(super) fn prune(site: &Site) {
        let folders = folders(&site.kept());
        let gone = folders.len().saturating_sub(KEPT_MAX);
        for folder in folders.iter().take(gone) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn changed(site: &Site) -> Failed {
    let path = site.path().display();
    Failed::said(format!("`{path}` changed meanwhile"))
}

/// Oldest first.
fn folders(kept: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(kept).into_iter().flatten().flatten();
    let is_number = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(is_number)
        .collect();
    folders.sort_unstable();
    folders
}

fn next(kept: &Path) -> Result<u32, Failed> {
    let last = folders(kept).pop();
    let last = last.and_then(|path| path.file_name()?.to_str()?.parse::<u32>().ok());
    let next = last
        .unwrap_or(0)
        .checked_add(1)
        .filter(|next| *next < 100_000_000);
    next.ok_or_else(|| Failed::said(format!("`{}` is full", kept.display())))
}

/// Everything of a folder that is no policy of its own.
fn copy_rest(from: &Path, to: &Path, like: Option<&Metadata>) -> Result<(), Failed> {
    make_folder(to)?;
    if like.is_some() {
        for (name, path) in walk(from)? {
            if is_policy(&name) {
                continue;
            }
            let meta = path.symlink_metadata().map_err(Failed::at(&path))?;
            let new = to.join(&name);
            if meta.is_dir() {
                make_folder(&new)?;
            } else {
                let bytes = fs::read(&path).map_err(Failed::at(&path))?;
                write(&new, &bytes, Some(&meta))?;
            }
            if meta.is_dir() {
                dress(&new, &meta)?;
            }
        }
    }
    like.map_or(Ok(()), |like| dress(to, like))
}

/// Where nothing stood: whoever may read the folder's files may read these.
fn own_new(held: &Path, parent: &Path) -> Result<(), Failed> {
    let like = parent.symlink_metadata().map_err(Failed::at(parent))?;
    let is_folder = held.is_dir();
    let files = if is_folder { walk(held)? } else { Vec::new() };
    let files = files.into_iter().map(|(_, path)| (path, 0o644));
    let mode = if is_folder { 0o755 } else { 0o644 };
    for (path, mode) in files.chain([(held.to_owned(), mode)]) {
        dress(&path, &like)?;
        let rights = Permissions::from_mode(mode);
        fs::set_permissions(&path, rights).map_err(Failed::at(&path))?;
    }
    Ok(())
}

/// The owner and the rights of `like`: whoever could read what stood there can read this.
fn dress(path: &Path, like: &Metadata) -> Result<(), Failed> {
    let own = path.symlink_metadata().map_err(Failed::at(path))?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        let (uid, gid) = (Some(like.uid()), Some(like.gid()));
        std::os::unix::fs::lchown(path, uid, gid).map_err(Failed::at(path))?;
    }
    let rights = Permissions::clone(&like.permissions());
    fs::set_permissions(path, rights).map_err(Failed::at(path))
}

fn write(path: &Path, bytes: &[u8], like: Option<&Metadata>) -> Result<(), Failed> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Failed::at(path))?;
    like.map_or(Ok(()), |like| dress(path, like))
}
