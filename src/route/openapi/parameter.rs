//! Parameters of a path item or an operation.

use super::super::meaning::unlisted;
use super::super::{ReferenceKind, ValuePattern};
use super::Reader;
use crate::document::{Document, child};
use crate::fault::{Fault, Place};
use serde_json::Value;

/// What a path parameter holds, where that is no id.
const PATTERN: &str = "x-palisade-pattern";

/// What a list of parameters comes to.
#[derive(Default)]
pub(super) struct Parameters {
    /// What those of query and headers mean.
    pub(super) kinds: Vec<ReferenceKind>,
    /// Those of the path that have a pattern of their own, and where each is given.
    pub(super) patterns: Vec<(String, ValuePattern, Place)>,
}

impl Parameters {
    /// With those of the path item; the operation's own go before them.
    pub(super) fn and(mut self, shared: &Self) -> Self {
        self.kinds.extend(&shared.kinds);
        let own = |name: &String| self.patterns.iter().any(|(known, ..)| known == name);
        let more = shared.patterns.iter().filter(|(name, ..)| !own(name));
        let more: Vec<_> = more.cloned().collect();
        self.patterns.extend(more);
        self
    }
}

impl<'a> Reader<'a> {
    /// What the parameters mean; those that only look like a tenant are faults.
    pub(super) fn parameters(&mut self, owner: &Value, at: &str) -> Parameters {
        let mut parameters = Parameters::default();
        let at = child(at, "parameters");
        let list = match owner.get("parameters") {
            None => return parameters,
            Some(Value::Array(list)) => list,
            Some(_) => {
                let fault = self.error("openapi_parameter", &at, "not a list");
                let help = "write a list of parameters: `parameters: [..]`";
                self.faults.push(fault.help(help));
                return parameters;
            }
        };
        for index in 0..list.len() {
            let pointer = child(&at, &index.to_string());
            if let Err(fault) = self.parameter(&pointer, &mut parameters) {
                self.faults.push(*fault);
            }
        }
        parameters
    }

    fn parameter(&mut self, pointer: &str, into: &mut Parameters) -> Result<(), Box<Fault>> {
        let document: &'a Document = self.document;
        let value = document.get(pointer).unwrap_or(&Value::Null);
        let (value, at) = self.resolve(value, pointer)?;
        self.extensions(value, &at, &[PATTERN]);
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let (Some(name), Some(place)) = (text("name"), text("in")) else {
            let message = "a parameter without `name` and `in`";
            let fault = self.error("openapi_parameter", &at, message);
            return Err(fault
                .help("write both: `name: limit` and `in: query`")
                .into());
        };
        let known = match place {
            // What it means is read with the template; here only what it may hold.
            "path" => {
                into.patterns.extend(self.pattern(name, value, &at)?);
                return Ok(());
            }
            "query" => self.references.of_query(name),
            "header" => self.references.of_header(name),
            "cookie" => None,
            _ => {
                let message = format!("`{place}` is no place");
                let fault = self.error("openapi_parameter", &child(&at, "in"), message);
                return Err(fault.help("one of path, query, header, cookie").into());
            }
        };
        into.kinds.extend(known);
        let unlisted = || unlisted(place, name, &self.document.place(&child(&at, "name")));
        match known.is_none().then(unlisted).flatten() {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }

    fn pattern(
        &self,
        name: &str,
        value: &Value,
        at: &str,
    ) -> Result<Option<(String, ValuePattern, Place)>, Box<Fault>> {
        let Some(given) = value.get(PATTERN) else {
            return Ok(None);
        };
        let pointer = child(at, PATTERN);
        let read = given.as_str().ok_or_else(|| "not a text".to_owned());
        match read.and_then(ValuePattern::read) {
            Ok(pattern) => {
                let place = self.document.place(&pointer);
                Ok(Some((name.to_owned(), pattern, place)))
            }
            Err(why) => Err(self
                .error("route_pattern", &pointer, format!("no pattern: {why}"))
                .help("write a regular expression for the whole value: `[a-z0-9.-]+`")
                .into()),
        }
    }
}
