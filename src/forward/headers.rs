//! Header rules of forwarding, all pure: what is removed, what is added (DESIGN 9, RULES 15, 23, 25).

use super::idempotency;
use super::said::Said;
use crate::decision::Permit;
use crate::head::{Head, fold};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;

/// The names of the annotation, built once.
#[derive(Clone, Debug)]
pub struct Annotate {
    prefix: String,
    strip: Vec<String>,
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

/// Removed whatever the configuration says, by folded name (RULES 25). An entry that ends in `-`
/// stands for every name that begins with it.
const ALWAYS_STRIPPED: [&str; 35] = [
    "x-user-id",
    "x-tenant-id",
    "x-aw-",
    "x-aworld-",
    "x-forwarded-",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fastly-client-ip",
    "fly-client-ip",
    "x-azure-clientip",
    "x-envoy-external-address",
    "x-originating-ip",
    "x-remote-addr",
    "x-original-",
    "x-rewrite-",
    "x-override-url",
    "x-http-destinationurl",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-client-cert",
    "x-client-cert-",
    "x-ssl-",
    "ssl-client-",
    "x-ssl-client-",
    "client-cert",
    "client-cert-",
    "x-client-verify",
    "x-amzn-mtls-",
];

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
            strip: strip.iter().map(|name| fold(name).into_owned()).collect(),
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
        self.strip(trailers);
        strip_hop_by_hop(trailers);
        let late: Vec<HeaderName> = trailers
            .keys()
            .filter(|name| {
                let folded = fold(name.as_str());
                READ_BEFORE.contains(&&*folded)
                    || idempotency::is_key(&folded)
                    || self.references.iter().any(|one| *one == folded)
            })
            .cloned()
            .collect();
        for name in late {
            trailers.remove(&name);
        }
    }

    /// Removes from a reply's trailers what only the gate may say.
    pub(super) fn clean_trailers(&self, trailers: &mut HeaderMap) {
        strip_hop_by_hop(trailers);
        let ours: Vec<HeaderName> = trailers
            .keys()
            .filter(|name| {
                let folded = fold(name.as_str());
                folded.starts_with(&self.prefix) || folded.starts_with("access-control-")
            })
            .cloned()
            .collect();
        for name in ours {
            trailers.remove(&name);
        }
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
        let folded = fold(name.as_str());
        folded.starts_with(&self.prefix)
            || self.strip.iter().any(|listed| *listed == folded)
            || ALWAYS_STRIPPED.iter().any(|listed| {
                folded == *listed || (listed.ends_with('-') && folded.starts_with(listed))
            })
    }

    /// Removes what a client must not say: from the head's fields, and from trailers.
    pub fn strip(&self, headers: &mut HeaderMap) {
        let reserved: Vec<HeaderName> = headers
            .keys()
            .filter(|name| self.is_reserved(name))
            .cloned()
            .collect();
        for name in reserved {
            headers.remove(&name);
        }
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
    strip_hop_by_hop(headers);
    rules.strip(headers);
    join_cookies(headers);
    headers.remove(header::EXPECT);
    headers.remove(header::TE);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    insert(
        headers,
        HeaderName::from_static("x-forwarded-for"),
        Some(&address(head.client)),
    );
    insert(
        headers,
        HeaderName::from_static("x-forwarded-host"),
        Some(&head.authority),
    );
    insert(
        headers,
        HeaderName::from_static("x-forwarded-proto"),
        Some(if head.secure { "https" } else { "http" }),
    );
    let names = &rules.names;
    headers.insert(names.request_id.clone(), request_id.clone());
    let context = permit.target().route.operation.api_context;
    insert(headers, names.context.clone(), Some(context.label()));
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

fn address(ip: IpAddr) -> String {
    ip.to_string()
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

/// Removes the fields that `Connection` nominates, and the hop-by-hop fields themselves.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
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
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The reply's fields as the client gets them: no hop-by-hop, nothing under the annotation prefix
/// but our own request id.
pub fn clean_reply(headers: &mut HeaderMap, rules: &Annotate, request_id: &HeaderValue) {
    strip_hop_by_hop(headers);
    let ours: Vec<HeaderName> = headers
        .keys()
        .filter(|name| fold(name.as_str()).starts_with(&rules.prefix))
        .cloned()
        .collect();
    for name in ours {
        headers.remove(&name);
    }
    headers.insert(rules.names.request_id.clone(), request_id.clone());
}

/// Whether a reply's body is coded for this hop in another way than by chunks, which are taken off here:
/// nobody asked for that, and nobody would tell the client.
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
    let chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    codings.next().is_some_and(|first| !chunked(first)) || codings.next().is_some()
}

/// Leaves a reply the one length that it has. Beside chunks, and where there is no body, it says nothing
/// (RFC 9112, section 6.3); equal ones in a list are one.
pub(super) fn settle_length(status: StatusCode, headers: &mut HeaderMap) {
    let name = header::CONTENT_LENGTH;
    if headers.contains_key(header::TRANSFER_ENCODING) || status == StatusCode::NO_CONTENT {
        headers.remove(name);
        return;
    }
    let mut all = headers.get_all(&name).into_iter();
    let Some(first) = all.next() else { return };
    let plain = first.as_bytes().iter().all(u8::is_ascii_digit);
    if plain && all.next().is_none() {
        return;
    }
    let text = first.to_str().unwrap_or_default().split(',').next();
    match text.and_then(|text| text.trim().parse::<u64>().ok()) {
        Some(length) => drop(headers.insert(name, HeaderValue::from(length))),
        None => drop(headers.remove(name)),
    }
}

/// Keeps caches from giving one caller's reply to another (RULES 46).
pub(super) fn keep_private(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    vary(headers, "Authorization");
    vary(headers, "Cookie");
}

/// Makes caches keep replies apart by that field of the request, if they do not already.
pub fn vary(headers: &mut HeaderMap, name: &'static str) {
    if !varies_by(headers, name) {
        headers.append(header::VARY, HeaderValue::from_static(name));
    }
}

/// Whether a cache already keeps replies apart by that field: it is listed, or `*` says that no two
/// requests are alike (RFC 9110, section 12.5.5).
fn varies_by(headers: &HeaderMap, name: &str) -> bool {
    let lines = headers.get_all(header::VARY).iter();
    let words = lines
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut words = words.map(str::trim);
    words.any(|word| word == "*" || word.eq_ignore_ascii_case(name))
}
