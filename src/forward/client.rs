//! The upstream side of one worker.

use super::assertion::Asserter;
use super::body::{ReplyBody, RequestBody};
use super::endpoints::{Service, Services};
use super::error::Error;
use super::grpc::deadline;
use super::headers::{Annotate, annotate, clean_reply, is_coded, keep_private, settle_length};
use super::idempotency;
use super::member::Way;
use super::pace::Patience;
use super::tunnel::Opened;
use super::turn::Turn;
use super::upstream::{Answer, Upstream};
use super::{PoolMode, Settings};
use crate::body::Sent;
use crate::decision::Permit;
use crate::head::{Credential, Head, is_grpc};
use crate::telemetry::Metrics;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Parts, PathAndQuery};
use http::{Request, Response, Uri};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What goes with an allowed request.
#[derive(Clone, Copy)]
pub struct Allowed<'a> {
    /// The proof.
    pub permit: &'a Permit,
    /// What was decided about.
    pub head: &'a Head,
    /// The request's id.
    pub request_id: &'a HeaderValue,
    /// Of the ruleset that decided.
    pub revision: &'a str,
}

/// The upstream side of one worker; it never leaves its thread.
pub struct Forwarder {
    current: RefCell<Option<Rc<Upstreams>>>,
    metrics: Arc<Metrics>,
}

/// The upstreams of one generation, with this worker's connections to them.
pub struct Upstreams {
    settings: Arc<Settings>,
    by_name: HashMap<Arc<str>, Rc<Upstream>>,
    rules: Arc<Annotate>,
    asserter: Option<Asserter>,
}

impl Forwarder {
    /// Without connections.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            current: RefCell::default(),
            metrics,
        }
    }

    /// The upstreams that a generation names. Whatever is the same in the generation before keeps
    /// its connections.
    pub fn upstreams(&self, settings: &Arc<Settings>, services: &Services) -> Rc<Upstreams> {
        let mut current = self.current.borrow_mut();
        if let Some(same) = current
            .as_ref()
            .filter(|one| Arc::ptr_eq(&one.settings, settings))
        {
            return Rc::clone(same);
        }
        let next = Rc::new(self.next(settings, services, current.as_deref()));
        *current = Some(Rc::clone(&next));
        next
    }

    /// Lets go of connections to whatever is not there any more, although no request asks. Where none did
    /// ever, there are none.
    pub fn follow(&self, settings: &Arc<Settings>, services: &Services) {
        if self.current.borrow().is_none() {
            return;
        }
        let upstreams = self.upstreams(settings, services);
        for upstream in upstreams.by_name.values() {
            upstream.follow();
        }
    }

    fn next(
        &self,
        settings: &Arc<Settings>,
        services: &Services,
        former: Option<&Upstreams>,
    ) -> Upstreams {
        let upstream = |service: &Arc<Service>| {
            let name = Arc::clone(&service.settings.name);
            let same = former.and_then(|former| former.by_name.get(&name));
            let same = same.filter(|same| Arc::ptr_eq(&same.service, service));
            let fresh = || Rc::new(Upstream::new(service, &self.metrics));
            (name, same.map_or_else(fresh, Rc::clone))
        };
        Upstreams {
            by_name: services.all().into_iter().map(upstream).collect(),
            rules: Arc::new(settings.annotate.clone()),
            // Its memory begins anew: what was signed in the generation before names that revision.
            asserter: settings.assertion.clone().map(Asserter::new),
            settings: Arc::clone(settings),
        }
    }
}

impl Upstreams {
    /// Sends what was allowed and returns the reply's head and body.
    pub async fn send(
        &self,
        allowed: Allowed<'_>,
        request: Request<Sent>,
    ) -> Result<Response<ReplyBody>, Error> {
        let permit = allowed.permit;
        let route = &permit.target().route;
        let upstream = self
            .by_name
            .get(&route.set.upstream)
            .ok_or_else(|| Error::Unknown(Arc::clone(&route.set.upstream)))?;
        let (parts, body) = request.into_parts();
        let turn = Turn::default();
        let grpc = is_grpc(&parts.headers);
        let deadline = grpc.then(|| deadline(&parts.headers)).flatten();
        let mut request = Request::new(RequestBody::new(
            body,
            &parts,
            Arc::clone(&self.rules),
            self.patience(grpc, route.timeouts.idle, upstream),
            Turn::clone(&turn),
        ));
        *request.method_mut() = allowed.head.method.clone();
        let (path, query) = (
            allowed.head.path.as_str(),
            allowed.head.query.raw.as_deref(),
        );
        *request.uri_mut() = target(&parts.uri, path, query)?;
        let mut headers = self.headers(parts.headers, upstream, allowed)?;
        let cookies = !Self::is_cookie_wanted(upstream, allowed.head);
        upstream.fit(&mut headers, request.uri(), cookies)?;
        *request.headers_mut() = headers;
        let limit = route.timeouts.response;
        let limit = limit.unwrap_or_else(|| upstream.settings().response_timeout);
        let owner = match upstream.settings().pool {
            PoolMode::Shared => None,
            PoolMode::PerAccount => permit.scope().account().cloned(),
        };
        let way = Way {
            limit,
            idle: route.timeouts.idle,
            spent: Duration::ZERO,
            grpc,
            deadline,
            turn: &turn,
            owner,
        };
        if let Some(opening) = &allowed.head.websocket {
            // In a box: no other request is to carry its weight.
            let opened = upstream.open(request, opening, &way);
            let (mut reply, opened) = Box::pin(opened).await?;
            self.clean(&mut reply, upstream, allowed)?;
            return match opened {
                Opened::Tunnel(tunnel, handshake) => {
                    handshake.tell(&mut reply);
                    Ok(reply.map(|_| ReplyBody::Tunnel(Box::new(tunnel))))
                }
                Opened::Declined(lease, flight) => {
                    let answer = Answer {
                        reply,
                        lease,
                        flight,
                    };
                    upstream.reply(answer, &self.rules, &way).await
                }
            };
        }
        let mut answer = upstream.exchange(request, &way).await?;
        self.clean(&mut answer.reply, upstream, allowed)?;
        upstream.reply(answer, &self.rules, &way).await
    }

    /// How slow the client may be with its body. gRPC sends messages when they come: a call may rest on
    /// either side for as long as on the other, and what it says may be little.
    fn patience(&self, grpc: bool, idle: Option<Duration>, upstream: &Upstream) -> Patience {
        let Settings {
            body_timeout: pause,
            body_rate: rate,
            ..
        } = *self.settings;
        if grpc {
            let idle = idle.unwrap_or_else(|| upstream.settings().idle_timeout);
            Patience::new(pause.max(idle), 0)
        } else {
            Patience::new(pause, rate)
        }
    }

    /// Whether a cookie is the credential that the upstream asks for.
    fn is_cookie_wanted(upstream: &Upstream, head: &Head) -> bool {
        upstream.settings().forward_token && matches!(head.credential, Credential::Cookie(_))
    }

    /// The reply's fields as the client gets them.
    fn clean<B>(
        &self,
        reply: &mut Response<B>,
        upstream: &Upstream,
        allowed: Allowed<'_>,
    ) -> Result<(), Error> {
        let status = reply.status();
        let headers = reply.headers_mut();
        if is_coded(headers) {
            return Err(Error::Coded(Arc::clone(&upstream.settings().name)));
        }
        settle_length(status, headers);
        clean_reply(headers, &self.rules, allowed.request_id);
        if allowed.permit.caller().proof().is_some() {
            keep_private(headers);
        }
        Ok(())
    }

    /// The request's fields as the upstream gets them.
    fn headers(
        &self,
        mut headers: HeaderMap,
        upstream: &Upstream,
        allowed: Allowed<'_>,
    ) -> Result<HeaderMap, Error> {
        let Allowed { permit, head, .. } = allowed;
        annotate(&mut headers, &self.rules, permit, head, allowed.request_id);
        if permit.target().route.set.rewrite_idempotency {
            idempotency::rewrite(&mut headers, permit)?;
        }
        let settings = upstream.settings();
        if !settings.forward_token {
            headers.remove(header::AUTHORIZATION);
            if let Credential::Cookie(token) = &head.credential {
                token.remove_from(&mut headers);
            }
        }
        if let (Some(asserter), Some(audience)) = (&self.asserter, &settings.audience) {
            let made = asserter.of(audience, permit, head, allowed.revision);
            let made = made.map_err(|_| Error::Unsigned(Arc::clone(&settings.name)))?;
            if let Some(assertion) = made {
                headers.insert(self.rules.assertion().clone(), assertion);
            }
        }
        Ok(headers)
    }
}

/// The request target in origin form, from the one canonical reading of `path` and `query`; as it was `sent`,
/// where that is no other.
fn target(sent: &Uri, path: &str, query: Option<&str>) -> Result<Uri, Error> {
    let same = sent.path() == path && sent.query() == query;
    // `http://host?query` has no path, and is read as one with `/`.
    let whole = |target: &&PathAndQuery| same && target.as_str().starts_with('/');
    let mut parts = Parts::default();
    parts.path_and_query = if let Some(target) = sent.path_and_query().filter(whole) {
        Some(target.clone())
    } else {
        let text = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        Some(text.try_into().map_err(|_| Error::Target)?)
    };
    Uri::from_parts(parts).map_err(|_| Error::Target)
}

#[cfg(test)]
mod tests {
    //! Targets in the form that goes upstream.

    use super::*;

    #[test]
    fn a_target_goes_upstream_in_origin_form_and_as_it_was_read() {
        for (sent, path, query, expected) in [
            ("/a/b?c=d", "/a/b", Some("c=d"), "/a/b?c=d"),
            ("http://h/a/b?c=d", "/a/b", Some("c=d"), "/a/b?c=d"),
            ("http://h?c=d", "/", Some("c=d"), "/?c=d"),
            ("http://h", "/", None, "/"),
            ("/a?", "/a", Some(""), "/a?"),
            ("/%c3%a9", "/%C3%A9", None, "/%C3%A9"),
        ] {
            let target = target(&sent.parse().unwrap(), path, query).unwrap();
            assert_eq!(target.to_string(), expected, "{sent}");
        }
    }
}
