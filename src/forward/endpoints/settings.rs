//! What the configuration says of an upstream's endpoints.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// One place where an upstream listens: each address of its name is an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// A host name, or an address without brackets.
    pub host: Arc<str>,
    /// Its port.
    pub port: u16,
    /// Its share of the requests, beside the others'.
    pub weight: u32,
}

/// Which of two endpoints gets a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// The one that answers sooner, by the worst of its latest answers and what it has under way.
    PeakEwma,
    /// The one with fewer requests under way.
    LeastRequest,
}

/// When a request is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often, beside the first time.
    pub max: u32,
    /// Replies that are not taken for an answer, for requests that may be sent again.
    pub statuses: Vec<u16>,
    /// How many of a hundred requests may be sent again, over ten seconds.
    pub percent: u32,
    /// How many may be in each second, however few requests there are.
    pub floor: u32,
}

/// When an endpoint is left out for its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row that do it; 0: nothing does.
    pub failures: u32,
    /// Replies that are failures too.
    pub statuses: Vec<u16>,
    /// For how long the first time; each further time doubles it.
    pub base: Duration,
    /// For how long at most.
    pub max: Duration,
    /// How many of a hundred endpoints may be out at once: one of several always may, all never.
    pub percent: u32,
}

/// How endpoints are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked for, by GET.
    pub path: http::uri::PathAndQuery,
    /// From one question to the next.
    pub interval: Duration,
    /// How long the answer may take.
    pub timeout: Duration,
    /// Good answers in a row that bring an endpoint back.
    pub healthy: u32,
    /// Bad ones that take it out.
    pub unhealthy: u32,
    /// Statuses that are good; empty: 200 to 299.
    pub expect: Vec<u16>,
}

/// Bounds of what one upstream may take of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests whose reply has not ended.
    pub in_flight: Option<u32>,
    /// Requests that wait for a connection.
    pub pending: Option<u32>,
    /// Connections, idle ones included.
    pub connections: Option<u32>,
}

/// How names are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// Who is asked; empty: whoever the system names.
    pub servers: Vec<SocketAddr>,
    /// A name is asked for again no sooner, whatever its records say, and after each failure.
    pub refresh_min: Duration,
    /// And no later.
    pub refresh_max: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Origin {
    /// Its address, if the host is one.
    pub fn literal(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip.to_canonical(), self.port))
    }
}
