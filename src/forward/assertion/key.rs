//! The keys of assertions: one that signs, and the public parts that verifiers fetch.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::{SectionKind, from_buf};
use serde_json::{Value, json};
use std::fmt;

/// Why a text gives no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// No PEM block at all, or one that is broken.
    #[error("it holds no PEM block of a key")]
    Pem,
    /// A block that is something else.
    #[error("it holds {0}, not a plain PKCS#8 key")]
    Block(&'static str),
    /// A key of another kind: RSA, another curve.
    #[error("the key is neither Ed25519 nor ECDSA on P-256")]
    Kind,
    /// A public key where one is to sign.
    #[error("it holds a public key, which signs nothing")]
    Public,
}

/// Signs assertions. Its kind settles the algorithm.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// What verifiers need of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    point: Point,
    kid: String,
}

/// Coordinates, as a JWK spells them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Point {
    P256 { x: String, y: String },
    Ed25519 { x: String },
}

impl SigningKey {
    /// Reads a PKCS#8 private key in PEM.
    pub fn from_pem(text: &str) -> Result<Self, BadKey> {
        match block(text)? {
            (SectionKind::PrivateKey, der) => Self::from_pkcs8(&der),
            (kind, _) => Err(misplaced(kind).unwrap_or(BadKey::Public)),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, BadKey> {
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            let public = PublicKey::ed25519(pair.public_key().as_ref());
            let pair = Pair::EdDsa(pair);
            return Ok(Self { pair, public });
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        let pair = pair.map_err(|_| BadKey::Kind)?;
        let public = PublicKey::p256(pair.public_key().as_ref()).ok_or(BadKey::Kind)?;
        let pair = Pair::Es256(pair);
        Ok(Self { pair, public })
    }

    /// The public part.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature, as JWS has it. `None`: the cryptography failed.
    pub(super) fn sign(&self, message: &[u8], random: &SystemRandom) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Es256(pair) => pair
                .sign(random, message)
                .ok()
                .map(|made| made.as_ref().into()),
            Pair::EdDsa(pair) => Some(pair.sign(message).as_ref().into()),
        }
    }
}

// The private part shows in no log, whoever formats it.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

impl PublicKey {
    /// Reads a public key (SPKI) or the public part of a private one (PKCS#8), in PEM.
    pub fn from_pem(text: &str) -> Result<Self, BadKey> {
        match block(text)? {
            (SectionKind::PrivateKey, der) => Ok(SigningKey::from_pkcs8(&der)?.public),
            (SectionKind::PublicKey, der) => Self::from_spki(&der).ok_or(BadKey::Kind),
            (kind, _) => Err(misplaced(kind).unwrap_or(BadKey::Pem)),
        }
    }

    fn from_spki(der: &[u8]) -> Option<Self> {
        if let Some(point) = der.strip_prefix(&SPKI_ED25519) {
            ParsedPublicKey::new(&ED25519, point).ok()?;
            return Some(Self::ed25519(point));
        }
        let point = der.strip_prefix(&SPKI_P256)?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
        Self::p256(point)
    }

    fn ed25519(point: &[u8]) -> Self {
        Self::of(Point::Ed25519 { x: b64(point) })
    }

    /// `None`: not an uncompressed point.
    fn p256(point: &[u8]) -> Option<Self> {
        let [4, coordinates @ ..] = point else {
            return None;
        };
        let (x, y) = coordinates
            .split_at_checked(32)
            .filter(|(_, y)| y.len() == 32)?;
        let (x, y) = (b64(x), b64(y));
        Some(Self::of(Point::P256 { x, y }))
    }

    fn of(point: Point) -> Self {
        // RFC 7638: the required members in the order of their names, and nothing else.
        let canonical = match &point {
            Point::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Point::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        };
        let kid = b64(digest(&SHA256, canonical.as_bytes()).as_ref());
        Self { point, kid }
    }

    /// The key's name: its RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What JWS calls its signatures.
    pub(super) fn algorithm(&self) -> &'static str {
        match self.point {
            Point::P256 { .. } => "ES256",
            Point::Ed25519 { .. } => "EdDSA",
        }
    }

    /// As it stands in a key set.
    pub(super) fn jwk(&self) -> Value {
        let (alg, kid) = (self.algorithm(), &self.kid);
        match &self.point {
            Point::P256 { x, y } => {
                json!({"alg": alg, "crv": "P-256", "kid": kid, "kty": "EC", "use": "sig", "x": x, "y": y})
            }
            Point::Ed25519 { x } => {
                json!({"alg": alg, "crv": "Ed25519", "kid": kid, "kty": "OKP", "use": "sig", "x": x})
            }
        }
    }
}

/// The first PEM block of a text.
fn block(text: &str) -> Result<(SectionKind, Vec<u8>), BadKey> {
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return Err(BadKey::Block("an encrypted key"));
    }
    match from_buf(&mut text.as_bytes()) {
        Ok(Some(found)) => Ok(found),
        Ok(None) | Err(_) => Err(BadKey::Pem),
    }
}

/// What a block holds that is no key in the accepted form; `None`: it may be one.
fn misplaced(kind: SectionKind) -> Option<BadKey> {
    match kind {
        SectionKind::RsaPrivateKey => Some(BadKey::Block("an RSA key")),
        SectionKind::EcPrivateKey => Some(BadKey::Block("a key in the older SEC1 form")),
        SectionKind::Certificate => Some(BadKey::Block("a certificate")),
        SectionKind::PrivateKey | SectionKind::PublicKey => None,
        _ => Some(BadKey::Pem),
    }
}

pub(super) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What stands before the point in a `SubjectPublicKeyInfo` (RFC 8410, section 4).
const SPKI_ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// The same for an uncompressed point of P-256 (RFC 5480, section 2).
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

#[cfg(test)]
mod tests;
