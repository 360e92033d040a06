//! Schemas of bodies without all that the gate does not read: what is left says which names a body may hold.

use crate::document::{Document, child};
use crate::fault::Fault;
use crate::route::openapi::percent_decoded;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Keywords that hold one schema.
const ONE: [&str; 6] = [
    "if",
    "then",
    "else",
    "items",
    "additionalProperties",
    "unevaluatedProperties",
];
/// Keywords that hold a list of schemas.
const LISTS: [&str; 4] = ["allOf", "oneOf", "anyOf", "prefixItems"];
/// Keywords that hold schemas by name.
const MAPS: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];
/// How many schemas one operation may use.
const SCHEMAS_MAX: usize = 5_000;

/// The schemas that an operation uses, by the names that they get.
#[derive(Clone, Debug, Default)]
pub(super) struct Schemas {
    /// Where each stands in the document.
    names: BTreeMap<String, String>,
    pub(super) by_name: BTreeMap<String, Value>,
    /// Those that nobody has looked at.
    waiting: Vec<String>,
}

impl Schemas {
    /// A request body, with every schema that it leads to. `Err`: it has no content, or leads to too many.
    pub(super) fn body(
        &mut self,
        document: &Document,
        body: &Value,
        at: &str,
    ) -> Result<Value, Box<Fault>> {
        let Some(Value::Object(content)) = body.get("content") else {
            let message = "a request body without `content`";
            let fault = Fault::error("openapi_request_body", document.place(at), message);
            return Err(Box::new(
                fault.help("write `content`, and a media type in it"),
            ));
        };
        let mut types = Map::new();
        for (kind, media) in content {
            let mut kept = Map::new();
            if let Some(schema) = media.get("schema") {
                kept.insert("schema".to_owned(), self.small(document, schema));
            }
            types.insert(kind.clone(), Value::Object(kept));
        }
        while let Some(pointer) = self.waiting.pop() {
            if self.by_name.len() >= SCHEMAS_MAX {
                let message = format!("a body of more than {SCHEMAS_MAX} schemas");
                let fault = Fault::error("openapi_body", document.place(at), message);
                return Err(Box::new(fault.help("use fewer schemas in one body")));
            }
            let schema = document.get(&pointer).unwrap_or(&Value::Null);
            let small = self.small(document, schema);
            if let Some(name) = self.names.get(&pointer) {
                self.by_name.insert(name.clone(), small);
            }
        }
        Ok(json!({ "content": types }))
    }

    /// Documents nest 64 deep at most, so this does.
    fn small(&mut self, document: &Document, schema: &Value) -> Value {
        let mut out = Map::new();
        if let Some(reference) = schema.get("$ref") {
            let reference = self.reference(document, reference);
            out.insert("$ref".to_owned(), reference);
        }
        for key in ONE {
            if let Some(inner) = schema.get(key).filter(|inner| inner.is_object()) {
                out.insert(key.to_owned(), self.small(document, inner));
            }
        }
        for key in LISTS {
            if let Some(Value::Array(list)) = schema.get(key) {
                let list = list.iter().map(|inner| self.small(document, inner));
                out.insert(key.to_owned(), list.collect());
            }
        }
        for key in MAPS {
            if let Some(Value::Object(map)) = schema.get(key) {
                let map = map.iter();
                let map = map.map(|(name, inner)| (name.clone(), self.small(document, inner)));
                out.insert(key.to_owned(), Value::Object(map.collect()));
            }
        }
        Value::Object(out)
    }

    /// The same under the name that it gets. One that leads nowhere stays as it is, for the gate to refuse.
    fn reference(&mut self, document: &Document, reference: &Value) -> Value {
        let target = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let target = target.and_then(percent_decoded);
        let Some(target) = target.filter(|target| document.get(target).is_some()) else {
            return reference.clone();
        };
        let name = match self.names.get(&target) {
            Some(name) => name.clone(),
            None => self.new_name(target),
        };
        json!(format!("#{}", child("/components/schemas", &name)))
    }

    /// Its own, if it is a named schema; else its place, in characters that a name may have.
    fn new_name(&mut self, target: String) -> String {
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        let own = target.strip_prefix("/components/schemas/");
        let own = own.filter(|name| plain(name)).map(str::to_owned);
        let name = own.unwrap_or_else(|| by_place(&target));
        self.names.insert(target.clone(), name.clone());
        self.waiting.push(target);
        name
    }
}

fn by_place(pointer: &str) -> String {
    let mut name = "at.".to_owned();
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "_{byte:02x}");
        }
    }
    name
}

/// Every name that a property of these may have.
pub(super) fn property_names<'a>(schemas: impl Iterator<Item = &'a Value>) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    let mut waiting: Vec<&Value> = schemas.collect();
    while let Some(schema) = waiting.pop() {
        let properties = schema.get("properties").and_then(Value::as_object);
        names.extend(
            properties
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str),
        );
        waiting.extend(ONE.iter().filter_map(|key| schema.get(*key)));
        let lists = LISTS.iter().filter_map(|key| schema.get(*key)?.as_array());
        waiting.extend(lists.flatten());
        let maps = MAPS.iter().filter_map(|key| schema.get(*key)?.as_object());
        waiting.extend(maps.flat_map(Map::values));
    }
    names
}
