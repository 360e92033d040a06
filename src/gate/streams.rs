//! The open streams of one worker: replies that are passed on as they come, and uploads. Whatever takes
//! away what a new request would need takes it from them too, within two seconds of the change.
//!
//! One task looks after all of them, at each new generation and once a second; without any it sleeps.

use super::caught::caught;
use super::generation::Generation;
use super::refusal::Refusal;
use super::serve::Shared;
use super::standing::Standing;
use crate::clock::Timestamp;
use crate::decision::Permit;
use crate::forward::{Cut, ReplyBody};
use crate::head::{Head, is_grpc};
use crate::lease::{Ended, Lease, Revoker, Telling};
use crate::reason::Reason;
use crate::ruleset::Ruleset;
use crate::telemetry::audit::{Lane, StreamEnd};
use crate::tenant::{AccountId, WorkspaceId};
use crate::token::Verified;
use crate::x509::Identity;
use http::header::{self, HeaderMap};
use http::{Response, Version};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;

/// How often clocks and keys are looked at.
const ROUND: Duration = Duration::from_secs(1);

/// How many streams are looked at before requests have their turn again.
const AT_A_TIME: usize = 256;

/// All streams of one worker.
pub(super) struct Streams {
    shared: Arc<Shared>,
    open: RefCell<HashMap<u64, Rc<Stream>>>,
    next: Cell<u64>,
    /// The first of them has opened.
    opened: Notify,
    /// One has opened under rules that serve no more.
    late: Notify,
}

struct Stream {
    since: Timestamp,
    standing: Standing,
    until: Cell<Timestamp>,
    revoker: Revoker,
    request_id: Box<str>,
}

impl Streams {
    pub(super) fn new(shared: Arc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            open: RefCell::default(),
            next: Cell::new(0),
            opened: Notify::new(),
            late: Notify::new(),
        })
    }

    /// Takes a stream in: `standing` was found under `generation`.
    pub(super) fn open(
        self: &Rc<Self>,
        standing: Standing,
        generation: &Generation,
        request_id: &str,
    ) -> Lease {
        let id = self.next.get();
        self.next.set(id.wrapping_add(1));
        let present = self.shared.metrics.stream();
        let streams = Rc::clone(self);
        let (lease, revoker) = Lease::open(move |ended, told| {
            let _present = present;
            streams.shared.metrics.stream_ended(ended);
            let stream = streams.open.borrow_mut().remove(&id);
            if let Some(stream) = stream.filter(|_| told) {
                streams.record(&stream, ended);
            }
        });
        let stream = Stream {
            since: self.shared.clock.now(),
            until: Cell::new(standing.until(false)),
            standing,
            revoker,
            request_id: request_id.into(),
        };
        let mut open = self.open.borrow_mut();
        if open.is_empty() {
            self.opened.notify_one();
        }
        open.insert(id, Rc::new(stream));
        let serving = self.shared.generation.peek();
        if !std::ptr::eq(&raw const **serving, generation) {
            self.late.notify_one();
        }
        lease
    }

    /// The end of a stream whose request was recorded long before.
    fn record(&self, stream: &Stream, ended: Ended) {
        let (now, permit) = (self.shared.clock.now(), stream.standing.permit());
        let (scope, proof) = (permit.scope(), permit.caller().proof());
        let ms = now.millis().saturating_sub(stream.since.millis());
        let end = StreamEnd {
            time: now,
            request_id: &stream.request_id,
            ended,
            account: scope.account().map(AccountId::as_str),
            workspace: scope.workspace().map(WorkspaceId::as_str),
            subject: proof.map(|proof| &*proof.subject),
            duration: Duration::from_millis(ms.try_into().unwrap_or(0)),
        };
        self.shared.metrics.audit_stream_end();
        self.shared.audit.record(Lane::Known, &end);
    }

    /// Ends those whose client showed the certificate of `identity` on its connection.
    pub(super) fn withdraw(&self, identity: &Arc<Identity>) {
        let detail = "its client's certificate says nothing any more";
        let refusal = Refusal::new(Reason::CertificateWithdrawn, detail);
        let open: Vec<_> = self.open.borrow().values().map(Rc::clone).collect();
        for stream in open {
            if stream.standing.is_of(identity) && !stream.revoker.is_revoked() {
                stream.end(&refusal);
            }
        }
    }

    /// Looks after the streams for as long as it is polled.
    pub(super) async fn look_after(&self) {
        let mut generations = self.shared.generation.watch();
        loop {
            if self.open.borrow().is_empty() {
                self.opened.notified().await;
            }
            let all = tokio::select! {
                changed = generations.changed() => {
                    if changed.is_err() { return; }
                    true
                }
                () = self.late.notified() => true,
                () = tokio::time::sleep(ROUND) => false,
            };
            self.round(all).await;
        }
    }

    /// One look at every stream; at `all` there is to ask of it, or at clock and keys alone.
    async fn round(&self, all: bool) {
        let generation = self.shared.generation.load();
        let now = self.shared.clock.now();
        let ids: Vec<u64> = self.open.borrow().keys().copied().collect();
        for ids in ids.chunks(AT_A_TIME) {
            for id in ids {
                let stream = self.open.borrow().get(id).map(Rc::clone);
                let Some(stream) = stream else { continue };
                let look = pin!(stream.look(&generation.rules, now, all));
                if caught(look).await.is_none() {
                    // Nobody knows whether it may go on; and the others have to be looked at.
                    stream.revoker.revoke(Reason::Internal);
                    tracing::error!(request_id = %stream.request_id, "the look at a stream panicked");
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// A request that may last: what its lease is opened with.
pub(super) struct Lasting<'a> {
    pub(super) streams: &'a Rc<Streams>,
    pub(super) generation: &'a Generation,
    /// `None`: nobody called, so that nobody can lose anything.
    pub(super) verified: Option<Arc<Verified>>,
    pub(super) head: &'a Arc<Head>,
    pub(super) request_id: &'a str,
}

impl Lasting<'_> {
    /// Whether the request would still be allowed, where new rules serve by now: its body took its time.
    pub(super) async fn stands(&self, permit: &Permit) -> Result<(), Refusal> {
        let shared = &self.streams.shared;
        let serving = shared.generation.load();
        if std::ptr::eq(&raw const *serving, self.generation) {
            return Ok(());
        }
        let Some(standing) = self.standing(permit) else {
            return Ok(());
        };
        let now = shared.clock.now();
        // Boxed: nearly no request gets here, and every one would have to carry it.
        Box::pin(standing.check(&serving.rules, now, false)).await
    }

    /// The lease of what it sends or gets.
    pub(super) fn open(&self, permit: &Permit) -> Option<Lease> {
        let standing = self.standing(permit)?;
        Some(
            self.streams
                .open(standing, self.generation, self.request_id),
        )
    }

    /// Gives a reply that is passed on as it comes its lease: the one that its request has, or its own.
    pub(super) fn keep(
        &self,
        lease: Option<Lease>,
        permit: &Permit,
        version: Version,
        reply: &mut Response<ReplyBody>,
    ) {
        if !reply.body().is_stream() {
            // It is known whole, and the record of its request tells of it.
            if let Some(upload) = lease {
                upload.ended(Ended::Complete);
            }
            return;
        }
        let Some(lease) = lease.or_else(|| self.open(permit)) else {
            return;
        };
        let cut = cut(version, reply.headers());
        if cut == Cut::Abort && reply.body().has_known_end() {
            lease.outlasts_token();
            lease.tells(Telling::Cut);
        } else {
            lease.tells(Telling::All);
        }
        reply.body_mut().lease(lease, cut);
    }

    fn standing(&self, permit: &Permit) -> Option<Standing> {
        let verified = self.verified.as_ref().map(Arc::clone)?;
        Some(Standing::new(
            verified,
            Arc::clone(self.head),
            permit.clone(),
        ))
    }
}

/// How a reply of that kind ends before its time.
fn cut(version: Version, headers: &HeaderMap) -> Cut {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("text/event-stream") {
        return Cut::BetweenEvents;
    }
    // HTTP/1.1 passes no trailers that the reply's head has not announced.
    if version == Version::HTTP_2 && is_grpc(headers) {
        return Cut::Status;
    }
    Cut::Abort
}

/// The output of `work`, unless the lease of its request is revoked before.
pub(super) fn poll<F: Future>(
    lease: Option<&Lease>,
    work: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Refusal>> {
    if let Some(lease) = lease
        && let Poll::Ready(reason) = lease.poll_revoked(cx)
    {
        let detail = "while its body was sent";
        return Poll::Ready(Err(Refusal::new(reason, detail)));
    }
    work.poll(cx).map(Ok)
}

impl Stream {
    async fn look(&self, rules: &Ruleset, now: Timestamp, all: bool) {
        if self.revoker.is_revoked() {
            return;
        }
        let outlasting = self.revoker.outlasts_token();
        let due = all || now >= self.until.get();
        if !due && self.standing.key_holds(rules, now, outlasting) {
            return;
        }
        match self.standing.check(rules, now, outlasting).await {
            Ok(()) => self.until.set(self.standing.until(outlasting)),
            Err(refusal) => self.end(&refusal),
        }
    }

    fn end(&self, refusal: &Refusal) {
        let (request_id, detail) = (&*self.request_id, &*refusal.detail);
        tracing::info!(
            request_id,
            code = refusal.reason.code(),
            detail,
            "an open stream is ended"
        );
        self.revoker.revoke(refusal.reason);
    }
}
