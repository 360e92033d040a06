//! The single reading of a request's head: method, authority, path, query and token.
//!
//! One canonical form, made once: what is matched, decided, logged and forwarded is this form and
//! nothing else. Whatever can be read in two ways is refused (DESIGN 9, RULES 12-15).

mod client;
mod cookie;
mod error;
mod fold;
mod host;
mod path;
mod query;
mod read;
mod websocket;

#[cfg(test)]
mod tests;

pub use client::{HopHeader, written};
pub use cookie::{CookieToken, TokenCookies};
pub use error::Error;
pub use fold::{fold, folds_to};
pub use host::{BadHost, HostList};
pub use path::{CanonicalPath, PathFault};
pub use query::{Query, QueryFault, QueryPair, fold_key, key_names};
pub use read::{ACT_IN, REASON, X_USER_ID, read, single};
pub use websocket::{HandshakeFault, Opening, WEBSOCKET, lists, names};

use crate::clock::Timestamp;
use crate::x509::Identity;
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What a request says of itself, read once. Nothing in it is verified but where it says so.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method; `TRACE`, `CONNECT` and anything that is not a plain token never get here. GET for a
    /// WebSocket, whichever way it was asked for.
    pub method: Method,
    /// `host[:port]` in lower case; one that `listen.hosts` lists.
    pub authority: Arc<str>,
    /// The path in its one form.
    pub path: CanonicalPath,
    /// The query, as sent and decoded.
    pub query: Query,
    /// The credential that was presented.
    pub credential: Credential,
    /// The client: the peer, or the rightmost untrusted hop (RULES 23). Canonical: never IPv4-mapped.
    pub client: IpAddr,
    /// Whose certificate the peer showed, if it holds now. The one thing here that is proved.
    pub certificate: Option<Arc<Identity>>,
    /// Whether the client's connection to us is TLS.
    pub secure: bool,
    /// `x-user-id`, when sent: a wish to act for that user (RULES 8).
    pub on_behalf_of: Option<String>,
    /// `x-palisade-act-in`, when sent: the workspace in which a Principal wishes to read (RULES 17).
    pub act_in: Option<String>,
    /// `x-palisade-reason`, when sent: why a Principal does what it does. Nobody has verified it, and it
    /// counts for nobody else.
    pub reason: Option<Arc<str>>,
    /// The WebSocket that it asks for.
    pub websocket: Option<Box<Opening>>,
    /// The moment the head was read: the request's ONE `now`.
    pub now: Timestamp,
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks TLS with us.
    pub secure: bool,
    /// Whose certificate it showed, after its chain was verified.
    pub certificate: Option<Arc<Identity>>,
    /// Where its connection was going before the kernel led it here.
    pub original: Option<SocketAddr>,
}

impl Peer {
    /// One that came over plain TCP.
    pub fn plain(address: IpAddr) -> Self {
        Self {
            address,
            secure: false,
            certificate: None,
            original: None,
        }
    }
}

impl Head {
    /// Whose certificate the peer showed, as one text.
    pub fn certificate_owner(&self) -> Option<&str> {
        self.certificate.as_ref()?.shown.as_deref()
    }
}

/// What the configuration says of heads.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How large a head may be.
    pub limits: Limits,
    /// The hosts that requests may name.
    pub hosts: HostList,
    /// Peers whose word on hops before them is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it.
    pub hops: HopHeader,
    /// Cookies whose value is the token.
    pub token_cookies: TokenCookies,
    /// Headers that name a tenant: each may stand once, whatever the route.
    pub header_references: Vec<HeaderName>,
}

impl Settings {
    /// Whether `peer` is a proxy whose word is believed: its connections are many clients'.
    pub fn is_trusted(&self, peer: IpAddr) -> bool {
        client::is_trusted(&self.trusted_proxies, &peer)
    }
}

/// How large a head may be. The server's own limits must lie above these: it answers without a
/// reason and without a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Authority, path and query of the target together.
    pub target_bytes: usize,
    /// How many header lines.
    pub header_count: usize,
    /// Names, values and separators of all header lines.
    pub header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            target_bytes: 8 * 1024,
            header_count: 96,
            header_bytes: 32 * 1024,
        }
    }
}

/// A credential as presented; what it is worth, `token` says.
#[derive(Clone, Default)]
pub enum Credential {
    /// None.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Bearer(Arc<str>),
    /// A cookie that the configuration says is the token.
    Cookie(CookieToken),
    /// An `Authorization` whose value cannot be read as a scheme and one token, or a token cookie whose
    /// value cannot be a token.
    Malformed,
}

impl Credential {
    /// The token, wherever it stood. `None`: there is none, or nothing that could be one.
    pub fn token(&self) -> Option<&Arc<str>> {
        match self {
            Self::Bearer(token) => Some(token),
            Self::Cookie(cookie) => Some(&cookie.token),
            Self::None | Self::Malformed => None,
        }
    }
}

// A token is a secret: it shows in no log, whoever formats it.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(..)",
            Self::Cookie(_) => "Cookie(..)",
            Self::Malformed => "Malformed",
        })
    }
}

/// Whether a caller speaks gRPC: it wants a refusal in that form, and sends its messages when they come.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    kind.strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}
