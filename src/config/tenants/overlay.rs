//! The policies of accounts: one file or one folder each.

use super::entry::Unusable;
use super::former::Overlays;
use crate::config::disk::{Disk, Looked};
use crate::config::files::{Entry, FILE_BYTES_MAX, Listing};
use crate::config::seen::Digest;
use crate::fault::{Fault, Place};
use crate::policy::{OverlaySource, Source};
use crate::tenant::{Account, AccountId, Narrowing, OverlayMode};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Policies that were read, and from what.
#[derive(Debug)]
pub(super) struct Laid {
    /// Their names, as the revision tells them.
    pub(super) files: Vec<(String, Digest)>,
    pub(super) source: Arc<OverlaySource>,
}

/// The folder of files or of policies.
pub(super) struct Names<'a> {
    pub(super) disk: &'a Disk,
    /// Its names, sorted.
    pub(super) listing: &'a Listing,
    /// Names that may not be followed, and why.
    pub(super) refused: BTreeMap<String, Fault>,
    /// What an earlier reading found.
    pub(super) former: &'a Arc<Overlays>,
}

impl<'a> Names<'a> {
    pub(super) fn new(disk: &'a Disk, listing: &'a Listing, former: &'a Arc<Overlays>) -> Self {
        let refused = listing.refused.iter().cloned();
        Self {
            refused: refused.filter_map(by_name).collect(),
            disk,
            listing,
            former,
        }
    }

    /// The single file, and the folder, of an account's policies. A folder `acme.cedar` stands in the place
    /// of a file, and cannot be read as one.
    fn named(&self, account: &AccountId) -> (Option<&'a Entry>, Option<&'a Entry>) {
        let single = self.listing.entry(&format!("{account}.cedar"));
        let folder = self.listing.entry(account.as_str());
        (single, folder.filter(|entry| entry.is_folder))
    }

    /// An account that says that it has no policies, and has some; `place` is of what it says.
    pub(super) fn left_out(
        &self,
        account: &Account,
        place: impl FnOnce() -> Place,
    ) -> Option<Unusable> {
        if account.overlay != OverlayMode::None || !self.announces(&account.id) {
            return None;
        }
        let message = "the account has policies, and `overlay: none` leaves them out";
        let fault = Fault::error("tenant_overlay", place(), message);
        let help = "remove the policies, or say `overlay: forbid` or `overlay: permit`";
        Some(Unusable {
            faults: vec![fault.help(help)],
            account: Some(account.id.clone()),
            narrowing: Some(Box::new(Narrowing::of(account))),
        })
    }

    /// Whether there is something that would be the account's policies.
    fn announces(&self, account: &AccountId) -> bool {
        self.named(account) != (None, None) || self.not_followed(account).is_some()
    }

    /// The account's policies. What cannot be read makes them unusable, never absent (RULES 33).
    pub(super) fn overlay(&self, account: &Account) -> Option<Arc<Laid>> {
        let id = &account.id;
        let (found, mut faults) = self.found(id);
        faults.extend(self.not_followed(id).cloned());
        let files = found.iter();
        let files = files.map(|(entry, looked)| (entry.name.clone(), looked.digest));
        let files: Vec<(String, Digest)> = files.collect();
        let former = self.former.get(id).filter(|laid| {
            let source = &laid.source;
            let good = faults.is_empty() && source.faults().is_empty();
            good && source.mode() == account.overlay && laid.files == files
        });
        if let Some(laid) = former {
            return Some(Arc::clone(laid));
        }
        let mut sources = Vec::new();
        for (entry, looked) in found {
            match self.disk.text(looked, &entry.path, FILE_BYTES_MAX) {
                Ok(text) => sources.push(Source::new(entry.shown(), text)),
                Err(fault) => faults.push(*fault),
            }
        }
        let any = !sources.is_empty() || !faults.is_empty();
        let source = OverlaySource::new(id.clone(), account.overlay, sources, faults);
        let source = any.then(|| Arc::new(source))?;
        Some(Arc::new(Laid { files, source }))
    }

    /// The files of the account's policies.
    fn found(&self, account: &AccountId) -> (Vec<(Entry, Looked)>, Vec<Fault>) {
        match self.named(account) {
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

fn by_name(fault: Fault) -> Option<(String, Fault)> {
    let name = Path::new(&fault.place.file).file_name()?.to_str()?;
    Some((name.to_owned(), fault))
}
