//! Header rules of forwarding, all pure: what is removed, what is added (DESIGN 9, RULES 15, 23, 25).

mod reply;
mod reserved;

pub use reply::{clean_reply, vary};
pub(super) use reply::{is_coded, keep_private, settle_length};

use super::idempotency;
use super::said::Said;
use crate::decision::Permit;
use crate::head::{Head, fold, written};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use reserved::Reserved;

/// The names of the annotation, built once.
#[derive(Clone, Debug)]
pub struct Annotate {
    prefix: String,
    reserved: Reserved,
    references: Vec<String>,
    names: Names,
}

#[derive(Clone, Debug)]
struct Names {
    account: HeaderName,
    workspace: HeaderName,
    user: HeaderName,
    actor: HeaderName,
    principal: HeaderName,
    role: HeaderName,
    context: HeaderName,
    platform: HeaderName,
    lang: HeaderName,
    timezone: HeaderName,
    catalog_workspace: HeaderName,
    request_id: HeaderName,
    assertion: HeaderName,
    client_certificate: HeaderName,
}

/// Hop-by-hop fields of RFC 9110, section 7.6.1, and what hyper writes itself.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// How many fields a request gets, about: its map grows once.
const FIELDS_ADDED: usize = 16;

/// Of no use in a trailer, by folded name: credentials, frame and form of a message were settled by its
/// head.
const READ_BEFORE: [&str; 7] = [
    "authorization",
    "cookie",
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
];

impl Annotate {
    /// Names under `prefix` (lower case, ends in `-`), and further names to strip from requests.
    /// `None`: the prefix does not make header names.
    pub fn new(prefix: &str, strip: &[String]) -> Option<Self> {
        let name =
            |suffix: &str| HeaderName::from_bytes(format!("{prefix}{suffix}").as_bytes()).ok();
        Some(Self {
            names: Names {
                account: name("account")?,
                workspace: name("workspace")?,
                user: name("user")?,
                actor: name("actor")?,
                principal: name("principal")?,
                role: name("role")?,
                context: name("context")?,
                platform: name("platform")?,
                lang: name("lang")?,
                timezone: name("timezone")?,
                catalog_workspace: name("catalog-workspace")?,
                request_id: name("request-id")?,
                assertion: name("assertion")?,
                client_certificate: name("client-certificate")?,
            },
            references: Vec::new(),
            prefix: fold(prefix).into_owned(),
            reserved: Reserved::new(prefix, strip),
        })
    }

    /// With the headers that tenant references are read from: a trailer of such a name was never
    /// looked at, and an upstream may read it as the header.
    #[must_use]
    pub fn with_references<'a>(mut self, names: impl IntoIterator<Item = &'a HeaderName>) -> Self {
        let names = names.into_iter();
        self.references = names.map(|name| fold(name.as_str()).into_owned()).collect();
        self
    }

    /// Removes from a request's trailers what they must not say: they come after the decision.
    pub(super) fn strip_trailers(&self, trailers: &mut HeaderMap) {
        strip_nominated(trailers);
        remove_where(trailers, |name| {
            let folded = fold(name.as_str());
            is_hop_by_hop(name)
                || self.reserved.holds(&folded)
                || READ_BEFORE.contains(&&*folded)
                || idempotency::is_key(&folded)
                || self.references.iter().any(|one| *one == folded)
        });
    }

    /// Removes from a reply's trailers what only the gate may say.
    pub(super) fn clean_trailers(&self, trailers: &mut HeaderMap) {
        strip_nominated(trailers);
        remove_where(trailers, |name| {
            let folded = fold(name.as_str());
            is_hop_by_hop(name)
                || folded.starts_with(&self.prefix)
                || folded.starts_with("access-control-")
        });
    }

    /// The name of the request id, which replies carry too.
    pub fn request_id(&self) -> &HeaderName {
        &self.names.request_id
    }

    /// The name of the assertion.
    pub(super) fn assertion(&self) -> &HeaderName {
        &self.names.assertion
    }

    /// Whether a field of that name is the gate's own.
    pub fn is_own(&self, name: &HeaderName) -> bool {
        fold(name.as_str()).starts_with(&self.prefix)
    }

    /// Whether a client must not send a field of that name: it folds to the prefix or a listed name.
    pub fn is_reserved(&self, name: &HeaderName) -> bool {
        self.reserved.holds(&fold(name.as_str()))
    }
}

/// The request's fields as the upstream gets them: strip, then describe the hop, then annotate.
pub fn annotate(
    headers: &mut HeaderMap,
    rules: &Annotate,
    permit: &Permit,
    head: &Head,
    request_id: &HeaderValue,
) {
    let trailers = wants_trailers(headers);
    strip_nominated(headers);
    remove_where(headers, |name| {
        is_hop_by_hop(name)
            || [header::EXPECT, header::TE].contains(name)
            || rules.is_reserved(name)
    });
    join_cookies(headers);
    headers.reserve(FIELDS_ADDED);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    headers.insert(
        HeaderName::from_static("x-forwarded-proto"),
        HeaderValue::from_static(if head.secure { "https" } else { "http" }),
    );
    let hop = [
        ("x-forwarded-for", &*written(head.client)),
        ("x-forwarded-host", &*head.authority),
    ];
    for (name, value) in hop {
        insert(headers, HeaderName::from_static(name), Some(value));
    }
    let names = &rules.names;
    headers.insert(names.request_id.clone(), request_id.clone());
    let context = permit.target().route.operation.api_context;
    let context = HeaderValue::from_static(context.label());
    headers.insert(names.context.clone(), context);
    if let Some(said) = Said::of(permit) {
        annotate_tenant(headers, names, &said.over(head));
    }
}

/// HTTP/2 sends one cookie list in several fields; HTTP/1.1 knows one (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs = headers.get_all(header::COOKIE).iter();
    let crumbs: Vec<&[u8]> = crumbs.map(HeaderValue::as_bytes).collect();
    if let Ok(list) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(header::COOKIE, list);
    }
}

fn annotate_tenant(headers: &mut HeaderMap, names: &Names, said: &Said<'_>) {
    let fields = [
        (&names.account, said.account),
        (&names.workspace, said.workspace),
        (&names.catalog_workspace, said.catalog_workspace),
        (&names.user, said.user),
        (&names.actor, said.actor),
        (&names.principal, said.principal),
        (&names.role, said.role),
        (&names.client_certificate, said.client_certificate),
    ];
    for (name, value) in fields {
        insert(headers, name.clone(), value);
    }
    if let Some(notes) = said.notes {
        insert(headers, names.platform.clone(), notes.platform.as_deref());
        insert(headers, names.lang.clone(), notes.lang.as_deref());
        insert(headers, names.timezone.clone(), notes.timezone.as_deref());
    }
}

/// A value that cannot stand in a header is left out: it only annotates.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(name, value);
    }
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    let te = headers
        .get_all(header::TE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    te.flat_map(|value| value.split(','))
        .any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// Never removed because `Connection` nominates them: without its length a message has no frame, and
/// without its type a body that was decided as JSON is something else to its reader.
const KEPT: [HeaderName; 4] = [
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::TE,
];

/// Removes the fields that `Connection` nominates.
fn strip_nominated(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in nominated {
        if !KEPT.contains(&name) {
            headers.remove(&name);
        }
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(name)
}

/// One look at each field there is: cheaper than to look up each name that must not be there.
fn remove_where(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    let names = headers.keys().filter(|name| unwanted(name)).cloned();
    for name in names.collect::<Vec<_>>() {
        headers.remove(name);
    }
}
