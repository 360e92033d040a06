//! The harness itself: what it says it saw is what was sent.

use crate::support::client::{Connection, Request};
use crate::support::exposition::Scrape;
use crate::support::headers::{unexpected_forwarded, unexpected_replied};
use crate::support::issuer::TestIssuer;
use crate::support::keys::Key;
use crate::support::upstream::TestUpstream;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, jwk::Jwk};
use serde_json::Value;

#[test]
fn the_upstream_records_a_request_to_the_byte() {
    let upstream = TestUpstream::start();
    upstream.reply(201, &[("x-test-reply", "yes")], b"made");

    let reply = Request::new(upstream.address(), "POST", "/a%20b?c=d")
        .header("X-Test-One", "1")
        .header("x-test-one", "2")
        .body(b"hello")
        .send();

    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("x-test-reply"), Some("yes"));
    assert_eq!(reply.text(), "made");
    let seen = upstream.only();
    assert_eq!((seen.method(), seen.target()), ("POST", "/a%20b?c=d"));
    assert_eq!(seen.message.all("x-test-one"), ["1", "2"]);
    assert_eq!(seen.message.headers[1].0, "X-Test-One");
    assert_eq!(seen.message.body, b"hello");
    assert!(seen.complete);
}

#[test]
fn chunks_and_trailers_are_read_both_ways() {
    let upstream = TestUpstream::start();
    upstream.chunked(&[], &["ab", "cde"], &[("x-test-sum", "5")]);
    let mut connection = Connection::open(upstream.address());

    connection.send(
        b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\
          3\r\nxyz\r\n0\r\nx-test-end: 1\r\n\r\n",
    );
    let reply = connection.reply("POST");

    assert_eq!(reply.text(), "abcde");
    assert_eq!(reply.message.chunks, Some(2));
    assert_eq!(reply.message.trailers.len(), 1);
    let seen = upstream.only();
    assert_eq!(seen.message.body, b"xyz");
    assert_eq!(seen.message.trailers[0].0, "x-test-end");
}

#[test]
fn a_header_that_is_not_on_the_list_is_seen() {
    let fields = |name: &str| vec![(name.to_owned(), String::new())];
    for leak in ["authorization", "x-user-id", "x-palisade-surprise"] {
        assert_eq!(unexpected_forwarded(&fields(leak)), Some(leak));
        assert_eq!(unexpected_replied(&fields(leak)), Some(leak));
    }
    assert_eq!(unexpected_forwarded(&fields("X-Palisade-Account")), None);
    assert_eq!(
        unexpected_replied(&fields("x-palisade-account")),
        Some("x-palisade-account")
    );
}

#[test]
#[should_panic(expected = "not on the list")]
fn an_upstream_that_got_an_unlisted_header_fails_the_test() {
    let upstream = TestUpstream::start();
    Request::new(upstream.address(), "GET", "/")
        .bearer("t")
        .send();
}

#[test]
fn tokens_verify_with_the_keys_that_the_issuer_serves() {
    let issuer = TestIssuer::start();
    let served = jwks(&issuer);
    let cases = [
        (Key::Rsa, Algorithm::RS256),
        (Key::Ec, Algorithm::ES256),
        (Key::Ed, Algorithm::EdDSA),
    ];
    for (key, algorithm) in cases {
        let token = issuer.user("ana").key(key).sign();
        assert!(verifies(&token, &served, key.kid(), algorithm), "{key:?}");
    }
    assert_eq!(issuer.fetches(), 1);

    issuer.rotate_keys();
    let served = jwks(&issuer);
    let token = issuer.user("ana").key(Key::NextRsa).sign();
    assert!(verifies(&token, &served, "rsa-2", Algorithm::RS256));
    assert_eq!(served["keys"].as_array().map(Vec::len), Some(1));
}

#[test]
fn two_tokens_of_one_user_are_never_the_same_token() {
    let issuer = TestIssuer::start();
    assert_ne!(issuer.user("ana").sign(), issuer.user("ana").sign());
}

#[test]
fn an_ed25519_key_of_the_harness_signs_what_it_publishes() {
    let jwk = Key::Ed.jwk();
    let point = jwk["x"].as_str().map(|x| URL_SAFE_NO_PAD.decode(x));
    let point = point.expect("a point").expect("base64url");
    let algorithm: &dyn VerificationAlgorithm = &signature::ED25519;
    let key = UnparsedPublicKey::new(algorithm, point);
    assert!(key.verify(b"m", &Key::Ed.sign("EdDSA", b"m")).is_ok());
    assert!(key.verify(b"n", &Key::Ed.sign("EdDSA", b"m")).is_err());
}

#[test]
fn the_exposition_reader_sums_by_labels() {
    let scrape = Scrape::read(
        "# HELP a_total Things.\n# TYPE a_total counter\na_total{k=\"x\",l=\"1\"} 2\na_total{k=\"x\",l=\"2\"} 3\na_total{k=\"y\",l=\"1\"} 5\n",
    );
    assert_eq!(scrape.sum("a_total", &[("k", "x")]), 5.0);
    assert_eq!(scrape.sum("a_total", &[]), 10.0);
    assert!(scrape.has("a_total") && !scrape.has("a"));
}

#[test]
#[should_panic(expected = "has no help before its type")]
fn the_exposition_reader_refuses_a_family_without_help() {
    Scrape::read("# TYPE a_total counter\na_total 1\n");
}

fn jwks(issuer: &TestIssuer) -> Value {
    Request::new(issuer.address(), "GET", "/.well-known/jwks.json")
        .send()
        .json()
}

fn verifies(token: &str, served: &Value, kid: &str, algorithm: Algorithm) -> bool {
    let keys = served["keys"].as_array().expect("a list of keys");
    let key = keys.iter().find(|key| key["kid"] == kid).expect("the key");
    let key: Jwk = serde_json::from_value(key.clone()).expect("a JWK");
    let key = DecodingKey::from_jwk(&key).expect("a usable JWK");
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, algorithm)
        .expect("the algorithm fits the key")
}

#[test]
fn a_client_that_reads_all_replies_does_not_cut_the_slow_ones() {
    let upstream = TestUpstream::start();
    let mut connection = Connection::open(upstream.address());
    let request = Request::new(upstream.address(), "GET", "/").bytes();
    connection.send(&[request.as_slice(), request.as_slice()].concat());
    assert_eq!(connection.replies().len(), 2);
    upstream.all_closed();
}
