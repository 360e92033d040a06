//! The model's cases, asked of the two layers.

use super::support::{account, overlay};
use crate::clock::Timestamp;
use crate::operation::{Access, ApiContext, Operation, ResourceType};
use crate::policy::{
    Answer, Consulted, OverlayState, PrincipalType, Ruling, Settings, Source, Store, Whose,
    evaluate,
};
use crate::tenant::OverlayMode;
use cedar_policy::{Context, Entities, EntityUid, Request};
use serde_json::Value;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

const SCHEMA: &str = include_str!("../../../tests/data/cedar/operations.cedarschema");
const BASELINE: &str = include_str!("../../../tests/data/cedar/baseline.cedar");
const OPERATIONS: &str = include_str!("../../../tests/data/cedar/operations.cedar");
const ENTITIES: &str = include_str!("../../../tests/data/cedar/entities.json");
const ACME: &str = include_str!("../../../tests/data/cedar/accounts/acme.cedar");
const GLOBEX: &str = include_str!("../../../tests/data/cedar/accounts/globex.cedar");
const EVIL: &str = include_str!("../../../tests/data/cedar/accounts/evil.cedar");

/// `action "a", "b" in [app, read] appliesTo { .., resource: [Resource], .. };`
fn operations() -> Vec<Arc<Operation>> {
    let lines = SCHEMA.lines().map(str::trim);
    let actions = lines.filter_map(|line| line.strip_prefix("action "));
    actions
        .flat_map(|line| {
            let (names, rest) = line.split_once(" in [").unwrap();
            let (groups, rest) = rest.split_once(']').unwrap();
            let groups: Vec<&str> = groups.split(", ").collect();
            let resource = match rest.split("resource: [").nth(1).unwrap() {
                rest if rest.starts_with("AccountResource") => ResourceType::AccountResource,
                rest if rest.starts_with("PlatformResource") => ResourceType::PlatformResource,
                _ => ResourceType::Resource,
            };
            names.split(", ").map(move |name| {
                Arc::new(Operation {
                    name: name.trim_matches('"').into(),
                    api_context: ApiContext::parse(groups[0]).unwrap(),
                    access: Access::parse(groups[1]).unwrap(),
                    catalog: groups.contains(&"catalog"),
                    resource,
                })
            })
        })
        .collect()
}

/// `acme` is the overlay of that account.
fn store(acme: (OverlayMode, &str)) -> Store {
    let settings = Settings {
        operations: operations(),
        platform: vec![
            Source::new("baseline.cedar", BASELINE),
            Source::new("operations.cedar", OPERATIONS),
        ],
        overlays: vec![
            overlay("acme", acme.0, acme.1),
            overlay("globex", OverlayMode::Permit, GLOBEX),
        ],
        principals_act_in: true,
        ..Settings::default()
    };
    let (store, warnings) = Store::build(settings).unwrap();
    assert_eq!(warnings, []);
    store
}

/// `None`: the schema does not list the question, so it is not asked.
fn ask(store: &Store, case: &Value, overlay: Option<&str>) -> Option<Answer> {
    let uid = |name: &str| EntityUid::from_str(case["request"][name].as_str().unwrap()).unwrap();
    let principal = uid("principal");
    let action = uid("action");
    let kind = PrincipalType::ALL
        .into_iter()
        .find(|kind| kind.label() == principal.type_name().basename())
        .unwrap();
    let operations = operations();
    let operation = operations
        .iter()
        .find(|operation| *operation.name == *action.id().unescaped())
        .unwrap();
    let environment = store.environment(kind, operation)?;
    let context = Context::from_json_value(case["request"]["context"].clone(), None).unwrap();
    let request = Request::new(
        principal,
        action,
        uid("resource"),
        context,
        Some(store.schema()),
    )
    .ok()?;
    let entities = Entities::from_json_str(ENTITIES, Some(store.schema())).unwrap();
    let mut consulted = vec![Consulted {
        slice: &environment.platform,
        whose: Whose::Platform,
        as_written: false,
    }];
    let overlay = overlay.map(|id| store.overlay(&account(id)));
    if let Some(OverlayState::Ready(overlay)) = &overlay {
        consulted.push(Consulted {
            slice: overlay.slice(environment).unwrap(),
            whose: Whose::Owner,
            as_written: false,
        });
    }
    Some(evaluate(&consulted, &request, &entities, Timestamp(0)))
}

const FORBIDS: (OverlayMode, &str) = (OverlayMode::Forbid, ACME);

fn run(file: &str, text: &str, overlay: Option<&str>) {
    run_on(&store(FORBIDS), file, text, overlay);
}

fn run_on(store: &Store, file: &str, text: &str, overlay: Option<&str>) {
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    assert!(!cases.is_empty(), "{file}");
    for case in &cases {
        let name = &case["name"];
        let Some(answer) = ask(store, case, overlay) else {
            assert_eq!(case["decision"], "deny", "{file}: {name}");
            continue;
        };
        let erring = case["num_errors"] != 0;
        let expected = match case["decision"].as_str().unwrap() {
            // Cedar skips the forbid that errs; the gate must not.
            "allow" if erring => Ruling::Error,
            "allow" => Ruling::Allow,
            _ => Ruling::Deny,
        };
        assert_eq!(answer.ruling, expected, "{file}: {name}: {answer:?}");
        assert_eq!(!answer.errors.is_empty(), erring, "{file}: {name}");
        if expected != Ruling::Error {
            let ids = answer.determining.iter();
            let ids: BTreeSet<&str> = ids.map(|id| id.rsplit('/').next().unwrap()).collect();
            let reason = case["reason"].as_array().unwrap().iter();
            let reason: BTreeSet<&str> = reason.map(|id| id.as_str().unwrap()).collect();
            // As `cedar run-tests` has it: these at least.
            assert!(reason.is_subset(&ids), "{file}: {name}: {ids:?}");
        }
    }
}

#[test]
fn the_platform_decides_as_its_cases_say() {
    run(
        "platform",
        include_str!("../../../tests/data/cedar/platform.json"),
        None,
    );
}

#[test]
fn an_overlay_that_forbids_narrows() {
    run(
        "acme",
        include_str!("../../../tests/data/cedar/acme.json"),
        Some("acme"),
    );
}

#[test]
fn an_overlay_that_permits_stays_under_the_guards() {
    run(
        "globex",
        include_str!("../../../tests/data/cedar/globex.json"),
        Some("globex"),
    );
}

#[test]
fn a_hostile_overlay_gets_nothing_outside_of_its_account() {
    // It names acme's entities, so that no other account could load it: here it is acme's own, and is
    // asked about everybody's requests.
    run_on(
        &store((OverlayMode::Permit, EVIL)),
        "evil",
        include_str!("../../../tests/data/cedar/evil.json"),
        Some("acme"),
    );
}

#[test]
fn guards_are_in_every_slice() {
    let store = store(FORBIDS);
    for environment in store.environments() {
        let ids: BTreeSet<&str> = environment
            .platform
            .policy_ids()
            .map(AsRef::as_ref)
            .collect();
        let guards = ids.iter().filter(|id| id.starts_with("platform/guard/"));
        assert_eq!(guards.count(), 9);
    }
}
