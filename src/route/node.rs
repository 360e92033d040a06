//! The tree of segments.

use super::template::{Segment, Template};
use super::{Route, RouteSet};
use http::Method;
use std::sync::Arc;

/// The routes that share the segments so far.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// By literal, sorted.
    literals: Vec<(Arc<str>, Node)>,
    parameter: Option<Box<Node>>,
    leaf: Option<Leaf>,
    /// The set of every route from here on, where they agree in what callers can see of it.
    set: Option<Arc<RouteSet>>,
}

/// The routes of one shape.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    pub(super) entries: Vec<Entry>,
    /// For the `Allow` header.
    pub(super) allow: Arc<[Method]>,
}

/// A route, and its parameters' names in the order of the template.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) route: Arc<Route>,
    pub(super) parameters: Arc<[Arc<str>]>,
}

impl Node {
    /// The leaf of a template, made where there is none.
    pub(super) fn leaf(&mut self, template: &Template) -> &mut Leaf {
        let mut node = self;
        for segment in &template.segments {
            node = match segment {
                Segment::Literal(literal) => node.literal(literal),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
            };
        }
        node.leaf.get_or_insert_default()
    }

    fn literal(&mut self, literal: &Arc<str>) -> &mut Self {
        let at = match self.position(literal) {
            Ok(at) => at,
            Err(at) => {
                self.literals
                    .insert(at, (Arc::clone(literal), Self::default()));
                at
            }
        };
        let (_, node) = self.literals.get_mut(at).expect("found or just inserted");
        node
    }

    fn position(&self, literal: &str) -> Result<usize, usize> {
        self.literals
            .binary_search_by(|(known, _)| known.as_ref().cmp(literal))
    }

    fn child(&self, literal: &str) -> Option<&Self> {
        let at = self.position(literal).ok()?;
        self.literals.get(at).map(|(_, node)| node)
    }

    /// The leaf for the segments in `rest`, the literal before the parameter. `values` receives what
    /// stands in the parameters, `sibling` the first of them that is spelt like a literal.
    pub(super) fn find<'n, 'p>(
        &'n self,
        rest: &'p str,
        values: &mut Vec<&'p str>,
        sibling: &mut Option<usize>,
    ) -> Option<&'n Leaf> {
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        let literal = self.child(segment);
        if let Some(leaf) = literal.and_then(|node| node.after(rest, values, sibling)) {
            return Some(leaf);
        }
        // A template's parameter is never empty: `/a/` is not `/a/{id}`.
        let node = self.parameter.as_ref().filter(|_| !segment.is_empty())?;
        let (depth, before) = (values.len(), *sibling);
        values.push(segment);
        if sibling.is_none() && self.has_spelling(segment) {
            *sibling = Some(depth);
        }
        let leaf = node.after(rest, values, sibling);
        if leaf.is_none() {
            values.truncate(depth);
            *sibling = before;
        }
        leaf
    }

    fn after<'n, 'p>(
        &'n self,
        rest: Option<&'p str>,
        values: &mut Vec<&'p str>,
        sibling: &mut Option<usize>,
    ) -> Option<&'n Leaf> {
        match rest {
            Some(rest) => self.find(rest, values, sibling),
            None => self.leaf.as_ref(),
        }
    }

    fn has_spelling(&self, segment: &str) -> bool {
        self.literals
            .iter()
            .any(|(literal, _)| literal.eq_ignore_ascii_case(segment))
    }

    /// The set of the deepest node on the way. Where two ways lead on, it is the one on which a route
    /// answers, as [`Node::find`] takes it; where none does, both have to be alike.
    pub(super) fn set_at(&self, rest: &str) -> Option<&Arc<RouteSet>> {
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        let parameter = self.parameter.as_deref().filter(|_| !segment.is_empty());
        match (self.child(segment), parameter) {
            (None, None) => self.set.as_ref(),
            (Some(node), None) | (None, Some(node)) => node.set_after(rest),
            (Some(literal), Some(parameter)) => {
                let answers = [literal, parameter].into_iter();
                let mut answers = answers.filter(|node| node.answers(rest));
                if let Some(node) = answers.next() {
                    return node.set_after(rest);
                }
                let (one, other) = (literal.set_after(rest)?, parameter.set_after(rest)?);
                alike(one, other).then_some(one)
            }
        }
    }

    fn set_after(&self, rest: Option<&str>) -> Option<&Arc<RouteSet>> {
        match rest {
            Some(rest) => self.set_at(rest),
            None => self.set.as_ref(),
        }
    }

    fn answers(&self, rest: Option<&str>) -> bool {
        self.after(rest, &mut Vec::new(), &mut None).is_some()
    }

    /// Works out `set` from the leaves up. A node with several sets has none.
    pub(super) fn settle(&mut self) {
        let literals = self.literals.iter_mut().map(|(_, node)| node);
        let children = literals.chain(self.parameter.as_deref_mut());
        let mut sets = Vec::new();
        for child in children {
            child.settle();
            sets.push(child.set.clone());
        }
        let leaf = self.leaf.iter().flat_map(|leaf| &leaf.entries);
        sets.extend(leaf.map(|entry| Some(Arc::clone(&entry.route.set))));
        let mut sets = sets.into_iter();
        let first = sets.next().flatten();
        self.set = first.filter(|first| sets.all(|set| set.is_some_and(|set| alike(first, &set))));
    }
}

/// Whether callers who reach no route see no difference between two sets.
fn alike(one: &Arc<RouteSet>, other: &Arc<RouteSet>) -> bool {
    Arc::ptr_eq(one, other)
        || one.api_context == other.api_context
            && one.cors == other.cors
            && one.errors == other.errors
}

impl Leaf {
    /// Adds a route; its method is not there yet.
    pub(super) fn add(&mut self, route: Arc<Route>, parameters: Arc<[Arc<str>]>) {
        self.entries.push(Entry { route, parameters });
        let mut allow: Vec<Method> = self.methods().cloned().collect();
        if allow.contains(&Method::GET) {
            allow.push(Method::HEAD);
        }
        allow.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        self.allow = allow.into();
    }

    /// The route of a method; `HEAD` takes `GET`'s (RULES 15).
    pub(super) fn entry(&self, method: &Method) -> Option<&Entry> {
        let find = |method: &Method| {
            self.entries
                .iter()
                .find(|entry| entry.route.method == *method)
        };
        let get = || (*method == Method::HEAD).then(|| find(&Method::GET));
        find(method).or_else(|| get().flatten())
    }

    fn methods(&self) -> impl Iterator<Item = &Method> {
        self.entries.iter().map(|entry| &entry.route.method)
    }
}
