//! From one set of issuers to the next, and what is revoked.

use super::support::{
    ISS, Server, Signer, ana, cosmos, eventually, issuers, jwks, keys_of, now, with,
};
use crate::clock::{Clock, Timestamp};
use crate::drain;
use crate::reason::Reason;
use crate::token::{Binding, IssuerSettings, Issuers, Preset, Revocations, Revoked, keep_fresh};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn remembers(issuers: &Issuers, token: &str) -> bool {
    issuers
        .cached(token, now())
        .is_some_and(|known| known.is_ok())
}

#[tokio::test]
async fn a_proved_token_lasts_as_long_as_its_issuers_settings() {
    let (signer, other) = (Signer::new("k1"), Signer::new("k2"));
    let settings = cosmos(keys_of(&signer));
    let second = IssuerSettings {
        clients: Binding::Directory,
        accounts: Binding::Directory,
        algorithms: settings.algorithms.clone(),
        ..Preset::Cosmos.issuer("second", "https://second.example.com", keys_of(&other))
    };
    let first = issuers(
        vec![settings.clone(), second.clone()],
        &Clock::manual(now()),
    );
    let token = signer.sign(&ana());
    let foreign = other.sign(&with(ana(), &json!({"iss": "https://second.example.com"})));
    for token in [&token, &foreign] {
        first.verify(token, now()).await.unwrap();
        assert!(remembers(&first, token));
    }
    let same = first
        .succeed(vec![settings.clone(), second.clone()])
        .unwrap();
    assert!(remembers(&same, &token) && remembers(&same, &foreign));
    let mut narrower = settings.clone();
    narrower.accounts = Binding::List(vec![super::support::account_id("globex")]);
    let changed = same.succeed(vec![narrower, second]).unwrap();
    assert!(!remembers(&changed, &token));
    assert!(remembers(&changed, &foreign));
    assert!(changed.verify(&token, now()).await.is_ok());
    let gone = changed.succeed(vec![settings]).unwrap();
    assert!(!remembers(&gone, &foreign));
    let refused = gone.verify(&foreign, now()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::IssuerUnknown);
    assert!(gone.verify(&token, now()).await.is_ok());
    // What the former ones prove now is not the next ones'.
    assert!(same.verify(&foreign, now()).await.is_ok());
    assert!(!remembers(&gone, &foreign));
}

#[tokio::test]
async fn keys_from_the_same_place_are_kept_and_aged_by_the_new_settings() {
    let signer = Signer::new("k1");
    let server = Server::start(jwks(&[&signer])).await;
    let clock = Clock::manual(now());
    let mut settings = cosmos(server.keys());
    settings.allow_local = true;
    settings.required = true;
    let first = issuers(vec![settings.clone()], &clock);
    let current = Arc::new(Mutex::new(Arc::clone(&first)));
    let (_drain, draining) = drain::channel();
    let follow = Arc::clone(&current);
    tokio::spawn(keep_fresh(
        move || Arc::clone(&follow.lock().unwrap()),
        draining,
    ));
    eventually("ready", || first.ready()).await;
    let fetches = server.fetches();
    settings.algorithms.push(crate::token::Algorithm::RS256);
    settings.max_stale = Duration::from_mins(6);
    let next = first.succeed(vec![settings.clone()]).unwrap();
    *current.lock().unwrap() = Arc::clone(&next);
    assert!(next.ready());
    assert!(next.verify(&signer.sign(&ana()), now()).await.is_ok());
    assert_eq!(server.fetches(), fetches);
    // They were fetched when they were fetched: the new bound counts from there.
    server.answer(503, "");
    clock.advance(361_000);
    assert!(!next.ready());
    // And they are fetched again when they are due.
    server.answer(200, jwks(&[&signer]));
    clock.advance(300_000);
    eventually("ready again", || next.ready()).await;
    // Another place: nothing is taken over.
    let elsewhere = Server::start(jwks(&[&signer])).await;
    settings.keys = elsewhere.keys();
    assert!(!next.succeed(vec![settings]).unwrap().ready());
}

#[tokio::test]
async fn each_list_names_what_it_names_and_ends_when_it_ends() {
    let signer = Signer::new("k1");
    let issuers = issuers(vec![cosmos(keys_of(&signer))], &Clock::manual(now()));
    let claims = with(
        ana(),
        &json!({"jti": "t1", "origin_jti": "s1", "sub": "ana-sub"}),
    );
    let verified = issuers.verify(&signer.sign(&claims), now()).await.unwrap();
    assert_eq!(ISS, claims["iss"]);
    let client = claims["client_id"].as_str().unwrap();
    let subject = |issuer, subject| Revoked::Subject { issuer, subject };
    let refused = |what: Revoked<'_>, until: Option<Timestamp>, at: Timestamp| {
        let mut list = Revocations::default();
        list.add(what, until);
        list.check(&verified, at).is_err()
    };
    for what in [
        Revoked::Token("t1"),
        Revoked::Session("s1"),
        Revoked::Client(client),
        subject("cosmos", "ana-sub"),
    ] {
        assert!(refused(what, None, now()), "{what:?}");
        let end = now().plus_millis(1000);
        assert!(refused(what, Some(end), now()), "{what:?}");
        assert!(!refused(what, Some(end), end), "{what:?}");
    }
    for what in [
        Revoked::Token("s1"),
        Revoked::Session("t1"),
        Revoked::Client("t1"),
        subject("other", "ana-sub"),
        subject("cosmos", "ana"),
    ] {
        assert!(!refused(what, None, now()), "{what:?}");
    }
}

#[test]
fn of_two_lists_the_longer_entry_holds() {
    let of = |until: Option<i64>| {
        let mut list = Revocations::default();
        list.add(Revoked::Token("t"), until.map(Timestamp));
        list
    };
    let both = of(Some(5)).and(&of(Some(9)));
    assert_eq!(both, of(Some(9)).and(&of(Some(5))));
    assert_eq!(both, of(Some(9)));
    assert_eq!(of(None).and(&of(Some(9))), of(None));
    assert_ne!(of(None).digest(), of(Some(9)).digest());
    assert_eq!(Revocations::default().and(&of(Some(5))).len(), 1);
    let mut user = Revocations::default();
    let (account, user_id) = ("acme", "ana");
    let what = Revoked::User {
        account,
        user: user_id,
    };
    user.add(what, None);
    assert_eq!(of(None).and(&user).len(), 2);
}
