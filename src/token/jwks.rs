//! An issuer's published keys, cleaned: only public signature keys that are strong enough and say
//! for what they are.
//!
//! A bad key is dropped and the others serve. A set in which two usable keys share a `kid` is refused
//! whole: whoever can add a key could otherwise shadow another.

use super::algorithm::Algorithm;
use super::{compact, roca};
use crate::document::json;
use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519};
use aws_lc_rs::signature::{ParsedPublicKey, VerificationAlgorithm};
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// The largest JWKS document that is read, in bytes.
pub const JWKS_BYTES_MAX: usize = 64 * 1024;
/// The most keys in one set.
const KEYS_MAX: usize = 100;
/// RSA keys shorter than this are within reach of a determined attacker (NIST SP 800-131A).
const RSA_BITS_MIN: usize = 2048;
/// Longer ones cost the verifier more than they protect; the cryptography refuses them too.
const RSA_BITS_MAX: usize = 8192;
/// Members that only a private or a symmetric key has.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The usable keys of one document; never empty.
#[derive(Debug)]
pub struct Jwks {
    keys: Vec<Arc<Key>>,
    dropped: usize,
}

/// One usable key.
pub(super) struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
    thumbprint: [u8; 32],
}

/// Why a document gives no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJwks {
    /// Too many bytes.
    #[error("the JWKS has {0} bytes, more than {JWKS_BYTES_MAX}")]
    TooLong(usize),
    /// Not a JSON object without doubled names.
    #[error("the JWKS is not strict JSON: {0}")]
    Json(String),
    /// No list of keys in it.
    #[error("the JWKS has no list `keys`")]
    Shape,
    /// Too many keys.
    #[error("the JWKS has {0} keys, more than {KEYS_MAX}")]
    TooMany(usize),
    /// Two usable keys of one name.
    #[error("two keys of the JWKS have `kid` {0:?}")]
    DoubledKid(String),
    /// Not one that is usable.
    #[error("none of the {0} keys of the JWKS is usable{because}", because = .1.map(|why| format!(": {why}")).unwrap_or_default())]
    NoneUsable(usize, Option<&'static str>),
}

impl Jwks {
    /// Reads a document and keeps what is usable.
    pub fn clean(bytes: &[u8]) -> Result<Self, BadJwks> {
        if bytes.len() > JWKS_BYTES_MAX {
            return Err(BadJwks::TooLong(bytes.len()));
        }
        let document =
            json::read_object(bytes).map_err(|error| BadJwks::Json(error.to_string()))?;
        let Some(Value::Array(entries)) = document.get("keys") else {
            return Err(BadJwks::Shape);
        };
        if entries.len() > KEYS_MAX {
            return Err(BadJwks::TooMany(entries.len()));
        }
        let (mut keys, mut why) = (Vec::new(), None);
        for entry in entries {
            match Key::read(entry) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(reason) => why = Some(reason),
            }
        }
        if keys.is_empty() {
            return Err(BadJwks::NoneUsable(entries.len(), why));
        }
        let mut kids = HashSet::new();
        for kid in keys.iter().filter_map(|key: &Arc<Key>| key.kid.as_ref()) {
            if !kids.insert(kid) {
                return Err(BadJwks::DoubledKid(compact::cut(kid)));
            }
        }
        let dropped = entries.len() - keys.len();
        Ok(Self { keys, dropped })
    }

    /// How many keys there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many keys of the document were not usable.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The key a token means: the one of exactly its `kid`, or, without a `kid`, the only one.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&Arc<Key>> {
        match (kid, self.keys.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// Whether a key of that thumbprint is still published.
    pub(super) fn holds(&self, thumbprint: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.thumbprint == *thumbprint)
    }
}

impl Key {
    /// Whether the key may be used with that algorithm.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// A digest of name, algorithms and key.
    pub(super) fn thumbprint(&self) -> [u8; 32] {
        self.thumbprint
    }

    /// Whether the token's signature is this key's over what is signed.
    pub(super) fn verifies(&self, token: &compact::Compact<'_>, algorithm: Algorithm) -> bool {
        let message = token.message.as_bytes();
        let algorithm = algorithm.library();
        jsonwebtoken::crypto::verify(token.signature, message, &self.decoding, algorithm)
            .unwrap_or(false)
    }

    fn read(entry: &Value) -> Result<Self, &'static str> {
        let Value::Object(entry) = entry else {
            return Err("a key is not an object");
        };
        if PRIVATE.iter().any(|member| entry.contains_key(*member)) {
            return Err("it is symmetric, or its private half is published");
        }
        check_use(entry)?;
        let kid = match entry.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err("`kid` is not a string"),
        };
        let (able, bare) = read_material(entry)?;
        let algorithms = match entry.get("alg") {
            None => able.to_vec(),
            Some(alg) => alg
                .as_str()
                .and_then(Algorithm::parse)
                .filter(|algorithm| able.contains(algorithm))
                .map(|algorithm| vec![algorithm])
                .ok_or("`alg` does not fit the key")?,
        };
        let named = json!([
            kid,
            algorithms.iter().map(|a| a.label()).collect::<Vec<_>>(),
            bare
        ]);
        let decoding = serde_json::from_value(bare)
            .ok()
            .and_then(|jwk| DecodingKey::from_jwk(&jwk).ok())
            .ok_or("it cannot be read")?;
        Ok(Self {
            kid,
            algorithms,
            decoding,
            thumbprint: sha256(named.to_string().as_bytes()),
        })
    }
}

/// The library's keys show nothing of themselves, and ours need not either.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

/// SHA-256 of some bytes.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// The key must say that it is for signatures, in one way at least and in no way otherwise.
fn check_use(entry: &Map<String, Value>) -> Result<(), &'static str> {
    let by_use = match entry.get("use") {
        None => false,
        Some(Value::String(purpose)) if purpose == "sig" => true,
        Some(_) => return Err("`use` is not `sig`"),
    };
    let by_ops = match entry.get("key_ops") {
        None => false,
        Some(Value::Array(ops)) if ops.iter().any(|op| op == "verify") => true,
        Some(_) => return Err("`key_ops` does not hold `verify`"),
    };
    if by_use || by_ops {
        Ok(())
    } else {
        Err("neither `use` nor `key_ops` says that it is for signatures")
    }
}

/// What the key can do, and the key alone, without what is said about it.
fn read_material(
    entry: &Map<String, Value>,
) -> Result<(&'static [Algorithm], Value), &'static str> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let bytes = |name: &str| {
        text(name)
            .and_then(|text| compact::decode(text).ok())
            .ok_or("a part of it is missing or not strict base64url")
    };
    match (text("kty"), text("crv")) {
        (Some("RSA"), None) => {
            check_rsa(&bytes("n")?, &bytes("e")?)?;
            let bare = json!({"kty": "RSA", "n": text("n"), "e": text("e")});
            Ok((&Algorithm::RSA, bare))
        }
        (Some("EC"), Some(crv @ ("P-256" | "P-384"))) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let able: &[Algorithm] = if crv == "P-256" {
                check_point(&ECDSA_P256_SHA256_FIXED, &x, &y, 32)?;
                &[Algorithm::ES256]
            } else {
                check_point(&ECDSA_P384_SHA384_FIXED, &x, &y, 48)?;
                &[Algorithm::ES384]
            };
            let bare = json!({"kty": "EC", "crv": crv, "x": text("x"), "y": text("y")});
            Ok((able, bare))
        }
        (Some("OKP"), Some("Ed25519")) => {
            ParsedPublicKey::new(&ED25519, bytes("x")?).map_err(|_| "it is not on its curve")?;
            let bare = json!({"kty": "OKP", "crv": "Ed25519", "x": text("x")});
            Ok((&[Algorithm::EdDSA], bare))
        }
        _ => Err("its `kty` and `crv` are not supported"),
    }
}

fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), &'static str> {
    let bits = match modulus {
        [0, ..] | [] => return Err("its modulus is not a minimal number"),
        [first, rest @ ..] => rest.len() * 8 + (8 - first.leading_zeros() as usize),
    };
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err("its modulus is too short or too long");
    }
    // Odd, at least 3, at most 32 bits.
    let odd = modulus.last().is_some_and(|last| last % 2 == 1);
    let exponent_fits = match exponent {
        [0, ..] | [] | [1] => false,
        [.., last] => exponent.len() <= 4 && last % 2 == 1,
    };
    if !odd || !exponent_fits {
        return Err("its modulus or exponent cannot be an RSA key's");
    }
    if roca::has_fingerprint(modulus) {
        return Err("its modulus has the ROCA weakness");
    }
    Ok(())
}

fn check_point(
    curve: &'static dyn VerificationAlgorithm,
    x: &[u8],
    y: &[u8],
    bytes: usize,
) -> Result<(), &'static str> {
    if x.len() != bytes || y.len() != bytes {
        return Err("its coordinates have the wrong length");
    }
    let point = [&[4], x, y].concat();
    ParsedPublicKey::new(curve, point)
        .map(|_| ())
        .map_err(|_| "it is not on its curve")
}
