//! Sends an allowed request upstream: strip first, annotate last, then stream.
//!
//! [`Upstreams::send`] takes a `Permit`; there is no other way to reach an upstream.

mod assertion;
mod body;
mod budget;
mod client;
mod connect;
mod dress;
mod endpoints;
mod error;
mod flight;
mod grpc;
mod headers;
mod idempotency;
mod leased;
mod member;
mod pace;
mod pool;
mod retry;
mod said;
mod secure;
mod streams;
mod tunnel;
mod turn;
mod upstream;
mod wire;

pub use assertion::{Assertion, BadKey, PublicKey, SigningKey};
pub use body::{ReplyBody, RequestBody};
pub use client::{Allowed, Forwarder, Upstreams};
pub use endpoints::{
    Balance, Dns, Ejection, HealthCheck, Limit, Limits, Origin, Own, Retries, Service,
    ServiceStatus, Services, State, keep,
};
pub use error::Error;
pub use headers::{Annotate, annotate, clean_reply, vary};
pub use leased::{Cut, grpc_status};
pub use secure::Tls;
pub use tunnel::Tunnel;

use crate::tls::Ends;
use std::sync::Arc;
use std::time::Duration;

/// One upstream as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// The name that routes use.
    pub name: Arc<str>,
    /// Where it listens: one place at least.
    pub origins: Vec<Origin>,
    /// Which of its endpoints gets a request.
    pub balance: Balance,
    /// When a request is sent again.
    pub retries: Retries,
    /// When an endpoint is left out for its answers.
    pub ejection: Ejection,
    /// How its endpoints are asked whether they are well; `None`: they are not.
    pub health: Option<HealthCheck>,
    /// What it may take.
    pub limits: Limits,
    /// What it gets as `Host` or `:authority`; configured, never the client's (RULES 15).
    pub authority: Authority,
    /// What is spoken.
    pub protocol: Protocol,
    /// How it is spoken to under TLS; `None`: in the clear.
    pub tls: Option<Tls>,
    /// How a connection that carries many requests is looked after.
    pub ping: Ping,
    /// The largest head that it takes, if that is known.
    pub header_bytes_max: Option<usize>,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long it may take to begin its reply.
    pub response_timeout: Duration,
    /// How long it may pause inside its reply.
    pub idle_timeout: Duration,
    /// How long a WebSocket may be silent in both directions.
    pub tunnel_timeout: Duration,
    /// The `aud` of assertions for it: an absolute URI. `None`: it gets none.
    pub audience: Option<Arc<str>>,
    /// Whether it gets the caller's token.
    pub forward_token: bool,
    /// How many idle connections each worker keeps.
    pub idle_connections_max: usize,
    /// Who may share one.
    pub pool: PoolMode,
}

/// The protocol of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: agreed on under TLS, known beforehand (h2c) without.
    Http2,
    /// Whatever the upstream prefers under TLS; HTTP/1.1 without.
    Auto,
}

/// Pings of an HTTP/2 connection that has requests under way and brings nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// After how long a silence one is sent.
    pub interval: Duration,
    /// How long its answer may take before the connection is given up.
    pub timeout: Duration,
}

/// A host and perhaps a port, in the two forms that the protocols want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    header: http::HeaderValue,
    uri: http::uri::Authority,
}

impl Authority {
    /// `None`: the text is no host, or names a user.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: http::uri::Authority = text.parse().ok()?;
        Some(Self {
            header: http::HeaderValue::from_str(text).ok()?,
            uri: Some(uri).filter(|_| !text.contains('@'))?,
        })
    }
}

/// Whose requests may follow each other on one connection to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// Anybody's.
    Shared,
    /// Those of one account: an upstream that answers late or twice confuses no two tenants (RULES 45).
    PerAccount,
}

/// What every forwarder needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// All upstreams.
    pub upstreams: Vec<UpstreamSettings>,
    /// How their names are resolved.
    pub dns: Dns,
    /// Names and the strip list.
    pub annotate: Annotate,
    /// How assertions are made; `None`: there are none.
    pub assertion: Option<Assertion>,
    /// How long a client may pause inside its body.
    pub body_timeout: Duration,
    /// How many bytes of its body a client sends in a second at least, on average over `body_timeout`;
    /// 0: any. Messages of gRPC come when they come.
    pub body_rate: u32,
}

impl UpstreamSettings {
    /// When the certificate that it is shown ends.
    pub fn certificate_ends(&self) -> Option<&Ends> {
        self.tls.as_ref()?.ends.as_ref()
    }

    /// How long it may leave untaken what was sent to it, before the kernel takes it for gone: as long
    /// as it may be silent in any other way.
    fn silence(&self) -> Duration {
        let waiting = self.response_timeout.max(self.idle_timeout);
        waiting.max(self.tunnel_timeout)
    }
}

#[cfg(test)]
mod tests;
