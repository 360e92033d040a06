//! A request that failed is sent again where that is safe: to another endpoint, within the budget.
//!
//! Safe is what was not sent, what the upstream says it did not look at, and what may be done twice
//! (RFC 9110, section 9.2.2) and can be said twice. A POST that was sent is never sent again.

use super::body::RequestBody;
use super::error::Error;
use super::flight::Flight;
use super::member::{Failed, Member, Way};
use super::pool::Lease;
use super::upstream::{Answer, Upstream};
use super::{Protocol, UpstreamSettings};
use crate::telemetry::UpstreamFailure;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::time::Instant;

/// A request that can be said again.
pub(super) struct Spare {
    method: Method,
    /// Its target and its fields, a line for each name and each value: one allocation, where a copy of
    /// the fields would take several for each. Hardly any request is ever said again.
    lines: Vec<u8>,
    body: RequestBody,
}

/// The lines of a usual head fit.
const LINES_BYTES: usize = 2048;

/// What the client gets of an attempt, if it is the last.
type Ended = Result<(Response<Incoming>, Lease), Error>;

/// What an attempt came to.
pub(super) type Outcome = Result<(Response<Incoming>, Lease), Box<Failed>>;

impl Spare {
    /// A copy of `request`, if it may be of use: a body that is read as it comes cannot be said again.
    pub(super) fn of(request: &Request<RequestBody>, settings: &UpstreamSettings) -> Option<Self> {
        // Over HTTP/1.1 nobody says that a request was not looked at.
        let useful = is_idempotent(request.method()) || settings.protocol != Protocol::Http1;
        if settings.retries.max == 0 || !useful {
            return None;
        }
        let body = request.body().copy()?;
        let target = request.uri().path_and_query()?.as_str();
        let mut lines = Vec::with_capacity(LINES_BYTES);
        lines.extend_from_slice(target.as_bytes());
        for (name, value) in request.headers() {
            for text in [name.as_str().as_bytes(), value.as_bytes()] {
                // Stands in no name and in no value (RFC 9110, section 5.5).
                lines.push(b'\n');
                lines.extend_from_slice(text);
            }
        }
        Some(Self {
            method: request.method().clone(),
            lines,
            body,
        })
    }

    fn is_idempotent(&self) -> bool {
        is_idempotent(&self.method)
    }

    /// The request.
    fn copy(&self) -> Option<Request<RequestBody>> {
        let mut lines = self.lines.split(|byte| *byte == b'\n');
        let mut copy = Request::new(self.body.copy()?);
        *copy.method_mut() = self.method.clone();
        *copy.uri_mut() = Uri::try_from(lines.next()?).ok()?;
        while let Some(name) = lines.next() {
            let name = HeaderName::from_bytes(name).ok()?;
            let value = HeaderValue::from_bytes(lines.next()?).ok()?;
            copy.headers_mut().append(name, value);
        }
        Some(copy)
    }

    fn again(&self, error: &Error) -> Option<Request<RequestBody>> {
        let safe = match error {
            Error::Refused(..) => true,
            Error::Broken(..) => self.is_idempotent(),
            _ => false,
        };
        safe.then(|| self.copy()).flatten()
    }
}

impl Upstream {
    /// Goes on after an attempt that was no success, until one is or nothing more may be tried.
    pub(super) async fn again(
        &self,
        mut outcome: Outcome,
        spare: Option<Spare>,
        way: &Way<'_>,
        mut flight: Flight,
    ) -> Result<Answer, Error> {
        let begun = flight.begun();
        let mut way = way.clone();
        let mut tried = Vec::new();
        let mut left = self.settings().retries.max;
        loop {
            let (next, ended) = self.judge(outcome, spare.as_ref(), &way, &flight);
            let now = Instant::now();
            way.spent = now.saturating_duration_since(begun);
            tried.push(flight.member().endpoint.address);
            let next = next.filter(|_| way.has_time(way.spent, now));
            let next = next.and_then(|next| self.next(next, &tried, &mut left, now));
            let Some((request, member)) = next else {
                return ended.map(|(reply, lease)| Answer {
                    reply,
                    lease,
                    flight,
                });
            };
            // Its connection first: what it takes may be what the next one waits for.
            drop(ended);
            flight.turn_to(member, now);
            outcome = flight.member().attempt(request, &way).await;
        }
    }

    /// Where `next` goes, if it may be sent at all: `left` more times.
    fn next(
        &self,
        next: Next,
        tried: &[SocketAddr],
        left: &mut u32,
        now: Instant,
    ) -> Option<(Request<RequestBody>, Rc<Member>)> {
        let member = self.choose(tried, now).ok()?;
        // An endpoint that takes no connection is no busier for being asked: whoever finds another one has
        // sent nothing twice, and need not ask the budget.
        let free = next.unconnected && !tried.contains(&member.endpoint.address);
        if !free {
            *left = left.checked_sub(1)?;
            self.service.may_retry(now).then_some(())?;
        }
        Some((next.request, member))
    }

    /// What may be sent again after `outcome`, and what it is to the client if nothing is.
    fn judge(
        &self,
        outcome: Outcome,
        spare: Option<&Spare>,
        way: &Way<'_>,
        flight: &Flight,
    ) -> (Option<Next>, Ended) {
        let now = Instant::now();
        match outcome {
            Ok((reply, lease)) => {
                let status = reply.status().as_u16();
                self.note(status, flight, now);
                let again = self.settings().retries.statuses.contains(&status);
                let spare = spare.filter(|spare| again && spare.is_idempotent());
                let next = spare.and_then(Spare::copy).map(Next::of);
                (next, Ok((reply, lease)))
            }
            Err(failed) => {
                let Failed { error, unsent } = *failed;
                if !self.is_own_fault(&error, way) {
                    flight.failed(&self.service, &error, now);
                }
                // What was not sent and failed for the client's own body would fail again.
                let unsent = unsent.filter(|_| error.failure().is_some());
                let unsent = unsent.map(|request| Next {
                    unconnected: error.failure() == Some(UpstreamFailure::Connect),
                    request,
                });
                let again = || spare.and_then(|spare| spare.again(&error)).map(Next::of);
                (unsent.or_else(again), Err(error))
            }
        }
    }

    /// Whether the caller gave less time than the upstream is meant to have: that says nothing against an
    /// endpoint, and must not take it from others.
    fn is_own_fault(&self, error: &Error, way: &Way<'_>) -> bool {
        let short = way.limit.saturating_sub(way.spent) < self.settings().response_timeout;
        matches!(error, Error::Timeout(..)) && short
    }
}

/// A request that may be sent once more.
struct Next {
    request: Request<RequestBody>,
    /// The endpoint before took no connection.
    unconnected: bool,
}

impl Next {
    fn of(request: Request<RequestBody>) -> Self {
        Self {
            request,
            unconnected: false,
        }
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    )
}
