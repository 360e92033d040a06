//! Routes: what is found, refused, and what a request names.

mod router;
mod targets;
mod written;

use super::pattern::{self, Pattern};
use super::{HeaderName, ReferenceIn, ReferenceKind, ReferenceRule, Route, RouteSet, Timeouts};
use crate::fault::{Fault, Place};
use crate::operation::ApiContext;
use std::sync::Arc;

pub(super) fn set(api_context: ApiContext) -> Arc<RouteSet> {
    Arc::new(RouteSet {
        api_context,
        also_accepts: Vec::new(),
        public: false,
        upstream: "api".into(),
        timeouts: Timeouts::default(),
        rewrite_idempotency: false,
        errors: None,
        cors: None,
    })
}

pub(super) fn rules() -> Vec<ReferenceRule> {
    use ReferenceKind::{Account, Catalog, User, Workspace};
    let path = |name: &str| ReferenceIn::Path(name.into());
    let query = |name: &str| ReferenceIn::Query(name.into());
    let header = |name| ReferenceIn::Header(HeaderName::from_static(name));
    let rules = [
        (path("account"), Account),
        (path("workspaceId"), Workspace),
        (path("userId"), User),
        (query("workspaceId"), Workspace),
        (query("userId"), User),
        (query("catalogWorkspaceId"), Catalog),
        (header("x-workspace-id"), Workspace),
    ];
    let rule = |(place, kind)| ReferenceRule { place, kind };
    rules.into_iter().map(rule).collect()
}

fn written<'a>(matches: &'a str, action: &'a str, line: usize) -> Pattern<'a> {
    Pattern {
        body_unchecked: None,
        parameters: Vec::new(),
        matches,
        action,
        access: None,
        platform: false,
        websocket: None,
        match_place: Place::file("palisade.yaml"),
        action_place: Place::file("palisade.yaml"),
        declared_at: format!("palisade.yaml:{line}"),
    }
}

/// A route of the App API; its action is made of the place.
fn app(matches: &str, line: usize) -> Route {
    let action = format!("things/do{line}");
    pattern::read(
        &written(matches, &action, line),
        &set(ApiContext::App),
        &rules(),
    )
    .unwrap()
}

fn codes(faults: &[Fault]) -> Vec<&'static str> {
    faults.iter().map(|fault| fault.code).collect()
}
