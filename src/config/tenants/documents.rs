//! The files of accounts, taken apart again only where a fault needs a place in them: faults are few,
//! and a directory has thousands of files.

use crate::document::Document;
use crate::tenant::AccountId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The text of each account's file.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// With the file's name, as messages show it.
    texts: HashMap<AccountId, (String, Arc<str>)>,
    parsed: RefCell<HashMap<AccountId, Rc<Document>>>,
}

impl Documents {
    pub(super) fn add(&mut self, account: &AccountId, shown: String, text: Arc<str>) {
        self.texts.insert(account.clone(), (shown, text));
    }

    /// The account's file. `None`: it has none that can be used.
    pub(super) fn get(&self, account: &AccountId) -> Option<Rc<Document>> {
        if let Some(known) = self.parsed.borrow().get(account) {
            return Some(Rc::clone(known));
        }
        let (shown, text) = self.texts.get(account)?;
        let document = Rc::new(Document::parse(shown, Arc::clone(text)).ok()?);
        let mut parsed = self.parsed.borrow_mut();
        parsed.insert(account.clone(), Rc::clone(&document));
        Some(document)
    }
}
