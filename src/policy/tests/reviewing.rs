//! What passes review, and what is said of the rest.

use super::support::{fault_of, operation, shipped, with_file};
use crate::fault::render;
use crate::operation::Access;
use crate::policy::{Settings, Source, Store};

#[test]
fn the_shipped_policies_pass_without_a_warning() {
    let (store, warnings) = Store::build(shipped()).map_err(|f| render(&f)).unwrap();
    assert_eq!(warnings, [], "{}", render(&warnings));
    let ids = store.platform_policy_ids();
    assert!(ids.iter().any(|id| **id == *"platform/guard/guard.tenant"));
    assert!(
        ids.iter()
            .any(|id| **id == *"platform/baseline/base.viewer")
    );
    assert_eq!(ids.len(), 9 + 6 + 6);
}

#[test]
fn the_guards_alone_make_a_store() {
    let (store, warnings) = Store::build(Settings::default()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(store.environments().count(), 0);
}

#[test]
fn equal_files_give_equal_revisions() {
    let revision = |settings: Settings| Store::build(settings).unwrap().0.revision().to_owned();
    let mut moved = shipped();
    moved.platform.reverse();
    for source in &mut moved.platform {
        source.file = format!("/elsewhere/{}", source.file);
    }
    assert_eq!(revision(shipped()), revision(moved));
    let mut changed = shipped();
    changed
        .operations
        .push(operation("app/badges/list", Access::Read, false));
    assert_ne!(revision(shipped()), revision(changed));
}

#[test]
fn faults_have_place_and_help() {
    let fault = fault_of(
        "\n\n@id(\"x\") permit (principal, action = Tenancy::Action::\"read\", resource);",
    );
    assert_eq!(fault.code, "policy_syntax");
    assert_eq!(fault.place.line_column().unwrap().0, 3);
    assert!(fault.help.is_some(), "{fault:?}");
}

#[test]
fn all_faults_of_all_files_are_told() {
    let mut settings = shipped();
    settings.platform.push(Source::new(
        "a.cedar",
        "@id(\"one\") permit (principal, acton, resource);\n@id(\"two\") forbid (principal, action, resource) when { 1 + };\n",
    ));
    settings.platform.push(Source::new(
        "b.cedar",
        "@id(\"three\") forbid (principal, action == Tenancy::Action::\"app/missions/lst\", resource);\n@ticket(\"x\") forbid (principal, action, resource);\n@id(\"five\") @resaon(\"x\") forbid (principal, action, resource);",
    ));
    let mut faults = Store::build(settings).map(|_| ()).unwrap_err();
    faults.retain(crate::fault::Fault::is_error);
    let at: Vec<_> = faults
        .iter()
        .map(|fault| {
            (
                fault.place.file.as_str(),
                fault.place.line_column().unwrap().0,
            )
        })
        .collect();
    assert_eq!(
        at,
        [
            ("a.cedar", 1),
            ("a.cedar", 2),
            ("b.cedar", 2),
            ("b.cedar", 3),
            ("b.cedar", 1)
        ],
        "{}",
        render(&faults)
    );
    assert_eq!(faults[3].help.as_deref(), Some("did you mean `@reason`?"));
    assert_eq!(
        faults[4].help.as_deref(),
        Some("did you mean `Tenancy::Action::\"app/missions/list\"`?")
    );
}

#[test]
fn ids_are_needed_and_unique_in_the_layer() {
    assert_eq!(
        fault_of("forbid (principal, action, resource);").code,
        "policy_annotation"
    );
    assert_eq!(
        fault_of("@id(\"a b\") forbid (principal, action, resource);").code,
        "policy_annotation"
    );
    let twice = fault_of("@id(\"base.viewer\") forbid (principal, action, resource);");
    assert_eq!(twice.code, "policy_duplicate_id");
    assert!(twice.help.unwrap().contains("baseline.cedar"));
}

#[test]
fn annotations_are_a_closed_list_with_a_grammar() {
    for (annotation, good) in [
        ("@not_after(\"2027-01-01T00:00:00Z\")", true),
        ("@not_after(\"tomorrow\")", false),
        ("@review_by(\"2027-01-31\")", true),
        ("@review_by(\"soon\")", false),
        ("@cache(\"no\")", true),
        ("@cache(\"30s\")", true),
        ("@cache(\"often\")", false),
        ("@isolation", false),
        (
            "@owner(\"team\") @ticket(\"T-1\") @description(\"d\") @reason(\"r\")",
            true,
        ),
        ("@secret(\"x\")", false),
    ] {
        let text = format!("@id(\"x\") {annotation} permit (principal, action, resource);");
        assert_eq!(
            with_file("extra.cedar", &text).is_ok(),
            good,
            "{annotation}"
        );
    }
    let forbid =
        "@id(\"x\") @not_after(\"2027-01-01T00:00:00Z\") forbid (principal, action, resource);";
    assert_eq!(fault_of(forbid).code, "policy_annotation");
}

#[test]
fn what_strict_or_level_one_validation_refuses_does_not_serve() {
    for condition in [
        "principal.nme == 1",
        "resource has owner && resource.owner.mfa",
        "principal in Tenancy::PlatformRole::\"oprator\"",
        "context.tenant.plan == 3",
    ] {
        let text = format!(
            "@id(\"x\") forbid (principal is Tenancy::User, action in Tenancy::Action::\"scoped\", resource is Tenancy::Resource) when {{ {condition} }};"
        );
        assert!(with_file("extra.cedar", &text).is_err(), "{condition}");
    }
}

#[test]
fn guards_have_one_form() {
    for (text, good) in [
        (
            "forbid (principal, action, resource) unless { resource has account };",
            true,
        ),
        (
            "permit (principal, action, resource) unless { resource has account };",
            false,
        ),
        (
            "forbid (principal, action in Tenancy::Action::\"scoped\", resource) unless { resource has account };",
            false,
        ),
        (
            "forbid (principal is Tenancy::User, action, resource) unless { resource has account };",
            false,
        ),
        (
            "forbid (principal, action, resource) unless { principal has account && principal.account == resource.account };",
            false,
        ),
        (
            "forbid (principal, action, resource) when { context has grant } unless { resource has account };",
            false,
        ),
        (
            "forbid (principal, action, resource) unless { (context has grant || principal has account) && context.grant.all };",
            false,
        ),
        (
            "forbid (principal, action, resource) unless { !(context has grant) && context.grant.all };",
            false,
        ),
        ("forbid (principal, action, resource);", false),
    ] {
        let text = format!("@id(\"extra\") @isolation @reason(\"r\") {text}");
        let built = with_file("policies/guard.cedar", &text);
        let form =
            |faults: Vec<crate::fault::Fault>| faults.iter().any(|f| f.code == "policy_guard_form");
        match built {
            Ok((store, _)) => {
                assert!(good, "{text}");
                assert!(
                    store
                        .platform_policy_ids()
                        .iter()
                        .any(|id| **id == *"platform/guard/extra")
                );
            }
            Err(faults) => assert!(!good && form(faults), "{text}"),
        }
    }
    let unreasoned =
        "@id(\"extra\") forbid (principal, action, resource) unless { resource has account };";
    assert!(with_file("policies/guard.cedar", unreasoned).is_err());
}

#[test]
fn a_copy_of_another_versions_core_is_one_fault_that_says_so() {
    let shipped_core = include_str!("../../../schemas/core.cedarschema");
    let own = |text: String| {
        let mut settings = shipped();
        settings.schema = vec![Source::new("schemas/core.cedarschema", text)];
        Store::build(settings).map(|_| ())
    };
    assert!(own(shipped_core.to_owned()).is_ok());
    let former = shipped_core.replace("Certificate", "Badge");
    let faults = own(former).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let shown = faults[0].to_string();
    assert!(shown.starts_with("schemas/core.cedarschema"), "{shown}");
    assert!(shown.contains("it lacks `Certificate`"), "{shown}");
    assert!(shown.contains("in its place"), "{shown}");
}

#[test]
fn a_deployments_schema_declares_types_and_nothing_else() {
    let build = |text: &str| {
        let mut settings = shipped();
        settings.schema = vec![Source::new("schemas/own.cedarschema", text)];
        Store::build(settings)
            .map(|_| ())
            .map_err(|faults| faults[0].code)
    };
    assert_eq!(
        build("namespace Mine { entity Thing; type Name = { first: String }; }"),
        Ok(())
    );
    assert_eq!(
        build(
            "namespace Mine { action \"x\" in [Tenancy::Action::\"app\"] appliesTo { principal: [Tenancy::User], resource: [Tenancy::Resource], context: Tenancy::Scoped }; }"
        ),
        Err("schema_action")
    );
    assert_eq!(
        build("namespace Tenancy { action read; }"),
        Err("schema_action")
    );
    assert_eq!(
        build("namespace Tenancy { entity User; }"),
        Err("schema_reserved")
    );
    assert_eq!(build("namespace Mine { entity ; }"), Err("schema_syntax"));
    let nested = format!(
        "namespace Mine {{ entity A = {{ a: {}Long{} }}; }}",
        "Set<".repeat(5),
        ">".repeat(5)
    );
    assert_eq!(build(&nested), Ok(()));
    let bomb = format!(
        "namespace Mine {{ type A = {}Long{}; }}",
        "{a: ".repeat(500),
        "}".repeat(500)
    );
    assert_eq!(build(&bomb), Err("schema_budget"));
}

#[test]
fn operations_are_held_to_their_form() {
    let build = |change: fn(&mut crate::operation::Operation)| {
        let mut settings = Settings::default();
        let mut one = crate::operation::Operation::clone(&operation(
            "app/missions/list",
            Access::Read,
            false,
        ));
        change(&mut one);
        settings.operations = vec![
            operation("app/missions/list", Access::Read, false),
            one.into(),
        ];
        Store::build(settings)
            .map(|_| ())
            .map_err(|faults| faults[0].code)
    };
    assert_eq!(build(|_| {}), Ok(()));
    assert_eq!(
        build(|one| one.name = "dashboard/missions/list".into()),
        Err("policy_operation")
    );
    assert_eq!(
        build(|one| one.name = "app/a\" in [manage]; action \"x".into()),
        Err("policy_operation")
    );
    assert_eq!(
        build(|one| one.name = "app/".into()),
        Err("policy_operation")
    );
    assert_eq!(
        build(|one| one.access = Access::Delete),
        Err("policy_operation")
    );
    assert_eq!(
        build(|one| {
            one.name = "app/other".into();
            one.resource = crate::operation::ResourceType::AccountResource;
        }),
        Err("policy_operation")
    );
}
