//! What a document says of its operations, as far as a gate reads it.

use super::findings::{At, Findings};
use super::parameters::{self, Parameter};
use super::schemas::Schemas;
use super::security;
use super::source::Source;
use crate::document::child;
use crate::fault::{Fault, nearest};
use crate::operation::ApiContext;
use crate::route::openapi::{base_path, follow};
use serde_json::{Map, Value, json};

/// Methods that an OpenAPI document has.
pub(super) const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// Keys of a path item that are no methods.
const OTHERS: [&str; 5] = ["$ref", "summary", "description", "servers", "parameters"];
/// How much of a summary is kept.
const SUMMARY_CHARS: usize = 200;

/// An operation.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Of which document.
    pub(super) document: usize,
    pub(super) at: At,
    pub(super) context: ApiContext,
    /// With the base path.
    pub(super) template: String,
    pub(super) method: &'static str,
    /// As the document names it.
    pub(super) id: Option<String>,
    /// The action without its context; `names` gives it.
    pub(super) action: String,
    pub(super) parameters: Vec<Parameter>,
    /// What its path item says to the gate.
    pub(super) shared: Map<String, Value>,
    /// What it says itself, in a form that the gate reads: all but its id and parameters.
    pub(super) says: Map<String, Value>,
    /// With the schemas that these use.
    pub(super) schemas: Schemas,
}

/// All operations of a document. `Err`: nothing of it can be read.
pub(super) fn of(
    index: usize,
    source: &Source,
    findings: &mut Findings,
) -> Result<Vec<Found>, Box<Fault>> {
    let version = source.get("/openapi").and_then(Value::as_str);
    if !version.is_some_and(|v| v == "3.0" || v.starts_with("3.0.") || v.starts_with("3.1")) {
        let message = "not an OpenAPI 3.0 or 3.1 document";
        let help = "it begins with `openapi: 3.1.0`; write the version as a text";
        return Err(error(source, "openapi_version", "/openapi", message, help));
    }
    let base = base(source)?;
    let Some(Value::Object(paths)) = source.get("/paths") else {
        let help = "name documents with operations: webhooks are no routes";
        return Err(error(source, "openapi_paths", "/paths", "no `paths`", help));
    };
    security::of_document(source, findings);
    let mut survey = Survey {
        index,
        source,
        base,
        findings,
        found: Vec::new(),
    };
    for (path, item) in paths {
        if !path.starts_with("x-") {
            survey.path(path, item);
        }
    }
    Ok(survey.found)
}

fn error(source: &Source, code: &'static str, at: &str, message: &str, help: &str) -> Box<Fault> {
    let place = At::new(source.file(), at).place();
    Box::new(Fault::error(code, place, message).help(help))
}

/// The path that all servers share.
fn base(source: &Source) -> Result<String, Box<Fault>> {
    let Some(Value::Array(servers)) = source.get("/servers") else {
        return Ok(String::new());
    };
    let fault = |index: usize, message: &str, help: &str| {
        let pointer = format!("/servers/{index}/url");
        error(source, "openapi_servers", &pointer, message, help)
    };
    let mut base: Option<&str> = None;
    for (index, server) in servers.iter().enumerate() {
        let url = server.get("url").and_then(Value::as_str);
        let Some(path) = url.and_then(base_path) else {
            let help = "write `https://host/base` or `/base`, without variables in the path";
            return Err(fault(index, "a server without a fixed path", help));
        };
        if base.is_some_and(|base| base != path) {
            let help = "keep one: its path goes before every path of the document";
            return Err(fault(index, "servers with different paths", help));
        }
        base = Some(path);
    }
    Ok(base.unwrap_or_default().to_owned())
}

struct Survey<'a> {
    index: usize,
    source: &'a Source,
    base: String,
    findings: &'a mut Findings,
    found: Vec<Found>,
}

impl<'a> Survey<'a> {
    fn path(&mut self, path: &str, item: &'a Value) {
        let at = At::new(self.source.file(), child("/paths", path));
        let (item, real) = match follow(&self.source.document, item, &at.pointer) {
            Ok(found) => found,
            Err(fault) => return self.findings.left_out(&at, &fault),
        };
        let keys: Vec<&String> = item.as_object().into_iter().flat_map(Map::keys).collect();
        for key in &keys {
            self.stray(key, &at);
        }
        let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
        let methods: Vec<&&str> = methods.collect();
        if methods.is_empty() {
            let help = "add one, or remove the path";
            let message = "a path without an operation gets no route";
            self.findings.warn(&at, "openapi_stray", message, help);
        }
        for method in methods {
            let here = At::new(&at.file, child(&real, method));
            let told = at.child(method);
            match self.operation(path, item, &here, (method, &told)) {
                Ok(found) => self.found.push(found),
                Err(fault) => self.findings.left_out(&told, &fault),
            }
        }
    }

    /// A key that is neither a method nor known otherwise: somebody meant something by it.
    fn stray(&mut self, key: &str, at: &At) {
        if METHODS.contains(&key) || OTHERS.contains(&key) || key.starts_with("x-") {
            return;
        }
        let message = format!("`{}` is no method, and gets no route", cut(key));
        let help = match nearest(&key.to_ascii_lowercase(), METHODS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", METHODS.join(", ")),
        };
        self.findings
            .warn(&at.child(key), "openapi_stray", &message, &help);
    }

    /// `here` is where the operation stands, `told` where its path leads to it.
    fn operation(
        &mut self,
        path: &str,
        item: &'a Value,
        here: &At,
        (method, told): (&'static str, &At),
    ) -> Result<Found, Box<Fault>> {
        let operation = item.get(method).and_then(Value::as_object);
        // Nobody says what a reference in the place of an operation means.
        let operation = operation.filter(|operation| !operation.contains_key("$ref"));
        let Some(operation) = operation else {
            let fault = Fault::error(
                "openapi_stray",
                told.place(),
                "no operation, but another value",
            );
            return Err(Box::new(fault.help("write it as a mapping")));
        };
        let item_at = here.pointer.rsplit_once('/').map_or("", |(item, _)| item);
        let document = &self.source.document;
        let declared = parameters::read(document, (item, item_at), (operation, &here.pointer))?;
        let template = format!("{}{path}", self.base);
        let parameters = parameters::fitting(declared, &template, told, self.findings);
        let mut schemas = Schemas::default();
        let mut says = extensions(operation);
        if let Some(body) = operation.get("requestBody") {
            let pointer = child(&here.pointer, "requestBody");
            let (body, at) = follow(document, body, &pointer)?;
            says.insert("requestBody".to_owned(), schemas.body(document, body, &at)?);
        }
        let summary = operation.get("summary").and_then(Value::as_str);
        if let Some(summary) = summary {
            let summary: String = summary.chars().take(SUMMARY_CHARS).collect();
            says.insert("summary".to_owned(), json!(summary));
        }
        security::of_operation(operation, told, self.findings);
        let id = operation.get("operationId").and_then(Value::as_str);
        Ok(Found {
            document: self.index,
            at: told.clone(),
            context: self.context(&template),
            template,
            method,
            id: id.map(str::to_owned),
            action: String::new(),
            parameters,
            shared: item.as_object().map(extensions).unwrap_or_default(),
            says,
            schemas,
        })
    }

    /// What somebody said; else what the path begins with; else what the document's name says.
    fn context(&self, template: &str) -> ApiContext {
        let first = template.split('/').nth(1).unwrap_or_default();
        let by_path = || ApiContext::parse(first).unwrap_or(self.source.by_name);
        self.source.context.unwrap_or_else(by_path)
    }
}

/// What is meant for the gate, and servers of its own, for which it has no routes.
fn extensions(map: &Map<String, Value>) -> Map<String, Value> {
    let ours = |key: &str| key.starts_with("x-palisade-") || key == "servers";
    let ours = map.iter().filter(|(key, _)| ours(key));
    ours.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// For messages.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
