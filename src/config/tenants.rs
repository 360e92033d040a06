//! The tenant directory: a folder of files becomes accounts and the texts of their own policies.
//!
//! A file that cannot be used is left out whole and reported: no tenant's file stops the others
//! (RULES 36, 43).

mod account;
mod notes;
mod relations;

use super::file::Tenant;
use super::files::{self, Entry, FILE_BYTES_MAX};
use super::findings::Findings;
use super::{misfit, schema};
use crate::document::Document;
use crate::fault::{Fault, Place};
use crate::policy::{OverlaySource, Source};
use crate::tenant::{Account, AccountId, Clash, Directory, OverlayMode};
use std::collections::HashMap;
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
    pub(crate) directory: Directory,
    /// Policies of accounts that have some.
    pub(crate) overlays: Vec<OverlaySource>,
    /// What was left out, and why.
    pub(crate) quarantined: Vec<Fault>,
    /// What serves and should be looked at.
    pub(crate) warnings: Vec<Fault>,
    /// What is as it is said to be, and locks somebody out: for whoever looks after the directory.
    pub(crate) notes: Vec<Fault>,
    /// Names and texts of all files, for the revision.
    pub(crate) texts: Vec<(String, Arc<str>)>,
}

/// Reads the folder. An error: there is no folder to read.
pub(crate) fn read(folder: &Path, known: Known<'_>) -> Result<Tenants, Box<Fault>> {
    let (entries, faults) = files::list(folder)?;
    let mut reading = Reading {
        known,
        entries: &entries,
        tenants: Tenants {
            quarantined: faults,
            ..Tenants::default()
        },
        documents: HashMap::new(),
    };
    let mut accounts = Vec::new();
    for entry in &entries {
        accounts.extend(reading.entry(entry));
    }
    let (directory, clashes) = Directory::build(accounts);
    for clash in &clashes {
        let fault = reading.clash(clash);
        reading.tenants.quarantined.push(fault);
    }
    // A workspace that is in no file is only then nobody's when every file could be used.
    let complete = reading.tenants.quarantined.is_empty();
    let relations = relations::review(&directory, &reading.documents, complete);
    let notes = notes::review(&directory, &reading.documents, &reading.tenants.overlays);
    let mut tenants = reading.tenants;
    tenants.warnings.extend(relations);
    tenants.notes = notes;
    tenants
        .overlays
        .retain(|overlay| directory.account(&overlay.account).is_some());
    tenants.directory = directory;
    Ok(tenants)
}

struct Reading<'a> {
    known: Known<'a>,
    entries: &'a [Entry],
    tenants: Tenants,
    documents: HashMap<AccountId, Document>,
}

impl Reading<'_> {
    fn entry(&mut self, entry: &Entry) -> Option<Account> {
        let Some(name) = entry.stem("yaml").filter(|_| !entry.is_folder) else {
            self.stray(entry);
            return None;
        };
        match self.tenant(entry, name) {
            Ok((account, overlay)) => {
                self.tenants.overlays.extend(overlay);
                Some(account)
            }
            Err(faults) => {
                self.tenants.quarantined.extend(faults);
                None
            }
        }
    }

    fn tenant(
        &mut self,
        entry: &Entry,
        name: &str,
    ) -> Result<(Account, Option<OverlaySource>), Vec<Fault>> {
        let text = files::read(&entry.path, FILE_BYTES_MAX).map_err(|fault| vec![*fault])?;
        self.tenants
            .texts
            .push((entry.name.clone(), Arc::clone(&text)));
        let document = Document::parse(&entry.shown(), text)?;
        let shape: Tenant = misfit::shape(&document, schema::tenant())?;
        let folder = entry.path.parent().unwrap_or_else(|| Path::new(""));
        let mut findings = Findings::new(&document, folder);
        let account = account::resolve(&shape, name, self.known, &mut findings);
        let overlay = account
            .as_ref()
            .and_then(|account| self.overlay(account, &mut findings));
        let (errors, warnings): (Vec<Fault>, Vec<Fault>) = findings
            .into_faults()
            .into_iter()
            .partition(Fault::is_error);
        self.tenants.warnings.extend(warnings);
        match account {
            Some(account) if errors.is_empty() => {
                self.documents.insert(account.id.clone(), document);
                Ok((account, overlay))
            }
            _ => Err(errors),
        }
    }

    /// The policies of `account`: one file or one folder beside its own.
    fn overlay(&mut self, account: &Account, findings: &mut Findings<'_>) -> Option<OverlaySource> {
        let named = |name: &str, is_folder: bool| {
            self.entries
                .iter()
                .find(|entry| entry.name == name && entry.is_folder == is_folder)
        };
        let single = named(&format!("{}.cedar", account.id), false);
        let folder = named(account.id.as_str(), true);
        let read = match (single, folder) {
            (None, None) => return None,
            (Some(file), Some(folder)) => {
                let message = format!("both `{}` and `{}/` hold policies", file.name, folder.name);
                findings.error("/account", "tenant_overlay", message, "keep one of them");
                return None;
            }
            (Some(file), None) => match files::read(&file.path, FILE_BYTES_MAX) {
                Ok(text) => vec![(file.clone(), text)],
                Err(fault) => {
                    findings.extend([*fault]);
                    return None;
                }
            },
            (None, Some(folder)) => {
                let (texts, faults) = files::read_all(&folder.path, "cedar");
                findings.extend(faults);
                texts
            }
        };
        if account.overlay == OverlayMode::None && !read.is_empty() {
            let message = "the account has policies, and `overlay: none` leaves them out";
            let help = "remove the policies, or say `overlay: forbid` or `overlay: permit`";
            findings.error("/overlay", "tenant_overlay", message, help);
            return None;
        }
        let named = read.iter().map(|(entry, text)| {
            let name = format!("{}/{}", account.id, entry.name);
            (name, Arc::clone(text))
        });
        self.tenants.texts.extend(named);
        let files: Vec<Source> = read
            .into_iter()
            .map(|(entry, text)| Source::new(entry.shown(), text))
            .collect();
        (!files.is_empty()).then(|| OverlaySource {
            account: account.id.clone(),
            mode: account.overlay,
            files,
        })
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
                if self.entries.iter().any(|other| other.name == file) {
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

    /// A clash at the newcomer's key, naming the place of the owner's.
    fn clash(&self, clash: &Clash) -> Fault {
        let (newcomer, pointer, owner) = match clash {
            Clash::Account(id) | Clash::Reserved(id) => (id, "/account".to_owned(), None),
            Clash::Workspace {
                workspace,
                owner,
                newcomer,
            } => {
                let places = |id| self.places(id, workspace.as_str(), account::workspace_pointers);
                let (own, theirs) = pair(places(newcomer), places(owner), newcomer == owner);
                (newcomer, own, theirs.map(|at| (owner, at)))
            }
            Clash::Client {
                client,
                owner,
                newcomer,
            } => {
                let owner = self.account_of(owner.as_str()).unwrap_or(newcomer);
                let places = |id| self.places(id, client.as_str(), account::client_pointers);
                let (own, theirs) = pair(places(newcomer), places(owner), newcomer == owner);
                (newcomer, own, theirs.map(|at| (owner, at)))
            }
        };
        let place = match self.documents.get(newcomer) {
            Some(document) => document.place(&pointer),
            None => Place::file(newcomer.as_str()),
        };
        let message = match owner {
            Some((owner, at)) => format!("{clash} ({})", self.line(owner, &at)),
            None => clash.to_string(),
        };
        let help = match clash {
            Clash::Reserved(_) => "give the account another id",
            _ => {
                "ids are unique over the whole directory; this account is left out until it is changed"
            }
        };
        Fault::error("tenant_duplicate_id", place, message).help(help)
    }

    fn places(
        &self,
        account: &AccountId,
        id: &str,
        find: fn(&serde_json::Value, &str) -> Vec<String>,
    ) -> Vec<String> {
        let document = self.documents.get(account);
        document.map_or_else(Vec::new, |document| find(document.value(), id))
    }

    fn account_of(&self, workspace: &str) -> Option<&AccountId> {
        let owns = |document: &Document| {
            !account::workspace_pointers(document.value(), workspace).is_empty()
        };
        let mut owners: Vec<&AccountId> = self
            .documents
            .iter()
            .filter(|(_, document)| owns(document))
            .map(|(id, _)| id)
            .collect();
        // Files are read in the order of their names, and the first one owns.
        owners.sort();
        owners.first().copied()
    }

    fn line(&self, account: &AccountId, pointer: &str) -> String {
        let place = self
            .documents
            .get(account)
            .map(|document| document.place(pointer));
        let place = place.unwrap_or_default();
        match place.line_column() {
            Some((line, _)) => format!("{}:{line}", place.file),
            None => place.file,
        }
    }
}

/// The newcomer's pointer, and the owner's. Inside one file the first is the owner's.
fn pair(own: Vec<String>, theirs: Vec<String>, same: bool) -> (String, Option<String>) {
    let first = theirs.into_iter().next();
    let mut own = own.into_iter();
    let mine = if same { own.nth(1) } else { own.next() };
    (mine.unwrap_or_else(|| "/workspaces".to_owned()), first)
}

#[cfg(test)]
mod tests;
