//! Every token and every key of the corpora under `tests/data`.

use super::support::{account, b64, client, issuers, workspace};
use crate::clock::{Clock, Timestamp};
use crate::tenant::Directory;
use crate::token::compact::Compact;
use crate::token::{Algorithm, Binding, Error, IssuerSettings, Issuers, Jwks, KeySource, Preset};
use serde_json::{Value, json};
use std::sync::Arc;

fn text(path: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/data/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn read(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn str_of(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map_or(Vec::new(), |all| all.iter().map(str_of).collect())
}

/// An issuer as the corpus sets it up. Its tokens carry one tenant claim only, so that account and
/// workspace are both read from there.
fn attacked(at: usize, config: &Value) -> IssuerSettings {
    let file = str_of(&config["jwks"]);
    let keys = KeySource::File {
        file: file.to_owned(),
        text: text(&format!("jwt/{file}")).into(),
    };
    let name = format!("pool-{at}");
    let preset = if at == 1 {
        Preset::Cognito
    } else {
        Preset::Oidc
    };
    let mut settings = preset.issuer(&name, str_of(&config["iss"]), keys);
    let algorithms = strings(&config["algs"]);
    settings.algorithms = algorithms
        .iter()
        .map(|alg| Algorithm::parse(alg).unwrap())
        .collect();
    settings.audiences = config["aud"]
        .as_str()
        .map(str::to_owned)
        .into_iter()
        .collect();
    settings.token_use = config["token_use"].as_str().map(str::to_owned);
    let clients = strings(&config["client_ids"]);
    settings.clients = match clients.as_slice() {
        [] => Binding::None,
        some => Binding::List(some.iter().map(|id| client(id)).collect()),
    };
    settings.accounts = Binding::Directory;
    let tenant = Some("/custom:account_id".to_owned());
    settings.mapping.account.clone_from(&tenant);
    settings.mapping.workspace = tenant;
    settings.mapping.user = Some("/username".to_owned());
    settings
}

fn attacked_directory() -> Directory {
    let mut acc = account(
        "acc-1",
        vec![workspace("acc-1", "acc-1", "client-web", &[])],
    );
    acc.issuers = vec!["pool-1".to_owned(), "pool-2".to_owned()];
    Directory::build(vec![acc]).0
}

#[tokio::test]
async fn every_token_of_the_attack_corpus_is_judged_as_expected() {
    let corpus = read("jwt/attacks.json");
    let at = Timestamp::from_secs(corpus["config"]["now_min"].as_i64().unwrap() + 60);
    let configs = array(&corpus["config"]["issuers"]).iter().enumerate();
    let settings = configs
        .map(|(at, config)| attacked(at + 1, config))
        .collect();
    let issuers = issuers(settings, &Clock::manual(at));
    let directory = attacked_directory();
    let mut wrong = Vec::new();
    for case in array(&corpus["cases"]) {
        let (id, token) = (str_of(&case["id"]), str_of(&case["token"]));
        let verified = issuers.verify(token, at).await;
        let bound = match &verified {
            Ok(verified) => issuers.bind(verified, &directory, at).map(|_| ()),
            Err(error) => Err(error.clone()),
        };
        // The second issuer's tokens name no client, so nothing of them can be bound; and only
        // malformed identities may get as far as binding.
        let as_expected = match (str_of(&case["expect"]), case["issuer"].as_i64()) {
            ("accept", Some(2)) => verified.is_ok(),
            ("accept", _) => bound.is_ok(),
            ("reject", _) if id.starts_with("claim/") => bound.is_err(),
            ("reject", _) => verified.is_err(),
            ("either", _) => verified.is_ok() == issuers.verify(token, at).await.is_ok(),
            (other, _) => panic!("unknown expectation {other}"),
        };
        if !as_expected {
            wrong.push(format!("{id}: {verified:?} {bound:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(array(&corpus["cases"]).len(), 160);
}

#[test]
fn every_hostile_jwks_leaves_only_good_keys() {
    let corpus = read("jwt/bad_jwks.json");
    for case in array(&corpus["cases"]) {
        let set = Jwks::clean(str_of(&case["body"]).as_bytes());
        match str_of(&case["id"]) {
            // A bad key beside a good one: the good one works. A key without `alg` is a good one by
            // RFC 7517, 4.4, and the issuer's own list says what it may be used for.
            id @ ("oct-in-set" | "unknown-kty-plus-good" | "no-alg") => {
                let set = set.unwrap_or_else(|error| panic!("{id}: {error}"));
                assert_eq!(set.len(), 1, "{id}");
                let key = set.find(Some("rsa1")).unwrap();
                assert!(key.fits(Algorithm::RS256), "{id}");
                assert!(!key.fits(Algorithm::ES256), "{id}");
            }
            id => assert!(set.is_err(), "{id}: {set:?}"),
        }
    }
    assert_eq!(array(&corpus["cases"]).len(), 15);
}

/// Whether `token` carries a signature of one of `keys`, by our own reading of both.
fn verifies(keys: &Value, token: &str) -> bool {
    let Ok(set) = Jwks::clean(json!({ "keys": keys }).to_string().as_bytes()) else {
        return false;
    };
    let Ok(compact) = Compact::split(token) else {
        return false;
    };
    let Ok(header) = compact.header() else {
        return false;
    };
    set.find(header.kid.as_deref())
        .is_some_and(|key| key.fits(header.algorithm) && key.verifies(&compact, header.algorithm))
}

#[test]
fn wycheproof_signatures_are_judged_as_expected() {
    let corpus = read("wycheproof/json_web_signature_test.json");
    let (mut judged, mut accepted) = (0, 0);
    for group in array(&corpus["testGroups"]) {
        // A group without a public key is one of symmetric keys, which nothing here can even name.
        let public = group.get("public");
        let key = public.or_else(|| group.get("private")).unwrap().clone();
        // Some groups leave out what the key is for. Such a key is not used; that is checked here,
        // and the signatures of the group with the word added.
        let silent = key.get("use").is_none() && key.get("key_ops").is_none();
        for test in array(&group["tests"]) {
            // A JWS in JSON form is an object, and no bearer token at all.
            let Some(token) = test["jws"].as_str() else {
                continue;
            };
            if silent {
                assert!(!verifies(&json!([key]), token), "{}", test["tcId"]);
            }
            let mut spoken = key.clone();
            if silent {
                spoken["use"] = json!("sig");
            }
            // We are stricter: no symmetric keys, no P-521, and a key for PS256 verifies no PS384.
            let comment = str_of(&group["comment"]);
            let refused = public.is_none()
                || key["crv"] == "P-521"
                || (comment.starts_with("rfc7520") && key["alg"] == "PS256");
            let wanted = test["result"] == "valid" && !refused;
            assert_eq!(
                verifies(&json!([spoken]), token),
                wanted,
                "{} {test}",
                group["comment"]
            );
            judged += 1;
            accepted += usize::from(wanted);
        }
    }
    assert!(judged > 390, "{judged}");
    assert!(accepted > 30, "{accepted}");
}

#[test]
fn wycheproof_key_sets_are_judged_as_expected() {
    let corpus = read("wycheproof/json_web_key_test.json");
    let mut judged = 0;
    for group in array(&corpus["testGroups"]) {
        let public = group.get("public");
        let keys = &public.or_else(|| group.get("private")).unwrap()["keys"];
        for test in array(&group["tests"]) {
            let wanted = test["result"] == "valid" && public.is_some();
            let token = str_of(&test["jws"]);
            assert_eq!(verifies(keys, token), wanted, "{} {test}", group["comment"]);
            judged += 1;
        }
    }
    assert_eq!(judged, 26);
}

#[test]
fn the_examples_of_the_rfcs_are_judged_as_expected() {
    let corpus = read("jwt/rfc_vectors.json");
    let spoken = |key: &Value| {
        let mut key = key.clone();
        if let Some(key) = key.as_object_mut() {
            key.retain(|name, _| !matches!(name.as_str(), "d" | "p" | "q" | "dp" | "dq" | "qi"));
            key.insert("use".to_owned(), json!("sig"));
            // Without a name, as the tokens are.
            if !key.contains_key("kid") {
                key.shift_remove("alg");
            }
        }
        json!([key])
    };
    for case in array(&corpus["rfc"]) {
        let wanted = str_of(&case["sidecar"]).starts_with("signature valid");
        let found = verifies(&spoken(&case["jwk"]), str_of(&case["token"]));
        assert_eq!(found, wanted, "{}", case["id"]);
    }
    for case in array(&corpus["cookbook"]) {
        let Some(token) = case["compact"].as_str() else {
            continue;
        };
        let file = str_of(&case["file"]);
        let wanted = ["curve25519/jws", "rsa_v15", "rsa-pss"]
            .iter()
            .any(|good| file.contains(good));
        assert_eq!(verifies(&spoken(&case["key"]), token), wanted, "{file}");
    }
}

/// Hostile text in every place of a token, none of which may do more than be refused.
#[tokio::test]
async fn no_garbage_is_accepted_or_shown() {
    let corpus = read("jwt/attacks.json");
    let at = Timestamp::from_secs(corpus["config"]["now_min"].as_i64().unwrap());
    let settings = vec![attacked(1, &corpus["config"]["issuers"][0])];
    let issuers: Arc<Issuers> = issuers(settings, &Clock::manual(at));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
    for header in [
        "",
        "null",
        "[]",
        "1",
        "\"\"",
        "{",
        "{}{}",
        deep.as_str(),
        "\u{0}",
    ] {
        let token = format!("{}.{}.{}", b64(header), b64("{}"), b64("x"));
        let refused = issuers.verify(&token, at).await.unwrap_err();
        assert!(
            !format!("{refused} {refused:?}").contains(&b64("{}")),
            "{refused}"
        );
    }
    let long = "a".repeat(64 * 1024);
    assert_eq!(
        issuers.verify(&long, at).await.unwrap_err(),
        Error::TooLong(64 * 1024)
    );
    assert_eq!(issuers.remembered(), 0);
}
