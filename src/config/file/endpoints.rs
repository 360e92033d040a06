//! Several endpoints of an upstream, what keeps it well, and how names are resolved.

use crate::config::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of several places where an upstream listens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// Scheme, host and port, like the `url` of an upstream; all with one scheme.
    #[schemars(extend("examples" = ["http://10.0.0.7:9000"]))]
    pub(crate) url: String,
    /// Its share of the requests beside the others'.
    #[serde(default = "weight")]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) weight: u32,
}

/// Which of an upstream's endpoints gets a request: of two that are drawn by weight, the one that
/// answers sooner (`peak_ewma`: by its slowest recent answers and what it has under way), or the one
/// with fewer requests under way (`least_request`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Balance {
    #[default]
    PeakEwma,
    LeastRequest,
}

/// When a request is sent again, to another endpoint where there is one: nothing of it was sent; the
/// upstream says that it did not look at it; or the connection broke before a reply, the method is GET,
/// HEAD, OPTIONS, PUT or DELETE, and its body is not streamed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Retries {
    /// How often, beside the first time. 0: never. An endpoint that takes no connection, or shows no certificate
    /// that holds, does not count: another one is asked.
    #[schemars(range(min = 0, max = 10))]
    pub(crate) max: u32,
    /// Statuses after which such a request is sent again too, with these methods alone.
    #[schemars(inner(range(min = 500, max = 599)), extend("examples" = [[502, 503, 504]]))]
    pub(crate) statuses: Vec<u16>,
    /// How many of a hundred requests of the last ten seconds may be sent again.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) budget_percent: u32,
    /// How many may be each second, however few requests there are.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) budget_floor: u32,
}

/// When one of several endpoints is left out because its answers keep failing: no connection, no reply
/// in time, or a connection that breaks before one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ejection {
    /// Failures in a row that do it. 0: nothing does.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) failures: u32,
    /// Statuses that are failures too.
    #[schemars(inner(range(min = 500, max = 599)), extend("examples" = [[502, 503, 504]]))]
    pub(crate) statuses: Vec<u16>,
    /// For how long the first time; each further time in a row is twice as long. 1ms to 1h.
    pub(crate) time: Duration,
    /// The longest. 1ms to 1h.
    pub(crate) max_time: Duration,
    /// How many of a hundred endpoints may be left out at once. One of several always may, the last one
    /// never: when it fails too, those that are out are tried again before their time.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) max_ejected_percent: u32,
}

/// A question to each endpoint, once for all workers. One that does not answer well gets no requests,
/// unless none does.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// What is asked for, by GET, without token or annotation.
    #[schemars(regex(pattern = "^/"), extend("examples" = ["/healthz"]))]
    pub(crate) path: String,
    /// From one question to the next. 1ms to 1h.
    #[serde(default = "interval")]
    pub(crate) interval: Duration,
    /// How long the answer may take. 1ms to 1h.
    #[serde(default = "answer")]
    pub(crate) timeout: Duration,
    /// Good answers in a row that bring an endpoint back.
    #[serde(default = "healthy")]
    #[schemars(range(min = 1, max = 100))]
    pub(crate) healthy: u32,
    /// Bad ones in a row that take it out. The first answer of all counts alone.
    #[serde(default = "unhealthy")]
    #[schemars(range(min = 1, max = 100))]
    pub(crate) unhealthy: u32,
    /// Statuses that are good. Empty: 200 to 299.
    #[serde(default)]
    #[schemars(inner(range(min = 100, max = 599)), extend("examples" = [[200, 204]]))]
    pub(crate) expect: Vec<u16>,
}

/// What an upstream may take of this process, all workers together; beyond it is 503. Absent: no bound.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpstreamLimits {
    /// Requests whose reply has not ended.
    #[schemars(range(min = 1, max = 1_000_000))]
    #[serde(rename = "max_in_flight")]
    pub(crate) in_flight: Option<u32>,
    /// Requests that wait for a connection.
    #[schemars(range(min = 1, max = 1_000_000))]
    #[serde(rename = "max_pending")]
    pub(crate) pending: Option<u32>,
    /// Connections, idle ones of all workers included. A request waits for one, up to
    /// `timeouts.connect`.
    #[schemars(range(min = 1, max = 1_000_000))]
    #[serde(rename = "max_connections")]
    pub(crate) connections: Option<u32>,
}

/// How the names of upstreams become addresses. All addresses of a name are endpoints. A name that does
/// not resolve any more keeps those it had.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dns {
    /// Address and port of the servers to ask. Empty: those of the system, with its search domains.
    #[schemars(extend("examples" = [["10.96.0.10:53"]]))]
    pub(crate) servers: Vec<String>,
    /// A name is asked for again when its records expire, but no sooner than this; after a failure, just
    /// then. 1ms to 1h.
    pub(crate) refresh_min: Duration,
    /// And no later than this. 1ms to 1h.
    pub(crate) refresh_max: Duration,
    /// How long an answer may take. 1ms to 1h.
    pub(crate) timeout: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            max: 2,
            statuses: Vec::new(),
            budget_percent: 20,
            budget_floor: 10,
        }
    }
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            failures: 5,
            statuses: Vec::new(),
            time: Duration::secs(10),
            max_time: Duration::secs(300),
            max_ejected_percent: 50,
        }
    }
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            refresh_min: Duration::secs(5),
            refresh_max: Duration::secs(60),
            timeout: Duration::secs(5),
        }
    }
}

fn weight() -> u32 {
    1
}

fn interval() -> Duration {
    Duration::secs(10)
}

fn answer() -> Duration {
    Duration::secs(2)
}

fn healthy() -> u32 {
    2
}

fn unhealthy() -> u32 {
    3
}
