//! Settings that do not start, and what is said about them.

use super::support::{Signer, client, cosmos, keys_of};
use crate::clock::Clock;
use crate::operation::ApiContext;
use crate::telemetry::Metrics;
use crate::token::{
    Binding, IssuerSettings, Issuers, KeySource, Preset, PrincipalEntry, PrincipalGrant,
};
use std::time::Duration;

fn faults(settings: Vec<IssuerSettings>) -> Vec<String> {
    match Issuers::new(settings, Clock::system(), Metrics::new()) {
        Ok(_) => Vec::new(),
        Err(faults) => {
            assert!(
                faults.iter().all(|fault| fault.help.is_some()),
                "{faults:?}"
            );
            faults.into_iter().map(|fault| fault.place.key).collect()
        }
    }
}

fn one(change: impl FnOnce(&mut IssuerSettings)) -> Vec<String> {
    let mut settings = cosmos(keys_of(&Signer::new("k")));
    change(&mut settings);
    faults(vec![settings])
}

#[test]
fn good_settings_start() {
    assert_eq!(one(|_| {}), [""; 0]);
    for preset in Preset::ALL {
        assert_eq!(Preset::parse(preset.label()), Some(preset));
        let mut settings = preset.issuer("a-1", "https://a.example", keys_of(&Signer::new("k")));
        settings.audiences = vec!["api".to_owned()];
        assert_eq!(faults(vec![settings]), [""; 0], "{preset:?}");
    }
}

#[test]
fn each_fault_is_found_at_its_place() {
    type Change = fn(&mut IssuerSettings);
    let cases: [(&str, Change); 21] = [
        ("audiences", |issuer| issuer.clients = Binding::None),
        ("audiences", |issuer| issuer.token_use = None),
        ("audiences", |issuer| {
            issuer.clients = Binding::List(Vec::new());
        }),
        ("audiences", |issuer| issuer.audiences = vec![String::new()]),
        ("name", |issuer| issuer.name = "Cosmos".to_owned()),
        ("name", |issuer| issuer.name = "a|b".to_owned()),
        ("name", |issuer| issuer.name.clear()),
        ("issuer", |issuer| issuer.issuer.clear()),
        ("leeway", |issuer| {
            issuer.leeway = Duration::from_millis(30_001);
        }),
        ("refresh", |issuer| issuer.refresh = Duration::from_secs(29)),
        ("max_stale", |issuer| {
            issuer.max_stale = Duration::from_mins(4);
        }),
        ("algorithms", |issuer| issuer.algorithms.clear()),
        ("types", |issuer| {
            issuer
                .types
                .push("application/Palisade-Assertion+JWT".to_owned());
        }),
        ("contexts", |issuer| {
            issuer.contexts.push(ApiContext::Portal);
        }),
        ("portal_clients", |issuer| issuer.portal = true),
        ("portal", |issuer| issuer.portal_clients.push(client("x"))),
        ("claims.account", |issuer| {
            issuer.mapping.account = Some("accountId".to_owned());
        }),
        ("claims.client", |issuer| issuer.mapping.client = None),
        ("jwks.url", |issuer| {
            issuer.keys = KeySource::Url {
                url: "http://idp.example/".to_owned(),
            }
        }),
        ("jwks.discovery", |issuer| {
            issuer.keys = KeySource::Discovery {
                url: "nonsense".to_owned(),
            }
        }),
        ("jwks.file", |issuer| {
            issuer.keys = KeySource::File {
                file: "f".to_owned(),
                text: "{}".into(),
            }
        }),
    ];
    for (key, change) in cases {
        assert_eq!(one(change), [format!("issuers[0].{key}")]);
    }
    let roots: Change = |issuer| {
        issuer.keys = KeySource::Url {
            url: "https://idp.example/".to_owned(),
        };
        issuer.roots = Some("no certificate".into());
    };
    assert_eq!(one(roots), ["issuers[0].roots"]);
}

#[test]
fn a_portal_issuer_must_be_able_to_tell_who_has_an_account() {
    let portal = |issuer: &mut IssuerSettings| {
        issuer.portal = true;
        issuer.portal_clients = vec![client("portal-web")];
    };
    assert_eq!(one(portal), [""; 0]);
    let unmapped = one(|issuer| {
        portal(issuer);
        issuer.mapping.user = None;
    });
    assert_eq!(unmapped, ["issuers[0].claims"]);
    let doubled = one(|issuer| {
        portal(issuer);
        let entry = PrincipalEntry {
            who: "root".to_owned(),
            roles: Vec::new(),
            grant: PrincipalGrant::default(),
        };
        issuer.principals = vec![entry.clone(), entry];
    });
    assert_eq!(doubled, ["issuers[0].principals"]);
}

#[test]
fn two_entries_share_neither_name_nor_issuer_and_all_faults_come_at_once() {
    let entry = || cosmos(keys_of(&Signer::new("k")));
    let mut third = entry();
    third.leeway = Duration::from_mins(1);
    third.algorithms.clear();
    let found = faults(vec![entry(), entry(), third]);
    let expected = [
        "[1].name",
        "[1].issuer",
        "[2].name",
        "[2].issuer",
        "[2].leeway",
        "[2].algorithms",
    ];
    assert_eq!(found, expected.map(|key| format!("issuers{key}")));
}
