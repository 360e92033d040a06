//! Keys that sign, and texts that are none.

use super::{BadKey, PublicKey, SigningKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/data/assertion/", $name))
    };
}

#[test]
fn a_keys_name_is_its_thumbprint() {
    // Computed by Node.js from what OpenSSL wrote.
    for (text, kid) in [
        (
            pem!("ed25519.pem"),
            "6XNml581qzM5YOO8pyU0w0rCuceYWKkDFJtp2n5hKGA",
        ),
        (
            pem!("p256.pem"),
            "74UdwLmDgK37n3CzF--DEZssqU87nfZxYobZpJzZLVI",
        ),
    ] {
        assert_eq!(SigningKey::from_pem(text).unwrap().public().kid(), kid);
    }
}

#[test]
fn a_public_key_is_the_same_from_its_own_file_and_from_the_private_one() {
    for (private, public) in [
        (pem!("ed25519.pem"), pem!("ed25519.pub")),
        (pem!("p256.pem"), pem!("p256.pub")),
    ] {
        let from_private = PublicKey::from_pem(private).unwrap();
        assert_eq!(PublicKey::from_pem(public), Ok(from_private));
    }
}

#[test]
fn a_key_set_holds_public_parts_alone() {
    let names = |text: &str| -> Vec<String> {
        let jwk = PublicKey::from_pem(text).unwrap().jwk();
        jwk.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(
        names(pem!("p256.pem")),
        ["alg", "crv", "kid", "kty", "use", "x", "y"]
    );
    assert_eq!(
        names(pem!("ed25519.pem")),
        ["alg", "crv", "kid", "kty", "use", "x"]
    );
}

#[test]
fn signatures_verify() {
    let random = SystemRandom::new();
    let point = |key: &SigningKey| {
        let jwk = key.public().jwk();
        let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
        [part("x").unwrap(), part("y").unwrap_or_default()].concat()
    };
    let ed = SigningKey::from_pem(pem!("ed25519.pem")).unwrap();
    let made = ed.sign(b"message", &random).unwrap();
    let verifier = UnparsedPublicKey::new(&ED25519, point(&ed));
    verifier.verify(b"message", &made).unwrap();
    verifier.verify(b"massage", &made).unwrap_err();
    let ec = SigningKey::from_pem(pem!("p256.pem")).unwrap();
    let made = ec.sign(b"message", &random).unwrap();
    let point = [&[4], &*point(&ec)].concat();
    let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    verifier.verify(b"message", &made).unwrap();
}

#[test]
fn what_is_no_key_is_refused_by_name() {
    for (text, fault) in [
        ("", BadKey::Pem),
        ("ed25519", BadKey::Pem),
        ("-----BEGIN PRIVATE KEY-----\n!\n", BadKey::Pem),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            BadKey::Kind,
        ),
        (pem!("rsa.pem"), BadKey::Kind),
        (pem!("p384.pem"), BadKey::Kind),
        (pem!("rsa-pkcs1.pem"), BadKey::Block("an RSA key")),
        (
            pem!("p256-sec1.pem"),
            BadKey::Block("a key in the older SEC1 form"),
        ),
        (pem!("encrypted.pem"), BadKey::Block("an encrypted key")),
    ] {
        assert_eq!(SigningKey::from_pem(text).unwrap_err(), fault, "{text}");
        assert_eq!(PublicKey::from_pem(text).unwrap_err(), fault, "{text}");
    }
    let public = SigningKey::from_pem(pem!("p256.pub"));
    assert_eq!(public.unwrap_err(), BadKey::Public);
    assert_eq!(PublicKey::from_pem(pem!("rsa.pub")), Err(BadKey::Kind));
}

#[test]
fn a_private_key_shows_in_no_log() {
    let key = SigningKey::from_pem(pem!("p256.pem")).unwrap();
    assert_eq!(
        format!("{key:?}"),
        format!("SigningKey({})", key.public().kid())
    );
}
