//! The schema: the core that ships, the actions that the routes give, and the deployment's types.

use super::budget;
use super::classes::{Classes, Named};
use super::diagnose;
use super::operations;
use super::source::{Settings, Source};
use crate::fault::{Fault, Place};
use cedar_policy::{Schema, SchemaError, SchemaFragment};
use serde_json::Value;

/// Who, what and the action groups; compiled in, nobody edits it.
pub(super) const CORE: &str = include_str!("../../schemas/core.cedarschema");

/// What its copy is called, wherever it lies.
const CORE_FILE: &str = "core.cedarschema";

/// The schema of all questions, and what policies are validated against. Call it on a large stack only
/// (`stack::run`).
pub(super) fn build(settings: &Settings, named: Named) -> Result<(Schema, Classes), Vec<Fault>> {
    let acts_in = settings.principals_act_in;
    let text = operations::fragment(named.values(), acts_in);
    let fragments = fragments(settings)?;
    let actions = parse(&Source::new("operations.cedarschema", text))?;
    let all = fragments.iter().cloned().chain([actions]);
    let schema = Schema::from_schema_fragments(all)
        .map_err(|error| vec![unresolved(&settings.schema, &error)])?;
    let classes = Classes::new(named, acts_in, fragments, &schema);
    Ok((schema, classes))
}

/// Everything but the actions.
pub(super) fn fragments(settings: &Settings) -> Result<Vec<SchemaFragment>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut fragments = vec![parse(&core())?];
    // A copy of the shipped core, for people and editors to read, adds nothing.
    let own = settings
        .schema
        .iter()
        .filter(|source| *source.text != *CORE);
    for source in own {
        match parse(source).and_then(|fragment| review(source, fragment)) {
            Ok(fragment) => fragments.push(fragment),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() {
        Ok(fragments)
    } else {
        Err(faults)
    }
}

fn core() -> Source {
    Source::new(CORE_FILE, CORE)
}

/// Fragments are combined without their texts, so that Cedar's spans would point nowhere: the name
/// that it complains of is looked for.
fn unresolved(own: &[Source], error: &SchemaError) -> Fault {
    let fault = diagnose::fault("schema_invalid", &core(), 0, error);
    let mut words = fault
        .message
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    // The complaint ends with the name.
    let name = words.rfind(|word| !word.is_empty()).unwrap_or_default();
    let own = own.iter().filter(|source| *source.text != *CORE);
    let found = own.clone().find(|source| source.text.contains(name));
    let place = match (found, own.clone().next()) {
        (Some(source), _) => place_of(source, name),
        (None, Some(source)) => diagnose::file(source),
        (None, None) => Place::file(CORE_FILE),
    };
    Fault { place, ..fault }
}

pub(super) fn parse(source: &Source) -> Result<SchemaFragment, Vec<Fault>> {
    budget::scan(&source.text).map_err(|broken| {
        let place = diagnose::place(source, broken.span());
        vec![Fault::error("schema_budget", place, broken.to_string())]
    })?;
    match SchemaFragment::from_cedarschema_str(&source.text) {
        Ok((fragment, _warnings)) => Ok(fragment),
        Err(error) => Err(diagnose::faults("schema_syntax", source, 0, &error)),
    }
}

/// Holds a deployment's fragment to types of its own (RULES 19): an action of another namespace could
/// join our groups, and Cedar would accept it.
fn review(source: &Source, fragment: SchemaFragment) -> Result<SchemaFragment, Vec<Fault>> {
    let mut faults = Vec::new();
    let json = fragment.clone().to_json_value().unwrap_or(Value::Null);
    let Some(namespaces) = json.as_object() else {
        let place = diagnose::file(source);
        return Err(vec![Fault::error(
            "schema_invalid",
            place,
            "the fragment cannot be reviewed",
        )]);
    };
    let core = core_names();
    if let Some(fault) = other_core(source, &json, &core) {
        return Err(vec![fault]);
    }
    for (namespace, declared) in namespaces {
        for name in names(declared, "actions") {
            let fault = Fault::error(
                "schema_action",
                place_of(source, &name),
                format!("declares the action `{name}`"),
            );
            faults.push(
                fault.help("actions come from the routes alone; declare a route, or remove it"),
            );
        }
        let types = names(declared, "entityTypes")
            .into_iter()
            .chain(names(declared, "commonTypes"));
        for name in types.filter(|name| namespace == "Tenancy" && core.contains(name)) {
            let fault = Fault::error(
                "schema_reserved",
                place_of(source, &name),
                format!("declares `Tenancy::{name}`, which is the core schema's"),
            );
            faults.push(fault.help("give the type another name, or a namespace of your own"));
        }
    }
    if faults.is_empty() {
        Ok(fragment)
    } else {
        Err(faults)
    }
}

/// A copy of the core of another version: one fault says so, and not one for each of its types.
fn other_core(source: &Source, json: &Value, core: &[String]) -> Option<Fault> {
    let file = std::path::Path::new(&*source.file).file_name()?;
    let declared = json.get("Tenancy").filter(|_| file == CORE_FILE)?;
    let declared = [
        names(declared, "entityTypes"),
        names(declared, "commonTypes"),
    ]
    .concat();
    if !declared.iter().any(|name| core.contains(name)) {
        return None;
    }
    let lacking = core.iter().filter(|name| !declared.contains(name));
    let lacking: Vec<_> = lacking.map(|name| format!("`{name}`")).collect();
    let message = if lacking.is_empty() {
        "a copy of the core schema that is not this version's".to_owned()
    } else {
        let lacking = lacking.join(", ");
        format!("a copy of the core schema that is not this version's: it lacks {lacking}")
    };
    let fault = Fault::error("schema_core", diagnose::file(source), message);
    Some(fault.help(
        "put the `schemas/core.cedarschema` of this version in its place (`palisade init` in an \
         empty folder writes it), or remove the file: the core is part of the binary",
    ))
}

fn core_names() -> Vec<String> {
    let Ok((core, _)) = SchemaFragment::from_cedarschema_str(CORE) else {
        return Vec::new();
    };
    let json = core.to_json_value().unwrap_or(Value::Null);
    let tenancy = json.get("Tenancy").cloned().unwrap_or(Value::Null);
    let mut all = names(&tenancy, "entityTypes");
    all.extend(names(&tenancy, "commonTypes"));
    all
}

fn names(declared: &Value, what: &str) -> Vec<String> {
    let declared = declared.get(what).and_then(Value::as_object);
    declared
        .map(|found| found.keys().cloned().collect())
        .unwrap_or_default()
}

/// Where the name stands first: Cedar gives fragments no spans.
fn place_of(source: &Source, name: &str) -> Place {
    match source.text.find(name) {
        None => diagnose::file(source),
        Some(start) => diagnose::place(
            source,
            crate::fault::Span {
                start,
                len: name.len(),
            },
        ),
    }
}
