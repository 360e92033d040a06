//! Cross-origin requests: preflights are answered here from configuration and never forwarded; real
//! replies, refusals too, get the headers that let a script of an allowed origin read them (RULES 21).

use crate::forward::{ReplyBody, vary};
use crate::head::Head;
use crate::route::{Cors, Router};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, request};
use std::sync::Arc;

/// The rules of a path that has some, and the request's origin if they list it.
pub(super) struct CrossOrigin {
    cors: Arc<Cors>,
    origin: Option<HeaderValue>,
}

impl CrossOrigin {
    /// `None`: the path's route set has no rules.
    pub(super) fn of(router: &Router, head: &Head, headers: &HeaderMap) -> Option<Self> {
        let cors = router.set_at(&head.path)?.cors.clone()?;
        let listed = |origin: &&HeaderValue| {
            let listed = |one: &String| one == "*" || one.as_bytes() == origin.as_bytes();
            cors.origins.iter().any(listed)
        };
        let origin = sole(headers, &header::ORIGIN).filter(listed).cloned();
        Some(Self { cors, origin })
    }

    fn mark(&self, headers: &mut HeaderMap) {
        vary(headers, "Origin");
        let Some(origin) = &self.origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.cors.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        list(
            headers,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            &self.cors.expose,
        );
    }

    fn answer(&self, headers: &mut HeaderMap, method: HeaderValue) {
        self.mark(headers);
        if self.origin.is_none() {
            return;
        }
        // The method asked for is echoed, whether a route has it or not: the answer reveals none.
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method);
        list(
            headers,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            &self.cors.headers,
        );
        let age = HeaderValue::from(self.cors.max_age.as_secs());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, age);
    }
}

/// Makes the configuration alone say who may read a reply: what the upstream says goes, rules or no
/// rules, and a cache keeps one origin's reply from another.
pub(super) fn settle(cross: Option<&CrossOrigin>, headers: &mut HeaderMap) {
    let is_theirs = |name: &&HeaderName| name.as_str().starts_with("access-control-");
    let theirs: Vec<HeaderName> = headers.keys().filter(is_theirs).cloned().collect();
    for name in theirs {
        headers.remove(name);
    }
    if let Some(cross) = cross {
        cross.mark(headers);
    }
}

/// The answer to a preflight. `None`: the request is not one (Fetch, section 4.8).
pub(super) fn preflight(
    cross: Option<&CrossOrigin>,
    parts: &request::Parts,
) -> Option<Response<ReplyBody>> {
    let asks = |name: &HeaderName| parts.headers.contains_key(name);
    if parts.method != Method::OPTIONS
        || !asks(&header::ORIGIN)
        || !asks(&header::ACCESS_CONTROL_REQUEST_METHOD)
    {
        return None;
    }
    let mut reply = Response::new(ReplyBody::full(""));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    let method = sole(&parts.headers, &header::ACCESS_CONTROL_REQUEST_METHOD);
    let method = method.filter(|method| Method::from_bytes(method.as_bytes()).is_ok());
    // Nothing is ever said of private networks: no page of the outside may call into one.
    if let (Some(cross), Some(method)) = (cross, method) {
        cross.answer(reply.headers_mut(), method.clone());
    }
    Some(reply)
}

/// A header that stands there once. No browser sends two.
fn sole<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut all = headers.get_all(name).iter();
    let first = all.next();
    first.filter(|_| all.next().is_none())
}

fn list(headers: &mut HeaderMap, name: HeaderName, values: &[String]) {
    if values.is_empty() {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&values.join(", ")) {
        headers.insert(name, value);
    }
}
