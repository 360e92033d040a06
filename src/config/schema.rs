//! JSON Schemas of the files, made from their shapes.

use super::file::{Config, Revocations, Tenant};
use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;
use std::sync::LazyLock;

/// A schema, and what holds values against it: that is made once, and costs more than a file does.
pub(crate) struct Rules {
    pub(super) schema: Value,
    pub(super) validator: Validator,
}

pub(super) static CONFIG: LazyLock<Rules> = LazyLock::new(|| Rules::of::<Config>("config"));
pub(super) static TENANT: LazyLock<Rules> = LazyLock::new(|| Rules::of::<Tenant>("tenant"));
pub(super) static REVOCATIONS: LazyLock<Rules> =
    LazyLock::new(|| Rules::of::<Revocations>("revocations"));

/// Schema of `palisade.yaml`.
pub fn config() -> &'static Value {
    &CONFIG.schema
}

/// Schema of a tenant file.
pub fn tenant() -> &'static Value {
    &TENANT.schema
}

/// Schema of a file of revocations.
pub fn revocations() -> &'static Value {
    &REVOCATIONS.schema
}

impl Rules {
    /// The schema.
    pub(crate) fn schema(&self) -> &Value {
        &self.schema
    }

    /// Of a shape, under a name of its own.
    pub(crate) fn of<T: JsonSchema>(name: &str) -> Self {
        let schema = schema_of::<T>(name);
        let validator = jsonschema::options()
            .with_format("moment", |text| {
                crate::clock::Timestamp::parse_rfc3339(text).is_some()
            })
            .should_validate_formats(true)
            .build(&schema)
            .expect("made from our own types, and a test holds it against its meta-schema");
        Self { schema, validator }
    }
}

fn schema_of<T: JsonSchema>(name: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        // References would stand between a fault and the keys that it should suggest.
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    WithoutNull.transform(&mut schema);
    schema.insert(
        "$id".to_owned(),
        format!("urn:palisade:schema:{name}").into(),
    );
    schema.to_value()
}

/// Takes `null` out: a key that may be left out may not be left empty, because an empty key is a
/// value that somebody forgot.
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
            branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
            if let [Value::Object(only)] = branches.as_slice() {
                let only = only.clone();
                object.remove("anyOf");
                for (key, value) in only {
                    object.entry(key).or_insert(value);
                }
            }
        }
        // Of a mapping, each key says its own default.
        if object
            .get("default")
            .is_some_and(|default| default.is_null() || default.is_object())
        {
            object.remove("default");
        }
        if let Some(Value::Array(values)) = object.get_mut("enum") {
            values.retain(|value| !value.is_null());
        }
    }
}

#[cfg(test)]
mod tests;
