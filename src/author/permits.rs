//! Operations that nobody may do, because no policy permits them.

use super::place::{self, Texts};
use crate::fault::{Fault, Place};
use crate::policy::Store;
use crate::route::{Route, Router};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many of them are told one by one.
const TOLD_MAX: usize = 20;

/// The routes whose operations no policy of the platform permits, whoever asks.
pub(super) fn without<'a>(router: &'a Router, store: &Store) -> Vec<&'a Arc<Route>> {
    let mut permitted = BTreeSet::new();
    for environment in store.environments() {
        if environment.platform.permits() {
            permitted.insert(environment.action.id().unescaped().to_owned());
        }
    }
    let all = router.routes().iter();
    all.filter(|route| !route.set.public && !permitted.contains(&*route.operation.name))
        .collect()
}

/// Operations that no policy of the platform permits, each once.
pub fn unpermitted(router: &Router, store: &Store) -> Vec<String> {
    let names = without(router, store).into_iter();
    let names: BTreeSet<String> = names
        .map(|route| route.operation.name.to_string())
        .collect();
    names.into_iter().collect()
}

/// A warning for each of them, at its route.
pub(super) fn warnings(router: &Router, store: &Store) -> Vec<Fault> {
    let found = without(router, store);
    let mut texts = Texts::new();
    let mut faults = Vec::new();
    for route in found.iter().take(TOLD_MAX) {
        let message = format!(
            "no policy permits `{}`: everybody is denied",
            route.operation.name
        );
        let fault = Fault::warning("route_not_permitted", place(route, &mut texts), message);
        faults.push(fault.help("write a permit for it or for its access, or remove the route"));
    }
    if let Some(next) = found.get(TOLD_MAX) {
        let message = format!(
            "{} more operations are permitted by no policy",
            found.len() - TOLD_MAX
        );
        let fault = Fault::warning("route_not_permitted", place(next, &mut texts), message);
        faults.push(fault.help("`palisade test --coverage` names all of them"));
    }
    faults
}

/// Routes know their place as `file:line`.
fn place(route: &Route, texts: &mut Texts) -> Place {
    let line = route.declared_at.rsplit_once(':');
    match line.and_then(|(file, line)| Some((file, line.parse().ok()?))) {
        Some(at) => place::of_line(at, texts),
        None => Place::file(&*route.declared_at),
    }
}
