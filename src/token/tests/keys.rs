//! Single keys and single spellings that no corpus shows.

use super::support::{ana, b64, cosmos, issuers, now};
use crate::clock::Clock;
use crate::reason::Reason;
use crate::token::compact::decode;
use crate::token::{Algorithm, BadJwks, JWKS_BYTES_MAX, Jwks, KeySource};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn data(file: &str) -> Value {
    let path = format!("{}/tests/data/jwt/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn rsa_jwk() -> Value {
    data("jwks_issuer1.json")["keys"][0].clone()
}

fn clean(keys: &Value) -> Result<Jwks, BadJwks> {
    Jwks::clean(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn one_value_has_one_spelling() {
    assert_eq!(decode("QQ").unwrap(), b"A");
    for other in [
        "QR", "QQ==", "QQ=", "Q", "QQ ", " QQ", "Q\nQ", "Q+8", "Q/8", "Q-8+",
    ] {
        assert!(decode(other).is_err(), "{other}");
    }
}

#[test]
fn a_key_that_cannot_be_an_rsa_key_is_dropped() {
    assert_eq!(clean(&json!([rsa_jwk()])).unwrap().len(), 1);
    let even = |n: &str| {
        let mut bytes = decode(n).unwrap();
        *bytes.last_mut().unwrap() &= 0xfe;
        b64(bytes)
    };
    let modulus = rsa_jwk()["n"].as_str().unwrap().to_owned();
    let padded = b64([vec![0], decode(&modulus).unwrap()].concat());
    let cases = [
        ("e", json!("AQ")),
        ("e", json!("")),
        ("e", json!("AA")),
        ("e", json!("AAEAAQ")),
        ("e", json!("AQAA")),
        ("e", json!("AQAAAAE")),
        ("e", json!(65537)),
        ("n", json!(even(&modulus))),
        ("n", json!(padded)),
        ("n", json!(format!("{modulus}="))),
        ("kid", json!(1)),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("alg", json!(["RS256"])),
        ("use", json!("enc")),
        ("use", json!(null)),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!("verify")),
        ("d", json!("AQ")),
        ("crv", json!("P-256")),
    ];
    for (member, value) in cases {
        let mut key = rsa_jwk();
        key[member] = value.clone();
        let cleaned = clean(&json!([key]));
        assert!(
            matches!(cleaned, Err(BadJwks::NoneUsable(1, Some(_)))),
            "{member}: {value}"
        );
    }
    let mut by_ops = rsa_jwk();
    by_ops.as_object_mut().unwrap().shift_remove("use");
    assert!(
        clean(&json!([by_ops])).is_err(),
        "a key that does not say what it is for"
    );
    by_ops["key_ops"] = json!(["verify"]);
    assert!(clean(&json!([by_ops])).is_ok());
}

#[test]
fn a_set_is_bounded() {
    let many: Vec<Value> = (0..101).map(|_| json!({})).collect();
    assert_eq!(clean(&json!(many)).unwrap_err(), BadJwks::TooMany(101));
    let long = vec![b' '; JWKS_BYTES_MAX + 1];
    assert_eq!(
        Jwks::clean(&long).unwrap_err(),
        BadJwks::TooLong(JWKS_BYTES_MAX + 1)
    );
    let doubled = br#"{"keys":[],"keys":[]}"#;
    assert!(matches!(Jwks::clean(doubled), Err(BadJwks::Json(_))));
}

/// One RSA key can make six kinds of signature; which of them count, its `alg` says.
#[tokio::test]
async fn an_rsa_key_verifies_its_own_algorithm_only() {
    let pem = data("test_private_keys.json");
    let pem = pem["issuer1"]["rsa1"].as_str().unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    let sign = |algorithm: &str, kid: Option<&str>, encoding: &'static dyn RsaEncoding| {
        let mut header = json!({ "alg": algorithm });
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        let message = format!("{}.{}", b64(header.to_string()), b64(ana().to_string()));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            encoding,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        )
        .unwrap();
        format!("{message}.{}", b64(signature))
    };
    let stage = |keys: Value| {
        let file = KeySource::File {
            file: "jwks.json".to_owned(),
            text: json!({ "keys": keys }).to_string().into(),
        };
        let mut settings = cosmos(file);
        settings.algorithms = vec![Algorithm::RS256, Algorithm::RS384, Algorithm::PS256];
        issuers(vec![settings], &Clock::manual(now()))
    };
    let tokens = [
        sign("RS256", Some("rsa1"), &RSA_PKCS1_SHA256),
        sign("RS384", Some("rsa1"), &RSA_PKCS1_SHA384),
        sign("PS256", Some("rsa1"), &RSA_PSS_SHA256),
        // The right key under the wrong name of an algorithm.
        sign("RS256", Some("rsa1"), &RSA_PSS_SHA256),
    ];
    let mut unnamed = rsa_jwk();
    unnamed.as_object_mut().unwrap().shift_remove("alg");
    for (keys, expected) in [
        (json!([rsa_jwk()]), [true, false, false, false]),
        (json!([unnamed]), [true, true, true, false]),
    ] {
        let issuers = stage(keys);
        for (token, expected) in tokens.iter().zip(expected) {
            let judged = issuers.verify(token, now()).await.map(|_| ());
            let reason = judged.err().map(|error| error.reason());
            assert_eq!(reason, (!expected).then_some(Reason::TokenSignature));
        }
    }
    // Without a `kid`, only a set of one key can be meant.
    let nameless = sign("RS256", None, &RSA_PKCS1_SHA256);
    assert!(
        stage(json!([rsa_jwk()]))
            .verify(&nameless, now())
            .await
            .is_ok()
    );
    let two = data("jwks_issuer1.json")["keys"].clone();
    assert!(stage(two).verify(&nameless, now()).await.is_err());
}
