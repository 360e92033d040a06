//! What one request asks for.

use super::{Error, ReferenceKind, ReferenceTable, Route};
use crate::body::Seen;
use crate::head::Head;
use http::HeaderMap;
use std::sync::Arc;

/// A route that matched, with what stood in its parameters.
#[derive(Clone, Debug)]
pub struct Found {
    /// The route.
    pub route: Arc<Route>,
    /// Parameter names and values, in the order of the template.
    pub captures: Vec<(Arc<str>, String)>,
}

/// What a request asks for: route, resource and every tenant that it names.
#[derive(Clone, Debug)]
pub struct Target {
    /// The route.
    pub route: Arc<Route>,
    /// The resource's id, from the route's `id_parameter`.
    pub id: Option<String>,
    /// Parameter names and values, in the order of the template.
    pub captures: Vec<(Arc<str>, String)>,
    /// Every reference of the global table that the request carries, in the order path, query,
    /// header, body.
    pub references: Vec<Reference>,
}

/// One tenant that the request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What it means.
    pub kind: ReferenceKind,
    /// As decoded; may be empty, and then matches nothing (RULES 12).
    pub value: String,
    /// For records: `query workspaceId`.
    pub place: Arc<str>,
    /// It stands in the body.
    pub in_body: bool,
}

impl Target {
    /// Collects what a found route's request names: the resource's id, and every reference.
    pub fn read(
        found: Found,
        head: &Head,
        headers: &HeaderMap,
        body: Seen<'_>,
        table: &ReferenceTable,
    ) -> Result<Self, Error> {
        let Found { route, captures } = found;
        let mut references = table.read(&captures, &head.query, headers)?;
        references.extend(table.of_body(&route, headers, body)?);
        let id = route.id_parameter.as_ref().and_then(|parameter| {
            let (_, value) = captures.iter().find(|(name, _)| name == parameter)?;
            Some(value.clone())
        });
        Ok(Self {
            route,
            id,
            captures,
            references,
        })
    }
}
