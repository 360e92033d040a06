//! One upstream of one worker: a request finds an endpoint, and its reply comes as it comes.

use super::UpstreamSettings;
use super::body::{ReplyBody, RequestBody};
use super::budget::Budget;
use super::endpoints::{Choice, Dice, Endpoints, Service, State, pick};
use super::error::{Error, broken};
use super::flight::Flight;
use super::headers::Annotate;
use super::member::{Member, Way};
use super::pool::Lease;
use super::retry::Spare;
use crate::telemetry::Metrics;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Replies up to this size are collected and written with their head in one write,
const COLLECT_BYTES_MAX: u64 = 64 * 1024;

/// if they come within this time. One timer for all of a reply, and none for what is there already.
const COLLECT_WITHIN: Duration = Duration::from_millis(50);

/// One upstream, with this worker's connections to its endpoints.
pub(super) struct Upstream {
    pub(super) service: Arc<Service>,
    pub(super) metrics: Arc<Metrics>,
    members: RefCell<Rc<Members>>,
    dice: Dice,
}

/// This worker's side of all endpoints of a moment.
struct Members {
    of: Arc<Endpoints>,
    list: Vec<Rc<Member>>,
}

/// The head of a reply, and what its body comes on.
pub(super) struct Answer {
    pub(super) reply: Response<Incoming>,
    pub(super) lease: Lease,
    pub(super) flight: Flight,
}

impl Upstream {
    /// Without connections.
    pub(super) fn new(service: &Arc<Service>, metrics: &Arc<Metrics>) -> Self {
        let none = Members {
            of: Arc::default(),
            list: Vec::new(),
        };
        Self {
            service: Arc::clone(service),
            metrics: Arc::clone(metrics),
            members: RefCell::new(Rc::new(none)),
            // Workers must not all draw the same.
            dice: Dice::new(RandomState::new().build_hasher().finish()),
        }
    }

    pub(super) fn settings(&self) -> &UpstreamSettings {
        &self.service.settings
    }

    /// Makes `headers` fit beside the request's first line, if it is known what this upstream takes.
    pub(super) fn fit(
        &self,
        headers: &mut HeaderMap,
        target: &Uri,
        cookies: bool,
    ) -> Result<(), Error> {
        let Some(bytes_max) = self.settings().header_bytes_max else {
            return Ok(());
        };
        let budget = Budget::new(bytes_max, self.settings().protocol);
        let target = target
            .path_and_query()
            .map_or(0, |target| target.as_str().len());
        let beside = target + self.settings().authority.header.len();
        budget
            .fit(headers, beside, cookies, &self.metrics)
            .map_err(|bytes| {
                Error::HeadTooLarge(Arc::clone(&self.settings().name), bytes, bytes_max)
            })
    }

    /// A request of now has found its endpoint, if the upstream may have one more.
    pub(super) fn depart(&self, now: Instant) -> Result<Flight, Error> {
        let admitted = self.service.admit(now);
        let name = &self.settings().name;
        let admitted = admitted.map_err(|limit| Error::Full(Arc::clone(name), limit))?;
        Ok(Flight::new(self.choose(&[], now)?, admitted, now))
    }

    /// Sends a request, and again where that is safe and of use.
    pub(super) async fn exchange(
        &self,
        request: Request<RequestBody>,
        way: &Way<'_>,
    ) -> Result<Answer, Error> {
        let flight = self.depart(Instant::now())?;
        let spare = Spare::of(&request, self.settings());
        match flight.member().attempt(request, way).await {
            Ok((reply, lease)) if !self.is_failure(reply.status().as_u16()) => {
                flight.answered(Instant::now());
                Ok(Answer {
                    reply,
                    lease,
                    flight,
                })
            }
            // In a box: few requests come here, and all would carry its weight.
            outcome => Box::pin(self.again(outcome, spare, way, flight)).await,
        }
    }

    /// Whether a reply with that status is more than just passed on.
    fn is_failure(&self, status: u16) -> bool {
        let settings = self.settings();
        status >= 500
            && (settings.ejection.statuses.contains(&status)
                || settings.retries.statuses.contains(&status))
    }

    /// What a status says of the endpoint that sent it.
    pub(super) fn note(&self, status: u16, flight: &Flight, now: Instant) {
        if self.settings().ejection.statuses.contains(&status) {
            flight.failed_by_status(&self.service, now);
        } else {
            flight.answered(now);
        }
    }

    /// Where the next attempt goes: to an endpoint that is well and not among those `tried`, as far as
    /// there are any; when none is well, to whichever there is.
    pub(super) fn choose(&self, tried: &[SocketAddr], now: Instant) -> Result<Rc<Member>, Error> {
        let members = self.members();
        let list = members.list.as_slice();
        if let [only] = list {
            return Ok(Rc::clone(only));
        }
        let at = self.service.now(now);
        let well = |member: &Member| member.endpoint.state(at) == State::Healthy;
        let fresh = |member: &Member| !tried.contains(&member.endpoint.address);
        let pick = |fit: &dyn Fn(&Member) -> bool| {
            let each = list.iter().enumerate();
            let choices = each.filter(|(_, one)| fit(one)).map(|(at, one)| Choice {
                at,
                weight: one.endpoint.weight,
                load: &one.load,
            });
            pick(choices, self.settings().balance, &self.dice, now)
        };
        let chosen = pick(&|one| well(one) && fresh(one))
            .or_else(|| pick(&well))
            .or_else(|| pick(&fresh))
            .or_else(|| pick(&|_| true));
        let chosen = chosen.and_then(|at| list.get(at)).map(Rc::clone);
        chosen.ok_or_else(|| {
            let name = Arc::clone(&self.settings().name);
            Error::Unresolved(name, self.service.why_none())
        })
    }

    /// The endpoints of this moment. One that stays keeps its connections; those of one that is gone
    /// close once its requests have ended.
    fn members(&self) -> Rc<Members> {
        let current = self.service.endpoints();
        let mut members = self.members.borrow_mut();
        if !Arc::ptr_eq(&members.of, &current) {
            let member = |endpoint| {
                let mut known = members.list.iter();
                let same = known.find(|one| Arc::ptr_eq(&one.endpoint, endpoint));
                let fresh = || Rc::new(Member::new(&self.service, endpoint, &self.metrics));
                same.map_or_else(fresh, Rc::clone)
            };
            *members = Rc::new(Members {
                list: current.list.iter().map(member).collect(),
                of: Arc::clone(&current),
            });
        }
        Rc::clone(&members)
    }

    /// Connections to endpoints that are gone close.
    pub(super) fn follow(&self) {
        drop(self.members());
    }

    /// The reply as the client gets it: small ones whole, others as they come.
    pub(super) async fn reply(
        &self,
        answer: Answer,
        rules: &Arc<Annotate>,
        way: &Way<'_>,
    ) -> Result<Response<ReplyBody>, Error> {
        let Answer {
            reply,
            mut lease,
            flight,
        } = answer;
        if reply.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::Switched(Arc::clone(&self.settings().name)));
        }
        let (mut parts, body) = reply.into_parts();
        parts.version = Version::HTTP_11;
        lease.answered(way.turn);
        let streams = lease.is_stream();
        let connection = flight.member().pool.lend(lease);
        let idle = way.idle.unwrap_or_else(|| self.settings().idle_timeout);
        // On HTTP/2 trailers may follow a body of known length, unannounced.
        let known = Some(()).filter(|()| !streams || body.is_end_stream());
        let known = known.and_then(|()| body.size_hint().exact());
        let (early, rest) = if known.is_some_and(|bytes| bytes <= COLLECT_BYTES_MAX) {
            let name = &self.settings().name;
            let broke = |error| broken(name, &error, None);
            collect(body).await.map_err(broke)?
        } else {
            (Bytes::new(), Some(body))
        };
        let Some(rest) = rest else {
            connection.give_back();
            return Ok(Response::from_parts(parts, ReplyBody::full(early)));
        };
        let rules = Arc::clone(rules);
        let mut body = ReplyBody::stream((early, rest), idle, connection, rules, way.grpc);
        body.hold(flight);
        Ok(Response::from_parts(parts, body))
    }
}

/// A small body: what came of it at once, and the rest, if that takes its time. Nobody waits for the
/// whole of a reply that comes drop by drop.
async fn collect(mut body: Incoming) -> Result<(Bytes, Option<Incoming>), hyper::Error> {
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    let until = Instant::now() + COLLECT_WITHIN;
    let whole = loop {
        match timeout_at(until, body.frame()).await {
            Err(_) => break false,
            Ok(None) => break true,
            Ok(Some(frame)) => match frame?.into_data() {
                // Nearly always the only one: it is passed on without a copy.
                Ok(data) if first.is_empty() => first = data,
                Ok(data) => more.extend_from_slice(&data),
                Err(_trailers) => {}
            },
        }
    };
    if !more.is_empty() {
        first = [first, more.freeze()].concat().into();
    }
    let whole = whole || body.is_end_stream();
    Ok((first, (!whole).then_some(body)))
}
