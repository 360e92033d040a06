//! The upstream side of one worker.

use super::assertion::Asserter;
use super::body::{ReplyBody, RequestBody, Turn};
use super::headers::{Annotate, annotate, clean_reply, keep_private};
use super::idempotency;
use super::pool::{Connection, Owner, Pool};
use super::{PoolMode, Settings, UpstreamSettings};
use crate::body::Sent;
use crate::decision::Permit;
use crate::head::{Credential, Head};
use crate::reason::Reason;
use crate::telemetry::Metrics;
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Replies up to this size are collected and written with their head in one write.
const COLLECT_BYTES_MAX: u64 = 64 * 1024;

/// Why an allowed request got no reply from its upstream.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The route names an upstream that is not configured; the configuration refuses that.
    #[error("upstream `{0}` is not configured")]
    Unknown(Arc<str>),
    /// No connection.
    #[error("cannot connect to upstream `{0}`: {1}")]
    Connect(Arc<str>, std::io::Error),
    /// No connection or reply in time.
    #[error("upstream `{0}` did not {1} within {2:?}")]
    Timeout(Arc<str>, &'static str, Duration),
    /// It broke off, or did not answer in HTTP.
    #[error("upstream `{0}` failed: {1}")]
    Broken(Arc<str>, String),
    /// It switched protocols unasked (RULES 20).
    #[error("upstream `{0}` switched protocols unasked")]
    Switched(Arc<str>),
    /// The client's body is not HTTP, or paused too long.
    #[error("the client's body cannot be read: {0}")]
    ClientBody(String),
    /// The client went away inside its body.
    #[error("the client went away inside its body")]
    ClientGone,
    /// No assertion could be signed.
    #[error("the assertion for upstream `{0}` could not be signed")]
    Unsigned(Arc<str>),
    /// The request's idempotency key cannot be made the caller's own (RULES 46).
    #[error(transparent)]
    Idempotency(#[from] idempotency::Error),
    /// The target does not make a URI; the head's reading excludes that.
    #[error("the request target cannot be forwarded")]
    Target,
}

impl Error {
    /// The code that the client gets.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Timeout(..) => Reason::UpstreamTimeout,
            Self::Connect(..) | Self::Broken(..) | Self::Switched(_) => Reason::UpstreamUnreachable,
            Self::ClientBody(_) => Reason::BodyUnreadable,
            Self::ClientGone => Reason::BodyIncomplete,
            Self::Idempotency(_) => Reason::RequestAmbiguous,
            Self::Unknown(_) | Self::Unsigned(_) | Self::Target => Reason::Internal,
        }
    }
}

struct Upstream {
    settings: UpstreamSettings,
    metrics: Arc<Metrics>,
    pool: Pool,
}

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
    pub fn upstreams(&self, settings: &Arc<Settings>) -> Rc<Upstreams> {
        let mut current = self.current.borrow_mut();
        if let Some(same) = current
            .as_ref()
            .filter(|one| Arc::ptr_eq(&one.settings, settings))
        {
            return Rc::clone(same);
        }
        let next = Rc::new(Upstreams::new(settings, current.as_deref(), &self.metrics));
        *current = Some(Rc::clone(&next));
        next
    }
}

impl Upstreams {
    fn new(settings: &Arc<Settings>, former: Option<&Self>, metrics: &Arc<Metrics>) -> Self {
        let upstream = |one: &UpstreamSettings| {
            let same = former.and_then(|former| former.by_name.get(&one.name));
            let same = same.filter(|same| same.settings == *one);
            let fresh = || {
                Rc::new(Upstream {
                    metrics: Arc::clone(metrics),
                    pool: Pool::new(one.idle_connections_max),
                    settings: one.clone(),
                })
            };
            (Arc::clone(&one.name), same.map_or_else(fresh, Rc::clone))
        };
        Self {
            by_name: settings.upstreams.iter().map(upstream).collect(),
            rules: Arc::new(settings.annotate.clone()),
            // Its memory begins anew: what was signed in the generation before names that revision.
            asserter: settings.assertion.clone().map(Asserter::new),
            settings: Arc::clone(settings),
        }
    }

    /// Sends what was allowed and returns the reply's head and body.
    pub async fn send(
        &self,
        allowed: Allowed<'_>,
        request: Request<Sent>,
    ) -> Result<Response<ReplyBody>, Error> {
        let permit = allowed.permit;
        let set = &permit.target().route.set;
        let upstream = self
            .by_name
            .get(&set.upstream)
            .ok_or_else(|| Error::Unknown(Arc::clone(&set.upstream)))?;
        let (parts, body) = request.into_parts();
        let turn = Turn::default();
        let mut request = Request::new(RequestBody::new(
            body,
            parts.headers.contains_key(header::CONTENT_LENGTH),
            Arc::clone(&self.rules),
            self.settings.body_timeout,
            Turn::clone(&turn),
        ));
        *request.method_mut() = parts.method;
        *request.uri_mut() = target(allowed.head)?;
        let mut headers = self.headers(parts.headers, upstream, allowed)?;
        frame(&mut headers, request.body().size_hint().exact());
        *request.headers_mut() = headers;
        let limit = set.timeout.unwrap_or(upstream.settings.response_timeout);
        let owner = match upstream.settings.pool {
            PoolMode::Shared => None,
            PoolMode::PerAccount => permit.scope().account().cloned(),
        };
        let answer = upstream.exchange(request, limit, &turn, owner).await;
        let (mut reply, connection) = answer?;
        clean_reply(reply.headers_mut(), &self.rules, allowed.request_id);
        if permit.caller().proof().is_some() {
            keep_private(reply.headers_mut());
        }
        upstream.reply(reply, connection, &self.rules).await
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
        let settings = &upstream.settings;
        if !settings.forward_token {
            headers.remove(header::AUTHORIZATION);
            if let Credential::Cookie(token) = &head.credential {
                token.remove_from(&mut headers);
            }
        }
        headers.insert(header::HOST, settings.authority.clone());
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

impl Upstream {
    async fn reply(
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
    async fn exchange(
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
                let connected = self.connect(owner.clone()).await;
                let failed = |_: &Error| self.metrics.upstream_connect_failed();
                (connected.inspect_err(failed)?, true)
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

    async fn connect(&self, owner: Owner) -> Result<Connection, Error> {
        let UpstreamSettings {
            name,
            host,
            port,
            connect_timeout,
            ..
        } = &self.settings;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = timeout(*connect_timeout, TcpStream::connect((host, *port))).await;
        let stream = stream.map_err(|_| {
            Error::Timeout(Arc::clone(name), "accept a connection", *connect_timeout)
        })?;
        let stream = stream.map_err(|error| Error::Connect(Arc::clone(name), error))?;
        stream
            .set_nodelay(true)
            .map_err(|error| Error::Connect(Arc::clone(name), error))?;
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| broken(name, &error))?;
        let name = Arc::clone(name);
        let open = self.metrics.upstream_connection();
        let task = tokio::task::spawn_local(async move {
            let _open = open;
            if let Err(error) = connection.await {
                tracing::debug!(upstream = %name, %error, "upstream connection ended");
            }
        });
        Ok(Connection::new(sender, task.abort_handle(), owner))
    }
}

/// The output of `work`, unless the upstream lets `limit` pass while it is its turn: a client may take
/// its time with a long body.
async fn in_turn<F: Future>(limit: Duration, turn: &Turn, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    loop {
        let until = turn.get().unwrap_or_else(Instant::now) + limit;
        if let Ok(output) = timeout_at(until, work.as_mut()).await {
            return Some(output);
        }
        if turn.get().is_some_and(|since| since + limit <= until) {
            return None;
        }
    }
}

/// Says where the body ends, in one spelling: `010` is 10 here, and 8 to readers that take it for octal.
fn frame(headers: &mut HeaderMap, length: Option<u64>) {
    let name = header::CONTENT_LENGTH;
    match length {
        Some(length) if headers.contains_key(&name) => {
            headers.insert(name, HeaderValue::from(length));
        }
        Some(_) => {}
        // hyper frames a GET's body of unknown length only where the header asks for it, and would drop
        // the body.
        None => {
            let chunked = HeaderValue::from_static("chunked");
            headers.insert(header::TRANSFER_ENCODING, chunked);
        }
    }
}

/// The request target in origin form, from the one canonical reading.
fn target(head: &Head) -> Result<Uri, Error> {
    let path = head.path.as_str();
    let text = match &head.query.raw {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    Uri::try_from(text).map_err(|_| Error::Target)
}

/// Tells the client's broken body from the upstream's own fault: hyper reports both here.
fn broken(name: &Arc<str>, error: &hyper::Error) -> Error {
    use std::error::Error as _;
    let cause = error.source();
    if error.is_user() {
        let body = cause.and_then(|cause| cause.downcast_ref::<super::body::Error>());
        if body.is_some_and(super::body::Error::is_gone) {
            return Error::ClientGone;
        }
        return Error::ClientBody(cause.map_or_else(|| error.to_string(), ToString::to_string));
    }
    let cause = cause.map(ToString::to_string);
    Error::Broken(
        Arc::clone(name),
        cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    )
}
