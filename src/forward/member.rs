//! One worker's side of one endpoint: its connections, and the requests that it has there.

use super::body::RequestBody;
use super::connect::{connect, connect_alone};
use super::dress::dress;
use super::endpoints::{Endpoint, Limit, Load, Room, Service};
use super::error::{Error, broken};
use super::pool::{Connection, Lease, Owner, Pool};
use super::turn::{Late, Turn};
use super::{Protocol, UpstreamSettings};
use crate::telemetry::Metrics;
use http::{Request, Response};
use hyper::body::Incoming;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

/// One endpoint, with this worker's connections to it.
pub(super) struct Member {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) load: Load,
    pub(super) pool: Pool,
    service: Arc<Service>,
    metrics: Arc<Metrics>,
    /// Held by whoever opens a connection that others may share.
    opening: Mutex<()>,
    /// Whether the last connection spoke HTTP/2.
    shared: Cell<bool>,
}

/// How often one attempt begins anew on another connection, where the former gave the request back unsent.
const RESENDS_MAX: usize = 8;

/// What goes with one exchange, however often it is tried.
#[derive(Clone)]
pub(super) struct Way<'a> {
    /// How long the upstream may take to begin its reply, over all attempts.
    pub(super) limit: Duration,
    /// How much of that former attempts took.
    pub(super) spent: Duration,
    /// How long the rest may be silent, where the route says it.
    pub(super) idle: Option<Duration>,
    /// Whether the client speaks gRPC.
    pub(super) grpc: bool,
    /// When the client gives up.
    pub(super) deadline: Option<Instant>,
    pub(super) turn: &'a Turn,
    /// Whose connections may carry it.
    pub(super) owner: Owner,
}

impl Way<'_> {
    /// Whether anybody still waits for one more attempt, after former ones took `spent`.
    pub(super) fn has_time(&self, spent: Duration, now: Instant) -> bool {
        spent < self.limit && self.deadline.is_none_or(|deadline| now < deadline)
    }

    /// The output of `work`, unless it comes too late.
    pub(super) async fn within<F: Future>(&self, work: F) -> Result<F::Output, Late> {
        let left = self.limit.saturating_sub(self.spent);
        self.turn.within(left, self.deadline, work).await
    }
}

/// An attempt without a reply.
pub(super) struct Failed {
    pub(super) error: Error,
    /// The request, if nothing of it was sent.
    pub(super) unsent: Option<Request<RequestBody>>,
}

impl Member {
    /// Without connections.
    pub(super) fn new(
        service: &Arc<Service>,
        endpoint: &Arc<Endpoint>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            load: Load::new(Instant::now()),
            pool: Pool::new(service),
            service: Arc::clone(service),
            metrics: Arc::clone(metrics),
            opening: Mutex::default(),
            shared: Cell::new(false),
        }
    }

    fn settings(&self) -> &UpstreamSettings {
        &self.service.settings
    }

    /// One request and its reply's head, on a connection that is there or a new one. One that the
    /// endpoint closed meanwhile gives the request back unsent, and the next one takes it: that the
    /// endpoint is not well is not said by it.
    pub(super) async fn attempt(
        &self,
        mut request: Request<RequestBody>,
        way: &Way<'_>,
    ) -> Result<(Response<Incoming>, Lease), Box<Failed>> {
        let mut resends = 0;
        loop {
            let (mut lease, fresh) = match self.lease(way).await {
                Ok(lease) => lease,
                Err(error) => return Err(Failed::unsent(error, request)),
            };
            if dress(&mut request, self.settings(), lease.is_stream()).is_none() {
                return Err(Failed::sent(Error::Target));
            }
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
                Failed::sent(self.late(late, way.limit))
            })?;
            match answer {
                Ok(reply) => return Ok((reply, lease)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if !fresh && resends < RESENDS_MAX => {
                        request = unsent;
                        resends += 1;
                    }
                    unsent => {
                        let lost = way.turn.take_lost();
                        let error = broken(&self.settings().name, &failed.into_error(), lost);
                        return Err(Box::new(Failed { error, unsent }));
                    }
                },
            }
        }
    }

    pub(super) fn late(&self, late: Late, limit: Duration) -> Error {
        let name = Arc::clone(&self.settings().name);
        match late {
            Late::Limit => Error::Timeout(name, "begin its reply", limit),
            Late::Deadline => Error::Deadline(name),
        }
    }

    /// A connection for one request of `owner`, and whether it is a new one.
    async fn lease(&self, way: &Way<'_>) -> Result<(Lease, bool), Error> {
        match self.pool.take(&way.owner) {
            Some(lease) => Ok((lease, false)),
            // In a box: few requests come here, and all would carry its weight.
            None => Box::pin(self.open_in_time(way)).await,
        }
    }

    /// Nobody waits for a connection longer than its caller waits for the reply.
    async fn open_in_time(&self, way: &Way<'_>) -> Result<(Lease, bool), Error> {
        let opened = self.open(&way.owner);
        let Some(deadline) = way.deadline else {
            return opened.await;
        };
        let opened = timeout_at(deadline, opened).await;
        opened.unwrap_or_else(|_| Err(self.late(Late::Deadline, way.limit)))
    }

    async fn open(&self, owner: &Owner) -> Result<(Lease, bool), Error> {
        let pending = self.service.breaker.wait();
        let _pending = pending.map_err(|limit| self.refused(limit))?;
        let _shown = self.service.series.pending();
        let limit = self.settings().connect_timeout;
        let _opening = if self.shares() {
            // Requests that come together share what the first of them opens.
            let opening = timeout(limit, self.opening.lock()).await;
            let opening = opening.map_err(|_| self.late_connection(limit))?;
            if let Some(lease) = self.pool.take(owner) {
                return Ok((lease, false));
            }
            Some(opening)
        } else {
            None
        };
        let room = match self.room(owner, limit).await? {
            Ok(room) => room,
            Err(lease) => return Ok((lease, false)),
        };
        let address = self.endpoint.address;
        let opened = connect(
            self.settings(),
            address,
            owner.clone(),
            &self.pool,
            (&self.service, &self.metrics, room),
        );
        let lease = opened
            .await
            .inspect_err(|_| self.metrics.upstream_connect_failed())?;
        self.shared.set(lease.is_stream());
        Ok((lease, true))
    }

    /// A new connection that carries one request of HTTP/1.1, whatever else is spoken.
    pub(super) async fn connect_alone(&self, owner: &Owner) -> Result<Connection, Error> {
        let pending = self.service.breaker.wait();
        let _pending = pending.map_err(|limit| self.refused(limit))?;
        let _shown = self.service.series.pending();
        let limit = self.settings().connect_timeout;
        let room = match self.room(owner, limit).await? {
            Ok(room) => room,
            // What came back has answered before: it makes room.
            Err(former) => {
                drop(former);
                let room = timeout(limit, self.service.breaker.connection()).await;
                room.map_err(|_| self.refused(Limit::Connections))?
            }
        };
        let counted = (&*self.service, &*self.metrics, room);
        let address = self.endpoint.address;
        let opened = connect_alone(self.settings(), address, owner.clone(), counted).await;
        opened.inspect_err(|_| self.metrics.upstream_connect_failed())
    }

    /// Room for a connection, perhaps once another one ends; inside, `Err`: one that this worker has done
    /// with meanwhile.
    async fn room(&self, owner: &Owner, limit: Duration) -> Result<Result<Room, Lease>, Error> {
        let full = match self.service.breaker.try_connection() {
            Ok(room) => return Ok(Ok(room)),
            Err(full) => full,
        };
        let wait = async {
            tokio::select! {
                room = self.service.breaker.connection() => Ok(room),
                lease = self.pool.returned(owner) => Err(lease),
            }
        };
        timeout(limit, wait).await.map_err(|_| self.refused(full))
    }

    /// Whether a new connection will carry many requests, as far as can be told beforehand.
    fn shares(&self) -> bool {
        match self.settings().protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Auto => self.shared.get(),
        }
    }

    fn late_connection(&self, limit: Duration) -> Error {
        Error::ConnectTimeout(
            Arc::clone(&self.settings().name),
            "accept a connection",
            limit,
        )
    }

    fn refused(&self, limit: Limit) -> Error {
        self.service.series.refused(limit.key());
        Error::Full(Arc::clone(&self.settings().name), limit)
    }
}

impl Failed {
    fn unsent(error: Error, request: Request<RequestBody>) -> Box<Self> {
        Box::new(Self {
            error,
            unsent: Some(request),
        })
    }

    fn sent(error: Error) -> Box<Self> {
        Box::new(Self {
            error,
            unsent: None,
        })
    }
}
