//! Why an allowed request got no reply.

use super::idempotency;
use crate::reason::Reason;
use std::sync::Arc;
use std::time::Duration;

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
    /// It answered a WebSocket's handshake with something that is not the answer to it.
    #[error("upstream `{0}` {1}")]
    Handshake(Arc<str>, &'static str),
    /// The system has no random bytes for a handshake.
    #[error("no random bytes for a WebSocket's key")]
    Keyless,
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
            Self::Connect(..) | Self::Broken(..) | Self::Switched(_) | Self::Handshake(..) => {
                Reason::UpstreamUnreachable
            }
            Self::ClientBody(_) => Reason::BodyUnreadable,
            Self::ClientGone => Reason::BodyIncomplete,
            Self::Idempotency(_) => Reason::RequestAmbiguous,
            Self::Unknown(_) | Self::Unsigned(_) | Self::Keyless | Self::Target => Reason::Internal,
        }
    }
}

/// Tells the client's broken body from the upstream's own fault: hyper reports both here.
pub(super) fn broken(name: &Arc<str>, error: &hyper::Error) -> Error {
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
