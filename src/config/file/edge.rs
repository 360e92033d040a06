//! The parts of `listen` that say who a client is: address, PROXY header, cookies, limits of peers.

use crate::config::units::Cap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of each network address: an IPv4 address, or an IPv6 /64. They come before a token is looked
/// at, so they bound strangers. Requests from the own host (loopback) are never limited.
///
/// The address is the client's where `trusted_proxies` or `proxy_protocol` tells it. Where neither does
/// and everything comes through one ingress, that ingress is one peer: leave `requests` off there, and
/// turn `signatures` off if strangers can reach the ingress.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Peers {
    /// Requests in a second, sustained; more are refused with 429. `off`: no bound. Absent: `1000/s`
    /// where `trusted_proxies` or `proxy_protocol` tells clients apart, else `off`.
    pub(crate) requests: Option<Cap>,
    /// Requests at once, after a pause. Absent: twice as many as in a second.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) burst: Option<u32>,
    /// Tokens that are verified in a second, sustained; more are refused with 429 unseen. A token that
    /// is remembered costs nothing, a bad one costs five. `off`: no bound.
    pub(crate) signatures: Cap,
    /// Tokens that are verified at once, after a pause. Absent: twice as many as in a second.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) signatures_burst: Option<u32>,
    /// Connections at a time; more are closed at once. Own addresses, `trusted_proxies` and those of
    /// `proxy_protocol` are not held to it. `0`: no bound. Absent: 1000 where `trusted_proxies` says whose
    /// connections are many clients', else no bound.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) connections: Option<u32>,
}

/// Every connection begins with a PROXY header, version 1 or 2, that names the client. One without it,
/// or from a network that is not listed, is closed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyProtocol {
    /// Networks of the load balancers that send it. The header has to come within `timeouts.head`.
    #[schemars(length(min = 1), extend("examples" = [["10.0.0.0/8"]]))]
    pub(crate) from: Vec<String>,
}

/// Cookies whose value is the token.
///
/// A browser sends them whoever makes it send the request. So what changes something (any method but
/// GET, HEAD and OPTIONS, any route that does not read, any upgrade) needs `Sec-Fetch-Site: same-origin`,
/// or an `Origin` that is listed here or in the route's `cors` with `credentials`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenCookies {
    /// Their names. Beside one of them, `Authorization` or another of them is refused. It is taken out
    /// of what the upstream gets unless that has `forward_token`. A name that begins with `__Host-`
    /// cannot be set by sibling hosts.
    #[schemars(
        length(min = 1, max = 8),
        inner(regex(pattern = "^[!#%&'*+.^_`|~0-9A-Za-z-][!#$%&'*+.^_`|~0-9A-Za-z-]{0,99}$")),
        extend("examples" = [["__Host-token"]])
    )]
    pub(crate) names: Vec<String>,
    /// Origins of pages that may change something, exactly as browsers send them.
    #[serde(default)]
    #[schemars(extend("examples" = [["https://app.example.com"]]))]
    pub(crate) origins: Vec<String>,
}

/// The header in which trusted proxies name the hops before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientAddress {
    #[default]
    XForwardedFor,
    Forwarded,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            requests: None,
            burst: None,
            signatures: Cap(Some(crate::config::units::Rate(2000))),
            signatures_burst: None,
            connections: None,
        }
    }
}

/// Connections that the kernel leads here.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transparent {
    /// Addresses with ports that connections are redirected to, one of IPv4 and one of IPv6. Without the
    /// latter it does not start on a machine that has an IPv6 address: clients could pass by.
    #[schemars(length(min = 1, max = 16), extend("examples" = [["0.0.0.0:15001", "[::]:15001"]]))]
    pub(crate) addresses: Vec<String>,
    /// The ports that those connections were going to. Any other connection is closed, and one that was
    /// made straight to `addresses` too. Where a request goes is a matter of its route alone.
    #[schemars(length(min = 1, max = 64), extend("examples" = [[80, 8080]]))]
    pub(crate) ports: Vec<u16>,
}
