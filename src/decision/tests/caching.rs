//! What is remembered, and for how long.

use super::world::{
    NOON, account_id, admit, ana, directory, head, member, noon, overlay, pdp, root, settings,
    store, store_with, target,
};
use crate::decision::facts::{self, Facts};
use crate::decision::key::Key;
use crate::decision::layers::Layers;
use crate::decision::{Asked, Pdp, Question, Settings};
use crate::head::Head;
use crate::policy::{self, Ruling, Slow, Store};
use crate::route::Target;
use crate::telemetry::Metrics;
use crate::tenant::WorkspaceRole;
use crate::token::Caller;
use std::sync::Arc;
use std::time::Duration;

/// Whether the answer was remembered.
fn cached(
    pdp: &Pdp,
    store: &Store,
    caller: &Arc<Caller>,
    target: &Arc<Target>,
    head: &Head,
) -> bool {
    let directory = directory("enterprise", &[], true);
    let scope = admit(caller, target, &directory, head).unwrap();
    let question = Question {
        caller,
        target,
        scope,
        head,
    };
    match pdp.decide(store, question) {
        Ok(permit) => permit.cached(),
        Err(denied) => denied.cached,
    }
    .unwrap()
}

fn at(now: &str) -> Head {
    head(now, "198.51.100.7", "/")
}

#[test]
fn the_second_answer_is_remembered_and_counted() {
    let store = store(settings());
    let (pdp, metrics) = pdp();
    metrics.register_policies(store.platform_policy_ids().iter().map(AsRef::as_ref));
    let list = target("app/missions/list", "", None);
    assert!(!cached(&pdp, &store, &ana(), &list, &at(NOON)));
    assert!(cached(&pdp, &store, &ana(), &list, &at(NOON)));
    // Another address, and a second later: nobody asks about either.
    let elsewhere = head("2026-11-23T12:00:01Z", "203.0.113.9", "/elsewhere");
    assert!(cached(&pdp, &store, &ana(), &list, &elsewhere));
    let value = |name, labels: &[(&str, &str)]| metrics.value(name, labels).unwrap();
    assert!((value("palisade_decision_cache_hits_total", &[]) - 2.0).abs() < 0.1);
    assert!((value("palisade_decision_cache_misses_total", &[]) - 1.0).abs() < 0.1);
    let viewer = [("policy", "platform/baseline/base.viewer")];
    assert!((value("palisade_policy_determining_total", &viewer) - 3.0).abs() < 0.1);
}

#[test]
fn a_question_that_waits_for_policies_is_counted_once() {
    let mut settings = settings();
    settings.overlays = vec![overlay(
        "catalog",
        r#"@id("no") forbid (principal, action, resource) when { false };"#,
    )];
    let store = Store::succeed(settings, None).unwrap().0;
    let (pdp, metrics) = pdp();
    metrics.register_policies(store.platform_policy_ids().iter().map(AsRef::as_ref));
    let edi = member("acme", "acme-prod", "edi", WorkspaceRole::Editor);
    // The one at home can be asked at once, the one in the catalog cannot.
    let create = target("dashboard/missions/create", "", Some("catalog-01"));
    assert!(!cached(&pdp, &store, &edi, &create, &at(NOON)));
    let value = |name, labels: &[(&str, &str)]| metrics.value(name, labels);
    let hits = value("palisade_decision_cache_hits_total", &[]);
    let misses = value("palisade_decision_cache_misses_total", &[]);
    assert_eq!((hits, misses), (Some(0.0), Some(2.0)));
    let editor = [("policy", "platform/baseline/base.editor")];
    let counted = value("palisade_policy_determining_total", &editor);
    assert_eq!(counted, Some(1.0));
}

#[test]
fn missions_share_an_answer_where_no_policy_tells_them_apart() {
    let (pdp, _) = pdp();
    let get = |id| target("app/missions/get", id, None);
    let plain = store(settings());
    assert!(!cached(&pdp, &plain, &ana(), &get("m-1"), &at(NOON)));
    assert!(cached(&pdp, &plain, &ana(), &get("m-2"), &at(NOON)));
    let telling = store_with(
        r#"@id("x") forbid (principal, action, resource is Tenancy::Resource) when { resource has id && resource.id == "m-2" };"#,
    );
    assert!(!cached(&pdp, &telling, &ana(), &get("m-1"), &at(NOON)));
    assert!(!cached(&pdp, &telling, &ana(), &get("m-2"), &at(NOON)));
    assert!(cached(&pdp, &telling, &ana(), &get("m-1"), &at(NOON)));
}

#[test]
fn an_answer_holds_until_the_next_moment_that_policies_know() {
    let office = store_with(
        r#"@id("office") forbid (principal, action, resource) unless { context.now.toTime() < duration("18h") };"#,
    );
    let (pdp, _) = pdp();
    let list = target("app/missions/list", "", None);
    assert!(!cached(
        &pdp,
        &office,
        &ana(),
        &list,
        &at("2026-11-23T17:59:58Z")
    ));
    assert!(cached(
        &pdp,
        &office,
        &ana(),
        &list,
        &at("2026-11-23T17:59:59.999Z")
    ));
    assert!(!cached(
        &pdp,
        &office,
        &ana(),
        &list,
        &at("2026-11-23T18:00:00Z")
    ));
    // Clocks may step back: what was remembered at six says nothing of a minute before.
    assert!(!cached(
        &pdp,
        &office,
        &ana(),
        &list,
        &at("2026-11-23T17:59:00Z")
    ));
}

#[test]
fn a_principals_answer_ends_with_its_grant() {
    let store = store(settings());
    let (pdp, _) = pdp();
    let get = target("portal/accounts/get", "acme", None);
    // The token, and so the grant, ends at midnight.
    assert!(!cached(
        &pdp,
        &store,
        &root(),
        &get,
        &at("2026-11-23T23:59:59Z")
    ));
    assert!(cached(
        &pdp,
        &store,
        &root(),
        &get,
        &at("2026-11-23T23:59:59.999Z")
    ));
}

#[test]
fn what_depends_on_this_very_moment_is_asked_every_time() {
    let store = store_with(
        r#"@id("x") forbid (principal, action, resource) when { context.now.toDate() == datetime("2026-12-24") };"#,
    );
    let (pdp, _) = pdp();
    let list = target("app/missions/list", "", None);
    assert!(!cached(&pdp, &store, &ana(), &list, &at(NOON)));
    assert!(!cached(&pdp, &store, &ana(), &list, &at(NOON)));
}

#[test]
fn settings_bound_what_is_kept() {
    let store = store(settings());
    let list = target("app/missions/list", "", None);
    let with = |settings: Settings| Pdp::new(settings, Metrics::new());
    let brief = with(Settings {
        ttl: Duration::from_secs(1),
        ..Settings::default()
    });
    assert!(!cached(&brief, &store, &ana(), &list, &at(NOON)));
    assert!(cached(
        &brief,
        &store,
        &ana(),
        &list,
        &at("2026-11-23T12:00:00.999Z")
    ));
    assert!(!cached(
        &brief,
        &store,
        &ana(),
        &list,
        &at("2026-11-23T12:00:01Z")
    ));
    let none = with(Settings {
        ttl: Duration::ZERO,
        ..Settings::default()
    });
    assert!(!cached(&none, &store, &ana(), &list, &at(NOON)));
    assert!(!cached(&none, &store, &ana(), &list, &at(NOON)));
}

#[test]
fn a_change_of_one_accounts_policies_cools_nobody_else() {
    let with = |text: &str| {
        let mut settings = settings();
        settings.overlays = vec![overlay("globex", text)];
        store(settings)
    };
    let (pdp, _) = pdp();
    let list = target("app/missions/list", "", None);
    let before = with(r#"@id("a") forbid (principal, action, resource);"#);
    let after = with(r#"@id("b") forbid (principal, action, resource);"#);
    assert_ne!(before.revision(), after.revision());
    assert!(!cached(&pdp, &before, &ana(), &list, &at(NOON)));
    assert!(cached(&pdp, &after, &ana(), &list, &at(NOON)));
}

/// A history that the cache has learnt wrongly: whoever looks after it finds out.
#[test]
fn a_wrong_answer_in_the_cache_ends_remembering() {
    let store = store(settings());
    let metrics = Metrics::new();
    let every = Settings {
        audit_every: 1,
        ..Settings::default()
    };
    let pdp = Pdp::new(every, Arc::clone(&metrics));
    let (list, head) = (target("app/missions/list", "", None), at(NOON));
    let caller = ana();
    assert!(!cached(&pdp, &store, &caller, &list, &head));
    assert!(cached(&pdp, &store, &caller, &list, &head));
    assert_eq!(pdp.mismatch(), None);
    let directory = directory("enterprise", &[], true);
    let head = noon();
    let question = Question {
        caller: &caller,
        target: &list,
        scope: admit(&caller, &list, &directory, &head).unwrap(),
        head: &head,
    };
    poison(&pdp, &store, &question);
    // Nobody gets the wrong answer that was found out, and nothing is remembered from then on.
    for _ in 0..2 {
        let permit = pdp.decide(&store, question.clone()).unwrap();
        assert_eq!(permit.cached(), Some(false));
    }
    let found = pdp.mismatch().unwrap();
    assert_eq!(&*found.action, "app/missions/list");
    assert!(found.remembered.starts_with("Deny"), "{found:?}");
    assert!(found.fresh.starts_with("Allow"), "{found:?}");
    assert!(pdp.kept().off);
    let told = metrics.render();
    assert!(
        told.contains("palisade_decision_cache_mismatch_total 1"),
        "{told}"
    );
}

/// Puts a denial in the place of the answer.
fn poison(pdp: &Pdp, store: &Store, question: &Question<'_>) {
    let about = facts::asked(question).next().unwrap();
    let facts = Facts::read(question, about).unwrap();
    let layers = Layers::find(store, &facts).unwrap();
    let key = Key::of(store, &layers, &facts);
    let denial = policy::Answer {
        ruling: Ruling::Deny,
        determining: Vec::new(),
        errors: Vec::new(),
        isolation: false,
        slow: Slow::default(),
    };
    let facts = &facts;
    let asked = Asked {
        store,
        layers,
        facts,
    };
    pdp.keep(denial, &key, &asked);
}

#[test]
fn no_account_fills_the_cache() {
    let read_it_all = r#"@id("x") forbid (principal, action, resource) when { context.http.path like "*/never" };"#;
    let mut settings = settings();
    settings.overlays = vec![overlay("acme", read_it_all)];
    let store = store(settings);
    let metrics = Metrics::new();
    let small = Settings {
        bytes_max: 64 * 1024,
        ..Settings::default()
    };
    let pdp = Pdp::new(small, Arc::clone(&metrics));
    let list = target("app/missions/list", "", None);
    for path in 0..200 {
        let head = head(NOON, "198.51.100.7", &format!("/app/v1/{path}"));
        assert!(!cached(&pdp, &store, &ana(), &list, &head));
    }
    let acme = pdp.remembered_of(&account_id("acme"));
    assert!(acme > 4 * 1024 && acme <= 8 * 1024, "{acme}");
    let bo = member("globex", "globex-prod", "bo", WorkspaceRole::Viewer);
    assert!(!cached(&pdp, &store, &bo, &list, &at(NOON)));
    assert!(cached(&pdp, &store, &bo, &list, &at(NOON)));
    let told = metrics.render();
    assert!(!told.contains("share_exceeded_total 0"), "{told}");
}
