//! A question becomes a case: added to a file of cases, which keeps everything else that it says.

use super::file::{Case, Certificate, Expect, File, RULES, Values, Whole, Word};
use super::{ALLOW, Desk, Session};
use crate::clock::Timestamp;
use crate::config::{self, Moment};
use crate::document::{Document, child};
use crate::explain::Story;
use crate::fault::{Fault, Place};
use crate::x509::Identity;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A question that was asked, and its answer.
pub struct Answered<'a> {
    /// Method and target, as written.
    pub request: &'a str,
    /// Fields, by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// Claims of the token; `None`: none was sent.
    pub claims: Option<Map<String, Value>>,
    /// The moment of the request.
    pub at: Timestamp,
    /// Whose certificate the client showed.
    pub certificate: Option<&'a Identity>,
    /// The answer.
    pub story: &'a Story,
}

/// The case is not written, and the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// The file cannot be added to.
    #[error("the file of cases has faults")]
    Invalid(Vec<Fault>),
    /// As a case, the question has another answer.
    #[error("as a case it would be told otherwise: {0}; a case takes its claims on trust")]
    Other(String),
    /// The machine.
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Machine(PathBuf, std::io::Error),
}

/// Adds the case to the file at `path`, which is made if it is not there. It must hold where it is
/// written.
pub fn add(
    path: &Path,
    answered: &Answered<'_>,
    desk: &Desk,
    session: &Session<'_>,
) -> Result<(), Unwritten> {
    let before = there(path)?;
    let text = added(path, &before, answered).map_err(Unwritten::Invalid)?;
    let cases = super::read_text(path, text.as_str().into(), desk).map_err(Unwritten::Invalid)?;
    let report = session.run(
        cases
            .get(cases.len().saturating_sub(1)..)
            .unwrap_or_default(),
    );
    if let Some(failed) = report.cases.iter().find(|case| !case.passed) {
        return Err(Unwritten::Other(failed.differences.join("; ")));
    }
    // Asking takes a while, and whoever wrote to it meanwhile must lose nothing.
    if there(path)? != before {
        let error = std::io::Error::other("it was written to meanwhile; try again");
        return Err(Unwritten::Machine(path.to_owned(), error));
    }
    config::replace_file(path, &text).map_err(|error| Unwritten::Machine(path.to_owned(), error))
}

/// The file's text; of none, nothing.
pub(in crate::author) fn there(path: &Path) -> Result<Arc<str>, Unwritten> {
    if !path.exists() {
        return Ok(Arc::from(""));
    }
    let text = config::read_file(path, config::OPENAPI_BYTES_MAX);
    text.map_err(|fault| Unwritten::Invalid(vec![*fault]))
}

/// The file's text with the case in it.
fn added(path: &Path, before: &Arc<str>, answered: &Answered<'_>) -> Result<String, Vec<Fault>> {
    let name = path.display().to_string();
    let document = Document::parse(&name, Arc::clone(before))?;
    let blank = document.value().is_null();
    let file = if blank {
        File::default()
    } else {
        config::shape(&document, &RULES)?
    };
    let case = case(&file, answered);
    let text = inserted(&document, blank, &item(&case));
    // Whatever the file looks like: it must say what it said, and the case.
    let after = text.and_then(|text| {
        let document = Document::parse(&name, text.as_str().into()).ok()?;
        let read: File = config::shape(&document, &RULES).ok()?;
        (said(&read)? == with(&file, case)?).then_some(text)
    });
    after.ok_or_else(|| {
        let fault = Fault::error(
            "test_not_added",
            Place::file(name.clone()),
            "a case cannot be added to this file",
        );
        vec![fault.help("write `cases` as a list with a `-` for each, or name another file")]
    })
}

fn said(file: &File) -> Option<Value> {
    serde_json::to_value(file).ok()
}

fn with(file: &File, case: Case) -> Option<Value> {
    let mut file = file.clone();
    file.cases.push(case);
    said(&file)
}

fn case(file: &File, answered: &Answered<'_>) -> Case {
    let story = answered.story;
    let word = story.decision.code.unwrap_or(ALLOW);
    let mut headers: BTreeMap<String, Values> = BTreeMap::new();
    for (name, value) in &answered.headers {
        let values = headers.entry(name.clone());
        let values = values.or_insert_with(|| Values::Many(Vec::new()));
        if let Values::Many(values) = values {
            values.push(value.clone());
        }
    }
    Case {
        name: name(file, &format!("{} is {word}", answered.request.trim())),
        who: None,
        claims: answered.claims.clone(),
        request: answered.request.trim().to_owned(),
        headers,
        body: answered.body.clone().map(Value::String),
        at: Some(Moment(answered.at)),
        client_ip: None,
        certificate: answered.certificate.map(|owner| Certificate {
            spiffe: owner.spiffe.as_deref().map(str::to_owned),
            dns: owner.dns.iter().map(ToString::to_string).collect(),
        }),
        expect: Expect::Whole(Whole {
            decision: Word(word.to_owned()),
            policies: Some(story.policies.iter().map(|one| one.id.clone()).collect()),
            ..Whole::default()
        }),
    }
}

/// A name that no other case has, and that is not too long.
fn name(file: &File, wanted: &str) -> String {
    let wanted: String = wanted.chars().take(180).collect();
    let taken = |name: &str| file.cases.iter().any(|case| case.name == name);
    let numbered = (2..).map(|number| format!("{wanted} ({number})"));
    let mut names = std::iter::once(wanted.clone()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or(wanted)
}

/// The case as an item of a list, a key on each line. JSON is YAML, and quotes what needs it.
fn item(case: &Case) -> Vec<String> {
    let value = json!(case);
    let keys = [
        "name",
        "claims",
        "request",
        "headers",
        "body",
        "at",
        "certificate",
        "expect",
    ];
    let lines = keys.iter().filter_map(|key| {
        let value = value.get(*key).filter(|value| !is_empty(value))?;
        Some(format!("{key}: {}", pruned(value)))
    });
    lines.collect()
}

/// Without what says nothing.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.contains_key("decision") => {
            let kept = map.iter();
            let kept = kept.filter(|(name, value)| *name == "policies" || !is_empty(value));
            kept.map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        }
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Behind the last case, or at the end. `None`: the list is not written with a `-` for each.
fn inserted(document: &Document, blank: bool, lines: &[String]) -> Option<String> {
    let text = document.text();
    let listed = document.get("/cases").and_then(Value::as_array);
    let Some(count) = listed.map(Vec::len).filter(|count| *count > 0) else {
        // An empty list stands there already, or the whole is written as JSON.
        if !blank && (listed.is_some() || text.trim_start().starts_with('{')) {
            return None;
        }
        let before = text.trim_end();
        let end = if before.is_empty() { "" } else { "\n" };
        return Some(format!("{before}{end}cases:\n{}\n", written(lines, "")));
    };
    let first = document.place(&child("/cases", "0")).span?.start;
    let start = text.get(..first)?.rfind('\n').map_or(0, |at| at + 1);
    let dash = text.get(start..first)?;
    let indent = dash
        .strip_suffix("- ")
        .filter(|dash| dash.trim().is_empty())?;
    let last = document
        .place(&child("/cases", &(count - 1).to_string()))
        .span?;
    let end = last.start + last.len;
    // Behind the line's end: a comment may stand there.
    let end = end + text.get(end..)?.find('\n').unwrap_or(text.len() - end);
    let (before, after) = (text.get(..end)?, text.get(end..)?);
    let after = if after.is_empty() { "\n" } else { after };
    Some(format!("{before}\n{}{after}", written(lines, indent)))
}

fn written(lines: &[String], indent: &str) -> String {
    let lines = lines.iter().enumerate();
    let lines = lines.map(|(index, line)| {
        let dash = if index == 0 { "- " } else { "  " };
        format!("{indent}{dash}{line}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
