//! Properties of request bodies that look like a tenant and are in no row of the table (RULES 12).
//!
//! Every place where the schemas allow a property is a place where a client can name a tenant:
//! nested objects, lists, alternatives and references inside the file are all followed.

use super::super::meaning::tenant_word;
use super::Reader;
use super::resolve::percent_decoded;
use crate::document::child;
use crate::fault::Fault;
use serde_json::Value;

/// A schema, and the place in the body that it describes.
struct Step<'a> {
    schema: &'a Value,
    /// Where it stands in the file.
    at: String,
    /// Keys from the root of the body; `*` for the items of a list.
    path: Vec<&'a str>,
    /// Named schemas on the way here.
    inside: Vec<String>,
}

/// Keywords that hold further schemas of the same value.
const SAME_LISTS: [&str; 3] = ["allOf", "oneOf", "anyOf"];
const SAME: [&str; 3] = ["if", "then", "else"];
/// Keywords that hold the schema of values of any name.
const NAMELESS: [&str; 2] = ["additionalProperties", "unevaluatedProperties"];
/// A key of any name: no key of a document and no step of the table is this one.
const ANY_NAME: &str = "\0";
/// How many schemas of one body are looked at.
const STEPS_MAX: usize = 20_000;

impl<'a> Reader<'a> {
    /// Faults of the operation's body.
    pub(super) fn body_properties(&mut self, operation: &'a Value, at: &str) {
        let Some(body) = operation.get("requestBody") else {
            return;
        };
        // What it cannot name, `body` has said.
        let Ok((body, at)) = self.resolve(body, &child(at, "requestBody")) else {
            return;
        };
        let content = body.get("content").and_then(Value::as_object);
        for (kind, media) in content.into_iter().flatten() {
            let Some(schema) = media.get("schema") else {
                continue;
            };
            let at = child(&child(&child(&at, "content"), kind), "schema");
            self.schema(schema, at);
        }
    }

    fn schema(&mut self, schema: &'a Value, at: String) {
        let mut waiting = vec![Step {
            schema,
            at,
            path: Vec::new(),
            inside: Vec::new(),
        }];
        let mut steps = 0;
        while let Some(step) = waiting.pop() {
            steps += 1;
            if steps > STEPS_MAX {
                let message = "a body schema with too many parts to look through";
                let fault = self.error("openapi_body", &step.at, message);
                self.faults
                    .push(fault.help("use fewer schemas in one body"));
                return;
            }
            self.step(&step, &mut waiting);
        }
    }

    fn step(&mut self, step: &Step<'a>, waiting: &mut Vec<Step<'a>>) {
        if let Some(reference) = step.schema.get("$ref") {
            match self.named(step, reference) {
                Ok(next) => waiting.extend(next),
                Err(fault) => self.faults.push(*fault),
            }
        }
        for (name, schema) in entries(step.schema, "properties") {
            let at = child(&child(&step.at, "properties"), name);
            let next = step.next(schema, at).under(name);
            let fault = self.unlisted_property(name, &next);
            // One schema may describe several media types and operations.
            if let Some(fault) = fault.filter(|fault| !self.faults.contains(fault)) {
                self.faults.push(fault);
            }
            waiting.push(next);
        }
        for key in SAME {
            waiting.extend(step.keyword(key));
        }
        for key in SAME_LISTS {
            waiting.extend(step.list(key));
        }
        waiting.extend(step.map("dependentSchemas"));
        waiting.extend(step.keyword("items").map(|next| next.under("*")));
        waiting.extend(step.list("prefixItems").map(|next| next.under("*")));
        for key in NAMELESS {
            waiting.extend(step.keyword(key).map(|next| next.under(ANY_NAME)));
        }
        waiting.extend(
            step.map("patternProperties")
                .map(|next| next.under(ANY_NAME)),
        );
    }

    /// The schema that a `$ref` names. A schema inside of itself is followed once more, so that a
    /// property shows at its place and one level further down; deeper ones repeat these.
    fn named(&self, step: &Step<'a>, reference: &Value) -> Result<Option<Step<'a>>, Box<Fault>> {
        let here = child(&step.at, "$ref");
        let target = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let Some(target) = target.and_then(percent_decoded) else {
            let message = "a reference out of the file, where a body may name a tenant";
            return Err(self
                .error("openapi_ref", &here, message)
                .help("put what it names into this file: `#/components/schemas/...`")
                .into());
        };
        let Some(schema) = self.document.get(&target) else {
            let message = format!("`#{target}` is not in the file");
            return Err(self
                .error("openapi_ref", &here, message)
                .help("correct the reference, or add what it names")
                .into());
        };
        if step.inside.iter().filter(|name| **name == target).count() > 1 {
            return Ok(None);
        }
        let mut next = step.next(schema, target.clone());
        next.inside.push(target);
        Ok(Some(next))
    }

    fn unlisted_property(&self, name: &str, step: &Step<'_>) -> Option<Fault> {
        let word = tenant_word(name)?;
        if self.references.of_body_path(&step.path).is_some() {
            return None;
        }
        let pointer = step.path.iter().fold(String::new(), |pointer, key| {
            child(&pointer, if *key == ANY_NAME { "<any>" } else { key })
        });
        let place = self.document.key_place(&step.at);
        let message =
            format!("body property `{pointer}` looks like a tenant and is not in `references`");
        let help = format!(
            "add `- {{ in: body, name: {name}, is: {word} }}` to `references`, or rename it"
        );
        Some(Fault::error("route_reference", place, message).help(help))
    }
}

impl<'a> Step<'a> {
    /// A further schema of the same value.
    fn next(&self, schema: &'a Value, at: String) -> Self {
        Self {
            schema,
            at,
            path: self.path.clone(),
            inside: self.inside.clone(),
        }
    }

    fn under(mut self, key: &'a str) -> Self {
        self.path.push(key);
        self
    }

    /// The schema that is the value of a keyword.
    fn keyword(&self, key: &str) -> Option<Self> {
        let schema = self.schema.get(key).filter(|schema| schema.is_object())?;
        Some(self.next(schema, child(&self.at, key)))
    }

    /// The schemas in the list of a keyword.
    fn list(&self, key: &str) -> impl Iterator<Item = Self> {
        let at = child(&self.at, key);
        let list = self.schema.get(key).and_then(Value::as_array);
        let list = list.into_iter().flatten().enumerate();
        list.map(move |(index, schema)| self.next(schema, child(&at, &index.to_string())))
    }

    /// The schemas by name under a keyword.
    fn map(&self, key: &str) -> impl Iterator<Item = Self> {
        let at = child(&self.at, key);
        let named = entries(self.schema, key);
        named.map(move |(name, schema)| self.next(schema, child(&at, name)))
    }
}

fn entries<'a>(
    schema: &'a Value,
    key: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    let map = schema.get(key).and_then(Value::as_object);
    let map = map.into_iter().flatten();
    map.map(|(name, inner)| (name.as_str(), inner))
}
