//! One upstream of one worker: an exchange on a connection of its pool, and the reply as it comes.

use super::UpstreamSettings;
use super::body::{ReplyBody, RequestBody};
use super::connect::connect;
use super::error::{Error, broken};
use super::headers::Annotate;
use super::pool::{Connection, Owner, Pool};
use super::turn::{Turn, in_turn};
use crate::telemetry::Metrics;
use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Replies up to this size are collected and written with their head in one write.
const COLLECT_BYTES_MAX: u64 = 64 * 1024;

/// One upstream, with this worker's connections to it.
pub(super) struct Upstream {
    pub(super) settings: UpstreamSettings,
    pub(super) metrics: Arc<Metrics>,
    pool: Pool,
}

impl Upstream {
    /// Without connections.
    pub(super) fn new(settings: &UpstreamSettings, metrics: &Arc<Metrics>) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            pool: Pool::new(settings.idle_connections_max),
            settings: settings.clone(),
        }
    }

    pub(super) async fn reply(
        &self,
        reply: Response<Incoming>,
        connection: Connection,
        rules: &Arc<Annotate>,
    ) -> Result<Response<ReplyBody>, Error> {
        let name = &self.settings.name;
        if reply.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::Switched(Arc::clone(name)));
        }
        let (parts, body) = reply.into_parts();
        let connection = self.pool.lend(connection);
        let idle = self.settings.idle_timeout;
        let known = body.size_hint().exact();
        if known.is_some_and(|bytes| bytes <= COLLECT_BYTES_MAX) {
            let bytes = self.collect(body).await?;
            connection.give_back();
            return Ok(Response::from_parts(parts, ReplyBody::full(bytes)));
        }
        Ok(Response::from_parts(
            parts,
            ReplyBody::stream(body, idle, connection, Arc::clone(rules)),
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
            let frame = frame.map_err(|error| broken(name, &error))?;
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

    /// One request and its reply's head, on an idle connection or a new one. A connection that the
    /// upstream closed meanwhile gives the request back unsent: then, and only then, it is tried again.
    pub(super) async fn exchange(
        &self,
        mut request: Request<RequestBody>,
        limit: Duration,
        turn: &Turn,
        owner: Owner,
    ) -> Result<(Response<Incoming>, Connection), Error> {
        let name = &self.settings.name;
        loop {
            let (mut connection, fresh) = if let Some(idle) = self.pool.take(&owner) {
                (idle, false)
            } else {
                (self.connect(owner.clone()).await?, true)
            };
            turn.set(Some(Instant::now()));
            let answer = in_turn(limit, turn, connection.sender.try_send_request(request)).await;
            let late = || Error::Timeout(Arc::clone(name), "begin its reply", limit);
            match answer.ok_or_else(late)? {
                Ok(reply) => return Ok((reply, connection)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(broken(name, &failed.into_error())),
                },
            }
        }
    }

    pub(super) async fn connect(&self, owner: Owner) -> Result<Connection, Error> {
        let connected = connect(&self.settings, self.address(), owner, &self.metrics).await;
        connected.inspect_err(|_| self.metrics.upstream_connect_failed())
    }

    /// Where the next connection goes: asked once for each.
    fn address(&self) -> (&str, u16) {
        let host = self.settings.host.as_str();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (host, self.settings.port)
    }
}
