//! The policies of one account: one file or one folder.

use super::Reading;
use super::entry::Unusable;
use super::folder::owner;
use crate::config::disk::Looked;
use crate::config::files::{Entry, FILE_BYTES_MAX, Listing};
use crate::config::seen::Digest;
use crate::fault::{Fault, Place};
use crate::policy::{OverlaySource, Source};
use crate::tenant::{Account, AccountId, Narrowing, OverlayMode};
use std::collections::HashMap;
use std::sync::Arc;

/// The names under which accounts have policies.
pub(super) type Named<'a> = HashMap<&'a str, (Option<&'a Entry>, Option<&'a Entry>)>;

/// Policies that were read, and from what.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    files: Vec<(String, Digest)>,
    source: Arc<OverlaySource>,
}

/// A single file, or a folder, by the account that it is named after.
pub(super) fn named(listing: &Listing) -> Named<'_> {
    let mut named = Named::new();
    for entry in &listing.entries {
        if let Some(owner) = owner(entry) {
            let (single, folder) = named.entry(owner).or_default();
            let is_single = entry.stem("cedar").is_some();
            *if is_single { single } else { folder } = Some(entry);
        }
    }
    named
}

impl Reading<'_> {
    /// An account that says that it has no policies, and has some.
    pub(super) fn left_out(&self, account: &Account) -> Option<Unusable> {
        if account.overlay != OverlayMode::None || !self.announces(&account.id) {
            return None;
        }
        let document = self.tenants.documents.get(&account.id);
        let place = document.map_or_else(
            || Place::file(account.id.as_str()),
            |document| document.place("/overlay"),
        );
        let message = "the account has policies, and `overlay: none` leaves them out";
        let fault = Fault::error("tenant_overlay", place, message);
        let help = "remove the policies, or say `overlay: forbid` or `overlay: permit`";
        Some(Unusable {
            faults: vec![fault.help(help)],
            account: Some(account.id.clone()),
            narrowing: Some(Box::new(Narrowing::of(account))),
        })
    }

    /// Whether there is something that would be the account's policies.
    fn announces(&self, account: &AccountId) -> bool {
        self.named.contains_key(account.as_str()) || self.not_followed(account).is_some()
    }

    /// The account's policies. What cannot be read makes them unusable, never absent (RULES 33).
    pub(super) fn overlay(&mut self, account: &Account) -> Option<Arc<OverlaySource>> {
        let id = &account.id;
        if !self.announces(id) {
            return None;
        }
        let (found, mut faults) = self.found(id);
        faults.extend(self.not_followed(id).cloned());
        for (entry, looked) in &found {
            self.reads(&format!("{id}/{}", entry.name), &looked.digest);
        }
        let seen = found.iter();
        let seen = seen.map(|(entry, looked)| (entry.name.clone(), looked.digest));
        let seen: Vec<(String, Digest)> = seen.collect();
        let former = self.former.kept.overlays.get(id).filter(|laid| {
            faults.is_empty() && laid.source.mode() == account.overlay && laid.files == seen
        });
        if let Some(laid) = former {
            self.kept.overlays.insert(id.clone(), laid.clone());
            return Some(Arc::clone(&laid.source));
        }
        let mut files = Vec::new();
        for (entry, looked) in found {
            match self.disk.text(looked, &entry.path, FILE_BYTES_MAX) {
                Ok(text) => files.push(Source::new(entry.shown(), text)),
                Err(fault) => faults.push(*fault),
            }
        }
        let (good, any) = (faults.is_empty(), !files.is_empty() || !faults.is_empty());
        let source = OverlaySource::new(id.clone(), account.overlay, files, faults);
        let source = any.then(|| Arc::new(source))?;
        if good {
            let source = Arc::clone(&source);
            let laid = Laid {
                files: seen,
                source,
            };
            self.kept.overlays.insert(id.clone(), laid);
        }
        Some(source)
    }

    /// The files of the account's policies.
    fn found(&self, account: &AccountId) -> (Vec<(Entry, Looked)>, Vec<Fault>) {
        let (single, folder) = self
            .named
            .get(account.as_str())
            .copied()
            .unwrap_or_default();
        match (single, folder) {
            (None, None) => (Vec::new(), Vec::new()),
            (Some(file), Some(folder)) => {
                let message = format!("both `{}` and `{}/` hold policies", file.name, folder.name);
                let fault = Fault::error("tenant_overlay", Place::file(file.shown()), message);
                (Vec::new(), vec![fault.help("keep one of them")])
            }
            (Some(file), None) => match self.disk.look(&file.path, FILE_BYTES_MAX) {
                Ok(looked) => (vec![(file.clone(), looked)], Vec::new()),
                Err(fault) => (Vec::new(), vec![*fault]),
            },
            (None, Some(folder)) => self.disk.look_all(&folder.path, "cedar"),
        }
    }

    /// Why a name that would be the account's policies is not followed.
    fn not_followed(&self, account: &AccountId) -> Option<&Fault> {
        if self.refused.is_empty() {
            return None;
        }
        let single = self.refused.get(&format!("{account}.cedar"));
        single.or_else(|| self.refused.get(account.as_str()))
    }
}
