//! What one request asks for.

use super::{ReferenceKind, Route};
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
    /// Every reference of the global table that the request carries, in the order path, query, header.
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
}
