//! The files of `listen.tls`, read one by one: a broken one is told with its name, and keeps nobody from
//! reading the others.

use super::disk::Disk;
use super::file::{ClientAuth, Tls, TlsVersion, UnknownNames};
use super::secret;
use super::seen;
use super::units::SecretRef;
use crate::fault::{Fault, Place};
use crate::tls::{
    Authorities, Certificate, Chain, Found, Material, MinVersion, RevocationLists, Rules, Unknown,
};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

/// Everything that `shape` names; relative paths start at `folder`.
pub(super) fn read(shape: &Tls, folder: &Path, disk: &Disk) -> Material {
    let files = Files { folder, disk };
    let further = shape.further.iter();
    let pairs = further.map(|files| (&files.cert, &files.key));
    let pairs = std::iter::once((&shape.cert, &shape.key)).chain(pairs);
    let authorities = shape.client_ca.as_ref();
    let revocations = shape.client_crl.as_ref();
    Material {
        certificates: pairs
            .map(|(cert, key)| files.certificate(cert, key))
            .collect(),
        authorities: authorities.map(|name| {
            let help = "name a file of PEM certificates of authorities";
            files.one(name, "tls_client_ca", help, Authorities::read)
        }),
        revocations: revocations.map(|name| {
            let help = "make one with `openssl ca -gencrl`, or take the authority's own, as PEM";
            files.one(name, "tls_client_crl", help, RevocationLists::read)
        }),
        rules: Rules {
            client_required: shape.client_auth == ClientAuth::Require,
            unknown: match shape.unknown_names {
                UnknownNames::Default => Unknown::Default,
                UnknownNames::Refuse => Unknown::Refuse,
            },
            min_version: match shape.min_version {
                TlsVersion::Tls12 => MinVersion::Tls12,
                TlsVersion::Tls13 => MinVersion::Tls13,
            },
        },
    }
}

/// Where they are.
struct Files<'a> {
    folder: &'a Path,
    disk: &'a Disk,
}

impl Files<'_> {
    /// A chain and its key: both are looked at, so that both can be mended at once.
    fn certificate(&self, name: &str, key: &SecretRef) -> Found<Certificate> {
        let file = self.shown(name);
        let chain = self.text(name);
        let key_text = secret::read(key, self.folder, self.disk, FILE_BYTES_MAX);
        let digest = digest([&chain, &key_text]);
        let mut warnings = Vec::new();
        let chain = chain.and_then(|text| {
            let chain = Chain::read(&text);
            chain.map_err(|error| fault(&file, "tls_certificate", &error, CERT_HELP))
        });
        if chain.as_ref().is_ok_and(|chain| !chain.in_order()) {
            let message =
                "the certificates are not in order: each must be followed by its issuer's";
            let place = Place::file(file.clone());
            let help = "put the server's own first, then its issuer's, and so on";
            warnings.push(Fault::warning("tls_chain_order", place, message).help(help));
        }
        let read = match (chain, key_text) {
            (Ok(chain), Ok(text)) => chain.with_key(&text).map_err(|error| {
                let message = format!("{error} `{file}`");
                vec![*fault(
                    &secret::shown(key, self.folder),
                    "tls_key",
                    &message,
                    KEY_HELP,
                )]
            }),
            (chain, key) => Err([chain.err(), key.err()]
                .into_iter()
                .flatten()
                .map(|fault| *fault)
                .collect()),
        };
        Found {
            file,
            digest,
            read,
            warnings,
        }
    }

    fn one<T, E: Display>(
        &self,
        name: &str,
        code: &'static str,
        help: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Found<T> {
        let file = self.shown(name);
        let text = self.text(name);
        let digest = digest([&text]);
        let read =
            text.and_then(|text| parse(&text).map_err(|error| fault(&file, code, &error, help)));
        Found {
            read: read.map_err(|fault| vec![*fault]),
            digest,
            file,
            warnings: Vec::new(),
        }
    }

    fn text(&self, name: &str) -> Result<Arc<str>, Box<Fault>> {
        self.disk.read(&self.folder.join(name), FILE_BYTES_MAX)
    }

    fn shown(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

fn fault(file: &str, code: &'static str, error: &impl Display, help: &str) -> Box<Fault> {
    Box::new(Fault::error(code, Place::file(file), error.to_string()).help(help))
}

fn digest<const N: usize>(texts: [&Result<Arc<str>, Box<Fault>>; N]) -> [u8; 32] {
    let parts = texts.map(|text| text.as_deref().map_or(&[][..], str::as_bytes));
    seen::digest(&parts)
}

const CERT_HELP: &str = "name a file of PEM certificates, the server's own first";
const KEY_HELP: &str =
    "name the private key that the certificate was made with, as PEM without a password";

/// Some hundred authorities.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
