//! Every way in which a document does not fit its JSON Schema, as faults with place and remedy.
//!
//! serde stops at the first fault; the schema finds them all, so that a reader repairs a file once.

use super::schema::Rules;
use crate::document::{Document, child};
use crate::fault::{Fault, Span, nearest};
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// All misfits, in the order of the file.
pub(super) fn misfits(document: &Document, rules: &Rules) -> Vec<Fault> {
    let schema = &rules.schema;
    let finder = Finder { document, schema };
    let mut faults = Vec::new();
    for error in rules.validator.iter_errors(document.value()) {
        finder.explain(&error, &mut faults);
    }
    drop_meant(&mut faults);
    redact(document, &mut faults);
    faults.sort_by_key(|fault| fault.place.span.map(|span| span.start));
    faults
}

/// `hots` is unknown, and `hosts` is missing: that is one mistake.
fn drop_meant(faults: &mut Vec<Fault>) {
    let meant = |fault: &Fault| {
        let name = fault.help.as_ref()?.strip_prefix("did you mean `")?;
        let name = name.strip_suffix("`?")?;
        let key = &fault.place.key;
        let parent = key.rsplit_once('.').map_or("", |(parent, _)| parent);
        Some((parent.to_owned(), missing(name)))
    };
    let unknown = faults.iter().filter(|fault| fault.code == UNKNOWN_KEY);
    let meant: Vec<(String, String)> = unknown.filter_map(meant).collect();
    faults.retain(|fault| {
        let named = |(parent, message): &(String, String)| {
            fault.place.key == *parent && fault.message == *message
        };
        fault.code != MISSING_KEY || !meant.iter().any(named)
    });
}

/// A secret that was written out shows in no fault's source, be it the neighbour's.
fn redact(document: &Document, faults: &mut [Fault]) {
    let secrets = faults.iter().filter(|fault| fault.code == SECRET);
    let spans: Vec<Span> = secrets.filter_map(|fault| fault.place.span).collect();
    if spans.is_empty() {
        return;
    }
    let hidden = |at: usize| {
        spans
            .iter()
            .any(|span| (span.start..span.start + span.len).contains(&at))
    };
    let bytes = document.text().bytes().enumerate();
    let bytes = bytes.map(|(at, byte)| {
        if hidden(at) && byte != b'\n' {
            b'*'
        } else {
            byte
        }
    });
    // Spans begin and end between characters, so this is UTF-8; if it ever were not, nothing shows.
    let text: Option<Arc<str>> = String::from_utf8(bytes.collect()).ok().map(Into::into);
    for fault in faults {
        fault.place.text.clone_from(&text);
    }
}

fn missing(key: &str) -> String {
    format!("`{key}` is missing")
}

const UNKNOWN_KEY: &str = "config_unknown_key";
const MISSING_KEY: &str = "config_missing_key";
const SECRET: &str = "config_secret";

/// The shape of a document, or every way in which it does not fit.
pub(crate) fn shape<T: DeserializeOwned>(
    document: &Document,
    rules: &Rules,
) -> Result<T, Vec<Fault>> {
    let faults = misfits(document, rules);
    if !faults.is_empty() {
        return Err(faults);
    }
    // What the schema accepts, serde reads; should the two ever differ, it is a fault and no panic.
    T::deserialize(document.value()).map_err(|error| {
        let message = cut(&error.to_string());
        vec![Fault::error("config_value", document.place(""), message)]
    })
}

struct Finder<'a> {
    document: &'a Document,
    schema: &'a Value,
}

impl Finder<'_> {
    fn explain(&self, error: &ValidationError<'_>, faults: &mut Vec<Fault>) {
        let at = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                faults.extend(unexpected.iter().map(|key| self.unknown_key(error, key)));
            }
            ValidationErrorKind::AnyOf { context } => self.closest(error, context, faults),
            ValidationErrorKind::Required { property } => {
                faults.push(self.missing_key(error, property.as_str().unwrap_or_default()));
            }
            ValidationErrorKind::Type { kind } => faults.push(self.wrong_type(error, kind)),
            ValidationErrorKind::Enum { options } => {
                let known = options.as_array().map(Vec::as_slice).unwrap_or_default();
                faults.push(self.unknown_value(error, known));
            }
            ValidationErrorKind::Constant { expected_value } => {
                let message = format!(
                    "`{}` is not `{}`",
                    shown(error.instance()),
                    shown(expected_value)
                );
                let fault = Fault::error("config_value", self.document.place(at), message);
                faults.push(fault.help(format!("write `{}`", shown(expected_value))));
            }
            ValidationErrorKind::Pattern { .. } | ValidationErrorKind::Format { .. } => {
                faults.push(self.misspelt(error));
            }
            kind => faults.push(self.out_of_bounds(error, kind)),
        }
    }

    fn unknown_key(&self, error: &ValidationError<'_>, key: &str) -> Fault {
        let pointer = child(error.instance_path().as_str(), key);
        let known: Vec<&str> = self
            .node(error)
            .get("properties")
            .and_then(Value::as_object)
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let help = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys here: {}", listed(&known)),
        };
        let message = format!("unknown key `{}`", cut(key));
        Fault::error(UNKNOWN_KEY, self.document.key_place(&pointer), message).help(help)
    }

    fn missing_key(&self, error: &ValidationError<'_>, key: &str) -> Fault {
        let at = error.instance_path().as_str();
        let property = self
            .node(error)
            .get("properties")
            .and_then(|all| all.get(key));
        let mut help = format!(
            "add `{key}: {}`",
            property.map_or_else(|| "..".to_owned(), example)
        );
        if let Some(meaning) = property.and_then(|property| text(property, "description")) {
            let first = meaning
                .split("\n\n")
                .next()
                .unwrap_or(meaning)
                .replace('\n', " ");
            help = format!("{help} ({})", first.trim_end_matches('.'));
        }
        let place = self.document.key_place(at);
        Fault::error(MISSING_KEY, place, missing(key)).help(help)
    }

    fn wrong_type(&self, error: &ValidationError<'_>, kind: &TypeKind) -> Fault {
        let place = self.document.place(error.instance_path().as_str());
        let expected = match kind {
            TypeKind::Single(kind) => named(&kind.to_string()).to_owned(),
            TypeKind::Multiple(kinds) => {
                let names: Vec<String> = kinds
                    .iter()
                    .map(|kind| named(&kind.to_string()).to_owned())
                    .collect();
                names.join(" or ")
            }
        };
        let node = self.node(error);
        let expected = text(node, "title").map_or(expected, |title| format!("a {title}"));
        let message = format!("expected {expected}, found {}", found(error.instance()));
        let fault = Fault::error("config_type", place, message);
        match node.get("examples") {
            Some(_) => fault.help(format!("write it like {}", examples(node))),
            None if error.instance().is_null() => fault.help("give it a value, or remove the key"),
            None => fault,
        }
    }

    fn unknown_value(&self, error: &ValidationError<'_>, options: &[Value]) -> Fault {
        let known: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        let given = shown(error.instance());
        let help = match nearest(&given, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? known: {}", listed(&known)),
            None => format!("known: {}", listed(&known)),
        };
        let place = self.document.place(error.instance_path().as_str());
        Fault::error("config_value", place, format!("unknown value `{given}`")).help(help)
    }

    fn misspelt(&self, error: &ValidationError<'_>) -> Fault {
        let at = error.instance_path().as_str();
        let node = self.node(error);
        let what = text(node, "title");
        let help = match node.get("examples") {
            Some(_) => format!("write it like {}", examples(node)),
            None => format!(
                "it has to match `{}`",
                text(node, "pattern").unwrap_or_default()
            ),
        };
        if node.get("writeOnly").is_some_and(|hidden| *hidden == true) {
            return Fault::error(
                SECRET,
                self.document.place(at),
                "a secret is not written here, only where it is kept",
            )
            .help(help);
        }
        let given = shown(error.instance());
        let message = match what {
            Some(what) => format!("`{given}` is not a {what}"),
            None => format!("`{given}` is not spelt as it should be"),
        };
        Fault::error("config_value", self.document.place(at), message).help(help)
    }

    fn out_of_bounds(&self, error: &ValidationError<'_>, kind: &ValidationErrorKind) -> Fault {
        let given = shown(error.instance());
        let message = match kind {
            ValidationErrorKind::Minimum { limit } => format!("{given} is less than {limit}"),
            ValidationErrorKind::Maximum { limit } => format!("{given} is more than {limit}"),
            ValidationErrorKind::MinLength { limit: 1 } => "it is empty".to_owned(),
            ValidationErrorKind::MinItems { limit: 1 } => "the list is empty".to_owned(),
            ValidationErrorKind::MinProperties { limit: 1 } => "there is no entry in it".to_owned(),
            ValidationErrorKind::MaxLength { limit } => format!("longer than {limit} characters"),
            _ => cut(&error.to_string()),
        };
        let place = self.document.place(error.instance_path().as_str());
        let fault = Fault::error("config_value", place, message);
        match text(self.node(error), "description") {
            Some(meaning) => {
                fault.help(meaning.replace('\n', " ").trim_end_matches('.').to_owned())
            }
            None => fault,
        }
    }

    /// None of several forms fits: explains what is wrong with the form that was meant, which is one
    /// whose type at least is right.
    fn closest(
        &self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'static>>],
        faults: &mut Vec<Fault>,
    ) {
        let at = error.instance_path().as_str();
        let other_type = |inner: &&ValidationError<'_>| {
            matches!(inner.kind(), ValidationErrorKind::Type { .. })
                && inner.instance_path().as_str() == at
        };
        let meant = context
            .iter()
            .filter(|branch| !branch.iter().any(|inner| other_type(&inner)))
            .min_by_key(|branch| branch.len());
        if let Some(meant) = meant {
            for inner in meant {
                self.explain(inner, faults);
            }
            return;
        }
        let node = self.node(error);
        let forms: Vec<String> = node
            .get("anyOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(form)
            .collect();
        let message = format!(
            "expected {}, found {}",
            forms.join(" or "),
            found(error.instance())
        );
        faults.push(Fault::error(
            "config_type",
            self.document.place(at),
            message,
        ));
    }

    /// The schema that holds the keyword that failed.
    fn node(&self, error: &ValidationError<'_>) -> &Value {
        let path = error.schema_path().as_str();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.schema.pointer(parent).unwrap_or(&Value::Null)
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> Option<&'a str> {
    schema.get(key).and_then(Value::as_str)
}

fn examples(schema: &Value) -> String {
    let all = schema.get("examples").and_then(Value::as_array);
    let all: Vec<String> = all
        .into_iter()
        .flatten()
        .map(|one| format!("`{}`", shown(one)))
        .collect();
    all.join(", ")
}

fn example(schema: &Value) -> String {
    let first = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_array)
            .and_then(|all| all.first())
    };
    match first("examples")
        .or_else(|| first("enum"))
        .or_else(|| schema.get("const"))
    {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "..".to_owned(),
    }
}

fn form(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return listed(&words);
    }
    if let Some(word) = schema.get("const") {
        return format!("`{}`", shown(word));
    }
    named(text(schema, "type").unwrap_or_default()).to_owned()
}

fn named(json_type: &str) -> &str {
    match json_type {
        "array" => "a list",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "null" => "nothing",
        "number" => "a number",
        "object" => "a mapping",
        _ => "a text",
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(given) => format!("`{given}`"),
        Value::Number(given) => format!("the number `{given}`"),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text),
        other => cut(&other.to_string()),
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

const SHOWN_CHARS_MAX: usize = 80;

#[cfg(test)]
mod tests;
