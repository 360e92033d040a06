//! Which operation a request asks for, and which tenants it names.
//!
//! `Router::find` matches the canonical path (literal before parameter); `Target::read` collects
//! every tenant reference in path, query, headers and body (RULES 12-15). Routes are written by hand
//! ([`pattern`]) or read from OpenAPI files ([`openapi`]).

mod body;
mod error;
mod error_body;
mod meaning;
mod node;
pub mod openapi;
mod parameter;
pub mod pattern;
mod reference;
mod router;
mod settings;
mod target;
mod template;

#[cfg(test)]
mod tests;

pub use body::{BodyPlace, Step};
pub use error::Error;
pub use error_body::{BadTemplate, ErrorBody, TEMPLATE_BYTES_MAX};
pub use meaning::{operation_id, tenant_word};
pub use parameter::ValuePattern;
pub use reference::ReferenceTable;
pub use router::Router;
pub use settings::{
    AccountOf, BodyRule, Cors, HeaderName, ReferenceIn, ReferenceKind, ReferenceRule, Route,
    RouteSet, Timeouts,
};
pub use target::{Found, Reference, Target};
