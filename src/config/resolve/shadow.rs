//! `shadow`: policies that are to be. Nothing that is wrong with them is a fault of the configuration: they
//! never answer, and hold back neither a start nor a reload.

use super::is_of_specs;
use crate::config::file::Config;
use crate::config::files::{self, Entry, Listing};
use crate::config::findings::Findings;
use crate::decision::ShadowSettings;
use crate::fault::{Fault, Place};
use crate::policy::{self, OverlaySource, Source};
use crate::tenant::{AccountId, Directory, OverlayMode};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// In the folder: policies of accounts.
pub(crate) const ACCOUNTS: &str = "accounts";

/// What the folder comes to beside what serves: `policy` and `directory`. `None`: there is no shadow.
pub(super) fn resolve(
    config: &Config,
    policy: &policy::Settings,
    directory: &Directory,
    findings: &Findings<'_>,
) -> Option<ShadowSettings> {
    let shape = config.shadow.as_ref()?;
    let folder = findings.path(shape.folder());
    let mut reading = Reading {
        findings,
        folder: &folder,
        faults: Vec::new(),
        strays: Vec::new(),
    };
    let platform = reading.platform();
    let accounts = reading.accounts(directory);
    if platform.is_empty() && accounts.is_empty() && reading.faults.is_empty() {
        let message = format!(
            "`{}` holds neither `*.cedar` files nor `{ACCOUNTS}/<account>.cedar`",
            folder.display()
        );
        let fault = Fault::error("folder_empty", reading.key(), message);
        let help = "correct the path, add policies, or remove `shadow`";
        reading.faults.push(fault.help(help));
    }
    let Reading { faults, strays, .. } = reading;
    let own_platform = !platform.is_empty();
    let overlays = policy.overlays.iter();
    let kept = overlays.filter(|one| !accounts.contains_key(one.account()));
    let overlays = kept.chain(accounts.values()).cloned().collect();
    Some(ShadowSettings {
        folder: folder.clone(),
        every: shape.every(),
        policy: policy::Settings {
            platform: if own_platform {
                platform
            } else {
                policy.platform.clone()
            },
            overlays,
            ..policy.clone()
        },
        own_platform,
        accounts: accounts.into_keys().collect(),
        faults,
        strays,
    })
}

struct Reading<'a> {
    findings: &'a Findings<'a>,
    folder: &'a Path,
    /// Without what these are about, nothing can be asked.
    faults: Vec<Fault>,
    /// What nobody will ask, and somebody may have meant to be asked.
    strays: Vec<Fault>,
}

impl Reading<'_> {
    fn key(&self) -> Place {
        self.findings.document().place("/shadow")
    }

    fn platform(&mut self) -> Vec<Source> {
        let (files, faults) = self.findings.disk().read_all(self.folder, "cedar");
        for fault in faults {
            if fault.code == "folder_unreadable" {
                let message = format!("`{}`: {}", fault.place.file, fault.message);
                let help = fault.help.unwrap_or_default();
                let fault = Fault::error(fault.code, self.key(), message);
                self.faults.push(fault.help(help));
            } else if !self.is_of_accounts(&fault) && !is_of_specs(self.folder, &fault) {
                self.faults.push(fault);
            }
        }
        let source = |(entry, text): (Entry, Arc<str>)| Source::new(entry.shown(), text);
        files.into_iter().map(source).collect()
    }

    /// What stands in `accounts/` is read from there.
    fn is_of_accounts(&self, fault: &Fault) -> bool {
        let parent = Path::new(&fault.place.file).parent();
        fault.code == "file_not_read" && parent == Some(&self.folder.join(ACCOUNTS))
    }

    fn accounts(&mut self, directory: &Directory) -> BTreeMap<AccountId, Arc<OverlaySource>> {
        let disk = self.findings.disk();
        let listing = disk.list(self.folder).unwrap_or_default();
        let there = listing.entry(ACCOUNTS).filter(|entry| entry.is_folder);
        let Some(folder) = there.map(|entry| entry.path.clone()) else {
            return BTreeMap::new();
        };
        let listing = match disk.list(&folder) {
            Ok(listing) => listing,
            Err(fault) => {
                self.faults.push(*fault);
                return BTreeMap::new();
            }
        };
        self.strays.extend(listing.refused.iter().cloned());
        let mut found = BTreeMap::new();
        for entry in &listing.entries {
            let name = entry.stem("cedar");
            let Some(name) = name.or_else(|| entry.is_folder.then_some(&*entry.name)) else {
                continue;
            };
            let account = AccountId::parse(name).ok();
            let account = account.and_then(|id| directory.account(&id));
            let Some(account) = account else {
                self.stray(entry, name);
                continue;
            };
            let source = self.overlay(entry, &listing, &account.id, account.overlay);
            found.insert(account.id.clone(), Arc::new(source));
        }
        found
    }

    fn stray(&mut self, entry: &Entry, name: &str) {
        let message = format!("there is no account `{name}` for these policies");
        let fault = Fault::error("tenant_stray_file", Place::file(entry.shown()), message);
        self.strays.push(fault.help("rename or remove them"));
    }

    /// What cannot be read makes them unusable, never absent.
    fn overlay(
        &self,
        entry: &Entry,
        listing: &Listing,
        account: &AccountId,
        mode: OverlayMode,
    ) -> OverlaySource {
        let disk = self.findings.disk();
        let fault = |message: String, help: &str| {
            Fault::error("tenant_overlay", Place::file(entry.shown()), message).help(help)
        };
        let single = listing.entry(&format!("{account}.cedar"));
        let folder = listing.entry(account.as_str());
        let both = single.is_some() && folder.is_some_and(|entry| entry.is_folder);
        let (mut files, mut faults) = (Vec::new(), Vec::new());
        if both {
            let message = format!("both `{account}.cedar` and `{account}/` hold policies");
            faults.push(fault(message, "keep one of them"));
        } else if single.is_some() {
            match disk.read(&entry.path, files::FILE_BYTES_MAX) {
                Ok(text) => files.push(Source::new(entry.shown(), text)),
                Err(fault) => faults.push(*fault),
            }
        } else {
            let (found, unread) = disk.read_all(&entry.path, "cedar");
            let sources = found.into_iter();
            files.extend(sources.map(|(entry, text)| Source::new(entry.shown(), text)));
            faults.extend(unread);
            if files.is_empty() && faults.is_empty() {
                let message = "the folder holds no `*.cedar` file".to_owned();
                let help = "add one; an empty file says that the account is to have no policies";
                faults.push(fault(message, help));
            }
        }
        if mode == OverlayMode::None {
            let message = format!("the account `{account}` says `overlay: none`");
            faults.push(fault(message, "change that first, or remove the policies"));
        }
        OverlaySource::new(account.clone(), mode, files, faults)
    }
}
