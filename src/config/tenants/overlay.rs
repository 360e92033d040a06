//! The policies of one account: one file or one folder beside its own.

use super::{Reading, Unusable};
use crate::config::files::{Entry, FILE_BYTES_MAX};
use crate::document::Document;
use crate::fault::{Fault, Place};
use crate::policy::{OverlaySource, Source};
use crate::tenant::{Account, AccountId, Narrowing};
use std::sync::Arc;

type Texts = Vec<(Entry, Arc<str>)>;

impl Reading<'_> {
    /// Whether there is something that would be the account's policies.
    pub(super) fn announces(&self, account: &AccountId) -> bool {
        let (single, folder) = self.named(account);
        single.or(folder).is_some() || self.not_followed(account).is_some()
    }

    /// The account's policies. What cannot be read makes them unusable, never absent (RULES 33).
    pub(super) fn overlay(&mut self, account: &Account) -> Option<Arc<OverlaySource>> {
        let (texts, mut faults): (Texts, Vec<Fault>) = match self.named(&account.id) {
            (None, None) => (Vec::new(), Vec::new()),
            (Some(file), Some(folder)) => {
                let message = format!("both `{}` and `{}/` hold policies", file.name, folder.name);
                let fault = Fault::error("tenant_overlay", Place::file(file.shown()), message);
                (Vec::new(), vec![fault.help("keep one of them")])
            }
            (Some(file), None) => match self.disk.read(&file.path, FILE_BYTES_MAX) {
                Ok(text) => (vec![(file.clone(), text)], Vec::new()),
                Err(fault) => (Vec::new(), vec![*fault]),
            },
            (None, Some(folder)) => self.disk.read_all(&folder.path, "cedar"),
        };
        faults.extend(self.not_followed(&account.id).cloned());
        let named = texts.iter().map(|(entry, text)| {
            let name = format!("tenants/{}/{}", account.id, entry.name);
            (name, Arc::clone(text))
        });
        self.tenants.texts.extend(named);
        let files = texts.into_iter();
        let files: Vec<Source> = files
            .map(|(entry, text)| Source::new(entry.shown(), text))
            .collect();
        if files.is_empty() && faults.is_empty() {
            return None;
        }
        let source = OverlaySource::new(account.id.clone(), account.overlay, files, faults);
        Some(Arc::new(source))
    }

    /// Why a name that would be the account's policies is not followed.
    fn not_followed(&self, account: &AccountId) -> Option<&Fault> {
        let single = self.refused.get(&format!("{account}.cedar"));
        single.or_else(|| self.refused.get(account.as_str()))
    }

    /// The account's single file, and its folder.
    fn named(&self, account: &AccountId) -> (Option<&Entry>, Option<&Entry>) {
        let named = |name: &str, is_folder: bool| {
            let entry = self.entries.get(name).copied();
            entry.filter(|entry| entry.is_folder == is_folder)
        };
        let single = named(&format!("{account}.cedar"), false);
        (single, named(account.as_str(), true))
    }
}

/// The account says that it has no policies, and has some.
pub(super) fn left_out(entry: &Entry, text: &Arc<str>, account: &Account) -> Unusable {
    let document = Document::parse(&entry.shown(), Arc::clone(text));
    let place = document.map_or_else(
        |_| Place::file(entry.shown()),
        |document| document.place("/overlay"),
    );
    let message = "the account has policies, and `overlay: none` leaves them out";
    let fault = Fault::error("tenant_overlay", place, message);
    let help = "remove the policies, or say `overlay: forbid` or `overlay: permit`";
    Unusable {
        faults: vec![fault.help(help)],
        narrowing: Some(Box::new(Narrowing::of(account))),
    }
}
