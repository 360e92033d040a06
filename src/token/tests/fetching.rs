//! Keys that rotate, vanish and cannot be had.

use super::support::{
    ISS, NOW, Server, Signer, ana, cosmos, directory, eventually, issuers, jwks, now,
};
use crate::clock::{Clock, Timestamp};
use crate::drain::{self, Drain, Draining};
use crate::reason::Reason;
use crate::token::{IssuerSettings, Issuers, KeySource, Preset, keep_fresh};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The task that fetches their keys.
fn keep(issuers: &Arc<Issuers>, draining: Draining) -> impl Future<Output = ()> + use<> {
    let issuers = Arc::clone(issuers);
    keep_fresh(move || Arc::clone(&issuers), draining)
}

struct Stage {
    issuers: Arc<Issuers>,
    clock: Clock,
    _drain: Drain,
}

fn stage(change: impl FnOnce(&mut IssuerSettings), keys: KeySource) -> Stage {
    let clock = Clock::manual(now());
    let mut settings = cosmos(keys);
    settings.allow_local = true;
    settings.required = true;
    change(&mut settings);
    let issuers = issuers(vec![settings], &clock);
    let (drain, draining) = drain::channel();
    tokio::spawn(keep(&issuers, draining));
    Stage {
        issuers,
        clock,
        _drain: drain,
    }
}

impl Stage {
    async fn reason(&self, token: &str) -> Option<Reason> {
        let judged = self.issuers.verify(token, self.clock.now()).await;
        judged.err().map(|error| error.reason())
    }

    async fn ready(&self) {
        eventually("ready", || self.issuers.ready()).await;
    }
}

#[tokio::test]
async fn a_rotated_key_is_found_and_a_withdrawn_one_dropped() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let server = Server::start(jwks(&[&old])).await;
    let stage = stage(|_| {}, server.keys());
    stage.ready().await;
    let (by_old, by_new) = (old.sign(&ana()), new.sign(&ana()));
    assert_eq!(stage.reason(&by_old).await, None);
    let held = stage.issuers.cached(&by_old, now()).unwrap().unwrap();
    assert!(stage.issuers.bind(&held, &directory(), now()).is_ok());
    server.answer(200, jwks(&[&new]));
    // Too soon after the first fetch, then once.
    assert_eq!(stage.reason(&by_new).await, Some(Reason::TokenSignature));
    assert_eq!(server.fetches(), 1);
    stage.clock.advance(30_000);
    assert_eq!(stage.reason(&by_new).await, None);
    assert_eq!(server.fetches(), 2);
    // The old key is gone from a good fetch: its tokens too, remembered or not.
    assert!(stage.issuers.cached(&by_old, stage.clock.now()).is_none());
    assert_eq!(stage.reason(&by_old).await, Some(Reason::TokenSignature));
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_kids_causes_one_fetch() {
    let (known, unknown) = (Signer::new("known"), Signer::new("unknown"));
    let server = Server::start(jwks(&[&known])).await;
    let stage = stage(|_| {}, server.keys());
    stage.ready().await;
    for round in 1..=2 {
        stage.clock.advance(30_000);
        let mut flood = JoinSet::new();
        for at in 0..50 {
            let issuers = Arc::clone(&stage.issuers);
            let now = stage.clock.now();
            let token = unknown.sign_raw(
                &json!({"alg": "ES256", "kid": format!("x{at}")}).to_string(),
                &ana(),
            );
            flood.spawn(async move { issuers.verify(&token, now).await.unwrap_err().reason() });
        }
        while let Some(reason) = flood.join_next().await {
            assert_eq!(reason.unwrap(), Reason::TokenSignature);
        }
        assert_eq!(server.fetches(), 1 + round);
        assert_eq!(stage.reason(&known.sign(&ana())).await, None);
    }
}

#[tokio::test]
async fn waiting_requests_are_capped_and_give_up() {
    // A server that accepts and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let stage = stage(|_| {}, KeySource::Url { url });
    let signer = Signer::new("k");
    let token: Arc<str> = signer.sign(&ana()).into();
    let begun = Instant::now();
    let mut flood = JoinSet::new();
    for _ in 0..200 {
        let (issuers, token) = (Arc::clone(&stage.issuers), Arc::clone(&token));
        flood.spawn(async move {
            let reason = issuers.verify(&token, now()).await.unwrap_err().reason();
            (reason, begun.elapsed())
        });
    }
    let (mut at_once, mut waited) = (0, 0);
    while let Some(ended) = flood.join_next().await {
        let (reason, took) = ended.unwrap();
        assert_eq!(reason, Reason::KeysUnavailable);
        if took < Duration::from_secs(1) {
            at_once += 1;
        } else {
            waited += 1;
        }
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    assert_eq!((at_once, waited), (136, 64));
}

#[tokio::test]
async fn the_last_good_keys_serve_until_they_are_too_old() {
    let signer = Signer::new("k");
    let server = Server::start(jwks(&[&signer])).await;
    let stage = stage(
        |issuer| issuer.max_stale = Duration::from_mins(20),
        server.keys(),
    );
    stage.ready().await;
    let token = signer.sign(&ana());
    let failed = || {
        let labels = [("issuer", "cosmos"), ("result", "error")];
        let metrics = &stage.issuers.metrics;
        metrics.value("palisade_jwks_refresh_total", &labels)
    };
    for broken in ["{}", "<html>", "{\"keys\":[]}"] {
        server.answer(200, broken);
        // Counted at an attempt's end: a clock that moves while one is under way moves the next away.
        let before = failed();
        stage.clock.advance(300_000);
        eventually("another failure", || failed() > before).await;
        assert!(stage.issuers.status()[0].error.is_some(), "{broken}");
        assert_eq!(stage.reason(&token).await, None, "{broken}");
    }
    assert!(stage.issuers.ready());
    // While the issuer fails, an unknown key may well exist: not the client's fault.
    let stranger = Signer::new("other").sign(&ana());
    assert_eq!(stage.reason(&stranger).await, Some(Reason::KeysUnavailable));
    server.answer(503, "");
    stage.clock.advance(300_000);
    assert_eq!(stage.reason(&token).await, Some(Reason::KeysUnavailable));
    assert_eq!(
        stage
            .issuers
            .cached(&token, stage.clock.now())
            .unwrap()
            .unwrap_err()
            .reason(),
        Reason::KeysUnavailable
    );
    assert!(!stage.issuers.ready());
    // And it heals by itself.
    server.answer(200, jwks(&[&signer]));
    stage.clock.advance(30_000);
    stage.ready().await;
    assert_eq!(stage.reason(&token).await, None);
    assert_eq!(stage.issuers.status()[0].error, None);
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_tried_again() {
    let signer = Signer::new("k");
    let server = Server::start(String::new()).await;
    server.answer(500, "");
    let stage = stage(|_| {}, server.keys());
    eventually("a first failure", || {
        stage.issuers.status()[0].error.is_some()
    })
    .await;
    assert!(!stage.issuers.ready());
    assert_eq!(
        stage.reason(&signer.sign(&ana())).await,
        Some(Reason::KeysUnavailable)
    );
    server.answer(200, jwks(&[&signer]));
    stage.clock.advance(1_000);
    stage.ready().await;
    assert_eq!(stage.reason(&signer.sign(&ana())).await, None);
    assert_eq!(
        stage.issuers.status()[0].fetched,
        Some(Timestamp::from_secs(NOW + 1))
    );
}

#[tokio::test]
async fn one_broken_issuer_touches_no_other() {
    let signer = Signer::new("k");
    let server = Server::start(jwks(&[&signer])).await;
    let clock = Clock::manual(now());
    let mut good = cosmos(server.keys());
    good.allow_local = true;
    good.required = true;
    let mut broken = cosmos(KeySource::Url {
        url: "http://127.0.0.1:1/".to_owned(),
    });
    (broken.name, broken.issuer, broken.allow_local) = (
        "broken".to_owned(),
        "https://broken.example".to_owned(),
        true,
    );
    let issuers = issuers(vec![broken, good], &clock);
    let (_drain, draining) = drain::channel();
    tokio::spawn(keep(&issuers, draining));
    eventually("ready", || issuers.ready()).await;
    assert!(issuers.verify(&signer.sign(&ana()), now()).await.is_ok());
    let status = issuers.status();
    assert_eq!((status[0].usable, status[1].usable), (false, true));
}

#[tokio::test]
async fn discovery_leads_to_the_issuers_own_keys_only() {
    let signer = Signer::new("k");
    let keys = Server::start(jwks(&[&signer])).await;
    let discovery = Server::start(String::new()).await;
    let source = KeySource::Discovery {
        url: discovery.url("/.well-known/openid-configuration"),
    };
    let stage = stage(|_| {}, source);
    let told = [
        json!({"issuer": "https://evil.example", "jwks_uri": keys.url("/jwks")}),
        json!({"issuer": ISS}),
        json!({"issuer": ISS, "jwks_uri": "file:///etc/passwd"}),
        json!({"issuer": [ISS], "jwks_uri": keys.url("/jwks")}),
    ];
    for document in told {
        let before = discovery.fetches();
        discovery.answer(200, document.to_string());
        // In steps: when the fetch before ends, and its wait begins, is not known here.
        eventually("another fetch", || {
            stage.clock.advance(1_000);
            discovery.fetches() > before
        })
        .await;
        eventually("an error", || stage.issuers.status()[0].error.is_some()).await;
        assert_eq!(keys.fetches(), 0, "{document}");
    }
    discovery.answer(
        200,
        json!({"issuer": ISS, "jwks_uri": keys.url("/jwks")}).to_string(),
    );
    eventually("keys", || {
        stage.clock.advance(1_000);
        stage.issuers.status()[0].usable
    })
    .await;
    assert_eq!(stage.reason(&signer.sign(&ana())).await, None);
}

#[tokio::test]
async fn our_own_machine_gives_no_keys_unless_it_may() {
    let server = Server::start(jwks(&[&Signer::new("k")])).await;
    let url = format!("https://127.0.0.1:{}/", server.port);
    let stage = stage(|issuer| issuer.allow_local = false, KeySource::Url { url });
    eventually("an error", || stage.issuers.status()[0].error.is_some()).await;
    assert!(
        stage.issuers.status()[0]
            .error
            .as_ref()
            .unwrap()
            .contains("may not be asked")
    );
    assert_eq!(server.fetches(), 0);
}

#[tokio::test]
async fn the_signal_ends_the_task() {
    let issuers = issuers(
        vec![Preset::ALL.map(|_| cosmos(super::support::keys_of(&Signer::new("k"))))[0].clone()],
        &Clock::system(),
    );
    let (drain, draining) = drain::channel();
    let task = tokio::spawn(keep(&issuers, draining));
    drain.begin();
    tokio::time::timeout(Duration::from_secs(5), task)
        .await
        .unwrap()
        .unwrap();
}
