//! From a method and a canonical path to the one route that answers it.

use super::node::{Leaf, Node};
use super::template::Template;
use super::{Error, Found, Route, RouteSet};
use crate::fault::{Fault, Place};
use crate::head::CanonicalPath;
use crate::operation::Operation;
use crate::tenant::is_id;
use http::Method;
use std::collections::HashMap;
use std::sync::Arc;

/// Every route, as a tree of segments: a literal goes before a parameter.
#[derive(Debug, Default)]
pub struct Router {
    root: Node,
    routes: Vec<Arc<Route>>,
    warnings: Vec<Fault>,
}

impl Router {
    /// Puts the routes in. Two that answer the same requests are a fault that names both places.
    pub fn build(declared: Vec<Route>) -> Result<Self, Vec<Fault>> {
        let mut router = Self::default();
        let mut faults = Vec::new();
        let mut operations: HashMap<Arc<str>, Arc<Route>> = HashMap::new();
        for route in declared {
            let route = Arc::new(route);
            let first = operations
                .entry(Arc::clone(&route.operation.name))
                .or_insert_with(|| Arc::clone(&route));
            faults.extend(same_operation(first, &route));
            match router.insert(&route) {
                Ok(()) => router.routes.push(route),
                Err(fault) => faults.push(*fault),
            }
        }
        router.root.settle();
        if faults.is_empty() {
            Ok(router)
        } else {
            Err(faults)
        }
    }

    /// What is odd and serves all the same.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Every route, in the order of the configuration.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Every operation once, in the order of the configuration.
    pub fn operations(&self) -> Vec<Arc<Operation>> {
        let mut seen = std::collections::HashSet::new();
        let new = |route: &&Arc<Route>| seen.insert(Arc::clone(&route.operation.name));
        let routes = self.routes.iter().filter(new);
        routes.map(|route| Arc::clone(&route.operation)).collect()
    }

    /// The route of a request.
    pub fn find(&self, method: &Method, path: &CanonicalPath) -> Result<Found, Error> {
        let rest = path.as_str().strip_prefix('/').ok_or(Error::Unknown)?;
        let mut walk = Walk::default();
        let leaf = self.root.find(rest, &mut walk.values, &mut walk.sibling);
        let leaf = leaf.ok_or(Error::Unknown)?;
        let entry = leaf.entry(method).ok_or_else(|| Error::MethodNotAllowed {
            allow: Arc::clone(&leaf.allow),
        })?;
        let named = |index: usize| entry.parameters.get(index).map(Arc::clone);
        if let Some(name) = walk.sibling.and_then(named) {
            return Err(Error::Sibling(name));
        }
        let mut captures = Vec::with_capacity(walk.values.len());
        for (name, value) in entry.parameters.iter().zip(walk.values) {
            let mut patterns = entry.route.patterns.iter();
            let own = patterns.find(|(known, _)| known == name);
            let fits = own.map_or_else(|| is_id(value), |(_, pattern)| pattern.fits(value));
            if !fits {
                return Err(Error::Parameter(Arc::clone(name)));
            }
            captures.push((Arc::clone(name), value.to_owned()));
        }
        Ok(Found {
            route: Arc::clone(&entry.route),
            captures,
        })
    }

    /// The set that a path belongs to, for what is answered before a route is known (RULES 21).
    ///
    /// It goes by the longest part of the path from which on only one set has routes, so that the
    /// answer does not tell which paths have routes. `None`: there is no such part.
    pub fn set_at(&self, path: &CanonicalPath) -> Option<Arc<RouteSet>> {
        let rest = path.as_str().strip_prefix('/')?;
        self.root.set_at(rest).map(Arc::clone)
    }

    fn insert(&mut self, route: &Arc<Route>) -> Result<(), Box<Fault>> {
        let template = Template::parse(&route.template).map_err(|error| {
            let message = format!("template `{}`: {error}", route.template);
            Box::new(Fault::error("route_template", at(route), message))
        })?;
        let leaf = self.root.leaf(&template);
        if let Some(other) = leaf.rival(&route.method) {
            return Err(conflict(route, other));
        }
        let parameters: Arc<[Arc<str>]> = template.parameters().map(Arc::clone).collect();
        if let Some(other) = leaf.differs(&parameters) {
            let message = format!(
                "`{}` is `{}` at {} with other parameter names",
                route.template, other.template, other.declared_at
            );
            self.warnings.push(
                Fault::warning("route_parameter_names", at(route), message)
                    .help("give the parameters one name: references go by it"),
            );
        }
        leaf.add(Arc::clone(route), parameters);
        Ok(())
    }
}

/// What a search has found on its way.
#[derive(Default)]
struct Walk<'a> {
    /// What stands in the parameters.
    values: Vec<&'a str>,
    /// The first parameter whose value is, in some case, a literal of the same place.
    sibling: Option<usize>,
}

fn conflict(route: &Route, other: &Route) -> Box<Fault> {
    let message = format!(
        "`{} {}` answers the same requests as `{} {}` at {}",
        route.method, route.template, other.method, other.template, other.declared_at
    );
    Box::new(
        Fault::error("route_conflict", at(route), message).help("remove one of the two routes"),
    )
}

/// One name is one Cedar action, so it cannot mean two things.
fn same_operation(first: &Route, route: &Route) -> Option<Fault> {
    if first.operation == route.operation {
        return None;
    }
    let message = format!(
        "action `{}` means something else at {}: {} there, {} here",
        route.operation.name,
        first.declared_at,
        words(&first.operation),
        words(&route.operation)
    );
    let fault = Fault::error("route_operation", at(route), message);
    Some(fault.help("give the two operations different names, or set `x-palisade-access`"))
}

fn words(operation: &Operation) -> String {
    let catalog = if operation.catalog { ", catalog" } else { "" };
    format!(
        "{} on {:?}{catalog}",
        operation.access.label(),
        operation.resource
    )
}

fn at(route: &Route) -> Place {
    Place::file(&*route.declared_at)
}

impl Leaf {
    /// A route whose requests the method would share.
    fn rival(&self, method: &Method) -> Option<&Route> {
        // HEAD takes GET's action (RULES 15), so the two are one.
        let one = |a: &Method, b: &Method| a == b || *a == Method::HEAD && *b == Method::GET;
        let entries = self.entries.iter().map(|entry| &*entry.route);
        entries
            .into_iter()
            .find(|route| one(&route.method, method) || one(method, &route.method))
    }

    /// The first route of the shape, if its parameters have other names.
    fn differs(&self, parameters: &[Arc<str>]) -> Option<&Route> {
        let first = self.entries.first()?;
        (*first.parameters != *parameters).then_some(&*first.route)
    }
}
