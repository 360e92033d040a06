//! The documents that the gate reads, and the routes that it makes of them.

use super::findings::{At, Findings};
use super::source::Source;
use super::survey::Found;
use super::table::Table;
use super::{Action, least_role};
use crate::document::Document;
use crate::fault::Fault;
use crate::operation::ApiContext;
use crate::route::openapi::{self, Marks};
use crate::route::{Route, RouteSet, Timeouts};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The upstream of all routes.
pub(super) const UPSTREAM: &str = "api";

/// What is written, and what the gate reads of it.
pub(super) struct Written {
    pub(super) apis: Vec<Api>,
    /// Each operation with its route, context by context.
    pub(super) routes: Vec<(Found, Route)>,
}

/// A document that is written.
pub(super) struct Api {
    pub(super) context: ApiContext,
    /// In the folder.
    pub(super) name: String,
    pub(super) text: String,
}

/// A document of these paths.
pub(super) fn document(
    (title, version): (&str, &str),
    paths: &Value,
    schemas: &BTreeMap<String, Value>,
) -> Value {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": "What the gate reads of the documents that `x-source` names; written by `palisade init --openapi`.",
        },
        "paths": paths,
    });
    if let (Some(map), false) = (document.as_object_mut(), schemas.is_empty()) {
        map.insert("components".to_owned(), json!({ "schemas": schemas }));
    }
    document
}

/// What routes of a context share.
pub(super) fn set(api_context: ApiContext) -> RouteSet {
    RouteSet {
        api_context,
        also_accepts: Vec::new(),
        public: false,
        upstream: UPSTREAM.into(),
        timeouts: Timeouts::default(),
        rewrite_idempotency: false,
        errors: None,
        cors: None,
    }
}

/// A document for each context of each source. `None`: there is no operation. `Err`: the gate does not take
/// what is written.
pub(super) fn written(
    found: Vec<Found>,
    sources: &[Source],
    table: &Table,
    findings: &mut Findings,
) -> Result<Option<Written>, Vec<Fault>> {
    let mut groups: BTreeMap<(ApiContext, usize), Vec<Found>> = BTreeMap::new();
    for one in found {
        groups
            .entry((one.context, one.document))
            .or_default()
            .push(one);
    }
    let mut written = Written {
        apis: Vec::new(),
        routes: Vec::new(),
    };
    let contexts: Vec<ApiContext> = groups.keys().map(|(context, _)| *context).collect();
    for ((context, index), group) in groups {
        let Some(source) = sources.get(index) else {
            continue;
        };
        let alone = contexts.iter().filter(|one| **one == context).count() == 1;
        let name = written.free_name(context, source, alone);
        let value = whole(source, &group);
        let text = format!("{value:#}\n");
        let document = Document::parse(&name, text.as_str().into())?;
        let set = Arc::new(set(context));
        let (routes, faults) = openapi::read(&document, &set, Marks::default(), &table.rules);
        if !faults.is_empty() {
            return Err(faults);
        }
        told(source, context, group.len(), findings);
        written.take(group, routes);
        written.apis.push(Api {
            context,
            name,
            text,
        });
    }
    Ok(Some(written).filter(|written| !written.routes.is_empty()))
}

fn told(source: &Source, context: ApiContext, count: usize, findings: &mut Findings) {
    let at = At::new(source.file(), "/paths");
    let message = format!(
        "{count} operations are of the context `{}`",
        context.label()
    );
    let help = "if they are of another, name it: `--openapi dashboard=FILE`";
    findings.note(&at, "openapi_context", &message, help);
}

fn whole(source: &Source, group: &[Found]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas = BTreeMap::new();
    for one in group {
        let item = one.item();
        let into = paths
            .entry(one.template.clone())
            .or_insert_with(|| json!({}));
        if let (Some(into), Value::Object(item)) = (into.as_object_mut(), item) {
            into.extend(item);
        }
        schemas.extend(one.schemas.by_name.clone());
    }
    let info = |key: &str| source.get(&format!("/info/{key}")).and_then(Value::as_str);
    let info = (
        info("title").unwrap_or("API"),
        info("version").unwrap_or("1"),
    );
    document(info, &Value::Object(paths), &schemas)
}

impl Written {
    /// Puts each route to the operation that it was made of.
    fn take(&mut self, group: Vec<Found>, routes: Vec<Route>) {
        let mut by_name: BTreeMap<String, Route> = BTreeMap::new();
        for route in routes {
            by_name.insert(route.operation.name.to_string(), route);
        }
        for one in group {
            let name = format!("{}/{}", one.context.label(), one.action);
            if let Some(route) = by_name.remove(&name) {
                self.routes.push((one, route));
            }
        }
    }

    fn free_name(&self, context: ApiContext, source: &Source, alone: bool) -> String {
        let label = context.label();
        let plain = if alone {
            format!("apis/{label}.openapi.json")
        } else {
            format!("apis/{label}-{}.openapi.json", source.stem)
        };
        let taken = |name: &String| self.apis.iter().any(|api| api.name == *name);
        let numbered =
            (2..).map(|number| format!("apis/{label}-{}-{number}.openapi.json", source.stem));
        let mut names = std::iter::once(plain.clone()).chain(numbered);
        names.find(|name| !taken(name)).unwrap_or(plain)
    }

    pub(super) fn files(&self) -> Vec<(String, String)> {
        let apis = self.apis.iter();
        apis.map(|api| (api.name.clone(), api.text.clone()))
            .collect()
    }

    pub(super) fn actions(&self) -> Vec<Action> {
        let action = |(found, route): &(Found, Route)| Action {
            action: route.operation.name.to_string(),
            access: route.operation.access.label(),
            role: match route.operation.api_context {
                ApiContext::Portal => "operator",
                ApiContext::App | ApiContext::Dashboard => least_role(route.operation.access),
            },
            method: route.method.to_string(),
            path: route.template.to_string(),
            source: found.at.shown(),
        };
        self.routes.iter().map(action).collect()
    }

    /// Contexts that have routes, in their order.
    pub(super) fn contexts(&self) -> Vec<ApiContext> {
        let has = |context: &ApiContext| self.apis.iter().any(|api| api.context == *context);
        ApiContext::ALL.into_iter().filter(has).collect()
    }
}
