//! What a token must be, whoever it is for.

use super::support::{ISS, NOW, Signer, ana, cosmos, issuers, keys_of, now, with};
use crate::clock::{Clock, Timestamp};
use crate::reason::Reason;
use crate::token::{Algorithm, IssuerSettings};
use serde_json::{Value, json};
use std::time::Duration;

/// Half a second after [`NOW`].
const HALF_PAST: f64 = 1_800_000_000.5;

async fn judge(
    change: impl FnOnce(&mut IssuerSettings),
    header: Value,
    claims: &str,
    at: i64,
) -> Option<Reason> {
    let signer = Signer::new("k1");
    let mut settings = cosmos(keys_of(&signer));
    change(&mut settings);
    let at = Timestamp::from_secs(at);
    let issuers = issuers(vec![settings], &Clock::manual(at));
    let token = signer.sign_text(&header.to_string(), claims);
    let judged = issuers.verify(&token, at).await;
    judged.err().map(|error| {
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains(&token) && !shown.contains("sub-ana"),
            "{shown}"
        );
        error.reason()
    })
}

fn plain() -> Value {
    json!({"alg": "ES256", "kid": "k1"})
}

async fn claims(changes: Value) -> Option<Reason> {
    judge(|_| {}, plain(), &with(ana(), &changes).to_string(), NOW).await
}

async fn header(changes: Value) -> Option<Reason> {
    judge(|_| {}, with(plain(), &changes), &ana().to_string(), NOW).await
}

#[tokio::test]
async fn doubled_names_and_deep_nesting_are_refused_at_every_depth() {
    let body = ana().to_string();
    let body = body.strip_suffix('}').unwrap();
    let nested =
        |depth: usize| format!("{body},\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(judge(|_| {}, plain(), &nested(15), NOW).await, None);
    for text in [
        format!("{body},\"sub\":\"root\"}}"),
        format!("{body},\"s\\u0075b\":\"root\"}}"),
        format!("{body},\"x\":{{\"a\":[{{\"b\":1,\"b\":2}}]}}}}"),
        nested(16),
        nested(5000),
        format!("{body}}} ") + "1",
        format!("{body}}}{{}}"),
        format!("\u{feff}{body}}}"),
        format!("{body},\"x\":1e999}}"),
        format!("{body},}}"),
        format!("[{body}}}]"),
    ] {
        assert_eq!(
            judge(|_| {}, plain(), &text, NOW).await,
            Some(Reason::TokenMalformed),
            "{}",
            text.chars().rev().take(60).collect::<String>()
        );
    }
}

#[tokio::test]
async fn headers_that_ask_for_more_are_refused() {
    for changes in [
        json!({"crit": []}),
        json!({"crit": ["b64"]}),
        json!({"crit": "x"}),
        json!({"b64": true}),
        json!({"zip": "DEF"}),
        json!({"enc": "A128GCM"}),
        json!({"jwk": {}}),
        json!({"kid": 1}),
        json!({"typ": 1}),
        json!({"alg": null}),
        json!({"alg": 1}),
    ] {
        assert_eq!(
            header(changes.clone()).await,
            Some(Reason::TokenMalformed),
            "{changes}"
        );
    }
    for changes in [
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"alg": "es256"}),
        json!({"alg": "RS256"}),
        json!({"alg": "ES384"}),
        json!({"kid": "k2"}),
        json!({"kid": "K1"}),
        json!({"kid": ""}),
    ] {
        assert_eq!(
            header(changes.clone()).await,
            Some(Reason::TokenSignature),
            "{changes}"
        );
    }
    // Named, never followed: the key is the published one all the same.
    for changes in [
        json!({"jku": "https://evil.example/"}),
        json!({"x5u": "http://evil.example/"}),
        json!({"x5c": ["AA"]}),
        json!({"kid": null}),
    ] {
        assert_eq!(header(changes.clone()).await, None, "{changes}");
    }
}

#[tokio::test]
async fn only_access_tokens_are_accepted() {
    for typ in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        assert_eq!(header(json!({"typ": typ})).await, None, "{typ}");
    }
    for typ in [
        "palisade-assertion+jwt",
        "id_token+jwt",
        "logout+jwt",
        "dpop+jwt",
        "JOSE",
        "",
        "application/application/jwt",
        "a/jwt",
    ] {
        assert_eq!(
            header(json!({"typ": typ})).await,
            Some(Reason::TokenKind),
            "{typ}"
        );
    }
    let strict = |issuer: &mut IssuerSettings| issuer.type_required = true;
    assert_eq!(
        judge(strict, plain(), &ana().to_string(), NOW).await,
        Some(Reason::TokenKind)
    );
    for changes in [
        json!({"token_use": "id"}),
        json!({"token_use": null}),
        json!({"token_use": ["access"]}),
        json!({"at_hash": "x"}),
        json!({"events": {}}),
        json!({"typ": "ID"}),
        json!({"typ": "Refresh"}),
    ] {
        assert_eq!(
            claims(changes.clone()).await,
            Some(Reason::TokenKind),
            "{changes}"
        );
    }
    let free = |issuer: &mut IssuerSettings| {
        issuer.token_use = None;
        issuer.audiences = vec!["api".to_owned()];
    };
    for (token_use, expected) in [
        (json!("id"), Some(Reason::TokenKind)),
        (json!("access"), None),
        (Value::Null, None),
    ] {
        let body = with(ana(), &json!({"aud": "api", "token_use": token_use}));
        assert_eq!(judge(free, plain(), &body.to_string(), NOW).await, expected);
    }
    assert_eq!(
        claims(json!({"cnf": {"jkt": "x"}})).await,
        Some(Reason::TokenBinding)
    );
}

#[tokio::test]
async fn times_are_held_with_the_leeway_and_no_more() {
    let at = async |changes: Value, at: i64| {
        judge(|_| {}, plain(), &with(ana(), &changes).to_string(), at).await
    };
    assert_eq!(at(json!({}), NOW + 3604).await, None);
    assert_eq!(at(json!({}), NOW + 3605).await, Some(Reason::TokenExpired));
    assert_eq!(at(json!({"exp": HALF_PAST}), NOW + 5).await, None);
    assert_eq!(
        at(json!({"exp": HALF_PAST}), NOW + 6).await,
        Some(Reason::TokenExpired)
    );
    for name in ["nbf", "iat", "auth_time"] {
        assert_eq!(at(json!({name: NOW + 5}), NOW).await, None, "{name}");
        assert_eq!(
            at(json!({name: NOW + 6}), NOW).await,
            Some(Reason::TokenNotYetValid),
            "{name}"
        );
    }
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for value in [json!("1"), json!(true), json!([NOW]), json!({})] {
            assert_eq!(
                at(json!({name: value}), NOW).await,
                Some(Reason::TokenMalformed),
                "{name}: {value}"
            );
        }
    }
    assert_eq!(
        at(json!({"exp": null}), NOW).await,
        Some(Reason::TokenMalformed)
    );
    assert_eq!(
        at(json!({"exp": -1}), NOW).await,
        Some(Reason::TokenExpired)
    );
    assert_eq!(at(json!({"exp": 1e300}), NOW).await, None);
    let none = |issuer: &mut IssuerSettings| issuer.leeway = Duration::ZERO;
    assert_eq!(
        judge(none, plain(), &ana().to_string(), NOW + 3600).await,
        Some(Reason::TokenExpired)
    );
}

#[tokio::test]
async fn audience_and_issuer_are_compared_exactly() {
    let to_api = |issuer: &mut IssuerSettings| issuer.audiences = vec!["api".to_owned()];
    for (aud, expected) in [
        (json!("api"), true),
        (json!(["x", "api"]), true),
        (json!("API"), false),
        (json!("api "), false),
        (json!([]), false),
        (json!([["api"]]), false),
        (json!(["api", 1]), false),
        (json!({"api": 1}), false),
        (json!(1), false),
        (Value::Null, false),
    ] {
        let body = with(ana(), &json!({"aud": aud}));
        let judged = judge(to_api, plain(), &body.to_string(), NOW).await;
        assert_eq!(
            judged,
            (!expected).then_some(Reason::AudienceMismatch),
            "{aud}"
        );
    }
    // Malformed where none is asked for, too.
    assert_eq!(
        claims(json!({"aud": 1})).await,
        Some(Reason::AudienceMismatch)
    );
    for iss in [
        json!(format!("{ISS}/")),
        json!(ISS.to_uppercase()),
        json!(""),
        json!("https://evil.example"),
    ] {
        assert_eq!(
            claims(json!({"iss": iss})).await,
            Some(Reason::IssuerUnknown),
            "{iss}"
        );
    }
    assert_eq!(
        claims(json!({"iss": null})).await,
        Some(Reason::IssuerUnknown)
    );
    assert_eq!(
        claims(json!({"iss": [ISS]})).await,
        Some(Reason::TokenMalformed)
    );
}

#[tokio::test]
async fn a_key_is_used_only_as_its_owner_and_the_issuer_say() {
    let signer = Signer::new("k1");
    let mut settings = cosmos(keys_of(&signer));
    settings.algorithms = vec![Algorithm::RS256, Algorithm::ES384];
    let issuers = issuers(vec![settings], &Clock::manual(now()));
    let refused = issuers
        .verify(&signer.sign(&ana()), now())
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), Reason::TokenSignature);
    let other = signer.sign_raw("{\"alg\":\"ES384\",\"kid\":\"k1\"}", &ana());
    let refused = issuers.verify(&other, now()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::TokenSignature);
}

#[tokio::test]
async fn a_remembered_token_is_the_whole_token_and_expires() {
    let signer = Signer::new("k1");
    let issuers = issuers(vec![cosmos(keys_of(&signer))], &Clock::manual(now()));
    let token = signer.sign(&ana());
    assert!(issuers.cached(&token, now()).is_none());
    issuers.verify(&token, now()).await.unwrap();
    assert!(issuers.cached(&token, now()).unwrap().is_ok());
    // The signature of one token under the payload of another.
    let other = signer.sign(&with(ana(), &json!({"userId": "root"})));
    let (message, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    let mixed = format!("{message}.{signature}");
    assert!(issuers.cached(&mixed, now()).is_none());
    assert_eq!(
        issuers.verify(&mixed, now()).await.unwrap_err().reason(),
        Reason::TokenSignature
    );
    assert!(
        issuers.cached(&mixed, now()).is_none(),
        "a refusal is remembered"
    );
    let late = Timestamp::from_secs(NOW + 3605);
    assert_eq!(
        issuers.cached(&token, late).unwrap().unwrap_err().reason(),
        Reason::TokenExpired
    );
    let early = Timestamp::from_secs(NOW - 60);
    assert_eq!(
        issuers.cached(&token, early).unwrap().unwrap_err().reason(),
        Reason::TokenNotYetValid
    );
}
