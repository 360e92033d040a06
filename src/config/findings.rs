//! What resolving a document finds wrong, each at its key, all of them at once.

use super::disk::Disk;
use crate::document::Document;
use crate::fault::Fault;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A document under resolution.
pub(crate) struct Findings<'a> {
    document: &'a Document,
    folder: &'a Path,
    disk: &'a Disk,
    faults: Vec<Fault>,
}

impl<'a> Findings<'a> {
    /// Of `document`, whose relative paths start at `folder` of `disk`.
    pub(crate) fn new(document: &'a Document, folder: &'a Path, disk: &'a Disk) -> Self {
        Self {
            document,
            folder,
            disk,
            faults: Vec::new(),
        }
    }

    /// Something that does not serve, at the value of `pointer`.
    pub(crate) fn error(
        &mut self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.document.place(pointer);
        self.faults
            .push(Fault::error(code, place, message).help(help));
    }

    /// Something that serves and that somebody should look at.
    pub(crate) fn warn(
        &mut self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.document.place(pointer);
        self.faults
            .push(Fault::warning(code, place, message).help(help));
    }

    /// Whether something of that code, or at that very key, was found under `pointer` already.
    pub(crate) fn has(&self, pointer: &str, code: &str, key: &str) -> bool {
        let under = self.document.place(pointer).key;
        let own = self.document.place(key).key;
        self.faults.iter().any(|fault| {
            let place = &fault.place.key;
            *place == own || (fault.code == code && place.starts_with(&under))
        })
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.faults.iter().filter(|fault| fault.is_error()).count()
    }

    /// Faults that another reader found.
    pub(crate) fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.extend(faults);
    }

    /// The value, or its error as a fault.
    pub(crate) fn keep<T, E: std::fmt::Display>(
        &mut self,
        pointer: &str,
        code: &'static str,
        result: Result<T, E>,
        help: &str,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(pointer, code, error.to_string(), help);
                None
            }
        }
    }

    /// The document.
    pub(crate) fn document(&self) -> &'a Document {
        self.document
    }

    /// A path of the document.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        self.folder.join(text)
    }

    /// The text of a file that the document names.
    pub(crate) fn read(&self, name: &str, bytes_max: u64) -> Result<Arc<str>, Box<Fault>> {
        self.disk.read(&self.path(name), bytes_max)
    }

    /// Where relative paths of the document start.
    pub(crate) fn folder(&self) -> &'a Path {
        self.folder
    }

    /// Where files are read.
    pub(crate) fn disk(&self) -> &'a Disk {
        self.disk
    }

    /// Everything found.
    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }
}
