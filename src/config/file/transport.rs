//! How an upstream is spoken to: protocol, TLS, and what it can take.

use crate::config::units::{Duration, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is spoken to an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    #[default]
    Auto,
    Http1,
    Http2,
}

/// TLS to an upstream whose `url` begins with `https://`: 1.2 or 1.3. Its certificate is always
/// verified. The files are followed while Palisade serves: new connections use their new content.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpstreamTls {
    /// The file of the authorities (PEM) that may have signed its certificate: these and no others.
    /// Absent: those of the public web.
    #[schemars(length(min = 1), extend("examples" = ["tls/internal-ca.crt"]))]
    pub(crate) ca: Option<String>,
    /// The name that it is asked for (SNI) and that its certificate has to be for. Absent: the host of
    /// `url`.
    #[schemars(length(min = 1), extend("examples" = ["api.internal"]))]
    pub(crate) name: Option<String>,
    /// The file of our own certificate (PEM), for an upstream that asks for one: ours first, then those
    /// between it and the authority.
    #[schemars(length(min = 1), extend("examples" = ["tls/palisade.crt"]))]
    pub(crate) cert: Option<String>,
    /// Its private key (PEM): `file:PATH` or `env:NAME`.
    pub(crate) key: Option<SecretRef>,
}

/// HTTP/2 connections to an upstream.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http2 {
    /// After how long a silence a connection with requests under way is asked whether it is still
    /// there. Many gRPC servers close connections that ask more than once in five minutes. 1ms to 1h.
    pub(crate) ping_interval: Duration,
    /// How long the answer may take; then all requests of the connection fail. 1ms to 1h.
    pub(crate) ping_timeout: Duration,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            ping_interval: Duration::secs(330),
            ping_timeout: Duration::secs(20),
        }
    }
}
