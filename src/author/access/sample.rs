//! One request for a whole route: its path with ids that stand for all others, and the tenant that it needs
//! to name.

use super::Error;
use super::office::Office;
use super::open::Open;
use crate::author::asked;
use crate::head::{self, Peer};
use crate::operation::ApiContext;
use crate::route::{AccountOf, ReferenceIn, ReferenceKind, Route};
use crate::tenant::{Account, Workspace};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What stands for every id, and in the place of parameters with a pattern of their own what may fit it.
const IDS: [&str; 9] = [
    "sample-1",
    "1",
    "a",
    "A1",
    "en",
    "10",
    "2026-01-01",
    "00000000-0000-4000-8000-000000000000",
    "sample.txt",
];
/// A user that is not the one who asks.
const SOMEONE_ELSE: &str = "someone-else";

/// Where is asked.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) account: Arc<Account>,
    /// `None`: the account itself.
    pub(super) workspace: Option<Arc<Workspace>>,
}

/// A request that stands for others.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) route: Arc<Route>,
    /// `GET /app/v1/missions/sample-1`.
    pub(super) request: String,
    fields: Vec<(HeaderName, String)>,
    /// Somebody gave it: it stands for itself.
    given: bool,
}

impl Sample {
    /// For a route, in a place.
    pub(super) fn of(
        route: &Arc<Route>,
        place: Option<&Place>,
        office: &Office<'_>,
    ) -> Result<Self, Error> {
        let needs = route.account_of == AccountOf::References;
        if needs && place.is_none() {
            return Err(Error::PlaceNeeded(route.operation.name.to_string()));
        }
        let (query, fields) = match place {
            Some(place) if needs => names_a_tenant(route, place, office)?,
            _ => (String::new(), Vec::new()),
        };
        let samples = IDS.iter().map(|id| {
            let path = path(route, place, id, office);
            Self {
                route: Arc::clone(route),
                request: format!("{} {path}{query}", route.method),
                fields: fields.clone(),
                given: false,
            }
        });
        let mut fits = samples.filter(|sample| {
            let found = sample.finds(office);
            found.is_some_and(|found| Arc::ptr_eq(&found, route))
        });
        fits.next()
            .ok_or_else(|| Error::NoSample(route.template.to_string()))
    }

    /// A request that somebody gave.
    pub(super) fn given(line: &str, office: &Office<'_>) -> Result<Self, Error> {
        let parts = asked::request(line)?;
        let route = found(&parts, office).ok_or_else(|| Error::NoRoute(line.to_owned()))?;
        Ok(Self {
            route,
            request: line.trim().to_owned(),
            fields: Vec::new(),
            given: true,
        })
    }

    fn finds(&self, office: &Office<'_>) -> Option<Arc<Route>> {
        found(&asked::request(&self.request).ok()?, office)
    }

    /// As it would arrive.
    pub(super) fn parts(&self, office: &Office<'_>) -> Result<Parts, Error> {
        let mut parts = asked::request(&self.request)?;
        for (name, value) in &self.fields {
            add(&mut parts.headers, name, value)?;
        }
        name_host(&mut parts, office);
        Ok(parts)
    }

    /// What of it differs from the requests that it stands for.
    pub(super) fn open(&self) -> Open {
        let parameters = !self.given && self.route.template.contains('{');
        let users = &*self.route.kind == "users" && self.route.id_parameter.is_some();
        Open {
            resource: parameters,
            owner: parameters && users,
            ..Open::default()
        }
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: HeaderName, value: String) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The same with one more key of the query.
    pub(super) fn with_query(mut self, name: &str, value: &str) -> Self {
        let mark = if self.request.contains('?') { '&' } else { '?' };
        self.request = format!("{}{mark}{name}={value}", self.request);
        self
    }
}

/// Adds a field.
pub(super) fn add(headers: &mut HeaderMap, name: &HeaderName, value: &str) -> Result<(), Error> {
    let value = HeaderValue::from_str(value);
    let bad = |_| asked::Misread::Header(name.to_string());
    headers.append(name.clone(), value.map_err(bad)?);
    Ok(())
}

fn name_host(parts: &mut Parts, office: &Office<'_>) {
    let served = office.generation.head.hosts.first();
    asked::name_host(&mut parts.headers, served);
}

/// The route that answers it.
fn found(parts: &Parts, office: &Office<'_>) -> Option<Arc<Route>> {
    let mut parts = parts.clone();
    name_host(&mut parts, office);
    let peer = Peer::plain(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let head = head::read(&parts, &peer, &office.generation.head, office.now).ok()?;
    let router = &office.generation.rules.router;
    Some(router.find(&head.method, &head.path).ok()?.route)
}

fn path(route: &Route, place: Option<&Place>, id: &str, office: &Office<'_>) -> String {
    let table = &office.generation.rules.references;
    let account = place.map(|place| place.account.id.as_str());
    let workspace = place.and_then(|place| place.workspace.as_ref());
    let workspace = workspace.map(|workspace| workspace.id.as_str());
    let segment = |segment: &str| {
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let Some(name) = name else {
            return segment.to_owned();
        };
        let patterned = route.patterns.iter().any(|(known, _)| **known == *name);
        let value = match table.of_path(name) {
            _ if patterned => id,
            Some(ReferenceKind::Account) => account.unwrap_or(id),
            Some(ReferenceKind::Workspace | ReferenceKind::Catalog) => workspace.unwrap_or(id),
            Some(ReferenceKind::User) => SOMEONE_ELSE,
            None if *route.kind == *"users" => SOMEONE_ELSE,
            None => id,
        };
        value.to_owned()
    };
    let segments: Vec<String> = route.template.split('/').map(segment).collect();
    segments.join("/")
}

type Named = (String, Vec<(HeaderName, String)>);

/// A Portal route names an account; where its path does not, the first name of the table does.
fn names_a_tenant(route: &Route, place: &Place, office: &Office<'_>) -> Result<Named, Error> {
    let table = &office.generation.rules.references;
    let parameters = route.template.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        table.of_path(name)
    });
    let tenant = |kind| matches!(kind, ReferenceKind::Account | ReferenceKind::Workspace);
    if parameters.into_iter().any(tenant) {
        return Ok(Named::default());
    }
    let named = office.references.iter().find_map(|rule| {
        let value = match rule.kind {
            ReferenceKind::Account => place.account.id.as_str(),
            ReferenceKind::Workspace => place.workspace.as_ref()?.id.as_str(),
            ReferenceKind::User | ReferenceKind::Catalog => return None,
        };
        match &rule.place {
            ReferenceIn::Query(name) => Some((format!("?{name}={value}"), Vec::new())),
            ReferenceIn::Header(name) => {
                Some((String::new(), vec![(name.clone(), value.to_owned())]))
            }
            ReferenceIn::Path(_) | ReferenceIn::Body { .. } => None,
        }
    });
    named.ok_or_else(|| Error::NoSample(route.template.to_string()))
}

/// Whether whoever asks there is in a workspace.
pub(super) fn is_inside(route: &Route) -> bool {
    match route.operation.api_context {
        ApiContext::App | ApiContext::Dashboard => true,
        ApiContext::Portal => false,
    }
}
