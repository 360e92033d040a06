//! Which operation a request asks for, and which tenants it names.
//!
//! `Router::find` matches the canonical path (literal before parameter); `Target::read` collects
//! every tenant reference in path, query and headers (RULES 12, 14, 15).

mod settings;
mod target;

pub use settings::{
    AccountOf, Cors, HeaderName, ReferenceIn, ReferenceKind, ReferenceRule, Route, RouteSet,
};
pub use target::{Found, Reference, Target};
