//! Which certificate a client gets: by the name that it asks for (SNI, RFC 6066).

use super::Certificate;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::Arc;

/// What a client gets that asks for a name which no certificate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The default certificate.
    Default,
    /// No connection.
    Refuse,
}

/// Certificates by name. Of several with one name, the first whose key the client can check.
#[derive(Debug)]
pub(super) struct Names {
    /// The first of all: for clients that ask for no name.
    default: Keys,
    exact: HashMap<String, Keys>,
    /// By what stands behind `*.`: one label may stand in its place (RFC 9525, section 6.3).
    wildcard: HashMap<String, Keys>,
    unknown: Unknown,
}

type Keys = Vec<Arc<CertifiedKey>>;

impl Names {
    /// The first certificate is the default.
    pub(super) fn new<'a>(
        certificates: impl IntoIterator<Item = &'a Certificate>,
        unknown: Unknown,
    ) -> Self {
        let mut names = Self {
            default: Vec::new(),
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            unknown,
        };
        for certificate in certificates {
            if names.default.is_empty() {
                names.default.push(Arc::clone(&certificate.key));
            }
            for name in &certificate.names {
                let keys = match name.strip_prefix("*.") {
                    Some(rest) => names.wildcard.entry(rest.to_owned()),
                    None => names.exact.entry(name.clone()),
                };
                keys.or_default().push(Arc::clone(&certificate.key));
            }
        }
        names
    }

    /// The certificates for what a client asks for; the case of letters and a dot at the end mean
    /// nothing (RFC 4343, RFC 1034).
    fn find(&self, asked: Option<&str>) -> Option<&Keys> {
        let Some(asked) = asked else {
            return Some(&self.default);
        };
        let name = asked.strip_suffix('.').unwrap_or(asked);
        let name = name.to_ascii_lowercase();
        let rest = name.split_once('.').map(|(_, rest)| rest);
        let named = self.exact.get(&name);
        named
            .or_else(|| self.wildcard.get(rest?))
            .or(match self.unknown {
                Unknown::Default => Some(&self.default),
                Unknown::Refuse => None,
            })
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = self.find(hello.server_name())?;
        let fits =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        // Where none fits, the handshake itself says why.
        keys.iter().find(fits).or_else(|| keys.first()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Chain;

    fn certificate(names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let chain = Chain::read(&made.cert.pem()).unwrap();
        chain.with_key(&made.signing_key.serialize_pem()).unwrap()
    }

    /// The index of the certificate that a client gets.
    fn found(names: &Names, all: &[Certificate], asked: Option<&str>) -> Option<usize> {
        let key = names.find(asked)?.first()?;
        all.iter().position(|one| Arc::ptr_eq(&one.key, key))
    }

    #[test]
    fn a_client_gets_the_certificate_of_the_name_that_it_asks_for() {
        let all = [
            certificate(&["default.test"]),
            certificate(&["API.example.com", "*.example.com"]),
            certificate(&["deep.api.example.com"]),
        ];
        let names = Names::new(&all, Unknown::Default);
        let gets = |asked: &str| found(&names, &all, Some(asked));
        assert_eq!(gets("api.example.com"), Some(1));
        assert_eq!(gets("aPi.EXAMPLE.com"), Some(1));
        assert_eq!(gets("api.example.com."), Some(1));
        assert_eq!(gets("other.example.com"), Some(1));
        assert_eq!(gets("deep.api.example.com"), Some(2));
        // A wildcard stands for one label, and not for none.
        assert_eq!(gets("a.b.example.com"), Some(0));
        assert_eq!(gets("example.com"), Some(0));
        assert_eq!(gets("elsewhere.test"), Some(0));
        assert_eq!(found(&names, &all, None), Some(0));
    }

    #[test]
    fn a_name_that_no_certificate_has_can_be_refused() {
        let all = [certificate(&["default.test"])];
        let names = Names::new(&all, Unknown::Refuse);
        assert_eq!(found(&names, &all, Some("default.test")), Some(0));
        assert_eq!(found(&names, &all, Some("elsewhere.test")), None);
        assert_eq!(found(&names, &all, None), Some(0));
    }
}
