//! One upstream of one worker: an exchange on a connection of its pool, and the reply as it comes.

use super::body::{ReplyBody, RequestBody};
use super::budget::Budget;
use super::connect::{connect, connect_alone};
use super::dress::dress;
use super::error::{Error, broken};
use super::headers::Annotate;
use super::pool::{Connection, Lease, Owner, Pool};
use super::turn::{Late, Turn};
use super::{Protocol, UpstreamSettings};
use crate::telemetry::Metrics;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// Replies up to this size are collected and written with their head in one write.
const COLLECT_BYTES_MAX: u64 = 64 * 1024;

/// One upstream, with this worker's connections to it.
pub(super) struct Upstream {
    pub(super) settings: UpstreamSettings,
    pub(super) metrics: Arc<Metrics>,
    pool: Pool,
    /// Held by whoever opens a connection that others may share.
    opening: Mutex<()>,
    /// Whether the last connection spoke HTTP/2.
    shared: Cell<bool>,
}

/// What goes with one exchange.
pub(super) struct Way<'a> {
    /// How long the upstream may take to begin its reply.
    pub(super) limit: Duration,
    /// Whether the client speaks gRPC.
    pub(super) grpc: bool,
    /// When the client gives up.
    pub(super) deadline: Option<Instant>,
    pub(super) turn: &'a Turn,
    /// Whose connections may carry it.
    pub(super) owner: Owner,
}

impl Way<'_> {
    /// The output of `work`, unless it comes too late.
    pub(super) async fn within<F: Future>(&self, work: F) -> Result<F::Output, Late> {
        self.turn.within(self.limit, self.deadline, work).await
    }
}

impl Upstream {
    /// Without connections.
    pub(super) fn new(settings: &UpstreamSettings, metrics: &Arc<Metrics>) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            pool: Pool::new(settings.idle_connections_max),
            settings: settings.clone(),
            opening: Mutex::default(),
            shared: Cell::new(false),
        }
    }

    /// Makes `headers` fit beside the request's first line, if it is known what this upstream takes.
    pub(super) fn fit(
        &self,
        headers: &mut HeaderMap,
        target: &Uri,
        cookies: bool,
    ) -> Result<(), Error> {
        let Some(bytes_max) = self.settings.header_bytes_max else {
            return Ok(());
        };
        let budget = Budget::new(bytes_max, self.settings.protocol);
        let target = target
            .path_and_query()
            .map_or(0, |target| target.as_str().len());
        let beside = target + self.settings.authority.header.len();
        budget
            .fit(headers, beside, cookies, &self.metrics)
            .map_err(|bytes| Error::HeadTooLarge(Arc::clone(&self.settings.name), bytes, bytes_max))
    }

    /// The reply as the client gets it: small ones whole, others as they come.
    pub(super) async fn reply(
        &self,
        reply: Response<Incoming>,
        mut lease: Lease,
        rules: &Arc<Annotate>,
        way: &Way<'_>,
    ) -> Result<Response<ReplyBody>, Error> {
        let name = &self.settings.name;
        if reply.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::Switched(Arc::clone(name)));
        }
        let (mut parts, body) = reply.into_parts();
        parts.version = Version::HTTP_11;
        lease.answered(way.turn);
        let streams = lease.is_stream();
        let connection = self.pool.lend(lease);
        let idle = self.settings.idle_timeout;
        // On HTTP/2 trailers may follow a body of known length, unannounced.
        let known = Some(()).filter(|()| !streams || body.is_end_stream());
        let known = known.and_then(|()| body.size_hint().exact());
        if known.is_some_and(|bytes| bytes <= COLLECT_BYTES_MAX) {
            let bytes = self.collect(body).await?;
            connection.give_back();
            return Ok(Response::from_parts(parts, ReplyBody::full(bytes)));
        }
        Ok(Response::from_parts(
            parts,
            ReplyBody::stream(body, idle, connection, Arc::clone(rules), way.grpc),
        ))
    }

    /// A small body, whole. Its pauses are bounded, as those of a long one are.
    async fn collect(&self, mut body: Incoming) -> Result<Bytes, Error> {
        let name = &self.settings.name;
        let idle = self.settings.idle_timeout;
        let late = |_| Error::Timeout(Arc::clone(name), "go on with its reply", idle);
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = timeout(idle, body.frame()).await.map_err(late)? {
            let frame = frame.map_err(|error| broken(name, &error, None))?;
            match frame.into_data() {
                // Nearly always the only one: it is passed on without a copy.
                Ok(data) if first.is_empty() => first = data,
                Ok(data) => rest.extend_from_slice(&data),
                Err(_trailers) => {}
            }
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok([first, rest.freeze()].concat().into())
    }

    /// One request and its reply's head, on a connection that is there or a new one. One that the
    /// upstream closed meanwhile gives the request back unsent: then, and only then, it is tried again.
    pub(super) async fn exchange(
        &self,
        mut request: Request<RequestBody>,
        way: &Way<'_>,
    ) -> Result<(Response<Incoming>, Lease), Error> {
        let name = &self.settings.name;
        loop {
            let (mut lease, fresh) = self.lease(&way.owner).await?;
            dress(&mut request, &self.settings, lease.is_stream()).ok_or(Error::Target)?;
            way.turn.upstreams();
            let answer = match &mut lease {
                Lease::Alone(connection) => {
                    let sending = connection.sender.try_send_request(request);
                    way.within(sending).await
                }
                // In a box, so that HTTP/1.1 does not pay for it.
                Lease::Stream(stream) => {
                    let sending = stream.sender().try_send_request(request);
                    Box::pin(way.within(sending)).await
                }
            };
            let answer = answer.map_err(|late| {
                if late == Late::Limit {
                    lease.retire();
                }
                self.late(late, way.limit)
            })?;
            match answer {
                Ok(reply) => return Ok((reply, lease)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(broken(name, &failed.into_error(), way.turn.take_lost())),
                },
            }
        }
    }

    pub(super) fn late(&self, late: Late, limit: Duration) -> Error {
        let name = Arc::clone(&self.settings.name);
        match late {
            Late::Limit => Error::Timeout(name, "begin its reply", limit),
            Late::Deadline => Error::Deadline(name),
        }
    }

    /// A connection for one request of `owner`, and whether it is a new one.
    async fn lease(&self, owner: &Owner) -> Result<(Lease, bool), Error> {
        match self.pool.take(owner) {
            Some(lease) => Ok((lease, false)),
            // In a box: few requests come here, and all would carry its weight.
            None => Box::pin(self.lease_anew(owner)).await,
        }
    }

    async fn lease_anew(&self, owner: &Owner) -> Result<(Lease, bool), Error> {
        let limit = self.settings.connect_timeout;
        let opening = if self.shares() {
            // Requests that come together share what the first of them opens.
            let opening = timeout(limit, self.opening.lock()).await;
            let late = |_| {
                let name = Arc::clone(&self.settings.name);
                Error::Timeout(name, "accept a connection", limit)
            };
            Some(opening.map_err(late)?)
        } else {
            None
        };
        if opening.is_some()
            && let Some(lease) = self.pool.take(owner)
        {
            return Ok((lease, false));
        }
        let (settings, address) = (&self.settings, self.address());
        let opened = connect(settings, address, owner.clone(), &self.pool, &self.metrics).await;
        let lease = opened.inspect_err(|_| self.metrics.upstream_connect_failed())?;
        self.shared.set(lease.is_stream());
        Ok((lease, true))
    }

    /// A new connection that carries one request of HTTP/1.1, whatever else is spoken.
    pub(super) async fn connect_alone(&self, owner: Owner) -> Result<Connection, Error> {
        let opened = connect_alone(&self.settings, self.address(), owner, &self.metrics).await;
        opened.inspect_err(|_| self.metrics.upstream_connect_failed())
    }

    /// Whether a new connection will carry many requests, as far as can be told beforehand.
    fn shares(&self) -> bool {
        match self.settings.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Auto => self.shared.get(),
        }
    }

    /// Where the next connection goes: asked once for each.
    fn address(&self) -> (&str, u16) {
        let host = self.settings.host.as_str();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (host, self.settings.port)
    }
}
