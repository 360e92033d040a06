//! Certificates and roots: the one place that says which cryptography TLS uses, whom it trusts, and with
//! what it is served.

mod certificate;
mod clients;
mod ends;
mod handshake;
mod material;
mod names;
mod server;
mod service;

pub use certificate::{BadCertificate, BadKey, Certificate, Chain};
pub use clients::{Authorities, BadAuthorities, BadRevocations, RevocationLists};
pub use ends::{Ends, Kind};
pub use handshake::Failure;
pub use material::{Found, Held, Material, Proven, Rules, Settled};
pub use names::Unknown;
pub use server::{MinVersion, Refused, Server};
pub use service::{Shown, service_client, shown_ends};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Why no TLS configuration can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not a list of PEM certificates.
    #[error("it is not a file of PEM certificates: {0}")]
    Pem(String),
    /// There is no certificate in it.
    #[error("it holds no certificate")]
    Empty,
    /// One of them cannot be a root.
    #[error("a certificate cannot be used as a root: {0}")]
    Root(String),
    /// The text is not a private key.
    #[error("the key is not a PEM private key")]
    Key,
    /// Certificate and key do not make an identity.
    #[error("certificate and key cannot be used together: {0}")]
    Identity(String),
    /// The library refuses the combination.
    #[error("no TLS client can be made: {0}")]
    Client(String),
    /// The library refuses the combination.
    #[error("no TLS server can be made: {0}")]
    Server(String),
}

/// A client that trusts the public web's roots and, where given, those in `extra_roots` (PEM).
pub fn client(extra_roots: Option<&str>) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(pem) = extra_roots {
        for root in read_certificates(pem)? {
            roots
                .add(root)
                .map_err(|error| Error::Root(error.to_string()))?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Client(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Named here and never installed for the process: two owners of one global would depend on the order
/// of their starts.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The first certificate of a PEM text, as it stands on the wire.
pub fn first_certificate(pem: &str) -> Result<Vec<u8>, Error> {
    let certificates = read_certificates(pem)?;
    let first = certificates.first().ok_or(Error::Empty)?;
    Ok(first.to_vec())
}

fn read_certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::Pem(error.to_string()))?;
    if certificates.is_empty() {
        return Err(Error::Empty);
    }
    Ok(certificates)
}
