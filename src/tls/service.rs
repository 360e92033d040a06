//! TLS to a service of our own, which may have an authority of its own and may ask who we are.

use super::{Ends, Error, Kind, provider, read_certificates};
use crate::x509::Said;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// A certificate chain and its private key, both PEM.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The chain, our own certificate first.
    pub chain: &'a str,
    /// Its key.
    pub key: &'a str,
}

/// A client that trusts `roots` (PEM) and nobody else, or the public web's where there are none; that
/// shows `identity` where it is asked; and that offers `protocols`, best first.
pub fn service_client(
    roots: Option<&str>,
    identity: Option<Shown<'_>>,
    protocols: &[&[u8]],
) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Client(error.to_string()))?
        .with_root_certificates(trusted(roots)?);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = read_certificates(identity.chain)?;
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
            let key = key.map_err(|_| Error::Key)?;
            let shown = builder.with_client_auth_cert(chain, key);
            shown.map_err(|error| Error::Identity(error.to_string()))?
        }
    };
    config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
    Ok(Arc::new(config))
}

/// When the first certificate of `chain` (PEM, from `file`) ends, which `upstream` is shown. `None`: it
/// does not say so in a way that can be read.
pub fn shown_ends(chain: &str, upstream: &str, file: String) -> Option<Ends> {
    let chain = read_certificates(chain).ok()?;
    let said = Said::read(chain.first()?).ok()?;
    Some(Ends {
        kind: Kind::Upstream,
        name: upstream.into(),
        file,
        from: said.from,
        until: said.until,
    })
}

fn trusted(roots: Option<&str>) -> Result<RootCertStore, Error> {
    let Some(pem) = roots else {
        return Ok(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        });
    };
    let mut store = RootCertStore::empty();
    for root in read_certificates(pem)? {
        let added = store.add(root);
        added.map_err(|error| Error::Root(error.to_string()))?;
    }
    Ok(store)
}
