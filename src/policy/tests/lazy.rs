//! Overlays are kept as text, and parsed when somebody asks.

use super::support::{account, operation, overlay, shipped};
use crate::operation::Access;
use crate::policy::{OverlayBytes, OverlayState, Settings, Store};
use crate::tenant::OverlayMode;
use std::sync::Arc;
use std::time::Duration;

const GOOD: &str =
    "@id(\"f\") forbid (principal, action, resource) when { context.ip.isLoopback() };";
const OTHER: &str = "@id(\"g\") forbid (principal, action, resource);";
const BAD: &str = "@id(\"f\") forbid (principal, action, resource) when { context.nothing };";

fn settings(overlays: &[(&str, &str)]) -> Settings {
    let overlays = overlays.iter();
    let overlays = overlays.map(|(id, text)| overlay(id, OverlayMode::Forbid, text));
    Settings {
        overlays: overlays.collect(),
        ..shipped()
    }
}

fn start(settings: Settings) -> Store {
    Store::succeed(settings, None).unwrap().0
}

fn next(settings: Settings, former: &Store) -> Store {
    Store::succeed(settings, Some(former)).unwrap().0
}

fn state(store: &Store, id: &str) -> &'static str {
    match store.overlay(&account(id)) {
        OverlayState::Absent => "absent",
        OverlayState::Cold => "cold",
        OverlayState::Ready(_) => "ready",
        OverlayState::Unavailable => "unavailable",
    }
}

#[test]
fn a_start_parses_no_overlay_and_asking_does() {
    let store = start(settings(&[("acme", GOOD), ("globex", BAD)]));
    assert_eq!(
        (state(&store, "acme"), state(&store, "globex")),
        ("cold", "cold")
    );
    assert_eq!(store.quarantined(), []);
    store.load(&account("acme"));
    store.load(&account("globex"));
    assert_eq!(state(&store, "acme"), "ready");
    assert_eq!(state(&store, "globex"), "unavailable");
    assert_eq!(store.quarantined(), [(&account("globex"), false)]);
    let report = store.overlay_report(&account("globex")).unwrap();
    assert_eq!((report.state, report.serves), ("quarantined", "nothing"));
    assert_eq!(report.faults[0].code, "policy_invalid");
    assert_eq!(report.faults[0].place.line_column().unwrap().0, 1);
    assert_eq!(state(&store, "initech"), "absent");
}

#[test]
fn a_check_finds_what_is_wrong_and_keeps_nothing_parsed() {
    let store = start(settings(&[("acme", GOOD), ("globex", BAD)]));
    assert_eq!(store.unchecked(), [account("acme"), account("globex")]);
    let unchecked = store.unchecked();
    // It rests after each that takes long, and goes on behind it.
    assert_eq!(store.check(&unchecked, Duration::ZERO), (1, 0));
    assert_eq!(store.check(&unchecked, Duration::MAX), (2, 1));
    assert_eq!(store.unchecked(), []);
    assert_eq!(
        (state(&store, "acme"), state(&store, "globex")),
        ("cold", "unavailable")
    );
    assert_eq!(store.overlay_counts().parsed, 0);
    assert_eq!(store.overlay_counts().quarantined, 1);
}

#[test]
fn replicas_with_equal_files_show_equal_revisions_whatever_they_have_parsed() {
    let files = [("acme", GOOD), ("globex", BAD)];
    let (cold, parsed, checked) = (
        start(settings(&files)),
        start(settings(&files)),
        Store::build(settings(&files)).unwrap().0,
    );
    let before = parsed.revision().to_owned();
    parsed.load(&account("acme"));
    parsed.load(&account("globex"));
    assert_eq!(parsed.revision(), before);
    assert_eq!(cold.revision(), checked.revision());
    // The same after a reload that changes something else, from either.
    let mut more = settings(&files);
    more.operations
        .push(operation("app/badges/list", Access::Read, false));
    let (one, other) = (next(more.clone(), &cold), next(more, &parsed));
    assert_eq!(one.revision(), other.revision());
    // And after a reload that gives one of them another text.
    let changed = settings(&[("acme", OTHER), ("globex", BAD)]);
    let (one, other) = (next(changed.clone(), &cold), next(changed, &parsed));
    assert_eq!(one.revision(), other.revision());
}

#[test]
fn a_bad_text_never_takes_the_place_of_a_good_one_that_nobody_had_asked() {
    let first = start(settings(&[("acme", GOOD), ("globex", GOOD)]));
    let second = next(settings(&[("acme", BAD), ("globex", GOOD)]), &first);
    assert_eq!(second.quarantined(), [(&account("acme"), true)]);
    assert_eq!(state(&second, "acme"), "ready");
    assert_eq!(state(&second, "globex"), "cold", "it did not change");
    let OverlayState::Ready(serving) = second.overlay(&account("acme")) else {
        panic!("the last good one serves");
    };
    let good = overlay("acme", OverlayMode::Forbid, GOOD);
    assert_eq!(serving.hash(), good.hash());
    // A text that was never good is none to fall back to.
    let first = start(settings(&[("acme", BAD)]));
    let other = "@id(\"f\") forbid (principal";
    let second = next(settings(&[("acme", other)]), &first);
    assert_eq!(state(&second, "acme"), "unavailable");
}

#[test]
fn what_did_not_change_is_the_same_value_and_what_is_in_use_stays_parsed() {
    let files = [("acme", GOOD), ("globex", OTHER)];
    let first = start(settings(&files));
    first.load(&account("acme"));
    let held = |store: &Store, id: &str| Arc::clone(store.held(&account(id)).unwrap());
    let second = next(settings(&files), &first);
    assert!(Arc::ptr_eq(&held(&first, "acme"), &held(&second, "acme")));
    assert!(Arc::ptr_eq(
        &held(&first, "globex"),
        &held(&second, "globex")
    ));
    let third = next(settings(&[("acme", GOOD), ("globex", GOOD)]), &second);
    assert!(Arc::ptr_eq(&held(&first, "acme"), &held(&third, "acme")));
    assert_eq!(
        state(&third, "globex"),
        "ready",
        "a change is looked at before it serves"
    );
    // Another schema: everything is to be looked at again, and what was in use is at once.
    let mut wider = settings(&files);
    wider
        .operations
        .push(operation("app/badges/list", Access::Read, false));
    let wider = next(wider, &second);
    assert_eq!(
        (state(&wider, "acme"), state(&wider, "globex")),
        ("ready", "cold")
    );
}

#[test]
fn what_was_asked_longest_ago_makes_room() {
    let names: Vec<String> = (0..6).map(|at| format!("account-{at}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, GOOD)).collect();
    let mut small = settings(&files);
    let one = {
        let store = start(settings(&files));
        store.load(&account("account-0"));
        store.overlay_counts().parsed_bytes
    };
    assert!(one > 1_000, "{one}");
    small.overlay_bytes = OverlayBytes(3 * one);
    let store = start(small);
    for name in &names[..3] {
        store.load(&account(name));
    }
    assert_eq!(state(&store, "account-0"), "ready");
    store.load(&account("account-3"));
    assert_eq!(
        state(&store, "account-0"),
        "ready",
        "it was asked a moment ago"
    );
    assert_eq!(state(&store, "account-1"), "cold");
    assert_eq!(store.overlay_counts().parsed, 3);
    assert_eq!(store.overlay_counts().parsed_bytes, 3 * one);
    // The text is there still.
    store.load(&account("account-1"));
    assert_eq!(state(&store, "account-1"), "ready");
}

#[test]
fn no_budget_is_too_small_for_the_one_that_is_asked() {
    let mut none = settings(&[("acme", GOOD), ("globex", GOOD)]);
    none.overlay_bytes = OverlayBytes(0);
    let store = start(none);
    for id in ["acme", "globex", "acme"] {
        store.load(&account(id));
        assert_eq!(state(&store, id), "ready");
        assert_eq!(store.overlay_counts().parsed, 1);
    }
}

#[test]
fn two_entries_for_one_account_deny_it() {
    let store = start(settings(&[("acme", GOOD), ("acme", OTHER)]));
    assert_eq!(state(&store, "acme"), "unavailable");
    assert_eq!(store.quarantined(), [(&account("acme"), false)]);
    let again = next(settings(&[("acme", GOOD), ("acme", OTHER)]), &store);
    assert_eq!(state(&again, "acme"), "unavailable");
    // One of them alone is the whole of it, and nothing is wrong with it.
    let one = next(settings(&[("acme", OTHER)]), &again);
    assert_eq!(state(&one, "acme"), "ready");
    assert_eq!(one.quarantined(), []);
}

#[test]
fn what_passed_last_outlives_a_schema_under_which_it_does_not_pass() {
    let tied = "@id(\"t\") forbid (principal, action in Tenancy::Action::\"read\", resource is Tenancy::Resource) when { principal.account != resource.account };";
    let with = |text: &str, principals_act_in: bool| Settings {
        principals_act_in,
        ..settings(&[("acme", text)])
    };
    let first = start(with(tied, false));
    first.load(&account("acme"));
    assert_eq!(state(&first, "acme"), "ready");
    // A Principal has no account.
    let second = next(with(tied, true), &first);
    assert_eq!(state(&second, "acme"), "unavailable");
    let third = next(with(BAD, true), &second);
    assert_eq!(state(&third, "acme"), "unavailable");
    let fourth = next(with(BAD, false), &third);
    assert_eq!(fourth.quarantined(), [(&account("acme"), true)]);
    assert_eq!(state(&fourth, "acme"), "ready");
}
