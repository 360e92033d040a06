//! Bodies in both directions: streamed, timed, and held to one connection each.

use super::headers::Annotate;
use super::leased::{Cut, Leased, grpc_status};
use super::pace::{Patience, Slow};
use super::pool::Returned;
use super::tunnel::Tunnel;
use super::turn::Turn;
use crate::body::{self, Sent, Whole};
use crate::lease::{Ended, Lease};
use crate::reason::Reason;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{HeaderMap, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::any::Any;
use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A body that ended early; whoever reads it must not take it for whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer broke off, or sent something that is not HTTP.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// The peer was too slow.
    #[error(transparent)]
    Slow(#[from] Slow),
    /// The peer ended its stream inside the body.
    #[error("the stream ended inside the body")]
    Cut,
    /// The upstream did something wrong. Whoever asked did not, so that no code of HTTP/2's goes with it.
    #[error("{0}")]
    Faulty(String),
    /// The caller may not have the rest.
    #[error("ended: {}", .0.code())]
    Revoked(Reason),
    /// The exchange is over, or its client is lost: what HTTP/2 calls cancelled.
    #[error("the request was given up")]
    GivenUp(#[source] h2::Error),
}

impl Error {
    /// What a caller is told of a reply that ends so.
    fn reason(&self) -> Reason {
        match self {
            Self::Slow(_) => Reason::UpstreamTimeout,
            Self::Broken(_) | Self::Cut | Self::Faulty(_) | Self::GivenUp(_) => {
                Reason::UpstreamUnreachable
            }
            Self::Revoked(reason) => *reason,
        }
    }

    /// Whether the peer reset the stream, and said so.
    fn is_reset(&self) -> bool {
        self.reset().is_some()
    }

    /// The code of the peer's reset.
    fn reset(&self) -> Option<h2::Reason> {
        let Self::Broken(error) = self else {
            return None;
        };
        let cause = error.source()?.downcast_ref::<h2::Error>()?;
        let reset = cause.is_reset() && cause.is_remote();
        cause.reason().filter(|_| reset)
    }

    /// As the client is told: a reset with its code, but for the one by which an upstream accuses us.
    fn told(self) -> Self {
        match self.reset() {
            Some(code) if code != h2::Reason::PROTOCOL_ERROR => self,
            _ => Self::Faulty(self.to_string()),
        }
    }

    /// Whether the peer closed its connection inside the body, and sent nothing wrong before.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Broken(error) => body::is_gone(error),
            Self::Cut => true,
            Self::Faulty(_) | Self::Slow(_) | Self::Revoked(_) | Self::GivenUp(_) => false,
        }
    }
}

/// What the client sends, on its way upstream: trailers are stripped as headers are.
pub struct RequestBody {
    inner: Inner,
    turn: Turn,
    rules: Arc<Annotate>,
    patience: Patience,
}

enum Inner {
    Stream {
        body: Incoming,
        version: Version,
    },
    /// What was read already; `framed`: its length stood in the head, and stands there again.
    Whole {
        whole: Box<Whole>,
        framed: bool,
    },
}

impl RequestBody {
    /// `parts`: the head that it followed.
    pub(super) fn new(
        sent: Sent,
        parts: &Parts,
        rules: Arc<Annotate>,
        patience: Patience,
        turn: Turn,
    ) -> Self {
        Self {
            inner: match sent {
                Sent::Stream(body) => Inner::Stream {
                    body,
                    version: parts.version,
                },
                Sent::Whole(whole) => Inner::Whole {
                    whole,
                    framed: parts.headers.contains_key(CONTENT_LENGTH),
                },
            },
            turn,
            rules,
            patience,
        }
    }
}

impl RequestBody {
    /// The same once more. `None`: it is read as it comes, and only once.
    pub(super) fn copy(&self) -> Option<Self> {
        let (whole, framed) = match &self.inner {
            Inner::Stream { body, .. } if body.is_end_stream() => (Box::default(), true),
            Inner::Stream { .. } => return None,
            Inner::Whole { whole, framed } => (whole.clone(), *framed),
        };
        Some(Self {
            inner: Inner::Whole { whole, framed },
            turn: self.turn.clone(),
            rules: Arc::clone(&self.rules),
            patience: self.patience.anew(),
        })
    }

    /// What came, unless it was too little.
    fn paced(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Error> {
        self.patience.came(frame.data_ref().map_or(0, Bytes::len))?;
        Ok(frame)
    }
}

impl Inner {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self {
            Self::Stream { body, version } => {
                let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(cx));
                if frame.is_none() && *version == Version::HTTP_2 && body::is_cut(body) {
                    return Poll::Ready(Some(Err(Error::Cut)));
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Error::Broken)))
            }
            Self::Whole { whole, .. } => {
                let bytes = std::mem::take(&mut whole.bytes);
                let data = (!bytes.is_empty()).then(|| Frame::data(bytes));
                let frame = data.or_else(|| whole.trailers.take().map(Frame::trailers));
                Poll::Ready(frame.map(Ok))
            }
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if this.turn.is_over(cx) {
            return Poll::Ready(Some(Err(given_up())));
        }
        let frame = match this.inner.poll(cx) {
            Poll::Pending => {
                this.turn.clients();
                let slow = std::task::ready!(this.patience.poll(cx));
                Some(Err(slow.into()))
            }
            Poll::Ready(frame) => {
                this.turn.upstreams();
                this.patience.went_on();
                frame.map(|frame| this.paced(frame?))
            }
        };
        Poll::Ready(frame.map(|frame| {
            let mut frame = frame.map_err(|error| {
                this.turn.lose((&error).into());
                given_up()
            })?;
            if let Some(trailers) = frame.trailers_mut() {
                this.rules.strip_trailers(trailers);
            }
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Stream { body, .. } => body.is_end_stream(),
            Inner::Whole { whole, .. } => whole.bytes.is_empty() && whole.trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Stream { body, .. } => body.size_hint(),
            Inner::Whole {
                whole,
                framed: true,
            } => SizeHint::with_exact(whole.bytes.len() as u64),
            // Chunks stay chunks: whatever `Trailer` announces can follow them.
            Inner::Whole { framed: false, .. } => SizeHint::default(),
        }
    }
}

fn given_up() -> Error {
    Error::GivenUp(h2::Reason::CANCEL.into())
}

/// What the client gets.
pub enum ReplyBody {
    /// Known whole: written with its head in one write.
    Full(Option<Bytes>),
    /// Passed on as it comes.
    Stream(Box<Stream>),
    /// None: the connection itself goes on as a WebSocket.
    Tunnel(Box<Tunnel>),
}

/// A reply under way from an upstream.
pub struct Stream {
    /// What came before the rest was waited for.
    early: Bytes,
    inner: Incoming,
    /// Whether it comes over HTTP/2.
    streams: bool,
    patience: Patience,
    connection: Option<Returned>,
    rules: Arc<Annotate>,
    leased: Option<Leased>,
    /// Whether its reader wants a status at the end, whatever happens.
    grpc: bool,
    over: bool,
    held: Vec<Box<dyn Any>>,
}

impl Stream {
    /// Ended cleanly: only now may the connection serve somebody else (RULES 45).
    fn ended(&mut self) {
        self.tell(Ended::Complete);
        if let Some(connection) = self.connection.take() {
            connection.give_back();
        }
    }

    fn tell(&self, how: Ended) {
        if let Some(leased) = &self.leased {
            leased.tell(how);
        }
    }

    /// The end of a stream whose lease was revoked.
    fn poll_revoked(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(leased) = &mut self.leased else {
            return Poll::Pending;
        };
        let end = leased.poll_end(cx);
        if end.is_ready() {
            // The upstream has nobody to send to: its connection closes at once.
            self.connection = None;
        }
        end
    }

    /// What its reader gets of a reply that breaks off. A reset by the upstream is passed on as one;
    /// of anything else gRPC gets a status, which is told from a good end, and others no end at all.
    fn broken(&mut self, error: Error) -> Result<Frame<Bytes>, Error> {
        self.tell(Ended::Upstream);
        self.connection = None;
        if !self.grpc || error.is_reset() {
            return Err(error.told());
        }
        self.over = true;
        let mut trailers = HeaderMap::new();
        grpc_status(error.reason(), &mut trailers);
        Ok(Frame::trailers(trailers))
    }
}

impl ReplyBody {
    /// A body of known bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Full((!bytes.is_empty()).then_some(bytes))
    }

    /// What came already, and what is to come.
    pub(super) fn stream(
        (early, inner): (Bytes, Incoming),
        limit: Duration,
        connection: Returned,
        rules: Arc<Annotate>,
        grpc: bool,
    ) -> Self {
        Self::Stream(Box::new(Stream {
            early,
            inner,
            streams: connection.is_stream(),
            patience: Patience::new(limit, 0),
            connection: Some(connection),
            rules,
            leased: None,
            grpc,
            over: false,
            held: Vec::new(),
        }))
    }

    /// Whether it is passed on as it comes.
    pub fn is_stream(&self) -> bool {
        !matches!(self, Self::Full(_))
    }

    /// Whether it is passed on as it comes, and its length is known.
    pub fn has_known_end(&self) -> bool {
        matches!(self, Self::Stream(stream) if stream.inner.size_hint().exact().is_some())
    }

    /// Ends a stream in that way once `lease` is revoked; a tunnel in its own way. A reply that is known
    /// whole has ended already.
    pub fn lease(&mut self, lease: Lease, cut: Cut) {
        match self {
            Self::Full(_) => lease.ended(Ended::Complete),
            Self::Stream(stream) => stream.leased = Some(Leased::new(lease, cut)),
            Self::Tunnel(tunnel) => tunnel.lease(lease),
        }
    }

    /// Drops `guard` when a stream or tunnel has ended or is given up; at once where the reply is known whole,
    /// since that is written at once.
    pub fn hold(&mut self, guard: impl Any) {
        match self {
            Self::Full(_) => {}
            Self::Stream(stream) => stream.held.push(Box::new(guard)),
            Self::Tunnel(tunnel) => tunnel.hold(guard),
        }
    }

    /// The WebSocket that the connection becomes once this reply's head is sent. It is given once.
    pub fn tunnel(&mut self) -> Option<Box<Tunnel>> {
        match std::mem::replace(self, Self::Full(None)) {
            Self::Tunnel(tunnel) => Some(tunnel),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let stream = match &mut *self {
            Self::Full(bytes) => {
                return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))));
            }
            Self::Stream(stream) if stream.over => return Poll::Ready(None),
            Self::Stream(stream) => stream,
            Self::Tunnel(_) => return Poll::Ready(None),
        };
        if let Poll::Ready(end) = stream.poll_revoked(cx) {
            return Poll::Ready(end);
        }
        if !stream.early.is_empty() {
            let early = Frame::data(std::mem::take(&mut stream.early));
            if let Some(leased) = &mut stream.leased {
                leased.pass(&early);
            }
            return Poll::Ready(Some(Ok(early)));
        }
        match Pin::new(&mut stream.inner).poll_frame(cx) {
            Poll::Pending => {
                let slow = std::task::ready!(stream.patience.poll(cx));
                Poll::Ready(Some(stream.broken(slow.into())))
            }
            Poll::Ready(None) if stream.streams && body::is_cut(&stream.inner) => {
                Poll::Ready(Some(stream.broken(Error::Cut)))
            }
            Poll::Ready(None) => {
                stream.ended();
                Poll::Ready(None)
            }
            Poll::Ready(Some(frame)) => {
                stream.patience.went_on();
                let mut frame = match frame {
                    Ok(frame) => frame,
                    Err(error) => return Poll::Ready(Some(stream.broken(Error::Broken(error)))),
                };
                if let Some(leased) = &mut stream.leased {
                    leased.pass(&frame);
                }
                if stream.inner.is_end_stream() {
                    // With a Content-Length hyper does not poll again after the last byte.
                    stream.ended();
                }
                if let Some(trailers) = frame.trailers_mut() {
                    stream.rules.clean_trailers(trailers);
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_none(),
            // Never before the last poll: a chunked reply gives its connection back there.
            Self::Stream(_) => false,
            Self::Tunnel(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream(stream) => {
                let rest = stream.inner.size_hint().exact();
                let early = stream.early.len() as u64;
                rest.map_or_else(SizeHint::default, |rest| SizeHint::with_exact(early + rest))
            }
            Self::Tunnel(_) => SizeHint::with_exact(0),
        }
    }
}
