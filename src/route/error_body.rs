//! What the body of a refusal looks like on the routes of one set: a JSON template, taken apart once.
//!
//! The list of placeholders is closed: a template cannot ask for what a client must not learn.

use crate::fault::nearest;
use crate::reason::Reason;
use http::HeaderValue;
use serde::de::IgnoredAny;
use std::ops::Range;

/// The longest template, in bytes.
pub const TEMPLATE_BYTES_MAX: u64 = 16 * 1024;

/// A template, ready to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    content_type: HeaderValue,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// JSON as it stands.
    Text(String),
    /// A value inside of quotes, escaped.
    Value(Placeholder),
}

/// What a template can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Code,
    Status,
    Title,
    RequestId,
    Type,
}

/// Why a text is no template, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadTemplate {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// The bytes of the text that are meant.
    pub at: Range<usize>,
}

impl ErrorBody {
    /// Takes a JSON text apart. `${code}` and its like stand inside of strings; a string that is
    /// `${status}` alone becomes a number.
    pub fn parse(text: &str, content_type: HeaderValue) -> Result<Self, Vec<BadTemplate>> {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| vec![not_json(text, &error)])?;
        let mut reading = Reading::default();
        let mut from = 0;
        while let Some(string) = next_string(text, from) {
            reading.copy(text, from..string.start);
            from = string.end;
            reading.string(text, string);
        }
        reading.copy(text, from..text.len());
        if !reading.faults.is_empty() {
            return Err(reading.faults);
        }
        Ok(Self {
            content_type,
            pieces: reading.pieces,
        })
    }

    /// What the body is.
    pub fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }

    /// The body for one refusal.
    pub fn render(&self, reason: Reason, request_id: &str) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(one) => out.push_str(&escaped(&one.value(reason, request_id))),
            }
        }
        out
    }
}

impl Placeholder {
    const NAMES: [(&'static str, Self); 5] = [
        ("code", Self::Code),
        ("status", Self::Status),
        ("title", Self::Title),
        ("request_id", Self::RequestId),
        ("type", Self::Type),
    ];

    fn value(self, reason: Reason, request_id: &str) -> String {
        match self {
            Self::Code => reason.code().to_owned(),
            Self::Status => reason.status().to_string(),
            Self::Title => reason.title().to_owned(),
            Self::RequestId => request_id.to_owned(),
            Self::Type => reason.urn(),
        }
    }
}

/// A template on its way into pieces.
#[derive(Default)]
struct Reading {
    pieces: Vec<Piece>,
    faults: Vec<BadTemplate>,
}

impl Reading {
    fn copy(&mut self, text: &str, part: Range<usize>) {
        let part = text.get(part).unwrap_or_default();
        match self.pieces.last_mut() {
            Some(Piece::Text(before)) => before.push_str(part),
            _ => self.pieces.push(Piece::Text(part.to_owned())),
        }
    }

    /// One string, with its quotes.
    fn string(&mut self, text: &str, string: Range<usize>) {
        let inside = text.get(string.clone()).unwrap_or_default();
        let is_key = text
            .get(string.end..)
            .is_some_and(|rest| rest.trim_start().starts_with(':'));
        if inside == "\"${status}\"" && !is_key {
            self.pieces.push(Piece::Value(Placeholder::Status));
            return;
        }
        let mut from = string.start;
        while let Some(open) = find(text, from..string.end, "${") {
            self.copy(text, from..open);
            let close = find(text, open..string.end, "}").map_or(string.end, |at| at + 1);
            from = close;
            self.placeholder(text, open..close, is_key);
        }
        self.copy(text, from..string.end);
    }

    fn placeholder(&mut self, text: &str, at: Range<usize>, is_key: bool) {
        let spelt = text.get(at.clone()).unwrap_or_default();
        let name = spelt
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        let known = Placeholder::NAMES
            .iter()
            .find(|(known, _)| name == Some(*known));
        match known {
            Some((_, placeholder)) if !is_key => self.pieces.push(Piece::Value(*placeholder)),
            Some(_) => self.faults.push(BadTemplate {
                message: format!("`{spelt}` in the name of a member"),
                help: "placeholders stand in values".to_owned(),
                at,
            }),
            None => self.faults.push(BadTemplate {
                message: format!("`{spelt}` is not a placeholder"),
                help: suggestion(name.unwrap_or(spelt)),
                at,
            }),
        }
    }
}

fn suggestion(name: &str) -> String {
    let names = Placeholder::NAMES.map(|(name, _)| name);
    match nearest(name, names) {
        Some(near) => format!("did you mean `${{{near}}}`?"),
        None => format!(
            "there are {}",
            names.map(|name| format!("`${{{name}}}`")).join(", ")
        ),
    }
}

fn not_json(text: &str, error: &serde_json::Error) -> BadTemplate {
    let before = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let line = before.map(str::len).sum::<usize>();
    let at = (line + error.column().saturating_sub(1)).min(text.len());
    let message = error.to_string();
    BadTemplate {
        message: format!(
            "not JSON: {}",
            message.split(" at line").next().unwrap_or_default()
        ),
        help: "placeholders stand inside of strings: write `\"${status}\"`".to_owned(),
        at: at..(at + 1).min(text.len()).max(at),
    }
}

/// The next string of a JSON text from `from` on, with its quotes.
fn next_string(text: &str, from: usize) -> Option<Range<usize>> {
    let start = find(text, from..text.len(), "\"")?;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(start + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(start..at + 1),
            _ => {}
        }
    }
    None
}

fn find(text: &str, part: Range<usize>, what: &str) -> Option<usize> {
    let start = part.start;
    Some(start + text.get(part)?.find(what)?)
}

/// As it stands between the quotes of a JSON string.
fn escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    let inside = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
