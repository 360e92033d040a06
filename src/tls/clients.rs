//! Whose certificates clients may show: authorities, and lists of what these have taken back.

use super::{provider, read_certificates};
use crate::clock::Timestamp;
use crate::x509::{self, Said};
use rustls::RootCertStore;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::sync::Arc;

/// Why nobody can be told by its certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAuthorities {
    /// Not PEM, or none in it.
    #[error("{0}")]
    Pem(#[from] super::Error),
    /// One of them cannot be read.
    #[error("an authority cannot be read: {0}")]
    Unreadable(#[from] x509::Error),
    /// It would never be found to have issued anything.
    #[error("`{0}` is not an authority's certificate")]
    NotOne(String),
}

/// Why nothing can be held against a revocation list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRevocations {
    /// Not PEM.
    #[error("it is not a PEM revocation list")]
    Pem,
    /// There is none in it.
    #[error("it holds no revocation list")]
    Empty,
    /// The library refuses one of them.
    #[error("a revocation list cannot be used: {0}")]
    Unusable(String),
}

/// Who issues clients' certificates.
#[derive(Clone, Debug)]
pub struct Authorities {
    roots: Arc<RootCertStore>,
    /// When the first of them ends.
    pub until: Timestamp,
}

/// What was taken back.
#[derive(Clone, Debug)]
pub struct RevocationLists {
    lists: Vec<CertificateRevocationListDer<'static>>,
    /// When the first of them ends; `None`: they do not say.
    pub until: Option<Timestamp>,
}

impl Authorities {
    /// Reads a file of PEM certificates.
    pub fn read(pem: &str) -> Result<Self, BadAuthorities> {
        let mut roots = RootCertStore::empty();
        let mut until = Timestamp::MAX;
        for certificate in read_certificates(pem)? {
            let said = Said::read(&certificate)?;
            if !said.authority {
                return Err(BadAuthorities::NotOne(said.shown));
            }
            until = until.min(said.until);
            let added = roots.add(certificate);
            added.map_err(|error| super::Error::Root(error.to_string()))?;
        }
        Ok(Self {
            roots: Arc::new(roots),
            until,
        })
    }

    /// What checks the chains that clients show; without `required`, clients may show none.
    ///
    /// With revocation lists, an authority without one, or with one that has ended, is believed
    /// nothing: whoever was revoked since would be let in.
    pub(super) fn verifier(
        &self,
        revocations: Option<&RevocationLists>,
        required: bool,
    ) -> Result<Arc<dyn ClientCertVerifier>, BadRevocations> {
        let roots = Arc::clone(&self.roots);
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
        if let Some(revocations) = revocations {
            let lists = revocations.lists.iter().cloned();
            builder = builder.with_crls(lists).enforce_revocation_expiration();
        }
        if !required {
            builder = builder.allow_unauthenticated();
        }
        let built = builder.build();
        built.map_err(|error| BadRevocations::Unusable(error.to_string()))
    }
}

impl RevocationLists {
    /// Reads a file of PEM revocation lists.
    pub fn read(pem: &str) -> Result<Self, BadRevocations> {
        let lists = CertificateRevocationListDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| BadRevocations::Pem)?;
        if lists.is_empty() {
            return Err(BadRevocations::Empty);
        }
        let ends = lists.iter().filter_map(|list| x509::next_update(list));
        Ok(Self {
            until: ends.min(),
            lists,
        })
    }
}
