//! The page of configuration keys, read out of the JSON Schemas.

use super::cell;
use crate::author::test;
use crate::config::schema;
use serde_json::Value;
use std::fmt::Write as _;

/// All files, key by key.
pub(super) fn page() -> String {
    let mut page = String::from("# Configuration\n");
    file(&mut page, "`palisade.yaml`", schema::config());
    file(&mut page, "Tenant files", schema::tenant());
    file(&mut page, "Revocations", schema::revocations());
    file(&mut page, "Files of cases", test::schema());
    page
}

fn file(page: &mut String, title: &str, schema: &Value) {
    let about = text(schema, "description").unwrap_or_default();
    // Writing to a `String` cannot fail.
    let _ = write!(page, "\n## {title}\n\n{about}\n");
    page.push_str("\n| key | type | default | meaning |\n|---|---|---|---|\n");
    rows(page, "", schema);
}

/// A row for each key, and for the keys below it.
fn rows(page: &mut String, above: &str, schema: &Value) {
    let required = schema.get("required").and_then(Value::as_array);
    for (name, inner) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let key = if above.is_empty() {
            name.clone()
        } else {
            format!("{above}.{name}")
        };
        let is_required = required.is_some_and(|all| all.iter().any(|one| one == name));
        let default = match inner.get("default") {
            _ if is_required => "required".to_owned(),
            Some(value) => format!("`{}`", plain(value)),
            None => String::new(),
        };
        let meaning = text(inner, "description").unwrap_or_default();
        let meaning = meaning.split("\n\n").next().unwrap_or_default();
        let kind = kind(inner);
        let _ = writeln!(
            page,
            "| `{key}` | {} | {} | {} |",
            cell(&kind),
            cell(&default),
            cell(meaning)
        );
        below(page, &key, inner);
    }
}

fn below(page: &mut String, key: &str, schema: &Value) {
    rows(page, key, schema);
    if let Some(items) = schema.get("items") {
        below(page, &format!("{key}[]"), items);
    }
    if let Some(entry) = schema
        .get("additionalProperties")
        .filter(|entry| entry.is_object())
    {
        below(page, &format!("{key}.<name>"), entry);
    }
    for branch in schema
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        below(page, key, branch);
    }
}

fn kind(schema: &Value) -> String {
    if let Some(title) = text(schema, "title") {
        let first = schema.get("examples").and_then(|all| all.get(0));
        let like = first.map(|one| format!(" like `{}`", plain(one)));
        return format!("{title}{}", like.unwrap_or_default());
    }
    let words = |values: &Vec<Value>| {
        let words: Vec<String> = values
            .iter()
            .map(|one| format!("`{}`", plain(one)))
            .collect();
        words.join(", ")
    };
    if let Some(Value::Array(values)) = schema.get("enum") {
        return words(values);
    }
    if let Some(Value::Array(branches)) = schema.get("anyOf") {
        return branches.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{}`", plain(value));
    }
    match text(schema, "type") {
        Some("array") => format!(
            "list of {}",
            schema.get("items").map_or_else(String::new, kind)
        ),
        Some("object") => match schema
            .get("additionalProperties")
            .filter(|entry| entry.is_object())
        {
            Some(entry) => format!("mapping of names to {}", kind(entry)),
            None => "mapping".to_owned(),
        },
        Some("integer") => bounded("whole number", schema),
        Some("boolean") => "`true`, `false`".to_owned(),
        _ => "text".to_owned(),
    }
}

fn bounded(what: &str, schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(min), Some(max)) => format!("{what}, {min} to {max}"),
        _ => what.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> Option<&'a str> {
    schema.get(key).and_then(Value::as_str)
}
