//! What there is to say of documents, each at its file and JSON pointer.

use super::source::Source;
use crate::document::child;
use crate::fault::{Fault, Place};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What somebody should look at.
    pub(super) warnings: Vec<Fault>,
    /// What is good to know.
    pub(super) notes: Vec<Fault>,
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) file: String,
    pub(super) pointer: String,
}

impl At {
    pub(super) fn new(file: &str, pointer: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            pointer: pointer.into(),
        }
    }

    /// A part of it.
    pub(super) fn child(&self, token: &str) -> Self {
        Self::new(&self.file, child(&self.pointer, token))
    }

    /// `api.yaml#/paths/~1things/get`.
    pub(super) fn shown(&self) -> String {
        format!("{}#{}", self.file, self.pointer)
    }

    /// With the pointer for a key: documents have too many lines to count them for each.
    pub(super) fn place(&self) -> Place {
        Place {
            key: self.pointer.clone(),
            ..Place::file(self.file.clone())
        }
    }
}

impl Findings {
    pub(super) fn warn(&mut self, at: &At, code: &'static str, message: &str, help: &str) {
        let fault = Fault::warning(code, at.place(), message);
        self.warnings.push(fault.help(help));
    }

    pub(super) fn note(&mut self, at: &At, code: &'static str, message: &str, help: &str) {
        let fault = Fault::warning(code, at.place(), message);
        self.notes.push(fault.help(help));
    }

    /// An operation, or a whole path, that gets no route, and why.
    pub(super) fn left_out(&mut self, at: &At, why: &Fault) {
        let message = format!("left out: {}", why.message);
        let mut fault = Fault::warning(why.code, at.place(), message);
        fault.help.clone_from(&why.help);
        self.warnings.push(fault);
    }
}

/// There is more than a gate is made for.
pub(super) fn too_many(documents: &[Source], count: usize, max: usize) -> Fault {
    let files: Vec<&str> = documents.iter().map(Source::file).collect();
    let message = format!("{count} operations, at most {max}");
    let fault = Fault::error("openapi_paths", Place::file(files.join(", ")), message);
    fault.help("make a gate for each part of the API")
}

/// There is nothing to be routed.
pub(super) fn nothing(documents: &[Source]) -> Fault {
    let files: Vec<&str> = documents.iter().map(Source::file).collect();
    let place = Place::file(files.join(", "));
    let fault = Fault::error("openapi_paths", place, "no operation can be routed");
    fault.help("see what was left out, and why")
}
