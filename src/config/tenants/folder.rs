//! A folder with a file for each account.

use super::Reading;
use super::entry::{Text, Unusable, Written, parse_all};
use crate::config::files::{Entry, FILE_BYTES_MAX};
use crate::config::seen::Digest;
use crate::fault::{Fault, Place};
use crate::tenant::{AccountId, Candidate};
use std::path::Path;
use std::sync::Arc;

impl<'a> Reading<'a> {
    /// The accounts of the folder's files.
    pub(super) fn folder(&mut self) -> Vec<Candidate> {
        let (mut candidates, mut unread) = (Vec::new(), Vec::new());
        let listing = self.names.listing;
        for entry in &listing.entries {
            match entry.stem("yaml") {
                Some(name) => candidates.extend(self.file(entry, name, &mut unread)),
                None => self.stray_file(entry),
            }
        }
        candidates.extend(self.parse(unread));
        for (name, fault) in self.names.refused.clone() {
            // Of a tenant's file, a name that may not be followed is a file that cannot be used.
            let id = name.strip_suffix(".yaml");
            candidates.extend(self.fall_back(Unusable {
                account: id.and_then(|id| AccountId::parse(id).ok()),
                ..Unusable::new(vec![fault])
            }));
        }
        candidates
    }

    /// What a file comes to that is as it was; others are left for later.
    fn file(
        &mut self,
        entry: &'a Entry,
        name: &'a str,
        unread: &mut Vec<(&'a str, Digest, Text<'static>)>,
    ) -> Option<Candidate> {
        let failed = |fault: Box<Fault>| Unusable {
            account: AccountId::parse(name).ok(),
            ..Unusable::new(vec![*fault])
        };
        let looked = match self.disk.look(&entry.path, FILE_BYTES_MAX) {
            Ok(looked) => looked,
            Err(fault) => return self.fall_back(failed(fault)),
        };
        let digest = looked.digest;
        self.reads(&entry.name, &digest);
        let former = self.former;
        let parsed = former.parsed(&digest, &self.known_digest);
        if let Some(parsed) = parsed.filter(|parsed| parsed.account.id.as_str() == name) {
            self.entries.parsed.insert(digest, Arc::clone(parsed));
            return self.settle(parsed);
        }
        match self.disk.text(looked, &entry.path, FILE_BYTES_MAX) {
            Ok(text) => {
                let text = Text {
                    file: entry.shown(),
                    text: Written::File(text, name.to_owned()),
                };
                unread.push((name, digest, text));
                None
            }
            Err(fault) => self.fall_back(failed(fault)),
        }
    }

    fn parse(&mut self, unread: Vec<(&str, Digest, Text<'static>)>) -> Vec<Candidate> {
        let (digests, texts): (Vec<Digest>, Vec<Text<'_>>) = unread
            .into_iter()
            .map(|(_, digest, text)| (digest, text))
            .unzip();
        let outcomes = parse_all(&texts, self.known);
        let each = digests.into_iter().zip(outcomes);
        each.filter_map(|(digest, outcome)| match outcome {
            Ok(parsed) => {
                self.entries.parsed.insert(digest, Arc::clone(&parsed));
                self.settle(&parsed)
            }
            Err(unusable) => self.fall_back(Unusable::clone(&unusable)),
        })
        .collect()
    }

    /// Something that is not a tenant file: policies without one, or a name that is not read.
    fn stray_file(&mut self, entry: &Entry) {
        if let Some(owner) = owner(entry) {
            let file = format!("{owner}.yaml");
            let is_there =
                self.names.listing.entry(&file).is_some() || self.names.refused.contains_key(&file);
            if !is_there {
                let message = format!("there is no `{file}` for these policies");
                self.stray(entry, message, format!("add `{file}`, or remove them"));
            }
        } else if entry.stem("yml").is_some() || entry.stem("json").is_some() {
            let message = "tenant files end with `.yaml`; this one is not read".to_owned();
            let name = entry.name.split('.').next().unwrap_or_default();
            self.stray(entry, message, format!("rename it to `{name}.yaml`"));
        }
    }

    /// Beside a file of lines, a folder holds nothing but policies.
    pub(super) fn stray_policies(&mut self, file: &Path, candidates: &[Candidate]) {
        let accounts = candidates.iter().map(|one| one.account.id.as_str());
        let accounts: std::collections::HashSet<&str> = accounts.collect();
        let listing = self.names.listing;
        for entry in &listing.entries {
            if let Some(owner) = owner(entry) {
                if !accounts.contains(owner) {
                    let message = format!("there is no account `{owner}` for these policies");
                    let help = format!("add it to `{}`, or remove them", file.display());
                    self.stray(entry, message, help);
                }
            } else if ["yaml", "yml", "json"]
                .iter()
                .any(|end| entry.stem(end).is_some())
            {
                let message = "accounts stand in a file of their own; this one is not read";
                let help = format!("move the account to `{}`", file.display());
                self.stray(entry, message.to_owned(), help);
            }
        }
    }

    fn stray(&mut self, entry: &Entry, message: String, help: String) {
        let fault = Fault::error("tenant_stray_file", Place::file(entry.shown()), message);
        self.entries.quarantined.push(fault.help(help));
    }
}

/// Whose policies these would be. A folder `acme.cedar` stands in the place of a file: whoever mounts a file
/// that is missing gets one.
fn owner(entry: &Entry) -> Option<&str> {
    let folder = entry.is_folder.then_some(&*entry.name);
    entry.stem("cedar").or(folder)
}
