//! Why an allowed request got no reply.

use super::endpoints::Limit;
use super::idempotency;
use super::pace::Slow;
use crate::reason::Reason;
use crate::socket::is_starved;
use crate::telemetry::UpstreamFailure;
use std::sync::Arc;
use std::time::Duration;

/// Why an allowed request got no reply from its upstream.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The route names an upstream that is not configured; the configuration refuses that.
    #[error("upstream `{0}` is not configured")]
    Unknown(Arc<str>),
    /// No address of it is known.
    #[error("no endpoint of upstream `{0}` is known: {1}")]
    Unresolved(Arc<str>, String),
    /// It has all that it may take.
    #[error("upstream `{0}` has all that `{key}` gives it", key = .1.key())]
    Full(Arc<str>, Limit),
    /// No connection.
    #[error("cannot connect to upstream `{0}`: {1}")]
    Connect(Arc<str>, std::io::Error),
    /// No connection in time.
    #[error("upstream `{0}` did not {1} within {2:?}")]
    ConnectTimeout(Arc<str>, &'static str, Duration),
    /// No reply in time.
    #[error("upstream `{0}` did not {1} within {2:?}")]
    Timeout(Arc<str>, &'static str, Duration),
    /// No TLS session that can be trusted.
    #[error("no trusted TLS with upstream `{0}`: {1}")]
    Untrusted(Arc<str>, String),
    /// It did not look at the request, and says so.
    #[error("upstream `{0}` did not take the request: {1}")]
    Refused(Arc<str>, String),
    /// Its head is larger than it takes, whatever is left out.
    #[error(
        "the head for upstream `{0}` has {1} bytes, more than the {2} of its `header_bytes_max`"
    )]
    HeadTooLarge(Arc<str>, usize, usize),
    /// The time that the client gave is over.
    #[error("upstream `{0}` did not begin its reply before the caller's deadline")]
    Deadline(Arc<str>),
    /// It broke off, or did not answer in HTTP.
    #[error("upstream `{0}` failed: {1}")]
    Broken(Arc<str>, String),
    /// It coded its reply for this hop in a way that nobody asked for.
    #[error("upstream `{0}` sent its reply in a transfer coding beside `chunked`")]
    Coded(Arc<str>),
    /// It switched protocols unasked (RULES 20).
    #[error("upstream `{0}` switched protocols unasked")]
    Switched(Arc<str>),
    /// It answered a WebSocket's handshake with something that is not the answer to it.
    #[error("upstream `{0}` {1}")]
    Handshake(Arc<str>, &'static str),
    /// The system has no random bytes for a handshake.
    #[error("no random bytes for a WebSocket's key")]
    Keyless,
    /// The client's body is not HTTP.
    #[error("the client's body cannot be read: {0}")]
    ClientBody(String),
    /// The client's body paused too long, or came too slowly.
    #[error("the client's body: {0}")]
    ClientSlow(Slow),
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
            Self::ConnectTimeout(..) | Self::Timeout(..) | Self::Deadline(_) => {
                Reason::UpstreamTimeout
            }
            Self::Connect(_, error) if is_starved(error) => Reason::Overloaded,
            Self::Full(..) => Reason::Overloaded,
            Self::Unresolved(..)
            | Self::Connect(..)
            | Self::Untrusted(..)
            | Self::Refused(..)
            | Self::Broken(..)
            | Self::Coded(_)
            | Self::Switched(_)
            | Self::Handshake(..) => Reason::UpstreamUnreachable,
            Self::HeadTooLarge(..) => Reason::HeadersTooLarge,
            Self::ClientBody(_) => Reason::BodyUnreadable,
            Self::ClientSlow(_) => Reason::BodyTimeout,
            Self::ClientGone => Reason::BodyIncomplete,
            Self::Idempotency(_) => Reason::RequestAmbiguous,
            Self::Unknown(_) | Self::Unsigned(_) | Self::Keyless | Self::Target => Reason::Internal,
        }
    }

    /// What it says against the endpoint that was tried; `None`: nothing.
    pub(super) fn failure(&self) -> Option<UpstreamFailure> {
        match self {
            Self::Connect(..) | Self::ConnectTimeout(..) | Self::Untrusted(..) => {
                Some(UpstreamFailure::Connect)
            }
            Self::Timeout(..) => Some(UpstreamFailure::Timeout),
            Self::Broken(..)
            | Self::Refused(..)
            | Self::Coded(_)
            | Self::Switched(_)
            | Self::Handshake(..) => Some(UpstreamFailure::Broken),
            Self::Unknown(_)
            | Self::Unresolved(..)
            | Self::Full(..)
            | Self::HeadTooLarge(..)
            | Self::Deadline(_)
            | Self::Keyless
            | Self::ClientBody(_)
            | Self::ClientSlow(_)
            | Self::ClientGone
            | Self::Unsigned(_)
            | Self::Idempotency(_)
            | Self::Target => None,
        }
    }
}

impl From<&super::body::Error> for Error {
    /// What a broken body of the client's means.
    fn from(error: &super::body::Error) -> Self {
        match error {
            super::body::Error::Slow(slow) => Self::ClientSlow(*slow),
            gone if gone.is_gone() => Self::ClientGone,
            broken => Self::ClientBody(broken.to_string()),
        }
    }
}

/// Why an exchange failed: the client's body, if that broke (`lost`), else what the connection says.
pub(super) fn broken(name: &Arc<str>, error: &hyper::Error, lost: Option<Error>) -> Error {
    use std::error::Error as _;
    if let Some(lost) = lost {
        return lost;
    }
    let name = Arc::clone(name);
    let cause = error.source();
    let refused = cause.and_then(|cause| cause.downcast_ref::<h2::Error>());
    let refused = refused.is_some_and(is_refused);
    let text = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    if refused {
        Error::Refused(name, text)
    } else {
        Error::Broken(name, text)
    }
}

/// Whether the upstream says that it did not look at the request: RFC 9113, section 8.7. A stream that
/// ends by GOAWAY has a number beyond the last that was processed.
fn is_refused(error: &h2::Error) -> bool {
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (refused || error.is_go_away())
}
