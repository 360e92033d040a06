//! What is recorded of a question is answered as the question was, by those policies and by others.

use super::history::{history, stores};
use super::world::pdp;
use crate::decision::{Asking, Put, Recorded};
use crate::policy::{Answer, evaluate};
use std::collections::BTreeMap;

fn answer(put: &Put) -> Answer {
    let layers: Vec<_> = put.layers.iter().map(Asking::consulted).collect();
    evaluate(&layers, &put.request, &put.entities, put.now)
}

#[test]
fn what_is_recorded_is_answered_as_it_was() {
    let stores = stores();
    let (pdp, _) = pdp();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for asked in history(7, 400) {
        for store in &stores {
            for account in ["acme", "catalog", "globex"] {
                store.load(&super::world::account_id(account));
            }
            let question = asked.question();
            let puts = pdp.put_of(store, &question);
            let recorded = pdp.recorded(store, &question).expect("it can be asked");
            assert_eq!(recorded.len(), puts.len());
            let text = serde_json::to_string(&recorded).unwrap();
            let read: Vec<Recorded> = serde_json::from_str(&text).unwrap();
            assert_eq!(read, recorded);
            for (put, read) in puts.iter().zip(&read) {
                let again = read.put(store, asked.head.now).unwrap();
                let whose = |put: &Put| -> Vec<_> {
                    let layers = put.layers.iter();
                    layers.map(|one| (one.account.clone(), one.whose)).collect()
                };
                assert_eq!(whose(put), whose(&again), "{text}");
                let (was, is) = (answer(put), answer(&again));
                assert_eq!(was.ruling, is.ruling, "{text}");
                assert_eq!(was.determining, is.determining, "{text}");
                assert_eq!(was.errors.len(), is.errors.len(), "{text}");
                *seen.entry(format!("{:?}", is.ruling)).or_default() += 1;
            }
        }
    }
    assert!(
        seen.len() == 3 && seen.values().all(|count| *count > 5),
        "{seen:?}"
    );
}

#[test]
fn what_nobody_recorded_is_not_asked() {
    let stores = stores();
    let store = stores.first().expect("one");
    let (pdp, _) = pdp();
    let asked = history(7, 1).remove(0);
    let recorded = pdp
        .recorded(store, &asked.question())
        .expect("it can be asked");
    let good = recorded.first().expect("one").clone();
    let now = asked.head.now;
    assert!(good.put(store, now).is_ok());
    assert!(good.home().is_some() || good.principal.contains("Principal"));
    let bad = |change: fn(&mut Recorded)| {
        let mut other = good.clone();
        change(&mut other);
        other.put(store, now).expect_err("it is none").to_string()
    };
    for (why, part) in [
        (
            bad(|one| one.principal = "nobody".to_owned()),
            "no question",
        ),
        (
            bad(|one| one.action = "Tenancy::Action::\"x\"".to_owned()),
            "no route has the action",
        ),
        (
            bad(|one| one.context = serde_json::json!({})),
            "does not conform",
        ),
        (
            bad(|one| one.owner = Some("../x".to_owned())),
            "no question",
        ),
        (
            bad(|one| one.entities = vec![serde_json::json!({"uid": 7})]),
            "does not conform",
        ),
    ] {
        assert!(why.contains(part), "{why}");
    }
}
