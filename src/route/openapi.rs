//! Routes read from OpenAPI 3.0 and 3.1 files.
//!
//! Only what a gate needs is read: paths, operations, parameters, the names of body properties, and
//! the base path of `servers`.
//! `security` is not: what is public, `palisade.yaml` alone says (RULES 24).

mod body;
mod operation;
mod parameter;
mod properties;
mod resolve;
mod times;

#[cfg(test)]
mod tests;

pub use resolve::{follow, percent_decoded};

use super::meaning::Declared;
use super::{ReferenceRule, ReferenceTable, Route, RouteSet};
use crate::document::{Document, child};
use crate::fault::Fault;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// What the entry of `routes:` says of all operations of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks {
    /// They act on the platform itself, as if each said `x-palisade-platform: true`.
    pub platform: bool,
    /// Those of GET may become a WebSocket, as if each said `x-palisade-websocket: true`.
    pub websocket: bool,
}

/// Reads every operation of a file. `marks` hold for all of them.
///
/// The path of the servers' URLs, on which all of them must agree, goes before every path. What is
/// faulty is left out of the routes and stands in the faults; some faults are only warnings.
pub fn read(
    document: &Document,
    set: &Arc<RouteSet>,
    marks: Marks,
    references: &[ReferenceRule],
) -> (Vec<Route>, Vec<Fault>) {
    let mut reader = Reader {
        document,
        set,
        marks,
        references: ReferenceTable::new(references),
        base: String::new(),
        ids: HashMap::new(),
        routes: Vec::new(),
        faults: Vec::new(),
    };
    if let Err(fault) = reader.file() {
        reader.faults.push(*fault);
    }
    (reader.routes, reader.faults)
}

struct Reader<'a> {
    document: &'a Document,
    set: &'a Arc<RouteSet>,
    marks: Marks,
    references: ReferenceTable,
    /// The path of the servers' URLs, without a `/` at its end.
    base: String,
    /// Where each operation id stands.
    ids: HashMap<String, String>,
    routes: Vec<Route>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    /// `Err`: nothing can be read.
    fn file(&mut self) -> Result<(), Box<Fault>> {
        let version = self.document.get("/openapi").and_then(Value::as_str);
        if !version.is_some_and(|v| v == "3.0" || v.starts_with("3.0.") || v.starts_with("3.1")) {
            return Err(self
                .error(
                    "openapi_version",
                    "/openapi",
                    "not an OpenAPI 3.0 or 3.1 file",
                )
                .help("it begins with `openapi: 3.1.0`; write the version as a text")
                .into());
        }
        self.base = self.servers()?;
        let Some(Value::Object(paths)) = self.document.get("/paths") else {
            return Err(self
                .error("openapi_paths", "/paths", "no `paths`")
                .help("a file without operations gives no routes; remove it from `routes`")
                .into());
        };
        for (path, item) in paths {
            if path.starts_with("x-") {
                continue;
            }
            let pointer = child("/paths", path);
            match self.resolve(item, &pointer) {
                Ok((item, at)) => self.path(path, &pointer, item, &at),
                Err(fault) => self.faults.push(*fault),
            }
        }
        Ok(())
    }

    /// The path that all servers share.
    fn servers(&self) -> Result<String, Box<Fault>> {
        let Some(Value::Array(servers)) = self.document.get("/servers") else {
            return Ok(String::new());
        };
        let mut base: Option<String> = None;
        for (index, server) in servers.iter().enumerate() {
            let pointer = format!("/servers/{index}/url");
            let url = server.get("url").and_then(Value::as_str);
            let Some(path) = url.and_then(base_path) else {
                return Err(self
                    .error("openapi_servers", &pointer, "a server without a fixed path")
                    .help("write `https://host/base` or `/base`, without variables in the path")
                    .into());
            };
            if base.as_ref().is_some_and(|base| base != path) {
                return Err(self
                    .error("openapi_servers", &pointer, "servers with different paths")
                    .help("keep one: its path goes before every path of the file")
                    .into());
            }
            base = Some(path.to_owned());
        }
        Ok(base.unwrap_or_default())
    }

    fn error(&self, code: &'static str, pointer: &str, message: impl Into<String>) -> Fault {
        Fault::error(code, self.document.place(pointer), message)
    }

    fn warning(&self, code: &'static str, pointer: &str, message: impl Into<String>) -> Fault {
        Fault::warning(code, self.document.key_place(pointer), message)
    }

    fn add(&mut self, declared: Declared<'_>) {
        match declared.route(self.set, &self.references) {
            Ok(route) => self.routes.push(route),
            Err(faults) => self.faults.extend(faults),
        }
    }
}

/// The path of a server's URL, without a `/` at its end. `None`: it has variables, or is neither
/// absolute nor a path.
pub fn base_path(url: &str) -> Option<&str> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| rest.split_at(at).1),
        None if url.starts_with('/') => url,
        None => return None,
    };
    let fixed = !path.contains(['{', '}', '?', '#']);
    fixed.then(|| path.strip_suffix('/').unwrap_or(path))
}
