//! Tests of the demo's `key`.

use super::*;
use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;

fn parts(token: &str) -> Vec<Vec<u8>> {
    token
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect()
}

#[test]
fn a_token_verifies_with_the_served_key() {
    let key = Key::generate().unwrap();
    let token = key.sign(&json!({ "sub": "s" })).unwrap();
    let signed = token.rsplit_once('.').unwrap().0;
    let parts = parts(&token);
    let jwks = key.jwks();
    let jwk = &jwks["keys"][0];
    let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let public = PublicKeyComponents {
        n: number("n"),
        e: number("e"),
    };
    public
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &parts[2])
        .unwrap();
    let header: Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!(header, json!({ "kid": jwk["kid"], "alg": "RS256" }));
    let claims: Value = serde_json::from_slice(&parts[1]).unwrap();
    assert_eq!(claims, json!({ "sub": "s" }));
}

#[test]
fn a_kept_key_is_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Key::read(dir.path()).unwrap().is_none());
    let key = Key::generate().unwrap();
    key.keep(dir.path()).unwrap();
    let again = Key::read(dir.path()).unwrap().unwrap();
    assert_eq!(key.jwks(), again.jwks());
}

#[test]
fn the_key_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    Key::generate().unwrap().keep(dir.path()).unwrap();
    let mode = std::fs::metadata(dir.path().join(KEY_FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn something_else_in_place_of_the_key_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(KEY_FILE);
    folder::write_secret(&path, b"no key").unwrap();
    let Err(error) = Key::read(dir.path()) else {
        panic!("it was read")
    };
    assert!(error.to_string().contains(&path.display().to_string()));
}
