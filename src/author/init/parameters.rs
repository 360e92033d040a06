//! Parameters of operations: those that the gate reads, and those that do not fit their path.

use super::findings::{At, Findings};
use super::survey::cut;
use crate::document::{Document, child};
use crate::fault::Fault;
use crate::route::openapi::follow;
use serde_json::{Map, Value};

/// What a path parameter holds that is no id.
const PATTERN: &str = "x-palisade-pattern";
/// Formats whose values are no ids (RULES 14).
const WIDE: [&str; 11] = [
    "email",
    "idn-email",
    "uri",
    "url",
    "uri-reference",
    "iri",
    "date-time",
    "time",
    "hostname",
    "ipv4",
    "ipv6",
];

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// `path`, `query`, `header` or `cookie`.
    pub(super) place: String,
    /// What it says to the gate.
    pub(super) says: Map<String, Value>,
    /// Its schema says that it holds more than an id.
    pub(super) wide: Option<String>,
}

impl Parameter {
    fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.place == other.place
    }

    /// As the gate reads it.
    pub(super) fn value(&self) -> Value {
        let mut value = self.says.clone();
        value.insert("name".to_owned(), self.name.as_str().into());
        value.insert("in".to_owned(), self.place.as_str().into());
        Value::Object(value)
    }
}

/// Those of an operation, and of its path item where the operation has none of that name.
pub(super) fn read(
    document: &Document,
    (item, item_at): (&Value, &str),
    (operation, at): (&Map<String, Value>, &str),
) -> Result<Vec<Parameter>, Box<Fault>> {
    let mut all = list(document, operation.get("parameters"), at)?;
    for shared in list(document, item.get("parameters"), item_at)? {
        if !all.iter().any(|own| own.is(&shared)) {
            all.push(shared);
        }
    }
    Ok(all)
}

fn list(
    document: &Document,
    declared: Option<&Value>,
    owner: &str,
) -> Result<Vec<Parameter>, Box<Fault>> {
    let at = child(owner, "parameters");
    let fault = |pointer: &str, message: &str, help: &str| {
        let place = document.place(pointer);
        Box::new(Fault::error("openapi_parameter", place, message).help(help))
    };
    let list = match declared {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => {
            let help = "write a list of parameters: `parameters: [..]`";
            return Err(fault(&at, "`parameters` is not a list", help));
        }
    };
    let mut all: Vec<Parameter> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let (value, at) = follow(document, value, &child(&at, &index.to_string()))?;
        let Some(one) = parameter(value) else {
            let message = "a parameter without `name` and `in`";
            return Err(fault(
                &at,
                message,
                "write both: `name: limit` and `in: query`",
            ));
        };
        if all.iter().any(|other| other.is(&one)) {
            let message = format!("{} parameter `{}` stands twice", one.place, cut(&one.name));
            return Err(fault(&at, &message, "keep one of the two"));
        }
        all.push(one);
    }
    Ok(all)
}

fn parameter(value: &Value) -> Option<Parameter> {
    let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let map = value.as_object()?;
    let ours = map.iter().filter(|(key, _)| key.starts_with("x-palisade-"));
    let schema = |key: &str| value.get("schema")?.get(key)?.as_str();
    let format = schema("format").filter(|format| WIDE.contains(format));
    let wide = format.map(|format| format!("format `{format}`"));
    let pattern = || schema("pattern").map(|pattern| format!("pattern `{}`", cut(pattern)));
    Some(Parameter {
        name: text("name")?,
        place: text("in")?,
        says: ours
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        wide: wide.or_else(pattern),
    })
}

/// Without those that the path does not have; what is missing, and what holds more than an id, is told.
pub(super) fn fitting(
    declared: Vec<Parameter>,
    template: &str,
    at: &At,
    findings: &mut Findings,
) -> Vec<Parameter> {
    let code = "openapi_parameter";
    let names: Vec<&str> = names(template).collect();
    for name in &names {
        let known = |one: &Parameter| one.place == "path" && one.name == *name;
        if !declared.iter().any(known) {
            let message = format!("`{{{}}}` of the path is not declared", cut(name));
            let help = "declare it with `in: path`; the gate takes it for an id";
            findings.warn(at, code, &message, help);
        }
    }
    let mut fitting = Vec::new();
    for one in declared {
        if one.place == "path" && !names.contains(&one.name.as_str()) {
            let message = format!(
                "path parameter `{}` does not occur in the path",
                cut(&one.name)
            );
            let help = "remove it, or correct its name; the gate does not read it";
            findings.warn(at, code, &message, help);
            continue;
        }
        if let Some(wide) = one.wide.as_ref().filter(|_| one.place == "path")
            && !one.says.contains_key(PATTERN)
        {
            let message = format!(
                "`{{{}}}` has {wide}, and the gate takes ids only",
                cut(&one.name)
            );
            let help = format!(
                "where its values hold more than A-Z a-z 0-9 _ -, say which: `{PATTERN}: '[a-z0-9@.-]+'`"
            );
            findings.note(at, "openapi_pattern", &message, &help);
        }
        fitting.push(one);
    }
    fitting
}

/// Names of the parameters of a path, in its order.
pub(super) fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('/').filter_map(name_of)
}

/// The name of the parameter that a segment is. `{a}..{b}` is none.
pub(super) fn name_of(part: &str) -> Option<&str> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    (!name.contains(['{', '}'])).then_some(name)
}
