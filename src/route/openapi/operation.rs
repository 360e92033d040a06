//! One path item and its operations.

use super::super::BodyRule;
use super::super::meaning::Declared;
use super::Reader;
use super::body::BODY_REFERENCES;
use super::times::{IDLE_TIMEOUT, TIMEOUT};
use crate::document::child;
use crate::fault::{Fault, nearest};
use crate::operation::Access;
use http::Method;
use serde_json::Value;

const METHODS: [(&str, Method); 8] = [
    ("get", Method::GET),
    ("put", Method::PUT),
    ("post", Method::POST),
    ("delete", Method::DELETE),
    ("options", Method::OPTIONS),
    ("head", Method::HEAD),
    ("patch", Method::PATCH),
    ("trace", Method::TRACE),
];
const ACCESS: &str = "x-palisade-access";
const PLATFORM: &str = "x-palisade-platform";
const WEBSOCKET: &str = "x-palisade-websocket";

/// What may stand at an operation.
const EXTENSIONS: [&str; 6] = [
    ACCESS,
    PLATFORM,
    WEBSOCKET,
    BODY_REFERENCES,
    TIMEOUT,
    IDLE_TIMEOUT,
];

impl<'a> Reader<'a> {
    /// A path item: `pointer` is where its path stands, `at` where the item itself does.
    pub(super) fn path(&mut self, path: &str, pointer: &str, item: &'a Value, at: &str) {
        self.extensions(item, at, &[PLATFORM]);
        self.no_servers(item, at);
        let shared = self.parameters(item, at);
        for (name, method) in METHODS {
            let Some(operation) = item.get(name) else {
                continue;
            };
            let here = child(at, name);
            if method == Method::HEAD && item.get("get").is_some() {
                let fault = self.warning("openapi_head", &here, "`head` beside `get` is not read");
                self.faults
                    .push(fault.help("HEAD takes GET's action; remove it"));
                continue;
            }
            self.extensions(operation, &here, &EXTENSIONS);
            self.no_servers(operation, &here);
            let parameters = self.parameters(operation, &here).and(&shared);
            let Some(id) = self.id(operation, &here) else {
                continue;
            };
            let access = self.access(operation, &here);
            let body = self.body(operation, &here);
            if !matches!(body, BodyRule::Unchecked(_)) {
                self.body_properties(operation, &here);
            }
            let platform = self.marks.platform
                || self.flag(item, at, PLATFORM) // on the path, for all of its operations
                || self.flag(operation, &here, PLATFORM);
            let websocket = self.flag(operation, &here, WEBSOCKET)
                || (self.marks.websocket && method == Method::GET);
            let websocket = websocket.then(|| self.document.key_place(&child(&here, WEBSOCKET)));
            let timeouts = self.timeouts(operation, &here);
            self.add(Declared {
                method,
                websocket,
                timeouts,
                template: format!("{}{path}", self.base),
                action: &id,
                access,
                body,
                platform,
                parameters: parameters.kinds,
                patterns: parameters.patterns,
                path_place: self.document.key_place(pointer),
                action_place: self.document.place(&child(&here, "operationId")),
                line: self.document.line(&here),
            });
        }
    }

    /// The operation's id, if it has one that no other has.
    fn id(&mut self, operation: &Value, at: &str) -> Option<String> {
        let pointer = child(at, "operationId");
        let Some(id) = operation.get("operationId").and_then(Value::as_str) else {
            let place = self.document.key_place(at);
            let fault = Fault::error("openapi_operation_id", place, "an operation without an id");
            self.faults
                .push(fault.help("give it one: `operationId: missions/list` names its action"));
            return None;
        };
        // `a.b` and `a/b` are one action, so they are one id.
        let first = self
            .ids
            .insert(id.replace('.', "/"), self.document.line(&pointer));
        if let Some(first) = first {
            let message = format!("operation id `{id}` stands at {first} already");
            let fault = self.error("openapi_operation_id", &pointer, message);
            self.faults.push(fault.help("give each operation its own"));
            return None;
        }
        Some(id.to_owned())
    }

    fn access(&mut self, operation: &Value, at: &str) -> Option<Access> {
        let value = operation.get(ACCESS)?;
        let access = value.as_str().and_then(Access::parse);
        if access.is_none() {
            let labels = Access::ALL.map(Access::label);
            let given = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let help = match nearest(&given, labels) {
                Some(label) => format!("did you mean `{label}`?"),
                None => format!("one of {}", labels.join(", ")),
            };
            let message = format!(
                "`{}` is not an access",
                given.chars().take(80).collect::<String>()
            );
            let fault = self.error("openapi_access", &child(at, ACCESS), message);
            self.faults.push(fault.help(help));
        }
        access
    }

    fn flag(&mut self, value: &Value, at: &str, name: &'static str) -> bool {
        match value.get(name) {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(_) => {
                let pointer = child(at, name);
                let code = if name == WEBSOCKET {
                    "openapi_websocket"
                } else {
                    "openapi_platform"
                };
                let fault = self.error(code, &pointer, "neither true nor false");
                self.faults.push(fault.help("write `true`, or remove it"));
                false
            }
        }
    }

    /// A misspelt extension of ours would silently mean nothing.
    pub(super) fn extensions(&mut self, value: &Value, at: &str, known: &[&str]) {
        let keys = value.as_object().into_iter().flat_map(|map| map.keys());
        for key in keys.filter(|key| key.starts_with("x-palisade-")) {
            if known.contains(&key.as_str()) {
                continue;
            }
            let place = self.document.key_place(&child(at, key));
            let mut fault = Fault::error(
                "openapi_extension",
                place,
                format!("`{key}` is not known here"),
            );
            if let Some(near) = nearest(key, known.iter().copied()) {
                fault = fault.help(format!("did you mean `{near}`?"));
            }
            self.faults.push(fault);
        }
    }

    fn no_servers(&mut self, value: &Value, at: &str) {
        if value.get("servers").is_some() {
            let pointer = child(at, "servers");
            let fault = self.error(
                "openapi_servers",
                &pointer,
                "servers of a path or operation",
            );
            self.faults
                .push(fault.help("one base path holds for the whole file"));
        }
    }
}
