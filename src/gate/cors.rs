//! Cross-origin requests: preflights are answered here from configuration and never forwarded; real
//! replies, refusals too, get the headers that let a script of an allowed origin read them (RULES 21).

use crate::forward::ReplyBody;
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
        let origin = headers.get(header::ORIGIN).filter(listed).cloned();
        Some(Self { cors, origin })
    }

    /// Makes the configuration alone say who may read the reply: what the upstream says goes, and a
    /// cache keeps one origin's reply from another.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        headers.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
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

    fn answer(&self, headers: &mut HeaderMap, method: &HeaderValue) {
        self.mark(headers);
        if self.origin.is_none() {
            return;
        }
        // The method asked for is echoed, whether a route has it or not: the answer reveals none.
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        list(
            headers,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            &self.cors.headers,
        );
        let age = HeaderValue::from(self.cors.max_age.as_secs());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, age);
    }
}

/// The answer to a preflight. `None`: the request is not one (Fetch, section 4.8).
pub(super) fn preflight(
    cross: Option<&CrossOrigin>,
    parts: &request::Parts,
) -> Option<Response<ReplyBody>> {
    let method = parts.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    if parts.method != Method::OPTIONS || !parts.headers.contains_key(header::ORIGIN) {
        return None;
    }
    let mut reply = Response::new(ReplyBody::full(""));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    if let Some(cross) = cross {
        cross.answer(reply.headers_mut(), method);
    }
    Some(reply)
}

fn list(headers: &mut HeaderMap, name: HeaderName, values: &[String]) {
    if values.is_empty() {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&values.join(", ")) {
        headers.insert(name, value);
    }
}
