//! A reading after nothing changed but files of single accounts: the others stand as they were read, and
//! the cost is that of these accounts. It comes to what reading everything would come to.

use super::documents::Documents;
use super::entry::{Text, Written, parse_all};
use super::former::{Entries, Overlays};
use super::lines::LINES_BYTES_MAX;
use super::overlay::Names;
use super::{Former, Known, Layout, Tenants, finish, relations};
use crate::config::disk::Disk;
use crate::config::files::{FILE_BYTES_MAX, Listing};
use crate::config::seen::Told;
use crate::fault::Place;
use crate::tenant::{AccountId, OverlayMode};
use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::sync::Arc;

/// `None`: something else changed, or may have.
pub(super) fn read(
    layout: &Layout,
    known: Known<'_>,
    disk: &Disk,
    former: &Former,
) -> Option<Tenants> {
    let (told, folder) = (disk.told()?, layout.overlays()?);
    let entries = &former.entries;
    let stand = entries.layout.as_ref() == Some(layout)
        && entries.known == known.digest()
        // Else something was suspended since, of which no file may say anything.
        && Arc::ptr_eq(&entries.directory, &former.directory);
    if !stand || !is_untold(layout, told, disk, entries) {
        return None;
    }
    let before = disk.known(folder)?;
    let listing = disk.list(folder).ok()?;
    if !listing.refused.is_empty() {
        return None;
    }
    let inside = told.names().iter();
    let inside = inside.filter_map(|name| name.strip_prefix(folder).ok());
    let changed = Changed::of(inside, [before, &listing])?;
    disk.keep(folder, |name| !changed.concerns(name))?;
    let names = Names::new(disk, &listing, &former.overlays);
    let entries = changed.entries(entries, layout, known, &names)?;
    let overlays = changed.overlays(&entries, &names)?;
    Some(finish(entries, overlays, layout))
}

/// Whether the file of lines, where there is one, is the one that was read.
fn is_untold(layout: &Layout, told: &Told, disk: &Disk, entries: &Entries) -> bool {
    match layout {
        Layout::Folder(_) => true,
        // It is not read here only to be read again.
        Layout::Lines { file, .. } if told.names().contains(file) => false,
        Layout::Lines { file, .. } => {
            let looked = disk.look(file, LINES_BYTES_MAX).ok();
            let text = entries.lines.as_ref().map(|lines| lines.text);
            looked.is_some_and(|looked| Some(looked.digest) == text)
        }
    }
}

/// Accounts of which something may have changed.
#[derive(Default)]
struct Changed {
    entries: BTreeSet<AccountId>,
    policies: BTreeSet<AccountId>,
}

impl Changed {
    /// `None`: something else may have.
    fn of<'a>(told: impl Iterator<Item = &'a Path>, listings: [&Listing; 2]) -> Option<Self> {
        let mut changed = Self::default();
        for name in told {
            changed.add(name, listings)?;
        }
        // Under another mode the same policies are others.
        let entries = changed.entries.iter().cloned();
        changed.policies.extend(entries);
        Some(changed)
    }

    /// What a name in the folder is about, listed before or now.
    fn add(&mut self, name: &Path, listings: [&Listing; 2]) -> Option<()> {
        let mut parts = name.components();
        let Component::Normal(first) = parts.next()? else {
            return None;
        };
        let (first, inner) = (first.to_str()?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        if first.starts_with('.') {
            return Some(());
        }
        if inner.is_some() {
            self.policies.insert(AccountId::parse(first).ok()?);
            return Some(());
        }
        // A folder is policies, whatever its name.
        let mut entries = listings.iter().filter_map(|listing| listing.entry(first));
        if entries.any(|entry| entry.is_folder) {
            return None;
        }
        match first.rsplit_once('.') {
            Some((id, "cedar")) => {
                self.policies.insert(AccountId::parse(id).ok()?);
            }
            Some((id, "yaml")) => {
                self.entries.insert(AccountId::parse(id).ok()?);
            }
            Some((_, "yml" | "json")) => return None,
            _ => {}
        }
        Some(())
    }

    /// Whether the file or folder of that name is looked at anew.
    fn concerns(&self, name: &str) -> bool {
        if let Some(id) = name.strip_suffix(".yaml") {
            return self.entries.contains(id);
        }
        let id = name.strip_suffix(".cedar").unwrap_or(name);
        self.policies.contains(id)
    }

    /// What the entries come to. `None`: one of them cannot be used, or there was something to say of one.
    fn entries(
        &self,
        former: &Arc<Entries>,
        layout: &Layout,
        known: Known<'_>,
        names: &Names<'_>,
    ) -> Option<Arc<Entries>> {
        if self.entries.is_empty() {
            return Some(Arc::clone(former));
        }
        let plain = former.quarantined.is_empty() && former.warnings.is_empty();
        if !plain || !former.stand_ins.is_empty() || !matches!(layout, Layout::Folder(_)) {
            return None;
        }
        let mut next = Entries::clone(former);
        for id in &self.entries {
            next.follow(id, known, names)?;
        }
        let mut documents = Documents::default();
        documents.stand(layout);
        next.warnings = relations::review(&next.directory, &documents, true);
        Some(Arc::new(next))
    }

    /// What the policies come to.
    fn overlays(&self, entries: &Entries, names: &Names<'_>) -> Option<Arc<Overlays>> {
        if self.policies.is_empty() {
            return Some(Arc::clone(names.former));
        }
        let mut overlays = Overlays::clone(names.former);
        for id in &self.policies {
            let account = entries.directory.account(id)?;
            if entries.stand_ins.contains(id) || account.overlay == OverlayMode::None {
                return None;
            }
            match names.overlay(account) {
                Some(laid) => overlays.insert(id.clone(), laid),
                None => overlays.remove(id),
            };
        }
        Some(Arc::new(overlays))
    }
}

impl Entries {
    /// Follows the file of an account.
    fn follow(&mut self, id: &AccountId, known: Known<'_>, names: &Names<'_>) -> Option<()> {
        let name = format!("{id}.yaml");
        let entry = names.listing.entry(&name)?;
        let looked = names.disk.look(&entry.path, FILE_BYTES_MAX).ok()?;
        let digest = looked.digest;
        let before = self.texts.insert(name, digest);
        if before == Some(digest) {
            return Some(());
        }
        let text = Text {
            file: entry.shown(),
            text: Written::File(
                names.disk.text(looked, &entry.path, FILE_BYTES_MAX).ok()?,
                id.to_string(),
            ),
        };
        let parsed = parse_all(&[text], known).pop()?.ok()?;
        let account = &parsed.account;
        if !parsed.warnings.is_empty() || names.left_out(account, Place::default).is_some() {
            return None;
        }
        self.directory = Arc::new(self.directory.with(Arc::clone(account))?);
        if let Some(before) = before {
            self.parsed.remove(&before);
        }
        self.parsed.insert(digest, parsed);
        Some(())
    }
}

#[cfg(test)]
mod tests;
