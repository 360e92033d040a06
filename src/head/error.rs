//! Why a head is refused.

use super::{HandshakeFault, PathFault, QueryFault};
use crate::reason::Reason;
use http::HeaderName;

/// Why a head is refused before anything else is looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `TRACE` and `CONNECT`.
    #[error("method `{0}`")]
    Method(http::Method),
    /// A header that overrides the method (RULES 15).
    #[error("`{0}` overrides the method")]
    Override(HeaderName),
    /// The target is not a path, nor a URL with one.
    #[error("the target is neither a path nor an http URL")]
    Target,
    /// The target exceeds its limit.
    #[error("a target of {bytes} bytes, more than {max}")]
    TargetTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// Too many headers.
    #[error("{count} headers, more than {max}")]
    HeadersTooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// Headers too large together.
    #[error("headers of {bytes} bytes, more than {max}")]
    HeadersTooLarge {
        /// How large they are.
        bytes: usize,
        /// How large they may be.
        max: usize,
    },
    /// A header that is spelt almost like one that frames the message.
    #[error("`{0}` may be read as the header that frames the message")]
    Framing(HeaderName),
    /// No `Host`.
    #[error("no host")]
    HostMissing,
    /// Not `host[:port]`; a user in front of it is not either (RULES 15).
    #[error("a host that is not `host[:port]`")]
    HostMalformed,
    /// Not one of `listen.hosts`.
    #[error("host `{0}` is not listed")]
    HostUnlisted(String),
    /// The target's authority is not the `Host`.
    #[error("the target names another host than `host`")]
    HostContradicted,
    /// A header that may stand once stands twice.
    #[error("`{0}` stands twice")]
    HeaderRepeated(HeaderName),
    /// A header that is read is not text.
    #[error("`{0}` is not text")]
    HeaderUnreadable(HeaderName),
    /// A header that is read is longer than it may be.
    #[error("`{0}` is longer than {1} bytes")]
    HeaderTooLong(HeaderName, usize),
    /// A trusted proxy's list of hops holds something else than addresses.
    #[error("`{0}` holds something else than addresses")]
    Hops(HeaderName),
    /// A token in `Authorization`, or another use of that, beside a token in a cookie.
    #[error("two credentials: `authorization` and a cookie")]
    TwoCredentials,
    /// Two token cookies, or one that only some readers see.
    #[error("cookies in which readers may find different tokens")]
    CookieAmbiguous,
    /// `$Version` and its kind make some readers split cookies in another way.
    #[error("a cookie whose name begins with `$`")]
    CookieAttribute,
    /// It asks for a WebSocket in a way that nobody may answer (RULES 20).
    #[error("the handshake of a WebSocket: {0}")]
    Handshake(#[from] HandshakeFault),
    /// The path has no canonical form.
    #[error("the path holds {0}")]
    Path(PathFault),
    /// The query cannot be read in one way, or holds what it must not.
    #[error("the query holds {0}")]
    Query(QueryFault),
}

impl Error {
    /// The code that the client gets.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TargetTooLong { .. } => Reason::UriTooLong,
            Self::HeadersTooMany { .. }
            | Self::HeadersTooLarge { .. }
            | Self::HeaderTooLong(..) => Reason::HeadersTooLarge,
            Self::Handshake(_) => Reason::WebsocketHandshake,
            Self::Method(_)
            | Self::Override(_)
            | Self::Target
            | Self::Framing(_)
            | Self::HostMissing
            | Self::HostMalformed
            | Self::HostUnlisted(_)
            | Self::HostContradicted
            | Self::HeaderRepeated(_)
            | Self::HeaderUnreadable(_)
            | Self::Hops(_)
            | Self::TwoCredentials
            | Self::CookieAmbiguous
            | Self::CookieAttribute
            | Self::Path(_)
            | Self::Query(_) => Reason::RequestAmbiguous,
        }
    }
}
