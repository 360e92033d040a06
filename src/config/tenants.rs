//! The tenant directory: a folder of files becomes accounts and the texts of their own policies.
//!
//! A file that cannot be used is left out whole and reported: no tenant's file stops the others
//! (RULES 36, 43). An account that served until now goes on by its last good entry, as strict as the
//! file can still be read to say.

mod account;
mod clash;
mod documents;
mod members;
mod narrowing;
mod notes;
mod overlay;
mod relations;

pub(crate) use documents::Documents;
pub(crate) use narrowing::narrowings;

use super::disk::{Disk, digest};
use super::file::Tenant;
use super::files::{Entry, FILE_BYTES_MAX};
use super::findings::Findings;
use super::{misfit, schema};
use crate::document::Document;
use crate::fault::{Fault, Place};
use crate::policy::OverlaySource;
use crate::tenant::{Account, AccountId, Candidate, Directory, Narrowing, OverlayMode};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// What a tenant's file may refer to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'a> {
    /// Names of issuers; `None`: nobody knows.
    pub(crate) issuers: Option<&'a [&'a str]>,
    /// Names of plans with limits; `None`: nobody knows.
    pub(crate) plans: Option<&'a [&'a str]>,
}

/// The folder, read.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    /// Who exists.
    pub(crate) directory: Arc<Directory>,
    /// Policies of accounts that have some.
    pub(crate) overlays: Vec<Arc<OverlaySource>>,
    /// What was left out, and why.
    pub(crate) quarantined: Vec<Fault>,
    /// What serves and should be looked at.
    pub(crate) warnings: Vec<Fault>,
    /// The files of its accounts, for who looks after the directory.
    pub(crate) documents: Documents,
    /// Names and texts of all files, and what serves beside them, for the revision.
    pub(crate) texts: Vec<(String, Arc<str>)>,
    /// For the next reading.
    pub(crate) former: Former,
}

/// What one reading leaves to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Former {
    directory: Arc<Directory>,
    /// Good files by name.
    parsed: HashMap<String, Parsed>,
    /// Of the names that files may refer to.
    known: [u8; 32],
}

/// A file that is good, and is not parsed again while its text is the same.
#[derive(Clone, Debug)]
struct Parsed {
    text: [u8; 32],
    account: Arc<Account>,
    warnings: Vec<Fault>,
}

impl Tenants {
    /// What is as it is said to be, and locks somebody out: for whoever looks after the directory.
    pub(crate) fn notes(&self) -> Vec<Fault> {
        notes::review(&self.directory, &self.documents, &self.overlays)
    }
}

/// A file that cannot be used, and what can be read of it all the same.
struct Unusable {
    faults: Vec<Fault>,
    narrowing: Option<Box<Narrowing>>,
}

/// Reads the folder. An error: there is no folder to read.
pub(crate) fn read(
    folder: &Path,
    known: Known<'_>,
    disk: &Disk,
    former: &Former,
) -> Result<Tenants, Box<Fault>> {
    let (entries, refused) = disk.list(folder)?;
    let mut reading = Reading {
        known,
        disk,
        former,
        entries: entries.iter().map(|entry| (&*entry.name, entry)).collect(),
        tenants: Tenants::default(),
        refused: refused.into_iter().filter_map(by_name).collect(),
        parsed: HashMap::new(),
    };
    let mut candidates = Vec::new();
    for entry in &entries {
        candidates.extend(reading.entry(entry));
    }
    for (name, fault) in reading.refused.clone() {
        candidates.extend(reading.refused(&name, fault));
    }
    let (directory, clashes) = Directory::succeed(&former.directory, candidates);
    for clash in &clashes {
        let fault = reading.clash(clash, &directory);
        reading.tenants.quarantined.push(fault);
    }
    reading.kept(&directory);
    // A workspace that is in no file is only then nobody's when every file could be used.
    let complete = reading.tenants.quarantined.is_empty();
    let relations = relations::review(&directory, &reading.tenants.documents, complete);
    reading.tenants.warnings.extend(relations);
    let mut accounts: Vec<&Arc<Account>> = directory.accounts().collect();
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    for account in accounts {
        let overlay = reading.overlay(account);
        reading.tenants.overlays.extend(overlay);
    }
    let directory = Arc::new(directory);
    Ok(Tenants {
        former: Former {
            directory: Arc::clone(&directory),
            parsed: reading.parsed,
            known: known.digest(),
        },
        directory,
        ..reading.tenants
    })
}

struct Reading<'a> {
    known: Known<'a>,
    disk: &'a Disk,
    former: &'a Former,
    entries: HashMap<&'a str, &'a Entry>,
    /// Names that may not be followed, and why.
    refused: BTreeMap<String, Fault>,
    tenants: Tenants,
    parsed: HashMap<String, Parsed>,
}

impl Reading<'_> {
    fn entry(&mut self, entry: &Entry) -> Option<Candidate> {
        let Some(name) = entry.stem("yaml") else {
            self.stray(entry);
            return None;
        };
        match self.tenant(entry, name) {
            Ok(account) => Some(Candidate {
                fallback: self.former.as_strict_as(&account),
                account,
            }),
            Err(unusable) => self.fall_back(name, unusable),
        }
    }

    /// A name that may not be followed: of a tenant's file, it is a file that cannot be used.
    fn refused(&mut self, name: &str, fault: Fault) -> Option<Candidate> {
        let unusable = Unusable {
            faults: vec![fault],
            narrowing: None,
        };
        self.fall_back(name.strip_suffix(".yaml").unwrap_or_default(), unusable)
    }

    /// The entry that served until now, never less strict than the file can still be read to say.
    fn fall_back(&mut self, name: &str, unusable: Unusable) -> Option<Candidate> {
        self.tenants.quarantined.extend(unusable.faults);
        let served = self.former.served(name)?;
        let narrowed = unusable.narrowing.and_then(|by| served.narrowed(&by));
        Some(Candidate {
            account: narrowed.map_or_else(|| Arc::clone(served), Arc::new),
            fallback: None,
        })
    }

    fn tenant(&mut self, entry: &Entry, name: &str) -> Result<Arc<Account>, Unusable> {
        let unreadable = |fault: Box<Fault>| Unusable {
            faults: vec![*fault],
            narrowing: None,
        };
        let text = self.disk.read(&entry.path, FILE_BYTES_MAX);
        let text = text.map_err(unreadable)?;
        self.tenants
            .texts
            .push((format!("tenants/{}", entry.name), Arc::clone(&text)));
        let parsed = match self.former.parsed(&entry.name, &text, self.known) {
            Some(same) => same.clone(),
            None => self.parse(entry, name, &text)?,
        };
        let account = Arc::clone(&parsed.account);
        if account.overlay == OverlayMode::None && self.announces(&account.id) {
            return Err(overlay::left_out(entry, &text, &account));
        }
        self.tenants.warnings.extend(parsed.warnings.clone());
        self.parsed.insert(entry.name.clone(), parsed);
        self.tenants.documents.add(&account.id, entry.shown(), text);
        Ok(account)
    }

    fn parse(&mut self, entry: &Entry, name: &str, text: &Arc<str>) -> Result<Parsed, Unusable> {
        let document = Document::parse(&entry.shown(), Arc::clone(text));
        let document = document.map_err(|faults| Unusable {
            faults,
            narrowing: None,
        })?;
        let broken = |faults| Unusable {
            faults,
            narrowing: Some(Box::new(narrowing::read(document.value()))),
        };
        let shape: Tenant = misfit::shape(&document, schema::tenant()).map_err(broken)?;
        let folder = entry.path.parent().unwrap_or_else(|| Path::new(""));
        let mut findings = Findings::new(&document, folder, self.disk);
        let account = account::resolve(&shape, name, self.known, &mut findings);
        let (errors, warnings): (Vec<Fault>, Vec<Fault>) = findings
            .into_faults()
            .into_iter()
            .partition(Fault::is_error);
        match account {
            Some(account) if errors.is_empty() => Ok(Parsed {
                text: digest(&[text]),
                account: Arc::new(account),
                warnings,
            }),
            _ => {
                self.tenants.warnings.extend(warnings);
                Err(broken(errors))
            }
        }
    }

    /// Tells the revision about entries that serve and do not stand in the files.
    fn kept(&mut self, directory: &Directory) {
        for account in directory.accounts() {
            let file = format!("{}.yaml", account.id);
            let parsed = self.parsed.get(&file);
            if parsed.is_none_or(|parsed| parsed.account.revision != account.revision) {
                let revision = format!("{:?}", account.revision).into();
                let name = format!("tenants/{file} kept");
                self.tenants.texts.push((name, revision));
            }
        }
    }

    /// Something that is not a tenant file: policies without one, or a name that is not read.
    fn stray(&mut self, entry: &Entry) {
        let owner = if entry.is_folder {
            Some(entry.name.as_str())
        } else {
            entry.stem("cedar")
        };
        let fault = |message: String, help: String| {
            Fault::error("tenant_stray_file", Place::file(entry.shown()), message).help(help)
        };
        match owner {
            Some(owner) => {
                let file = format!("{owner}.yaml");
                if self.entries.contains_key(file.as_str()) || self.refused.contains_key(&file) {
                    return;
                }
                let message = format!("there is no `{file}` for these policies");
                self.tenants
                    .quarantined
                    .push(fault(message, format!("add `{file}`, or remove them")));
            }
            None if entry.stem("yml").is_some() || entry.stem("json").is_some() => {
                let message = "tenant files end with `.yaml`; this one is not read".to_owned();
                let name = entry.name.split('.').next().unwrap_or_default();
                self.tenants
                    .quarantined
                    .push(fault(message, format!("rename it to `{name}.yaml`")));
            }
            None => {}
        }
    }
}

fn by_name(fault: Fault) -> Option<(String, Fault)> {
    let name = Path::new(&fault.place.file).file_name()?.to_str()?;
    Some((name.to_owned(), fault))
}

impl Former {
    /// The same, with another directory that serves.
    pub(crate) fn serving(&self, directory: &Arc<Directory>) -> Self {
        Self {
            directory: Arc::clone(directory),
            ..self.clone()
        }
    }

    /// The entry that serves under that name until now.
    fn served(&self, name: &str) -> Option<&Arc<Account>> {
        let id = AccountId::parse(name).ok()?;
        self.directory.account(&id)
    }

    /// What serves until now under the name of `account`, no wider than `account` would be: a file
    /// that claims another's ids may still say that its own account is suspended.
    fn as_strict_as(&self, account: &Account) -> Option<Arc<Account>> {
        let served = self.directory.account(&account.id)?;
        let narrowed = served.narrowed(&Narrowing::of(account));
        Some(narrowed.map_or_else(|| Arc::clone(served), Arc::new))
    }

    /// Whether the file said the same when it was read: what it narrows is narrowed.
    fn knows(&self, file: &str, text: &Arc<str>) -> bool {
        let parsed = self.parsed.get(file);
        parsed.is_some_and(|parsed| parsed.text == digest(&[text]))
    }

    fn parsed(&self, file: &str, text: &Arc<str>, known: Known<'_>) -> Option<&Parsed> {
        let same = self.known == known.digest() && self.knows(file, text);
        self.parsed.get(file).filter(|_| same)
    }
}

impl Known<'_> {
    fn digest(self) -> [u8; 32] {
        let names = |names: Option<&[&str]>| names.map(|names| names.join("\n"));
        digest(&[
            &format!("{:?}", names(self.issuers)),
            &format!("{:?}", names(self.plans)),
        ])
    }
}

#[cfg(test)]
mod tests;
