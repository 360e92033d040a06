//! Two accounts that claim one id, told with both places.

use super::{Reading, account};
use crate::document::Document;
use crate::fault::{Fault, Place};
use crate::tenant::{AccountId, Clash, Directory};
use std::rc::Rc;

impl Reading<'_> {
    /// A clash at the newcomer's key, naming the place of the owner's.
    pub(super) fn clash(&self, clash: &Clash, directory: &Directory) -> Fault {
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
                let owner = directory
                    .workspace(owner)
                    .map_or(newcomer, |own| &own.account);
                let places = |id| self.places(id, client.as_str(), account::client_pointers);
                let (own, theirs) = pair(places(newcomer), places(owner), newcomer == owner);
                (newcomer, own, theirs.map(|at| (owner, at)))
            }
        };
        let place = match self.document(newcomer) {
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
                "ids are unique over the whole directory; this file is not used until it is changed"
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
        let document = self.document(account);
        document.map_or_else(Vec::new, |document| find(document.value(), id))
    }

    fn document(&self, account: &AccountId) -> Option<Rc<Document>> {
        self.documents.get(account)
    }

    fn line(&self, account: &AccountId, pointer: &str) -> String {
        let document = self.document(account);
        let place = document.map(|document| document.place(pointer));
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
