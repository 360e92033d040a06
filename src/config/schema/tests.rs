//! The schemas say what the shapes accept.

use super::*;
use serde_json::json;

#[test]
fn both_schemas_are_valid_schemas() {
    for schema in [config(), tenant()] {
        assert!(jsonschema::meta::is_valid(schema));
    }
}

#[test]
fn nothing_may_be_null() {
    for schema in [config(), tenant()] {
        let text = schema.to_string();
        assert!(!text.contains("null"));
    }
}

/// A key without a comment would have no meaning on the reference page.
#[test]
fn every_key_says_what_it_means() {
    fn walk(schema: &Value, path: &str, silent: &mut Vec<String>) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            if inner["description"].as_str().is_none_or(str::is_empty) {
                silent.push(path.clone());
            }
            walk(inner, &path, silent);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                walk(&schema[inner], path, silent);
            }
        }
        for branch in schema["anyOf"].as_array().into_iter().flatten() {
            walk(branch, path, silent);
        }
    }
    let mut silent = Vec::new();
    walk(config(), "config", &mut silent);
    walk(tenant(), "tenant", &mut silent);
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn unknown_keys_are_refused_at_every_depth() {
    let schema = config();
    for pointer in [
        "",
        "/properties/listen",
        "/properties/listen/properties/limits",
        "/properties/issuers/items",
        "/properties/upstreams/additionalProperties",
        "/properties/routes/items/properties/cors",
    ] {
        let object = schema.pointer(pointer).unwrap();
        assert_eq!(object["additionalProperties"], json!(false), "{pointer}");
    }
}
