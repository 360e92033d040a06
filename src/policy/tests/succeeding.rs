//! From one store to the next: what is carried over, and what serves while something is broken.

use super::support::{account, operation, overlay, shipped};
use crate::operation::Access;
use crate::policy::{Overlay, OverlaySource, OverlayState, Settings, Source, Store};
use crate::tenant::OverlayMode;
use std::sync::Arc;

const FORBID: &str = "@id(\"f\") forbid (principal, action, resource);";
const PERMIT: &str = "@id(\"p\") permit (principal, action, resource);";
const BROKEN: &str = "@id(\"f\") forbid (principal";

fn with(mode: OverlayMode, text: &str) -> Settings {
    let globex = overlay("globex", OverlayMode::Forbid, FORBID);
    Settings {
        overlays: vec![overlay("acme", mode, text), globex],
        ..shipped()
    }
}

fn next(settings: Settings, former: &Store) -> Store {
    let built = Store::succeed(settings, Some(former));
    built
        .map_err(|faults| crate::fault::render(&faults))
        .unwrap()
        .0
}

fn of(store: &Store, id: &str) -> Option<Arc<Overlay>> {
    match store.overlay(&account(id)) {
        OverlayState::Ready(overlay) => Some(overlay),
        OverlayState::Absent | OverlayState::Cold | OverlayState::Unavailable => None,
    }
}

fn same(a: Option<Arc<Overlay>>, b: Option<Arc<Overlay>>) -> bool {
    Arc::ptr_eq(&a.unwrap(), &b.unwrap())
}

#[test]
fn only_what_changed_is_parsed_again() {
    let first = Store::build(with(OverlayMode::Forbid, FORBID)).unwrap().0;
    let same_files = next(with(OverlayMode::Forbid, FORBID), &first);
    assert!(same(of(&first, "acme"), of(&same_files, "acme")));
    assert_eq!(first.revision(), same_files.revision());
    let other = next(with(OverlayMode::Permit, PERMIT), &first);
    assert!(!same(of(&first, "acme"), of(&other, "acme")));
    assert!(same(of(&first, "globex"), of(&other, "globex")));
    assert_eq!(first.platform_hash(), other.platform_hash());
    // Another platform policy leaves overlays as they are; another operation does not.
    let mut settings = with(OverlayMode::Forbid, FORBID);
    settings.platform.push(Source::new("more.cedar", FORBID));
    let stricter = next(settings, &first);
    assert_ne!(first.platform_hash(), stricter.platform_hash());
    assert!(same(of(&first, "acme"), of(&stricter, "acme")));
    let mut settings = with(OverlayMode::Forbid, FORBID);
    settings
        .operations
        .push(operation("app/badges/list", Access::Read, false));
    let wider = next(settings, &first);
    assert!(!same(of(&first, "acme"), of(&wider, "acme")));
}

#[test]
fn the_text_that_passed_last_outlives_a_schema_under_which_it_does_not() {
    let named =
        "@id(\"f\") forbid (principal, action == Tenancy::Action::\"app/badges/list\", resource);";
    let badges = |text: &str| {
        let mut settings = with(OverlayMode::Forbid, text);
        settings
            .operations
            .push(operation("app/badges/list", Access::Read, false));
        settings
    };
    let first = Store::build(badges(named)).unwrap().0;
    let hash = *of(&first, "acme").unwrap().hash();
    let broken = next(badges(BROKEN), &first);
    assert_eq!(broken.quarantined(), [(&account("acme"), true)]);
    assert_eq!(of(&broken, "acme").unwrap().hash(), &hash);
    // The operation goes: neither text passes, so the account is denied.
    let without = next(with(OverlayMode::Forbid, BROKEN), &broken);
    assert_eq!(without.quarantined(), [(&account("acme"), false)]);
    // It comes back, and the last good text with it.
    let again = next(badges(BROKEN), &without);
    assert_eq!(again.quarantined(), [(&account("acme"), true)]);
    assert_eq!(of(&again, "acme").unwrap().hash(), &hash);
    assert_ne!(again.revision(), without.revision());
}

#[test]
fn the_last_good_text_is_held_to_the_mode_of_today() {
    let first = Store::build(with(OverlayMode::Permit, PERMIT)).unwrap().0;
    let narrower = next(with(OverlayMode::Forbid, BROKEN), &first);
    assert_eq!(narrower.quarantined(), [(&account("acme"), false)]);
    let as_wide = next(with(OverlayMode::Permit, BROKEN), &first);
    assert_eq!(as_wide.quarantined(), [(&account("acme"), true)]);
}

#[test]
fn what_cannot_be_read_is_not_taken_for_none() {
    let first = Store::build(with(OverlayMode::Forbid, FORBID)).unwrap().0;
    let mut settings = with(OverlayMode::Forbid, FORBID);
    let fault = crate::fault::Fault::error(
        "file_unreadable",
        crate::fault::Place::file("acme.cedar"),
        "x",
    );
    let unreadable = OverlaySource::new(
        account("acme"),
        OverlayMode::Forbid,
        Vec::new(),
        vec![fault],
    );
    settings.overlays[0] = Arc::new(unreadable);
    let unread = next(settings.clone(), &first);
    assert!(same(of(&first, "acme"), of(&unread, "acme")));
    let fresh = Store::build(settings).unwrap().0;
    assert!(matches!(
        fresh.overlay(&account("acme")),
        OverlayState::Unavailable
    ));
    // But an overlay that is gone is gone.
    let mut gone = with(OverlayMode::Forbid, FORBID);
    gone.overlays.remove(0);
    let gone = next(gone, &first);
    assert!(matches!(
        gone.overlay(&account("acme")),
        OverlayState::Absent
    ));
}

#[test]
fn a_broken_platform_gives_no_store() {
    let first = Store::build(with(OverlayMode::Forbid, FORBID)).unwrap().0;
    let mut settings = with(OverlayMode::Forbid, FORBID);
    settings.platform.push(Source::new("more.cedar", BROKEN));
    assert!(Store::succeed(settings, Some(&first)).is_err());
}
