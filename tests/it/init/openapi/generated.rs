//! Documents of any size, as generators of code write them: six operations for each kind of thing, names that
//! mean tenants in every place, schemas that name each other.

use serde_json::{Map, Value, json};

/// A document of `kinds` kinds, as JSON or as YAML.
pub(super) fn document(version: &str, context: &str, kinds: usize, yaml: bool) -> String {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for kind in (0..kinds).map(|number| format!("kind{number}s")) {
        let (base, id) = base(context, &kind);
        paths.insert(base.clone(), collection(context, &kind));
        paths.insert(format!("{base}/{{{id}}}"), item(context, &kind, &id));
        paths.insert(
            format!("{base}/{{{id}}}/publish"),
            verb(context, &kind, &id),
        );
        schemas.insert(kind.clone(), schema(version, &kind));
    }
    let document = json!({
        "openapi": version,
        "info": { "title": "Things", "version": "1" },
        "servers": [{ "url": "https://api.example.com/" }, { "url": "https://{region}.example.com/", "variables": { "region": { "default": "eu" } } }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": { "Limit": { "name": "limit", "in": "query", "schema": { "type": "integer" } } },
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    });
    if yaml {
        let mut text = String::new();
        block(&document, 0, &mut text);
        return text;
    }
    document.to_string()
}

/// The Portal names its account in the path.
fn base(context: &str, kind: &str) -> (String, String) {
    let within = if context == "portal" {
        "/accounts/{accountId}"
    } else {
        ""
    };
    (format!("/{context}/v1{within}/{kind}"), format!("{kind}Id"))
}

fn operation(context: &str, id: &str, own: &[&str], more: &Value) -> Value {
    let mut parameters: Vec<Value> = own.iter().map(|name| path(name)).collect();
    if context == "portal" {
        parameters.push(path("accountId"));
    }
    let mut operation = json!({
        "operationId": id,
        "summary": format!("{id}: what it does, \"in quotes\""),
        "parameters": parameters,
        "responses": { "200": { "description": "good", "content": { "application/json": { "schema": { "type": "object" } } } } },
    });
    let merged = operation.as_object_mut().expect("an object");
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        if key == "parameters" {
            let list = merged.get_mut("parameters").and_then(Value::as_array_mut);
            list.expect("a list")
                .extend(value.as_array().cloned().unwrap_or_default());
        } else {
            merged.insert(key, value);
        }
    }
    operation
}

fn path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
}

fn body(kind: &str) -> Value {
    json!({ "requestBody": { "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{kind}") } } } } })
}

fn collection(context: &str, kind: &str) -> Value {
    let tenants = if context == "portal" {
        json!({ "parameters": [{ "$ref": "#/components/parameters/Limit" }] })
    } else {
        json!({ "parameters": [
            { "$ref": "#/components/parameters/Limit" },
            { "name": "workspaceId", "in": "query", "schema": { "type": "string" } },
            { "name": "X-Account-Id", "in": "header", "schema": { "type": "string" } },
        ] })
    };
    json!({
        "get": operation(context, &format!("{kind}/list"), &[], &tenants),
        "post": operation(context, &format!("{kind}/create"), &[], &body(kind)),
    })
}

fn item(context: &str, kind: &str, id: &str) -> Value {
    json!({
        "get": operation(context, &format!("{kind}.get"), &[id], &json!({})),
        "patch": operation(context, &format!("{kind}.update"), &[id], &body(kind)),
        "delete": operation(context, &format!("{kind}.delete"), &[id], &json!({})),
    })
}

fn verb(context: &str, kind: &str, id: &str) -> Value {
    json!({ "post": operation(context, &format!("{kind}/publish"), &[id], &json!({})) })
}

/// One that holds itself, and in a list others.
fn schema(version: &str, kind: &str) -> Value {
    let text = if version.starts_with("3.0") {
        json!({ "type": "string", "nullable": true })
    } else {
        json!({ "type": ["string", "null"] })
    };
    json!({
        "type": "object",
        "properties": {
            "name": text,
            "workspaceId": { "type": "string" },
            "parent": { "$ref": format!("#/components/schemas/{kind}") },
            "others": { "type": "array", "items": { "allOf": [{ "$ref": format!("#/components/schemas/{kind}") }] } },
        },
        "additionalProperties": false,
    })
}

/// YAML in blocks, as people write it.
fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let key = json!(key);
                if is_short(inner) {
                    out.push_str(&format!("{indent}{key}: {inner}\n"));
                } else {
                    out.push_str(&format!("{indent}{key}:\n"));
                    block(inner, depth + 1, out);
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("{indent}- {item}\n"));
            }
        }
        other => out.push_str(&format!("{indent}{other}\n")),
    }
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}
