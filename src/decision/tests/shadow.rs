//! Policies that are to be: what they would have said, and what is lost when there is too much to ask.

use super::world::{account_id, adi, admit, directory, noon, overlay, settings, store, target};
use crate::decision::{Answered, Shadow, ShadowAsked, ShadowSettings, Shadows};
use crate::policy;
use crate::reason::Reason;
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn shadow(policy: policy::Settings) -> Arc<Shadow> {
    let settings = ShadowSettings {
        folder: "next".into(),
        every: 1,
        policy,
        own_platform: true,
        accounts: [account_id("acme")].into(),
        faults: Vec::new(),
        strays: Vec::new(),
    };
    Arc::new(Shadow::new(
        settings,
        &Arc::new(store(super::world::settings())),
        None,
    ))
}

fn asked(outcome: Result<(), Reason>) -> ShadowAsked {
    let (caller, head) = (adi(), noon());
    let target = target("dashboard/missions/publish", "m-1", None);
    let scope = admit(&caller, &target, &directory("enterprise", &[], true), &head).unwrap();
    ShadowAsked {
        request_id: "r-1".into(),
        caller,
        target,
        scope,
        head: head.into(),
        answer: Answered {
            outcome,
            determining: Arc::default(),
        },
    }
}

fn soon(what: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_mins(1);
    while !what() {
        assert!(Instant::now() < until, "it takes too long");
        std::thread::yield_now();
    }
}

fn value(metrics: &Metrics, name: &str) -> f64 {
    metrics.value(name, &[]).unwrap()
}

fn compared(metrics: &Metrics, result: &str) -> f64 {
    let name = "palisade_shadow_decisions_total";
    metrics.value(name, &[("result", result)]).unwrap()
}

#[test]
fn a_full_queue_loses_comparisons_and_counts_each() {
    let metrics = Metrics::new();
    let (shadow, shadows) = (shadow(settings()), Shadows::new(Arc::clone(&metrics)));
    let held_up = shadow.held_up();
    shadows.follow(Some(&shadow));
    for _ in 0..1_100 {
        shadows.offer(&shadow, || Some(asked(Ok(()))));
    }
    let dropped = value(&metrics, "palisade_shadow_dropped_total");
    assert!((76.0..=77.0).contains(&dropped), "{dropped}");
    drop(held_up);
    soon(|| compared(&metrics, "other_policies") + dropped >= 1_100.0);
    let shown = shadows.shown(Some(&account_id("acme")));
    assert!(shown.examples.len() <= 3, "{}", shown.examples.len());
    assert_eq!(shadows.shown(Some(&account_id("globex"))).accounts.len(), 0);
}

#[test]
fn what_does_not_load_is_not_asked() {
    let metrics = Metrics::new();
    let mut broken = settings();
    broken
        .platform
        .push(policy::Source::new("next/x.cedar", "permit (principal"));
    let (shadow, shadows) = (shadow(broken), Shadows::new(Arc::clone(&metrics)));
    shadows.follow(Some(&shadow));
    shadows.offer(&shadow, || Some(asked(Ok(()))));
    soon(|| compared(&metrics, "error") >= 1.0);
    assert!(value(&metrics, "palisade_shadow_loaded") < 0.5);
    assert!(value(&metrics, "palisade_shadow_faults") >= 1.0);
    assert!(shadows.shown(None).examples.is_empty());
}

#[test]
fn an_accounts_broken_policies_never_count_as_the_same() {
    let metrics = Metrics::new();
    let mut broken = settings();
    broken.overlays.push(overlay("acme", "permit (principal"));
    let (shadow, shadows) = (shadow(broken), Shadows::new(Arc::clone(&metrics)));
    shadows.follow(Some(&shadow));
    for outcome in [Ok(()), Err(Reason::PolicyDenied)] {
        shadows.offer(&shadow, || Some(asked(outcome)));
    }
    soon(|| compared(&metrics, "error") >= 2.0);
    let shown = shadows.shown(Some(&account_id("acme")));
    assert!(
        shown
            .examples
            .iter()
            .all(|one| one.after.decision.is_none())
    );
}
