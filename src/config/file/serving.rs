//! `listen`, `admin`, `upstreams` and `annotate`.

use super::{Balance, Ejection, Endpoint, Health, Retries, UpstreamLimits};
use super::{
    ClientAddress, Http2, Peers, Protocol, ProxyProtocol, Tls, TokenCookies, Transparent,
    UpstreamTls,
};
use crate::config::units::{Duration, SecretRef, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where clients are served.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// Address and port of plain HTTP: 1.1, 1.0, and HTTP/2 of clients that know that they may speak it (h2c). Port 0 picks a free one. Absent: clients are served by `tls` alone.
    #[serde(default)]
    #[schemars(extend("examples" = ["127.0.0.1:8080", "[::1]:8080"]))]
    pub(crate) http: Option<String>,
    /// HTTPS, beside it or alone. Absent: there is none.
    #[serde(default)]
    pub(crate) tls: Option<Tls>,
    /// The hosts that are served: exact names, with a port where clients send one. A request for any
    /// other is refused.
    #[schemars(length(min = 1), extend("examples" = [["api.example.com", "localhost:8080"]]))]
    pub(crate) hosts: Vec<String>,
    /// Networks of proxies whose word on the client's address is believed: `client_address` is read
    /// from the right, up to the first hop that is not in one of them.
    #[serde(default)]
    #[schemars(extend("examples" = [["10.0.0.0/8"]]))]
    pub(crate) trusted_proxies: Vec<String>,
    /// The header in which trusted proxies name the hops before them. The other one does not count.
    #[serde(default)]
    pub(crate) client_address: ClientAddress,
    /// For load balancers that pass connections on. Absent: a PROXY header is no HTTP, and refused.
    #[serde(default)]
    pub(crate) proxy_protocol: Option<ProxyProtocol>,
    /// Connections to other addresses that the kernel leads here (iptables REDIRECT), beside `http`.
    /// Absent: there are none.
    #[serde(default)]
    pub(crate) transparent: Option<Transparent>,
    /// Limits of each network address.
    #[serde(default)]
    pub(crate) peers: Peers,
    /// Cookies whose value is the token. Absent: cookies are nothing to Palisade.
    #[serde(default)]
    pub(crate) token_cookies: Option<TokenCookies>,
    /// Worker threads, each with its own connections. Absent: one for each processor.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub(crate) workers: Option<u16>,
    /// Bounds of what a request may take.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// How long a client may take.
    #[serde(default)]
    pub(crate) timeouts: Timeouts,
}

/// Bounds of what a request may take.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Bytes of path and query together; more is 414. At most 32KiB.
    pub(crate) target_bytes: Size,
    /// Header fields; more is 431.
    #[schemars(range(min = 1, max = 500))]
    pub(crate) header_count: u16,
    /// Bytes of all header names and values together; more is 431. At most 256KiB.
    pub(crate) header_bytes: Size,
    /// Connections of clients, all workers together. Beyond it a client takes the place of the
    /// connection that has gone unused for longest, or is closed at once. Absent: three quarters of the
    /// descriptors that the process may have, which it raises to the hard limit.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) connections: Option<u32>,
    /// Memory for bodies that are read for references, all together; beyond it is 503. At least 1MiB.
    pub(crate) body_bytes: Size,
    /// The part of it that one account may take; beyond it is 429. At least 64KiB.
    pub(crate) account_body_bytes: Size,
}

/// How long a client may take.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Timeouts {
    /// From the first byte of a TLS handshake to its last. 1ms to 1h.
    pub(crate) handshake: Duration,
    /// From the first byte of a request's head to its last. 1ms to 1h.
    pub(crate) head: Duration,
    /// Between two pieces of a body, in either direction; a body that is read for references has to be
    /// whole within it. Longer is 408 for a request's body. 1ms to 1h.
    pub(crate) body: Duration,
    /// The fewest bytes of a request's body in a second, on average over `body`; fewer is 408. Only the
    /// time that Palisade waits for the client counts. `0B`: any. gRPC, whose messages come when they
    /// come, is never held to it. At most 1MiB.
    pub(crate) body_rate: Size,
    /// For which a client may take nothing of what is sent to it. 1ms to 1h.
    pub(crate) write: Duration,
    /// Between two requests of one connection. 1ms to 1h.
    pub(crate) idle: Duration,
    /// How long new connections are still taken once Palisade was asked to stop. From the first moment it
    /// is not ready and asks every client to come back on another connection: load balancers need this
    /// time to notice. At most 1h; `0s` where nobody has to.
    pub(crate) drain_delay: Duration,
    /// For requests in flight to end after that. 1ms to 1h.
    pub(crate) drain: Duration,
}

/// Where Palisade itself is observed and controlled.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Admin {
    /// Address and port of `/metrics`, `/livez` and `/readyz`.
    #[schemars(extend("examples" = ["127.0.0.1:9901"]))]
    pub(crate) metrics: String,
    /// Address and port of `/status`, `/status/accounts/<id>`, `/requests/<id>`, `/explain`, `/readyz?verbose` and `/drain`.
    #[schemars(extend("examples" = ["127.0.0.1:9902"]))]
    pub(crate) control: String,
    /// The bearer token of `control`, at least 16 visible ASCII characters: `file:PATH` or
    /// `env:NAME`. Absent: a new one at each start that nobody is told, so that `control` answers
    /// nobody.
    pub(crate) token: Option<SecretRef>,
    /// Hosts that requests to `control` may name, beside `localhost` and literal addresses of its own.
    #[schemars(extend("examples" = [["palisade.internal"]]))]
    pub(crate) hosts: Vec<String>,
}

/// One service behind.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Scheme, host and port, without path, query or user: `http` in the clear, `https` under TLS. This
    /// or `endpoints` says where it is.
    #[schemars(extend("examples" = ["http://127.0.0.1:9000", "https://api.internal:8443"]))]
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// Several places instead of one `url`. Each address of each name is an endpoint.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub(crate) endpoints: Vec<Endpoint>,
    /// Which of its endpoints gets a request.
    #[serde(default)]
    pub(crate) balance: Balance,
    /// When a request is sent again.
    #[serde(default)]
    pub(crate) retries: Retries,
    /// When an endpoint is left out for its answers.
    #[serde(default)]
    pub(crate) ejection: Ejection,
    /// How its endpoints are asked whether they are well. Absent: they are not asked.
    #[serde(default)]
    pub(crate) health: Option<Health>,
    /// What it may take of this process.
    #[serde(default)]
    pub(crate) limits: UpstreamLimits,
    /// What is spoken: `http1`, `http2` (without TLS by prior knowledge, h2c: gRPC servers speak that),
    /// or `auto`: what the upstream prefers of both under TLS, HTTP/1.1 without.
    #[serde(default)]
    pub(crate) protocol: Protocol,
    /// Whom to trust under TLS, and what to show.
    #[serde(default)]
    pub(crate) tls: Option<UpstreamTls>,
    /// How HTTP/2 connections are looked after.
    #[serde(default)]
    pub(crate) http2: Http2,
    /// The largest head of a request that it takes, as Node takes 16KiB. Larger ones go without
    /// `baggage`, then `tracestate`, client hints (`sec-ch-*`), preferences (`dnt`, `priority` and their
    /// like), `user-agent`, and at last `cookie`, until they fit; what does not fit then is 431. A cookie
    /// that is the forwarded token never goes. 1KiB to 1MiB. Absent: nobody knows.
    #[serde(default)]
    #[schemars(extend("examples" = ["16KiB"]))]
    pub(crate) header_bytes_max: Option<Size>,
    /// What is sent as `Host`. Absent: host and port of `url`.
    #[serde(default)]
    #[schemars(extend("examples" = ["api.internal"]))]
    pub(crate) authority: Option<String>,
    /// The `aud` of the assertions that it gets: an absolute URI. Absent: it gets none.
    #[serde(default)]
    #[schemars(extend("examples" = ["urn:api"]))]
    pub(crate) audience: Option<String>,
    /// How long it may take.
    #[serde(default)]
    pub(crate) timeouts: UpstreamTimeouts,
    /// Whether the caller's token is sent on to it.
    #[serde(default)]
    pub(crate) forward_token: bool,
    /// Idle connections to it that each worker keeps.
    #[serde(default = "idle_connections_max")]
    #[schemars(range(min = 0, max = 65535))]
    pub(crate) idle_connections_max: u16,
    /// Whose requests may follow each other on one connection: anybody's (`shared`), or those of one
    /// account (`per_account`), for a service that may answer late or twice.
    #[serde(default)]
    pub(crate) pool: Pool,
}

/// Whose requests may follow each other on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pool {
    #[default]
    Shared,
    PerAccount,
}

/// How long an upstream may take.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpstreamTimeouts {
    /// To accept a connection. 1ms to 1h.
    pub(crate) connect: Duration,
    /// To send the head of its response, once it has the request. 1ms to 1h.
    pub(crate) response: Duration,
    /// Between two pieces of its response. 1ms to 1h.
    pub(crate) idle: Duration,
    /// Of silence in both directions of a WebSocket; pings count as talk. 1ms to 1h.
    pub(crate) tunnel: Duration,
}

/// What the upstream is told, and what is kept from it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Annotate {
    /// How the names of the tenant headers begin; ends with `-`. Whatever a client sends under it is
    /// removed.
    #[schemars(regex(pattern = "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?-$"), extend("examples" = ["x-palisade-"]))]
    pub(crate) prefix: String,
    /// Further request headers to remove, beside those that are always removed.
    #[schemars(extend("examples" = [["x-legacy-tenant"]]))]
    pub(crate) strip: Vec<String>,
    /// A signed statement beside the headers, for upstreams that verify it themselves. Absent: there
    /// is none.
    pub(crate) assertion: Option<Assertion>,
}

/// A signed statement of what a request was allowed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assertion {
    /// The private key, in PEM (PKCS#8): Ed25519 signs with `EdDSA`, P-256 with `ES256`. `file:PATH` or
    /// `env:NAME`.
    #[schemars(extend("examples" = ["file:secrets/assertion.pem"]))]
    pub(crate) key: SecretRef,
    /// Further keys that stand in the published key set, public or private: the one before, or the
    /// one to come. Publish a new key for as long as verifiers keep the set before you sign with it.
    #[serde(default)]
    #[schemars(length(max = 4), extend("examples" = [["file:secrets/assertion-next.pub"]]))]
    pub(crate) also_publish: Vec<SecretRef>,
    /// How long an assertion may be used. 5s to 60s, whole seconds.
    #[serde(default = "assertion_ttl")]
    pub(crate) ttl: Duration,
    /// Its `iss`: an absolute URI.
    #[serde(default = "assertion_issuer")]
    #[schemars(extend("examples" = ["urn:palisade"]))]
    pub(crate) issuer: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            target_bytes: Size(8 << 10),
            header_count: 100,
            header_bytes: Size(64 << 10),
            connections: None,
            body_bytes: Size(64 << 20),
            account_body_bytes: Size(2 << 20),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::secs(10),
            head: Duration::secs(10),
            body: Duration::secs(30),
            body_rate: Size(128),
            write: Duration::secs(30),
            idle: Duration::secs(60),
            drain_delay: Duration::secs(5),
            drain: Duration::secs(20),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            metrics: "127.0.0.1:9901".to_owned(),
            control: "127.0.0.1:9902".to_owned(),
            token: None,
            hosts: Vec::new(),
        }
    }
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::secs(2),
            response: Duration::secs(30),
            idle: Duration::secs(60),
            tunnel: Duration::secs(5 * 60),
        }
    }
}

impl Default for Annotate {
    fn default() -> Self {
        Self {
            prefix: "x-palisade-".to_owned(),
            strip: Vec::new(),
            assertion: None,
        }
    }
}

fn assertion_ttl() -> Duration {
    Duration::secs(30)
}

fn assertion_issuer() -> String {
    "urn:palisade".to_owned()
}

fn idle_connections_max() -> u16 {
    64
}
