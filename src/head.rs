//! The single reading of a request's head: method, authority, path, query and token.
//!
//! One canonical form, made once: what is matched, decided, logged and forwarded is this form and
//! nothing else. Whatever can be read in two ways is refused (DESIGN 9, RULES 12-15).

mod path;
mod query;
mod read;

pub use path::CanonicalPath;
pub use query::{Query, QueryPair};

use crate::clock::Timestamp;
use http::Method;
use std::net::IpAddr;
use std::sync::Arc;

/// What a request says of itself, read once. Nothing in it is verified.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method; `TRACE`, `CONNECT` and anything that is not a plain token never get here.
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
    /// `x-user-id`, when sent: a wish to act for that user (RULES 8).
    pub on_behalf_of: Option<String>,
    /// The moment the head was read: the request's ONE `now`.
    pub now: Timestamp,
}

/// A credential as presented; what it is worth, `token` says.
#[derive(Clone, Default)]
pub enum Credential {
    /// None.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Bearer(Arc<str>),
    /// An `Authorization: Bearer` whose value cannot be a token.
    Malformed,
}

// A token is a secret: it shows in no log, whoever formats it.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(..)",
            Self::Malformed => "Malformed",
        })
    }
}
