//! A YAML or JSON text becomes a plain value that knows where each of its parts stands.
//!
//! Readers of files take the value apart and report every fault at the place of the part. What two
//! readers could read differently is refused here, once: duplicate keys, aliases, tags, control
//! characters, values that JSON cannot hold.

pub mod json;
mod scalar;
mod tree;

#[cfg(test)]
mod tests;

use crate::fault::{Fault, Place, Span};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// How deep values may nest.
pub const DEPTH_MAX: usize = 64;
/// How many values and keys a document may hold.
pub const NODES_MAX: usize = 200_000;
/// How long a document's text may be.
pub const BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much a document may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long its text may be.
    pub bytes: usize,
    /// How many values and keys it may hold.
    pub nodes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bytes: BYTES_MAX,
            nodes: NODES_MAX,
        }
    }
}

/// A document that was read whole.
#[derive(Clone, Debug)]
pub struct Document {
    file: Arc<str>,
    text: Arc<str>,
    value: Value,
    spans: HashMap<String, Spans>,
    /// How many lines of the file stand before the text.
    lines_before: usize,
}

/// Where a value and its key stand.
#[derive(Clone, Copy, Debug)]
struct Spans {
    key: Option<Span>,
    value: Span,
}

impl Document {
    /// Reads one YAML 1.2 document (JSON is a subset). `file` is the name that faults will carry.
    ///
    /// Every duplicate key, alias and tag is reported at once; a syntax error ends the reading, so it
    /// comes last.
    pub fn parse(file: &str, text: Arc<str>) -> Result<Self, Vec<Fault>> {
        Self::parse_within(file, text, Bounds::default())
    }

    /// The same, with bounds of the reader's own: for what is read once by a command, never by a gate.
    pub fn parse_within(file: &str, text: Arc<str>, bounds: Bounds) -> Result<Self, Vec<Fault>> {
        let file: Arc<str> = file.into();
        let tree = tree::read(&file, &text, bounds)?;
        Ok(Self {
            file,
            text,
            value: tree.value,
            spans: tree.spans,
            lines_before: 0,
        })
    }

    /// The same, of one line of a file that has others before it.
    pub fn parse_line(file: &str, text: Arc<str>, lines_before: usize) -> Result<Self, Vec<Fault>> {
        let moved = |mut fault: Fault| {
            fault.place.lines_before = lines_before;
            fault
        };
        let document = Self::parse(file, text);
        let document = document.map_err(|faults| faults.into_iter().map(moved).collect::<Vec<_>>());
        Ok(Self {
            lines_before,
            ..document?
        })
    }

    /// A value that was read otherwise: nobody knows where its parts stand.
    pub fn without_places(value: Value) -> Self {
        Self {
            file: Arc::default(),
            text: Arc::default(),
            value,
            spans: HashMap::new(),
            lines_before: 0,
        }
    }

    /// The whole value; an empty document is `null`.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value at a JSON pointer (RFC 6901); the empty pointer is the whole.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// The name of the file, as given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The text that was read.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Where the value at `pointer` stands; for a missing one, where its nearest parent stands.
    pub fn place(&self, pointer: &str) -> Place {
        let span = self.nearest(pointer).map(|spans| spans.value);
        self.at(pointer, span)
    }

    /// Where the key of the value at `pointer` stands; the value's own place where it has no key.
    pub fn key_place(&self, pointer: &str) -> Place {
        let span = self
            .nearest(pointer)
            .map(|spans| spans.key.unwrap_or(spans.value));
        self.at(pointer, span)
    }

    /// `file:line` of the key of the value at `pointer`, for messages that name a second place.
    pub fn line(&self, pointer: &str) -> String {
        match self.key_place(pointer).line_column() {
            Some((line, _)) => format!("{}:{line}", self.file),
            None => self.file.to_string(),
        }
    }

    /// A whole line, counted from 1, without its indent; for what is known by `file:line` only.
    pub fn line_place(&self, line: usize) -> Place {
        let mut rest = self.text.split_inclusive('\n');
        let before = rest.by_ref().take(line.saturating_sub(1));
        let start = before.map(str::len).sum::<usize>();
        let text = rest.next().unwrap_or_default();
        let indent = text.len() - text.trim_start().len();
        Place {
            file: self.file.to_string(),
            key: String::new(),
            span: Some(Span {
                start: start + indent,
                len: text.trim().len(),
            }),
            text: Some(Arc::clone(&self.text)),
            lines_before: self.lines_before,
        }
    }

    fn at(&self, pointer: &str, span: Option<Span>) -> Place {
        Place {
            file: self.file.to_string(),
            key: self.key_path(pointer),
            span,
            text: Some(Arc::clone(&self.text)),
            lines_before: self.lines_before,
        }
    }

    fn nearest(&self, pointer: &str) -> Option<Spans> {
        let mut pointer = pointer;
        loop {
            if let Some(spans) = self.spans.get(pointer) {
                return Some(*spans);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    /// A pointer as people write it: `routes[2].upstream`, `paths["/app/v1"].get`.
    fn key_path(&self, pointer: &str) -> String {
        let mut out = String::new();
        let mut at = Some(&self.value);
        for token in pointer.split('/').skip(1) {
            let name = unescape(token);
            if at.is_some_and(Value::is_array) {
                out.push_str(&["[", &name, "]"].concat());
            } else if is_plain(&name) {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&name);
            } else {
                out.push_str(&["[\"", &name, "\"]"].concat());
            }
            at = at.and_then(|value| match value {
                Value::Array(items) => items.get(name.parse::<usize>().ok()?),
                Value::Object(map) => map.get(&name),
                _ => None,
            });
        }
        out
    }
}

/// The pointer of a part of the value at `pointer`: a key, or an index as text.
pub fn child(pointer: &str, token: &str) -> String {
    let mut out = String::with_capacity(pointer.len() + 1 + token.len());
    out.push_str(pointer);
    out.push('/');
    for c in token.chars() {
        match c {
            '~' => out.push_str("~0"),
            '/' => out.push_str("~1"),
            c => out.push(c),
        }
    }
    out
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
