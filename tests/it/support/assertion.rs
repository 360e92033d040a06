//! Assertions as a verifier reads them: by the key set that the gate publishes.

use super::gate::{Builder, TestGate};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Value, json};

/// A key that signs `EdDSA`.
pub(crate) const ED25519: &str = include_str!("../../data/assertion/ed25519.pem");
/// A key that signs ES256.
pub(crate) const P256: &str = include_str!("../../data/assertion/p256.pem");
/// Whom the upstream takes itself for.
pub(crate) const AUDIENCE: &str = "urn:api";

/// A gate that signs with `key`.
pub(crate) fn asserting(key: &str) -> Builder {
    signing(TestGate::builder(), key)
}

/// The same, of another gate.
pub(crate) fn signing(builder: Builder, key: &str) -> Builder {
    builder
        .file("secrets/assertion.pem", key)
        .set(
            "/annotate",
            json!({"assertion": {"key": "file:secrets/assertion.pem"}}),
        )
        .set("/upstreams/api/audience", json!(AUDIENCE))
}

/// The keys that the gate publishes.
pub(crate) fn keys(gate: &TestGate) -> Value {
    gate.metrics_port("/.well-known/jwks.json").json()["keys"].take()
}

/// A verified assertion.
pub(crate) struct Assertion {
    /// The JOSE header.
    pub(crate) header: Value,
    /// The claims.
    pub(crate) claims: Value,
}

impl Assertion {
    /// Verifies the signature by the gate's key set; fails if it does not hold.
    #[track_caller]
    pub(crate) fn read(gate: &TestGate, text: &str) -> Self {
        let (signed, signature) = text.rsplit_once('.').expect("three parts");
        let (header, claims) = signed.split_once('.').expect("three parts");
        let part = |text: &str| -> Value {
            let bytes = URL_SAFE_NO_PAD.decode(text).expect("strict base64url");
            serde_json::from_slice(&bytes).expect("JSON")
        };
        let (header, claims) = (part(header), part(claims));
        let keys = keys(gate);
        let key = keys.as_array().expect("a list").iter();
        let key = key
            .clone()
            .find(|key| key["kid"] == header["kid"])
            .expect("a known key");
        let algorithm = match header["alg"].as_str() {
            Some("ES256") => Algorithm::ES256,
            Some("EdDSA") => Algorithm::EdDSA,
            other => panic!("signed with {other:?}"),
        };
        let key: Jwk = serde_json::from_value(key.clone()).expect("a JWK");
        let key = DecodingKey::from_jwk(&key).expect("a usable key");
        let holds = crypto::verify(signature, signed.as_bytes(), &key, algorithm);
        assert!(holds.expect("a signature of the key's form"), "{text}");
        Self { header, claims }
    }
}
