//! Operations and stores to test with.

use crate::fault::Fault;
use crate::operation::{Access, ApiContext, Operation, ResourceType};
use crate::policy::{OverlaySource, Settings, Source, Store};
use crate::tenant::{AccountId, OverlayMode};
use std::sync::Arc;

pub(super) const BASELINE: &str = include_str!("../../../policies/baseline.cedar");
pub(super) const OPERATIONS: &str = include_str!("../../../policies/operations.cedar");

pub(super) fn operation(name: &str, access: Access, catalog: bool) -> Arc<Operation> {
    let api_context = ApiContext::parse(name.split('/').next().unwrap()).unwrap();
    Arc::new(Operation {
        name: name.into(),
        api_context,
        access,
        catalog,
        resource: match (api_context, name) {
            (ApiContext::Portal, "portal/accounts/list") => ResourceType::PlatformResource,
            (ApiContext::Portal, _) => ResourceType::AccountResource,
            _ => ResourceType::Resource,
        },
    })
}

/// Those of the demo's API.
pub(super) fn operations() -> Vec<Arc<Operation>> {
    vec![
        operation("app/missions/list", Access::Read, false),
        operation("app/missions/get", Access::Read, false),
        operation("app/missions/submit", Access::Create, false),
        operation("app/quizzes/list", Access::Read, true),
        operation("app/quizzes/get", Access::Read, true),
        operation("app/users/get", Access::Read, false),
        operation("app/users/update", Access::Update, false),
        operation("dashboard/missions/list", Access::Read, false),
        operation("dashboard/missions/get", Access::Read, false),
        operation("dashboard/missions/create", Access::Create, false),
        operation("dashboard/missions/update", Access::Update, false),
        operation("dashboard/missions/delete", Access::Delete, false),
        operation("dashboard/missions/publish", Access::Manage, false),
        operation("dashboard/users/list", Access::Read, false),
        operation("portal/accounts/list", Access::Read, false),
        operation("portal/accounts/get", Access::Read, false),
        operation("portal/accounts/suspend", Access::Manage, false),
    ]
}

pub(in crate::policy) fn shipped() -> Settings {
    Settings {
        operations: operations(),
        platform: vec![
            Source::new("policies/baseline.cedar", BASELINE),
            Source::new("policies/operations.cedar", OPERATIONS),
        ],
        ..Settings::default()
    }
}

pub(in crate::policy) fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

pub(in crate::policy) fn overlay(id: &str, mode: OverlayMode, text: &str) -> Arc<OverlaySource> {
    let files = vec![Source::new(format!("tenants/{id}.cedar"), text)];
    Arc::new(OverlaySource::new(account(id), mode, files, Vec::new()))
}

/// What the shipped set says of one further platform file.
pub(super) fn with_file(file: &str, text: &str) -> Result<(Store, Vec<Fault>), Vec<Fault>> {
    let mut settings = shipped();
    settings.platform.push(Source::new(file, text));
    Store::build(settings)
}

/// The one fault of that text as a platform file.
pub(super) fn fault_of(text: &str) -> Fault {
    let mut faults = with_file("policies/extra.cedar", text)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(faults.len(), 1, "{}", crate::fault::render(&faults));
    faults.remove(0)
}

/// What becomes of that text as acme's overlay: its faults, and whether it is quarantined.
pub(super) fn as_overlay(mode: OverlayMode, text: &str) -> (Vec<Fault>, bool) {
    let mut settings = shipped();
    settings.overlays = vec![overlay("acme", mode, text)];
    let (store, warnings) = Store::build(settings).unwrap();
    (warnings, !store.quarantined().is_empty())
}
