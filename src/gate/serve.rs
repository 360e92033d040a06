//! The I/O around a decision: read, verify, decide, forward, reply, record.

use super::body;
use super::caught::caught;
use super::cold;
use super::cors::{self, CrossOrigin};
use super::decide::{Case, Identity};
use super::generation::Generation;
use super::journal::Journal;
use super::refusal::Refusal;
use super::reply::{self, Form};
use super::streams::{self, Lasting, Streams};
use crate::body::Sent;
use crate::clock::Clock;
use crate::decision::{Pdp, Shadows};
use crate::forward::{Allowed, Forwarder, ReplyBody};
use crate::head::{self, Head, Peer};
use crate::limit::{Bodies, Limits};
use crate::policy::Loader;
use crate::reason::Reason;
use crate::route::ErrorBody;
use crate::ruleset::Ruleset;
use crate::snapshot::Snapshot;
use crate::telemetry::{Audit, Metrics};
use crate::x509;
use http::header::HeaderValue;
use http::{Request, Response};
use hyper::body::{Body as _, Incoming};
use std::cell::Cell;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What all workers share.
pub struct Shared {
    /// The generation of this moment.
    pub generation: Snapshot<Generation>,
    /// Decides, and remembers decisions.
    pub pdp: Pdp,
    /// Asks policies that are to be, off the request path.
    pub shadows: Shadows,
    /// Counts requests by peer, caller and account.
    pub limits: Limits,
    /// Room for bodies that are read whole.
    pub bodies: Bodies,
    /// Parses the policies that requests wait for.
    pub loader: Loader,
    /// Takes the records.
    pub audit: Audit,
    /// Takes the figures.
    pub metrics: Arc<Metrics>,
    /// Tells the time.
    pub clock: Clock,
}

impl Shared {
    /// Tells the metrics how many accounts' policies do not pass, as far as somebody has looked.
    pub fn count_quarantined(&self) {
        let quarantined = self.generation.load().rules.store.quarantined().len();
        self.metrics.overlays_quarantined(quarantined as u64);
    }
}

/// How soon a worker without requests sees that endpoints of an upstream have changed.
const ENDPOINTS_ROUND: Duration = Duration::from_secs(2);

/// What is known of a refused request that its reply goes by.
#[derive(Default)]
struct Place<'a> {
    grpc: bool,
    errors: Option<Arc<ErrorBody>>,
    cross: Option<&'a CrossOrigin>,
}

/// The gate of one worker. It never leaves its thread.
pub struct Gate {
    shared: Arc<Shared>,
    forwarder: Forwarder,
    streams: Rc<Streams>,
    ids: RequestIds,
}

impl Gate {
    /// A gate with its own upstream connections.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            forwarder: Forwarder::new(Arc::clone(&shared.metrics)),
            streams: Streams::new(Arc::clone(&shared)),
            shared,
            ids: RequestIds::new(),
        }
    }

    /// What all gates share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Ends open streams whose callers may not have them any more, for as long as it is polled.
    pub async fn look_after_streams(&self) {
        self.streams.look_after().await;
    }

    /// Closes connections to upstreams and endpoints that are not there any more, for as long as it is
    /// polled: a worker without requests would keep them.
    pub async fn look_after_upstreams(&self) {
        let mut generations = self.shared.generation.watch();
        loop {
            tokio::select! {
                changed = generations.changed() => if changed.is_err() { return; },
                () = tokio::time::sleep(ENDPOINTS_ROUND) => {}
            }
            let generation = self.shared.generation.load();
            let (forward, services) = (&generation.forward, &generation.services);
            self.forwarder.follow(forward, services);
        }
    }

    /// Ends the streams of a connection whose client was known by `identity`, which says nothing any more.
    pub fn withdraw(&self, identity: &Arc<x509::Identity>) {
        self.streams.withdraw(identity);
    }

    /// Records a request whose client went away before anybody had begun to answer it.
    pub fn unheard(&self, peer: &Peer) {
        let (id, generation) = (self.ids.next(), self.shared.generation.load());
        let now = self.shared.clock.now();
        drop(Journal::open(&self.shared, &id, peer, now, &generation));
    }

    /// Answers one request. Whatever happens in it, a reply and a record come out; a panic ends this
    /// request alone.
    pub async fn serve(&self, peer: &Peer, request: Request<Incoming>) -> Response<ReplyBody> {
        let id = self.ids.next();
        let grpc = head::is_grpc(request.headers());
        let generation = self.shared.generation.load();
        let work = pin!(self.answer(&generation, peer, request, (&id, grpc)));
        if let Some(reply) = caught(work).await {
            return reply;
        }
        // The journal's drop has written the record while the stack unwound.
        tracing::error!(request_id = %id, "a request panicked");
        let refusal = Refusal::new(Reason::Internal, "panic");
        let form = if grpc { Form::Grpc } else { Form::Problem };
        refused(&generation, &refusal, &id, (form, false))
    }

    async fn answer(
        &self,
        generation: &Generation,
        peer: &Peer,
        request: Request<Incoming>,
        (id, grpc): (&str, bool),
    ) -> Response<ReplyBody> {
        let present = self.shared.metrics.in_flight();
        let rules = &generation.rules;
        let now = self.shared.clock.now();
        let mut journal = Journal::open(&self.shared, id, peer, now, generation);
        let (parts, body) = request.into_parts();
        let head = match head::read(&parts, peer, &generation.head, now) {
            Ok(head) => Arc::new(head),
            Err(error) => {
                let place = Place {
                    grpc,
                    ..Place::default()
                };
                return refuse(generation, journal, &error.into(), &place);
            }
        };
        journal.head(&head.method, Arc::clone(&head));
        let cross = CrossOrigin::of(&rules.router, &head, &parts.headers);
        let admitted = self.shared.limits.admit_peer(rules.peers, head.client, now);
        if admitted.is_ok()
            && let Some(reply) = cors::preflight(cross.as_ref(), &parts)
        {
            journal.preflight(reply.status().as_u16());
            return reply;
        }
        let request = Request::from_parts(parts, body);
        let replied = match admitted {
            Ok(()) => self.allowed(generation, &mut journal, &head, request).await,
            Err(error) => Err(error.into()),
        };
        match replied {
            Ok(mut reply) => {
                cors::settle(cross.as_ref(), reply.headers_mut());
                reply.body_mut().hold(present);
                journal.forwarded(reply.status().as_u16());
                reply
            }
            Err(refusal) => {
                let at_path = || rules.router.set_at(&head.path);
                let set = journal.route_set().or_else(at_path);
                let place = Place {
                    grpc,
                    errors: set.and_then(|set| set.errors.clone()),
                    cross: cross.as_ref(),
                };
                refuse(generation, journal, &refusal, &place)
            }
        }
    }

    async fn allowed(
        &self,
        generation: &Generation,
        journal: &mut Journal<'_>,
        head: &Arc<Head>,
        request: Request<Incoming>,
    ) -> Result<Response<ReplyBody>, Refusal> {
        let rules = &generation.rules;
        let (parts, body) = request.into_parts();
        let identity = verify(rules, head, &self.shared.limits).await?;
        let lasting = Lasting {
            streams: &self.streams,
            generation,
            verified: identity.verified().cloned(),
            head,
            request_id: journal.request_id(),
        };
        let limits = Some(&self.shared.limits);
        let mut case = Case::open(rules, head, limits, journal.learnt());
        let found = case.approach(identity, &parts.headers)?;
        // Only where references may stand in it; whatever else there is streams.
        let (sent, room) = if rules.references.wants_body(&found.route) {
            let within = generation.forward.body_timeout;
            body::read(&self.shared, case.caller(), (body, parts.version), within).await?
        } else {
            (Sent::Stream(body), None)
        };
        let placed = case.place(found, &parts.headers, sent.seen())?;
        let mut waited = room.is_some();
        let permit = match case.consider(placed, &self.shared.pdp) {
            Ok(permit) => permit,
            Err(pending) => {
                waited = true;
                // Boxed: nearly no request gets here, and every one would have to carry it.
                Box::pin(cold::conclude(&self.shared, rules, &mut case, pending)).await?
            }
        };
        let in_flight = case.in_flight();
        if waited {
            lasting.stands(&permit).await?;
        }
        journal.reserve(&permit).await?;
        let lease = match &sent {
            Sent::Stream(body) if !body.is_end_stream() => lasting.open(&permit),
            Sent::Stream(_) | Sent::Whole(_) => None,
        };
        let version = parts.version;
        let request_id = HeaderValue::from_str(journal.request_id())
            .map_err(|_| Refusal::new(Reason::Internal, "the request id is not a header value"))?;
        journal.sent();
        let request = Request::from_parts(parts, sent);
        let (forward, services) = (&generation.forward, &generation.services);
        let upstreams = self.forwarder.upstreams(forward, services);
        let allowed = Allowed {
            permit: &permit,
            head,
            request_id: &request_id,
            revision: &rules.revision,
        };
        let mut sending = pin!(upstreams.send(allowed, request));
        let reply = poll_fn(|cx| streams::poll(lease.as_ref(), sending.as_mut(), cx)).await;
        journal.answered();
        drop(room);
        let mut reply = reply??;
        lasting.keep(lease, &permit, version, &mut reply);
        // A stream is in flight to its end, not only to its head.
        reply.body_mut().hold(in_flight);
        Ok(reply)
    }
}

fn refuse(
    generation: &Generation,
    journal: Journal<'_>,
    refusal: &Refusal,
    place: &Place<'_>,
) -> Response<ReplyBody> {
    let form = match &place.errors {
        _ if place.grpc => Form::Grpc,
        Some(body) => Form::Custom(body),
        None => Form::Problem,
    };
    let told = (form, journal.token_sent());
    let mut reply = refused(generation, refusal, journal.request_id(), told);
    cors::settle(place.cross, reply.headers_mut());
    journal.refused(refusal);
    reply
}

fn refused(
    generation: &Generation,
    refusal: &Refusal,
    id: &str,
    (form, token_sent): (Form<'_>, bool),
) -> Response<ReplyBody> {
    let mut reply = reply::refuse(refusal, id, form, token_sent);
    if let Ok(id) = HeaderValue::from_str(id) {
        let name = generation.forward.annotate.request_id().clone();
        reply.headers_mut().insert(name, id);
    }
    reply
}

/// What the token proves. A token that is not remembered counts against its sender's address before it
/// is looked at, and again if it is bad (RULES 40).
async fn verify(rules: &Ruleset, head: &Head, limits: &Limits) -> Result<Identity, Refusal> {
    // A malformed credential is refused where nobody verified it: in the caller's step.
    let Some(token) = head.credential.token() else {
        return Ok(Identity::Anonymous);
    };
    let result = if let Some(known) = rules.issuers.cached(token, head.now) {
        known
    } else {
        limits.admit_signature(rules.peers, head.client, head.now)?;
        let result = rules.issuers.verify(token, head.now).await;
        // That we have no keys is not the sender's fault.
        if matches!(&result, Err(error) if error.reason() != Reason::KeysUnavailable) {
            limits.bad_signature(rules.peers, head.client, head.now);
        }
        result
    };
    Ok(result.map_or_else(Identity::Refused, Identity::Verified))
}

/// Request ids of one worker: a random half of its own and a counter, 32 hexadecimal digits.
struct RequestIds {
    /// 16 digits.
    worker: String,
    next: Cell<u64>,
}

impl RequestIds {
    fn new() -> Self {
        use std::hash::{BuildHasher, Hasher};
        // Unique, not secret: std's randomly keyed hasher is enough.
        let random = || {
            std::collections::hash_map::RandomState::new()
                .build_hasher()
                .finish()
        };
        Self {
            worker: format!("{:016x}", random()),
            next: Cell::new(random() >> 16),
        }
    }

    fn next(&self) -> String {
        let next = self.next.get().wrapping_add(1);
        self.next.set(next);
        let mut id = String::with_capacity(32);
        id.push_str(&self.worker);
        // Writing to a String cannot fail.
        let _ = write!(id, "{next:016x}");
        id
    }
}

#[cfg(test)]
mod tests {
    //! What a request costs in memory while it is answered, its body and its upstream apart.

    use super::*;

    /// Bytes of a request's future: it is made for each, and moves once.
    const REQUEST_BYTES_MAX: usize = 8192;

    fn bytes<'a, F>(_: impl Fn(&'a Gate, &'a Peer, Request<Incoming>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_request_is_small() {
        let bytes = bytes(Gate::serve);
        assert!(bytes <= REQUEST_BYTES_MAX, "{bytes} bytes");
    }
}
