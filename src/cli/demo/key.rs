//! The demo issuer's key: one RSA key for RS256, kept in the demo's folder.

use super::Error;
use super::folder;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::path::Path;

/// Where the private key stands in the demo's folder; nobody else may read it.
pub(super) const KEY_FILE: &str = "issuer/key.der";

/// Signs the demo's tokens.
pub(super) struct Key {
    pair: KeyPair,
    id: String,
}

impl Key {
    /// A new key.
    pub(super) fn generate() -> Result<Self, Error> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| Error::KeyGenerate)?;
        Ok(Self::new(pair))
    }

    /// The key that an earlier demo left in `dir`. `None`: there is none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(KEY_FILE);
        let Some(der) = folder::read_if_there(&path)? else {
            return Ok(None);
        };
        match KeyPair::from_pkcs8(&der) {
            Ok(pair) => Ok(Some(Self::new(pair))),
            Err(_) => Err(Error::KeyUnreadable { path }),
        }
    }

    /// Keeps the key in `dir`.
    pub(super) fn keep(&self, dir: &Path) -> Result<(), Error> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| Error::KeyGenerate)?;
        folder::write_secret(&dir.join(KEY_FILE), der.as_ref())
    }

    /// The key set that verifies the tokens, as the issuer serves it.
    pub(super) fn jwks(&self) -> Value {
        let public = public(&self.pair);
        json!({ "keys": [{
            "alg": "RS256",
            "e": public.e,
            "kid": self.id,
            "kty": "RSA",
            "n": public.n,
            "use": "sig",
        }] })
    }

    /// A compact JWS over `claims`. Its header is Cognito's: `kid` and `alg`, no `typ`.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, Error> {
        let header = json!({ "kid": self.id, "alg": "RS256" });
        let text = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", text(&header), text(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| Error::Sign)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn new(pair: KeyPair) -> Self {
        let id = thumbprint(&public(&pair));
        Self { pair, id }
    }
}

/// Modulus and exponent, as a JWK spells them.
struct Public {
    n: String,
    e: String,
}

fn public(pair: &KeyPair) -> Public {
    let parts = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    Public {
        n: URL_SAFE_NO_PAD.encode(parts.n),
        e: URL_SAFE_NO_PAD.encode(parts.e),
    }
}

/// RFC 7638: the same key has the same `kid` in every run.
fn thumbprint(public: &Public) -> String {
    let canonical = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, public.e, public.n);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}

#[cfg(test)]
mod tests;
