//! What tenants' files say of each other: a catalog is read where both sides say so (RULES 18).

use super::documents::Documents;
use crate::fault::{Fault, Place, nearest};
use crate::tenant::{Account, Directory, Workspace, WorkspaceId};
use std::cell::Cell;
use std::sync::Arc;

/// For how many ids the nearest is looked for among all the others. Whoever has more of them has not
/// misspelt them, and a large directory would take seconds.
const SUGGESTIONS_MAX: usize = 20;

/// Everything that one side says in vain. It harms nobody else, so these are warnings. Without
/// `complete` some files were left out, and a workspace that is not found may be in one of them.
pub(super) fn review(directory: &Directory, documents: &Documents, complete: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut accounts: Vec<&Arc<Account>> = directory.accounts().collect();
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    let suggestions = Cell::new(SUGGESTIONS_MAX);
    for account in accounts {
        let review = Review {
            directory,
            documents,
            account,
            complete,
            suggestions: &suggestions,
        };
        review.account(&mut faults);
    }
    faults
}

struct Review<'a> {
    directory: &'a Directory,
    documents: &'a Documents,
    account: &'a Account,
    complete: bool,
    /// How many may still be looked for.
    suggestions: &'a Cell<usize>,
}

impl Review<'_> {
    fn account(&self, faults: &mut Vec<Fault>) {
        for (at, workspace) in self.account.workspaces.iter().enumerate() {
            for (index, catalog) in workspace.catalogs.iter().enumerate() {
                let pointer = format!("/workspaces/{at}/catalogs/{index}");
                faults.extend(self.catalog(workspace, catalog, &pointer));
            }
            for reader in &workspace.shared_with {
                faults.extend(self.reader(reader, at));
            }
        }
    }

    fn catalog(&self, reader: &Workspace, catalog: &WorkspaceId, pointer: &str) -> Option<Fault> {
        let fault = |code, message: String, help: String| {
            Some(Fault::warning(code, self.place(pointer), message).help(help))
        };
        let Some(found) = self.directory.workspace(catalog) else {
            if !self.complete {
                return None;
            }
            let message = format!("there is no workspace `{catalog}`");
            return fault(
                "tenant_catalog_unknown",
                message,
                self.suggestion(catalog, true),
            );
        };
        let at = self.line(found);
        if found.kind != "catalog" {
            let message = format!(
                "workspace `{catalog}` is of type `{}`, no catalog",
                found.kind
            );
            let help = format!("say `type: catalog` there ({at}), or remove it here");
            return fault("tenant_catalog_type", message, help);
        }
        if !found.is_shared_with(&reader.id) {
            let message = format!("catalog `{catalog}` is not shared with `{}`", reader.id);
            let help = format!(
                "add `{}` to its `shared_with` ({at}), or remove it here",
                reader.id
            );
            return fault("tenant_catalog_not_shared", message, help);
        }
        None
    }

    fn reader(&self, reader: &WorkspaceId, at: usize) -> Option<Fault> {
        if !self.complete || self.directory.workspace(reader).is_some() {
            return None;
        }
        let message = format!("there is no workspace `{reader}`");
        let place = self.place(&self.shared(reader, at));
        let fault = Fault::warning("tenant_shared_with_unknown", place, message);
        Some(fault.help(self.suggestion(reader, false)))
    }

    fn suggestion(&self, given: &WorkspaceId, catalogs: bool) -> String {
        let unknown = || "correct the id, or remove it".to_owned();
        let Some(left) = self.suggestions.get().checked_sub(1) else {
            return unknown();
        };
        self.suggestions.set(left);
        let accounts = self.directory.accounts();
        let workspaces = accounts.flat_map(|account| &account.workspaces);
        let fitting = workspaces.filter(|one| !catalogs || one.kind == "catalog");
        nearest(given.as_str(), fitting.map(|one| one.id.as_str()))
            .map_or_else(unknown, |near| format!("did you mean `{near}`?"))
    }

    /// Where the file names that reader: the account's list is sorted, the file's need not be.
    fn shared(&self, reader: &WorkspaceId, at: usize) -> String {
        let list = format!("/workspaces/{at}/shared_with");
        let document = self.documents.get(&self.account.id);
        let named = document.and_then(|document| {
            let mut names = document.get(&list)?.as_array()?.iter();
            names.position(|name| name.as_str() == Some(reader.as_str()))
        });
        named.map_or_else(|| list.clone(), |index| format!("{list}/{index}"))
    }

    fn place(&self, pointer: &str) -> Place {
        let document = self.documents.get(&self.account.id);
        document.map_or_else(
            || Place::file(self.account.id.as_str()),
            |document| document.place(pointer),
        )
    }

    /// `file:line` of a workspace.
    fn line(&self, workspace: &Workspace) -> String {
        let Some(document) = self.documents.get(&workspace.account) else {
            return workspace.account.to_string();
        };
        let pointers = super::account::workspace_pointers(document.value(), workspace.id.as_str());
        document.line(pointers.first().map_or("", String::as_str))
    }
}
