//! Whose a client's certificate is: the names that policies and upstreams are told.

use super::{Error, Said, spiffe};
use crate::clock::Timestamp;
use std::sync::Arc;

/// More names say nothing of who calls, and would fill a header.
const NAMES_MAX: usize = 8;

/// Longer is no name of a host (RFC 1035, section 2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// Whose certificate it is. Made of the first certificate of a chain that was verified, and of nothing
/// else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The SPIFFE ID of a workload.
    pub spiffe: Option<Arc<str>>,
    /// The names of hosts, in lower case, sorted.
    pub dns: Vec<Arc<str>>,
    /// After that it says nothing any more.
    pub until: Timestamp,
    /// Both, as one header value; `None`: it names nobody.
    pub shown: Option<Arc<str>>,
}

/// A certificate that says of nobody, or of two, that it is theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIdentity {
    /// It cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(#[from] Error),
    /// A workload's certificate holds one URI (SPIFFE X.509-SVID, section 2).
    #[error("a certificate with a SPIFFE ID holds {0} URIs")]
    Uris(usize),
    /// The ID does not follow its grammar.
    #[error("`{0}` is not a SPIFFE ID of a workload")]
    Spiffe(String),
    /// It may sign certificates, which a workload's must not (SPIFFE X.509-SVID, section 4.3).
    #[error("a certificate with a SPIFFE ID may issue others, or may not sign")]
    Usage,
    /// It is more than one host's, or than a header can say.
    #[error("the certificate holds {0} names of hosts, more than {NAMES_MAX}")]
    Names(usize),
    /// It is not a name of one host.
    #[error("`{0}` is not a name of a host")]
    Name(String),
}

impl Identity {
    /// Reads it from a client's own certificate (DER), whose chain was verified.
    pub fn read(der: &[u8]) -> Result<Self, BadIdentity> {
        let said = Said::read(der)?;
        Self::of(workload(&said)?, said.dns, said.until)
    }

    /// The identity that a certificate with these names would say, until `until`: for questions that nobody asks over a
    /// connection.
    pub fn named(
        spiffe: Option<String>,
        dns: Vec<String>,
        until: Timestamp,
    ) -> Result<Self, BadIdentity> {
        match spiffe {
            Some(id) if !spiffe::is_workload(&id) => {
                Err(BadIdentity::Spiffe(id.escape_debug().to_string()))
            }
            spiffe => Self::of(spiffe, dns, until),
        }
    }

    fn of(
        spiffe: Option<String>,
        mut dns: Vec<String>,
        until: Timestamp,
    ) -> Result<Self, BadIdentity> {
        for name in &mut dns {
            name.make_ascii_lowercase();
        }
        // A wildcard is the name of no one host.
        dns.retain(|name| !name.starts_with("*."));
        dns.sort_unstable();
        dns.dedup();
        if dns.len() > NAMES_MAX {
            return Err(BadIdentity::Names(dns.len()));
        }
        if let Some(bad) = dns.iter().find(|name| !is_host(name)) {
            return Err(BadIdentity::Name(bad.escape_debug().to_string()));
        }
        let names: Vec<&str> = spiffe.iter().chain(&dns).map(String::as_str).collect();
        Ok(Self {
            shown: (!names.is_empty()).then(|| names.join(", ").into()),
            spiffe: spiffe.map(Arc::from),
            dns: dns.into_iter().map(Arc::from).collect(),
            until,
        })
    }

    /// Whether it still says something at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        now <= self.until
    }

    /// For the key of decisions: different identities never have one text.
    pub fn parts(&self) -> (Option<&str>, impl ExactSizeIterator<Item = &str>) {
        (self.spiffe.as_deref(), self.dns.iter().map(|name| &**name))
    }
}

/// The one SPIFFE ID, in a certificate that a workload may have.
fn workload(said: &Said) -> Result<Option<String>, BadIdentity> {
    let Some(id) = said.uris.iter().find(|uri| spiffe::claims_to_be(uri)) else {
        return Ok(None);
    };
    if said.uris.len() != 1 {
        return Err(BadIdentity::Uris(said.uris.len()));
    }
    if !spiffe::is_workload(id) {
        return Err(BadIdentity::Spiffe(id.escape_debug().to_string()));
    }
    let sound = said.usage.is_some_and(|usage| usage.signs && !usage.issues);
    if said.authority || !sound {
        return Err(BadIdentity::Usage);
    }
    Ok(Some(id.clone()))
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(plain)
    };
    name.len() <= NAME_BYTES_MAX && name.split('.').all(label)
}
