//! `routes`: OpenAPI files and single routes become routes of known upstreams.

use super::Texts;
use super::issuer::api_context;
use crate::config::file::{
    Access as AccessShape, Config, Cors as CorsShape, Idempotency, Route as Shape,
};
use crate::config::files::OPENAPI_BYTES_MAX;
use crate::config::findings::Findings;
use crate::config::units::Duration;
use crate::document::{Document, child};
use crate::fault::{Fault, Place, nearest};
use crate::operation::{Access, ApiContext};
use crate::route::pattern::{self, Pattern};
use crate::route::{
    Cors, HeaderName, ReferenceRule, Route, RouteSet, Timeouts, ValuePattern, openapi,
};
use std::sync::Arc;

/// The routes that make sense.
pub(super) struct Routes {
    pub(super) list: Vec<Route>,
    /// Whether none was left out: only then are the API's operations known.
    pub(super) complete: bool,
    /// The OpenAPI files.
    documents: Vec<Document>,
}

impl Routes {
    /// Routes know their place as `file:line` only; who holds the texts can underline it.
    pub(super) fn underline(&self, own: &Document, fault: Fault) -> Fault {
        let Some((file, line)) = fault.place.file.rsplit_once(':') else {
            return fault;
        };
        let mut documents = std::iter::once(own).chain(&self.documents);
        let found = documents.find(|document| document.file() == file);
        match (found, line.parse()) {
            (Some(document), Ok(line)) => Fault {
                place: document.line_place(line),
                ..fault
            },
            _ => fault,
        }
    }
}

/// All routes that make sense. Texts of the files they came from go to `texts`.
pub(super) fn resolve(
    config: &Config,
    references: &[ReferenceRule],
    texts: &mut Texts,
    findings: &mut Findings<'_>,
) -> Routes {
    let mut routes = Routes {
        list: Vec::new(),
        complete: true,
        documents: Vec::new(),
    };
    for (at, shape) in config.routes.iter().enumerate() {
        let reading = Reading {
            at: format!("/routes/{at}"),
            shape,
            references,
        };
        reading.read(config, &mut routes, texts, findings);
    }
    routes
}

struct Reading<'a> {
    at: String,
    shape: &'a Shape,
    references: &'a [ReferenceRule],
}

impl Reading<'_> {
    fn read(
        &self,
        config: &Config,
        routes: &mut Routes,
        texts: &mut Texts,
        findings: &mut Findings<'_>,
    ) {
        self.upstream(config, findings);
        self.marks(findings);
        let set = Arc::new(self.set(texts, findings));
        let shape = self.shape;
        let before = findings.errors();
        match (&shape.openapi, &shape.r#match, &shape.action) {
            (Some(file), None, None) => {
                if let Some(document) = self.document(file, texts, findings) {
                    let marks = openapi::Marks {
                        platform: shape.platform,
                        websocket: shape.websocket,
                    };
                    let (list, faults) = openapi::read(&document, &set, marks, self.references);
                    findings.extend(faults);
                    routes.list.extend(list);
                    routes.documents.push(document);
                }
            }
            (None, Some(line), Some(action)) => {
                routes
                    .list
                    .extend(self.single(line, action, &set, findings));
            }
            _ => {
                let message = "a route is either `openapi`, or `match` with `action`";
                let help = "write `openapi: apis/app.openapi.json`, or `match: GET /v1/things` with `action: things/list`";
                findings.error(&self.at, "route_form", message, help);
            }
        }
        routes.complete &= findings.errors() == before;
    }

    fn upstream(&self, config: &Config, findings: &mut Findings<'_>) {
        let name = &self.shape.upstream;
        if config.upstreams.contains_key(name) {
            return;
        }
        let known = config.upstreams.keys().map(String::as_str);
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known upstreams: {}", known.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no upstream `{name}`");
        findings.error(
            &self.key("upstream"),
            "route_unknown_upstream",
            message,
            help,
        );
    }

    /// Marks that contradict each other, or mean nothing here.
    fn marks(&self, findings: &mut Findings<'_>) {
        let shape = self.shape;
        let context = api_context(shape.context);
        let mut wrong = |key: &str, message: &str, help: &str| {
            findings.error(&self.key(key), "route_mark", message, help);
        };
        if shape.platform && context != ApiContext::Portal {
            wrong(
                "platform",
                "only portal routes act on the platform",
                "remove `platform`",
            );
        }
        if shape.platform && shape.public {
            wrong(
                "public",
                "a route on the platform is not public",
                "remove one of the two",
            );
        }
        if shape.access.is_some() && shape.openapi.is_some() {
            let help = "say `x-palisade-access` at the operation in the OpenAPI file";
            wrong("access", "`access` is for single routes", help);
        }
        if !shape.patterns.is_empty() && shape.openapi.is_some() {
            let help = "say `x-palisade-pattern` at the path parameter in the OpenAPI file";
            wrong("patterns", "`patterns` is for single routes", help);
        }
        if shape.body_references.is_some() && shape.openapi.is_some() {
            let help = "say `x-palisade-body-references` at the operation in the OpenAPI file";
            let message = "`body_references` is for single routes";
            wrong("body_references", message, help);
        }
        let crosses = context == ApiContext::Portal && !shape.also_accepts.is_empty();
        let accepts_portal = shape
            .also_accepts
            .iter()
            .any(|other| api_context(*other) == ApiContext::Portal);
        if crosses || accepts_portal {
            let message =
                "tokens of the portal are accepted by portal routes alone, and no others there";
            wrong("also_accepts", message, "remove it");
        }
    }

    fn set(&self, texts: &mut Texts, findings: &mut Findings<'_>) -> RouteSet {
        let shape = self.shape;
        let rewrite_idempotency = shape.idempotency == Idempotency::Rewrite;
        if rewrite_idempotency && shape.public {
            let message = "a public route has no caller whose keys could be told apart";
            findings.error(&self.key("idempotency"), "route_mark", message, "remove it");
        }
        let errors = shape.errors.as_ref();
        let errors = errors.and_then(|errors| {
            super::errors::resolve(errors, &self.key("errors"), texts, findings)
        });
        let mut time = |key: &str, given: Option<Duration>| {
            given.map(|given| super::listen::timeout(findings, &self.key(key), given))
        };
        let timeouts = Timeouts {
            response: time("timeout", shape.timeout),
            idle: time("idle_timeout", shape.idle_timeout),
        };
        RouteSet {
            api_context: api_context(shape.context),
            also_accepts: shape
                .also_accepts
                .iter()
                .copied()
                .map(api_context)
                .collect(),
            public: shape.public,
            upstream: shape.upstream.as_str().into(),
            timeouts,
            rewrite_idempotency,
            errors: errors.map(Arc::new),
            cors: shape
                .cors
                .as_ref()
                .map(|cors| Arc::new(self.cors(cors, findings))),
        }
    }

    fn cors(&self, shape: &CorsShape, findings: &mut Findings<'_>) -> Cors {
        for (at, origin) in shape.origins.iter().enumerate() {
            let pointer = self.key(&format!("cors/origins/{at}"));
            if origin == "*" && shape.credentials {
                let message = "`*` with credentials lets every site act for the user";
                findings.error(&pointer, "route_cors", message, "list the origins");
            } else if origin != "*" && !is_origin(origin) {
                let message = format!("`{origin}` is not an origin");
                let help = "write it like `https://app.example.com`: no path, no slash at the end";
                findings.error(&pointer, "route_cors", message, help);
            }
        }
        for (key, names) in [("headers", &shape.headers), ("expose", &shape.expose)] {
            for (at, name) in names.iter().enumerate() {
                let pointer = self.key(&format!("cors/{key}/{at}"));
                if name == "*" && shape.credentials {
                    let message = "browsers take `*` with credentials for the name of a header";
                    findings.error(&pointer, "route_cors", message, "list the headers");
                } else if HeaderName::from_bytes(name.as_bytes()).is_err() {
                    let message = format!("`{name}` is not the name of a header");
                    findings.error(
                        &pointer,
                        "route_cors",
                        message,
                        "write it like `x-request-id`",
                    );
                }
            }
        }
        let day = std::time::Duration::from_hours(24);
        if shape.max_age.0 > day {
            let message = format!("`{}` is more than 24h", shape.max_age);
            findings.error(
                &self.key("cors/max_age"),
                "config_value",
                message,
                "write at most `24h`",
            );
        }
        Cors {
            origins: shape.origins.clone(),
            credentials: shape.credentials,
            headers: shape.headers.clone(),
            expose: shape.expose.clone(),
            max_age: shape.max_age.0,
        }
    }

    fn document(
        &self,
        name: &str,
        texts: &mut Texts,
        findings: &mut Findings<'_>,
    ) -> Option<Document> {
        let path = findings.path(name);
        let text = match findings.read(name, OPENAPI_BYTES_MAX) {
            Ok(text) => text,
            Err(fault) => {
                let message = format!("`{}` {}", fault.place.file, fault.message);
                let help = fault.help.unwrap_or_default();
                findings.error(&self.key("openapi"), fault.code, message, help);
                return None;
            }
        };
        texts.push((name.to_owned(), Arc::clone(&text)));
        Document::parse(&path.display().to_string(), text)
            .map_err(|faults| findings.extend(faults))
            .ok()
    }

    fn single(
        &self,
        matches: &str,
        action: &str,
        set: &Arc<RouteSet>,
        findings: &mut Findings<'_>,
    ) -> Option<Route> {
        let parameters = self.patterns(findings);
        let document = findings.document();
        let pattern = Pattern {
            parameters,
            matches,
            action,
            access: self.shape.access.map(access),
            body_unchecked: self
                .shape
                .body_references
                .as_ref()
                .map(|mark| mark.unchecked.as_str()),
            platform: self.shape.platform,
            websocket: self
                .shape
                .websocket
                .then(|| document.place(&self.key("websocket"))),
            match_place: document.place(&self.key("match")),
            action_place: document.place(&self.key("action")),
            declared_at: document.line(&self.key("match")),
        };
        pattern::read(&pattern, set, self.references)
            .map_err(|faults| findings.extend(faults))
            .ok()
    }

    fn patterns(&self, findings: &mut Findings<'_>) -> Vec<(String, ValuePattern, Place)> {
        let mut patterns = Vec::new();
        for (name, text) in &self.shape.patterns {
            let pointer = child(&self.key("patterns"), name);
            match ValuePattern::read(text) {
                Ok(pattern) => {
                    patterns.push((name.clone(), pattern, findings.document().place(&pointer)));
                }
                Err(why) => {
                    let help = "write a regular expression for the whole value: `[a-z0-9.-]+`";
                    findings.error(
                        &pointer,
                        "route_pattern",
                        format!("no pattern: {why}"),
                        help,
                    );
                }
            }
        }
        patterns
    }

    fn key(&self, key: &str) -> String {
        format!("{}/{key}", self.at)
    }
}

fn access(shape: AccessShape) -> Access {
    match shape {
        AccessShape::Read => Access::Read,
        AccessShape::Create => Access::Create,
        AccessShape::Update => Access::Update,
        AccessShape::Delete => Access::Delete,
        AccessShape::Manage => Access::Manage,
    }
}

/// `scheme://host[:port]`, as browsers send it.
pub(super) fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else {
        return false;
    };
    let whole = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.path() == "/"
        && uri.query().is_none()
        && !text.ends_with('/')
        && !text.contains('@');
    // Browsers leave out the scheme's own port.
    let port = match uri.scheme_str() {
        Some("http") => uri.port_u16() != Some(80),
        _ => uri.port_u16() != Some(443),
    };
    // Browsers send lower case; an origin in another case would never match.
    whole && port && text.chars().all(|c| !c.is_ascii_uppercase())
}
