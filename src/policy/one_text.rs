//! The whole schema in one text, for editors and for Cedar's own tools.
//!
//! The gate reads a core, the actions of the routes and a deployment's own types as fragments of one namespace.
//! Editors read one file, in which a namespace stands once.

use super::source::{Settings, Source};
use super::{operations, schema, stack};
use crate::fault::{Fault, Place};
use cedar_policy::{Schema, SchemaFragment};
use serde_json::{Map, Value};

/// What stands above it.
const HEAD: &str = "// Written by `palisade schema`: the core, the actions of the routes and the deployment's own types.\n\
    // For editors and for Cedar's tools. Nobody edits it, and the gate does not read it.\n";

/// The schema that policies are held to, in Cedar's own syntax, or what is wrong with it.
pub fn one_text(settings: &Settings) -> Result<String, Vec<Fault>> {
    stack::run(|| merged(settings)).unwrap_or_else(|error| {
        let message = error.to_string();
        Err(vec![Fault::error(
            "policy_engine",
            Place::file("schema"),
            message,
        )])
    })
}

/// Call it on a large stack only (`stack::run`).
fn merged(settings: &Settings) -> Result<String, Vec<Fault>> {
    let named = operations::review(&settings.operations)?;
    // Whatever is wrong with the fragments is told with its place, which the one text no longer has.
    schema::build(settings, named.clone())?;
    let text = operations::fragment(named.values(), settings.principals_act_in);
    let actions = schema::parse(&Source::new("operations.cedarschema", text))?;
    let mut all = Map::new();
    for fragment in schema::fragments(settings)?.into_iter().chain([actions]) {
        let json = fragment.to_json_value().map_err(|error| broken(&error))?;
        add(&mut all, json);
    }
    let whole = SchemaFragment::from_json_value(Value::Object(all));
    let whole = whole.map_err(|error| broken(&error))?;
    let text = whole.to_cedarschema().map_err(|error| broken(&error))?;
    // What editors are given is what they can read.
    let _ = Schema::from_cedarschema_str(&text).map_err(|error| broken(&error))?;
    Ok(format!("{HEAD}{}\n", text.trim_end()))
}

fn broken(error: &impl std::fmt::Display) -> Vec<Fault> {
    let message = format!("the schema cannot be written as one text: {error}");
    vec![Fault::error(
        "schema_invalid",
        Place::file("schema"),
        message,
    )]
}

/// Adds what `more` declares: objects grow into one another, and no name stands in two fragments.
fn add(whole: &mut Map<String, Value>, more: Value) {
    let Value::Object(more) = more else { return };
    for (key, value) in more {
        match (whole.get_mut(&key), value) {
            (Some(Value::Object(known)), value @ Value::Object(_)) => add(known, value),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}
