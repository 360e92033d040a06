//! The entries of accounts, read again only where a fault needs a place in them: faults are few, and a
//! directory has thousands of entries.

use super::Layout;
use super::lines::{LINES_BYTES_MAX, Line, Lines};
use crate::config::files::{self, FILE_BYTES_MAX};
use crate::document::Document;
use crate::tenant::AccountId;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// Where the entry of each account stands.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    entries: Entries,
    parsed: RefCell<HashMap<AccountId, Option<Rc<Document>>>>,
}

#[derive(Debug, Default)]
enum Entries {
    #[default]
    None,
    Folder(PathBuf),
    Lines {
        file: PathBuf,
        lines: Arc<Lines>,
        bytes: OnceCell<Vec<u8>>,
        /// Positions in `lines`.
        by_account: OnceCell<HashMap<AccountId, usize>>,
    },
}

impl Documents {
    /// Each in a file of its own, where the directory is such a folder.
    pub(super) fn stand(&mut self, layout: &Layout) {
        if let Layout::Folder(folder) = layout {
            self.entries = Entries::Folder(folder.clone());
        }
    }

    pub(super) fn of_lines(&mut self, file: &Path, lines: &Arc<Lines>) {
        self.entries = Entries::Lines {
            file: file.to_owned(),
            lines: Arc::clone(lines),
            bytes: OnceCell::new(),
            by_account: OnceCell::new(),
        };
    }

    /// The account's entry. `None`: it has none that can be used.
    pub(super) fn get(&self, account: &AccountId) -> Option<Rc<Document>> {
        if let Some(known) = self.parsed.borrow().get(account) {
            return known.clone();
        }
        let document = self.find(account).map(Rc::new);
        let mut parsed = self.parsed.borrow_mut();
        parsed.insert(account.clone(), document.clone());
        document
    }

    fn find(&self, account: &AccountId) -> Option<Document> {
        match &self.entries {
            Entries::None => None,
            Entries::Folder(folder) => {
                let path = folder.join(format!("{account}.yaml"));
                let text = files::read(&path, FILE_BYTES_MAX).ok()?;
                Document::parse(&path.display().to_string(), text).ok()
            }
            Entries::Lines {
                lines, by_account, ..
            } => {
                let by_account = by_account.get_or_init(|| lines.by_account());
                self.line(lines.all.get(*by_account.get(account)?)?)
            }
        }
    }

    /// A line of the file of lines.
    pub(super) fn line(&self, line: &Line) -> Option<Document> {
        let Entries::Lines { file, bytes, .. } = &self.entries else {
            return None;
        };
        let read = || files::read_bytes(file, LINES_BYTES_MAX).map(|read| read.bytes);
        let bytes = bytes.get_or_init(|| read().unwrap_or_default());
        let text = std::str::from_utf8(bytes.get(line.bytes.clone())?).ok()?;
        Document::parse_line(&file.display().to_string(), text.into(), line.number).ok()
    }
}
