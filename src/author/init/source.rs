//! The documents, read whole and in bounds.

use crate::config;
use crate::document::{Bounds, Document};
use crate::fault::Fault;
use crate::operation::ApiContext;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// The longest document: what is published of the largest APIs has half of it.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most values and keys of a document.
const NODES_MAX: usize = 1_500_000;
/// How many faults of one document are told: one made of aliases has one for each.
const FAULTS_MAX: usize = 50;

/// A document to be read.
#[derive(Clone, Debug)]
pub struct Input {
    /// The API that it describes. `None`: as its paths say, or its name.
    pub context: Option<ApiContext>,
    /// The file.
    pub path: PathBuf,
}

/// A document that was read.
pub(super) struct Source {
    pub(super) context: Option<ApiContext>,
    /// What its file's name says.
    pub(super) by_name: ApiContext,
    /// Its file's name without extensions.
    pub(super) stem: String,
    pub(super) document: Document,
}

impl Source {
    /// As somebody named it.
    pub(super) fn file(&self) -> &str {
        self.document.file()
    }

    pub(super) fn get(&self, pointer: &str) -> Option<&Value> {
        self.document.get(pointer)
    }
}

/// All of them, or everything that is wrong with any.
pub(super) fn read(inputs: &[Input]) -> Result<Vec<Source>, Vec<Fault>> {
    let mut sources = Vec::new();
    let mut faults = Vec::new();
    for input in inputs {
        match one(input) {
            Ok(source) => sources.push(source),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() {
        Ok(sources)
    } else {
        Err(faults)
    }
}

fn one(input: &Input) -> Result<Source, Vec<Fault>> {
    let shown = input.path.display().to_string();
    let text = config::read_file(&input.path, BYTES_MAX as u64).map_err(|fault| vec![*fault])?;
    // Editors of some systems put one there; to the parser it is a part of the first key.
    let text: Arc<str> = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.into(),
        None => text,
    };
    let bounds = Bounds {
        bytes: BYTES_MAX,
        nodes: NODES_MAX,
    };
    let document = Document::parse_within(&shown, text, bounds).map_err(|mut faults| {
        faults.truncate(FAULTS_MAX);
        faults
    })?;
    let name = input.path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    Ok(Source {
        context: input.context,
        by_name: named(&name),
        stem: plain(stem),
        document,
    })
}

/// `dashboard.openapi.json` is of the dashboard; what says nothing is of the App, where every tenant that a
/// request names has to be the caller's own.
fn named(name: &str) -> ApiContext {
    let words = || name.split(|c: char| !c.is_ascii_alphanumeric());
    let says =
        |context: &ApiContext| words().any(|word| word.eq_ignore_ascii_case(context.label()));
    ApiContext::ALL
        .into_iter()
        .find(says)
        .unwrap_or(ApiContext::App)
}

/// For the name of a file.
fn plain(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    text.chars().take(40).map(plain).collect()
}
