//! A certificate of our own with its key: read, and held against each other before it serves.

use super::{provider, read_certificates};
use crate::clock::Timestamp;
use crate::x509::{self, Said};
use rustls::InconsistentKeys;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// What is wrong with it, apart from which file says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// Not PEM, or none in it.
    #[error("{0}")]
    Pem(#[from] super::Error),
    /// One of the chain cannot be read.
    #[error("certificate {number} of the chain cannot be read: {error}")]
    Chain {
        /// From 1.
        number: usize,
        /// Why.
        error: x509::Error,
    },
    /// Nobody would take it for anybody's.
    #[error("the certificate names no host: it has no subjectAltName")]
    Nameless,
    /// The first of the file is no server's.
    #[error("the first certificate of the file is an authority's, not a server's")]
    Authority,
}

/// What is wrong with its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not PEM, or none in it.
    #[error("the key is not a PEM private key")]
    Pem,
    /// A kind that is not signed with.
    #[error("the key cannot be used: {0}")]
    Kind(String),
    /// It belongs to another certificate.
    #[error("the key does not belong to the certificate")]
    Mismatch,
}

/// A chain that was read, without its key.
#[derive(Debug)]
pub struct Chain {
    certificates: Vec<rustls::pki_types::CertificateDer<'static>>,
    leaf: Said,
    in_order: bool,
}

/// A certificate that can be served.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// Its names of hosts, in lower case; `*.` may begin them.
    pub names: Vec<String>,
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
    /// What it is called in metrics and messages: its first name.
    pub label: Arc<str>,
}

impl Chain {
    /// Reads a file of PEM certificates, the server's own first.
    pub fn read(pem: &str) -> Result<Self, BadCertificate> {
        let certificates = read_certificates(pem)?;
        let read = |(at, der): (usize, &rustls::pki_types::CertificateDer<'_>)| {
            let number = at + 1;
            Said::read(der).map_err(|error| BadCertificate::Chain { number, error })
        };
        let mut said = certificates.iter().enumerate().map(read);
        let leaf = said.next().ok_or(super::Error::Empty)??;
        let above: Vec<Said> = said.collect::<Result<_, _>>()?;
        if leaf.authority {
            return Err(BadCertificate::Authority);
        }
        if leaf.dns.is_empty() && leaf.addresses == 0 && leaf.uris.is_empty() {
            return Err(BadCertificate::Nameless);
        }
        let mut below = std::iter::once(&leaf).chain(&above);
        let in_order = above
            .iter()
            .all(|issuer| below.next().is_some_and(|one| one.follows(issuer)));
        Ok(Self {
            certificates,
            leaf,
            in_order,
        })
    }

    /// Whether each of the chain is issued by the next: older clients do not look for the order.
    pub fn in_order(&self) -> bool {
        self.in_order
    }

    /// With its private key (PEM).
    pub fn with_key(self, pem: &str) -> Result<Certificate, BadKey> {
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| BadKey::Pem)?;
        let key = CertifiedKey::from_der(self.certificates, key, &provider());
        let key = key.map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => BadKey::Mismatch,
            other => BadKey::Kind(other.to_string()),
        })?;
        let leaf = self.leaf;
        let first = leaf.dns.first().or_else(|| leaf.uris.first());
        Ok(Certificate {
            key: Arc::new(key),
            label: first.unwrap_or(&leaf.shown).as_str().into(),
            names: leaf.dns,
            from: leaf.from,
            until: leaf.until,
        })
    }
}
