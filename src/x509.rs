//! What a certificate says of itself: names, times, and whose it is. Whether it is true, only a verified
//! chain says (`tls`).

mod identity;
mod spiffe;

#[cfg(test)]
mod tests;

pub use identity::{BadIdentity, Identity};

use crate::clock::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// It cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not DER, or not of that form.
    #[error("it is not a certificate: {0}")]
    Form(String),
    /// Something stands behind its end.
    #[error("something stands behind its end")]
    Trailing,
    /// An extension stands twice or cannot be read.
    #[error("its extensions cannot be read: {0}")]
    Extensions(String),
}

/// What is read of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Names of hosts, in lower case; `*.` may begin them.
    pub dns: Vec<String>,
    /// URIs, as they stand.
    pub uris: Vec<String>,
    /// How many addresses are named.
    pub addresses: usize,
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
    /// It may issue others.
    pub authority: bool,
    /// What its key may do; `None`: nothing is said of that.
    pub usage: Option<Usage>,
    /// The distinguished names, encoded.
    subject: Vec<u8>,
    issuer: Vec<u8>,
    /// The subject for people.
    pub shown: String,
}

/// What a key may do, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Sign what is not a certificate.
    pub signs: bool,
    /// Sign certificates or revocation lists.
    pub issues: bool,
}

impl Said {
    /// Reads one certificate.
    pub fn read(der: &[u8]) -> Result<Self, Error> {
        let (rest, read) =
            X509Certificate::from_der(der).map_err(|error| Error::Form(error.to_string()))?;
        if !rest.is_empty() {
            return Err(Error::Trailing);
        }
        let bad = |error: x509_parser::error::X509Error| Error::Extensions(error.to_string());
        let usage = read.key_usage().map_err(bad)?;
        let constraints = read.basic_constraints().map_err(bad)?;
        let mut said = Self {
            dns: Vec::new(),
            uris: Vec::new(),
            addresses: 0,
            from: Timestamp::from_secs(read.validity().not_before.timestamp()),
            until: Timestamp::from_secs(read.validity().not_after.timestamp()),
            authority: constraints.is_some_and(|found| found.value.ca),
            usage: usage.map(|found| Usage {
                signs: found.value.digital_signature(),
                issues: found.value.key_cert_sign() || found.value.crl_sign(),
            }),
            subject: read.subject().as_raw().to_vec(),
            issuer: read.issuer().as_raw().to_vec(),
            shown: read.subject().to_string(),
        };
        let names = read.subject_alternative_name().map_err(bad)?;
        for name in names.iter().flat_map(|found| &found.value.general_names) {
            match name {
                GeneralName::DNSName(name) => said.dns.push(name.to_ascii_lowercase()),
                GeneralName::URI(uri) => said.uris.push((*uri).to_owned()),
                GeneralName::IPAddress(_) => said.addresses += 1,
                GeneralName::Invalid(..) => {
                    return Err(Error::Extensions("a name is not text".to_owned()));
                }
                _ => {}
            }
        }
        Ok(said)
    }

    /// Whether `other` names itself its issuer.
    pub fn follows(&self, other: &Self) -> bool {
        self.issuer == other.subject
    }
}

/// Until when a revocation list (DER) speaks; `None`: it does not say, or it is no such list.
pub fn next_update(der: &[u8]) -> Option<Timestamp> {
    let (_, list) = CertificateRevocationList::from_der(der).ok()?;
    let next = list.next_update()?;
    Some(Timestamp::from_secs(next.timestamp()))
}
