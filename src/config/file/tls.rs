//! `listen.tls`: with what clients are served over TLS, and how they are known by their certificates.

use crate::config::units::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// HTTPS: HTTP/2 and HTTP/1.1, as the client chooses (ALPN), over TLS 1.2 and 1.3.
///
/// The files are followed while Palisade serves, and all keys but `address` are. A file that cannot be
/// used at a start stops it. Later its former content serves on, and `/status`, log and
/// `palisade_tls_last_load_successful` say so. A connection whose client showed a certificate ends with that, with the
/// list that would say if it was revoked, and with any change of these files; one whose client showed none when it would
/// have to. Others keep what they began with.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// Address and port of HTTPS. Port 0 picks a free one.
    #[schemars(extend("examples" = ["0.0.0.0:8443"]))]
    pub(crate) address: String,
    /// The file of the default certificate (PEM): the server's own first, then those between it and
    /// the authority. It serves the names of its `subjectAltName`, and clients that ask for no name.
    #[schemars(length(min = 1), extend("examples" = ["tls/api.crt"]))]
    pub(crate) cert: String,
    /// Its private key (PEM): `file:PATH` or `env:NAME`.
    pub(crate) key: SecretRef,
    /// Further certificates. Each serves the names of its `subjectAltName` (SNI): an exact name before
    /// `*.` and one label. Of two with one name, the first whose kind of key the client knows.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub(crate) further: Vec<CertificateFiles>,
    /// What a client gets that asks for a name of no certificate: the `default` one, or no connection
    /// (`refuse`).
    #[serde(default)]
    pub(crate) unknown_names: UnknownNames,
    /// The oldest version of TLS that is spoken: `1.2` or `1.3`.
    #[serde(default)]
    pub(crate) min_version: TlsVersion,
    /// The file of the authorities (PEM) that issue clients' certificates. Absent: clients are asked
    /// for none. What a certificate says of its owner, policies read as `context.certificate`, and
    /// upstreams get as `x-palisade-client-certificate`.
    #[serde(default)]
    #[schemars(length(min = 1), extend("examples" = ["tls/clients-ca.crt"]))]
    pub(crate) client_ca: Option<String>,
    /// Whether a client must show one (`require`), or may (`optional`). One that cannot be verified is
    /// refused in either case.
    #[serde(default)]
    pub(crate) client_auth: ClientAuth,
    /// The file of revocation lists (PEM). With it, every authority on the way to a client's certificate
    /// has to have a list in it that has not ended: without one, its clients are refused.
    #[serde(default)]
    #[schemars(length(min = 1), extend("examples" = ["tls/clients.crl"]))]
    pub(crate) client_crl: Option<String>,
}

/// A certificate and its key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateFiles {
    /// The file of the certificate (PEM): the server's own first, then those between it and the
    /// authority.
    #[schemars(length(min = 1), extend("examples" = ["tls/portal.crt"]))]
    pub(crate) cert: String,
    /// Its private key (PEM): `file:PATH` or `env:NAME`.
    pub(crate) key: SecretRef,
}

/// What a client gets that asks for a name of no certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnknownNames {
    #[default]
    Default,
    Refuse,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientAuth {
    #[default]
    Require,
    Optional,
}
