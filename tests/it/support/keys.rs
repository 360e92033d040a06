//! Signing keys, made once per process: an RSA key takes a while to find.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// A key of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// RSA, the issuer's usual one.
    Rsa,
    /// RSA, the one it rotates to.
    NextRsa,
    /// P-256.
    Ec,
    /// Ed25519.
    Ed,
}

impl Key {
    /// Its `kid`.
    pub(crate) fn kid(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-1",
            Self::NextRsa => "rsa-2",
            Self::Ec => "ec-1",
            Self::Ed => "ed-1",
        }
    }

    /// The algorithm it usually signs with.
    pub(crate) fn algorithm(self) -> &'static str {
        match self {
            Self::Rsa | Self::NextRsa => "RS256",
            Self::Ec => "ES256",
            Self::Ed => "EdDSA",
        }
    }

    /// As it stands in a JWKS.
    pub(crate) fn jwk(self) -> Value {
        let kid = self.kid();
        match self {
            Self::Rsa | Self::NextRsa => {
                let (modulus, exponent) = rsa_numbers(self.rsa());
                json!({"kty": "RSA", "use": "sig", "kid": kid, "n": b64(&modulus), "e": b64(&exponent)})
            }
            Self::Ec => {
                let point = ec().public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "alg": "ES256", "x": b64(x), "y": b64(y)})
            }
            Self::Ed => {
                let point = ed().public_key().as_ref();
                json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid, "alg": "EdDSA", "x": b64(point)})
            }
        }
    }

    /// Signs `message`; RSA as `algorithm` says, PKCS #1 unless it starts with `PS`.
    pub(crate) fn sign(self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa | Self::NextRsa => {
                let key = self.rsa();
                let mut signature = vec![0; key.public_modulus_len()];
                let padding: &dyn aws_lc_rs::signature::RsaEncoding = if algorithm.starts_with("PS")
                {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PKCS1_SHA256
                };
                key.sign(padding, &random, message, &mut signature)
                    .expect("an RSA key signs");
                signature
            }
            Self::Ec => {
                let signature = ec().sign(&random, message).expect("a P-256 key signs");
                signature.as_ref().to_vec()
            }
            Self::Ed => ed().sign(message).as_ref().to_vec(),
        }
    }

    fn rsa(self) -> &'static RsaKeyPair {
        static KEYS: [OnceLock<RsaKeyPair>; 2] = [OnceLock::new(), OnceLock::new()];
        KEYS[usize::from(self == Self::NextRsa)]
            .get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key is found"))
    }
}

/// URL-safe base64 without padding.
pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn ec() -> &'static EcdsaKeyPair {
    static KEY: OnceLock<EcdsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a P-256 key is found")
    })
}

fn ed() -> &'static Ed25519KeyPair {
    static KEY: OnceLock<Ed25519KeyPair> = OnceLock::new();
    KEY.get_or_init(|| Ed25519KeyPair::generate().expect("an Ed25519 key is found"))
}

/// Modulus and exponent out of the DER of an `RSAPublicKey` (RFC 8017, A.1.1).
fn rsa_numbers(key: &RsaKeyPair) -> (Vec<u8>, Vec<u8>) {
    let (sequence, _) = der(key.public_key().as_ref());
    let (modulus, rest) = der(sequence);
    let (exponent, _) = der(rest);
    let unsigned = |bytes: &[u8]| bytes[usize::from(bytes[0] == 0)..].to_vec();
    (unsigned(modulus), unsigned(exponent))
}

/// The content of the first DER value, and what follows it.
fn der(bytes: &[u8]) -> (&[u8], &[u8]) {
    let short = usize::from(bytes[1]);
    let (start, length) = if short < 0x80 {
        (2, short)
    } else {
        let end = 2 + (short & 0x7f);
        let length = bytes[2..end]
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        (end, length)
    };
    bytes[start..].split_at(length)
}
