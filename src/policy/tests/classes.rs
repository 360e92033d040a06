//! The class schema says what the whole schema says: no fault is lost, none invented.

use super::support::{BASELINE, OPERATIONS, operation, operations};
use crate::fault::{Fault, Severity};
use crate::operation::Access;
use crate::policy::classes::Classes;
use crate::policy::{Settings, Source, schema, stack, validate};
use crate::random::Random;
use cedar_policy::{PolicySet, Schema, Validator};

const GUARD: &str = include_str!("../guard.cedar");
const ACME: &str = include_str!("../../../tests/data/cedar/accounts/acme.cedar");
const EVIL: &str = include_str!("../../../tests/data/cedar/accounts/evil.cedar");

/// Several operations of each class, and classes of one operation alone.
fn settings() -> Settings {
    let mut settings = Settings {
        operations: operations(),
        principals_act_in: true,
        ..Settings::default()
    };
    for at in 0..8 {
        let one = |rest: &str, access| operation(&format!("{rest}{at}"), access, false);
        settings.operations.extend([
            one("app/kinds/read", Access::Read),
            one("dashboard/kinds/manage", Access::Manage),
            one("dashboard/kinds/delete", Access::Delete),
            one("portal/kinds/update", Access::Update),
        ]);
    }
    let lone = operation("dashboard/lone/list", Access::Read, true);
    settings.operations.push(lone);
    settings
}

fn schemas() -> (Schema, Classes) {
    let settings = settings();
    let named = crate::policy::operations::review(&settings.operations).unwrap();
    schema::build(&settings, named).unwrap()
}

type Said = (&'static str, Severity, usize, String);

fn said(faults: Vec<Fault>) -> Vec<Said> {
    let one = |fault: Fault| {
        let start = fault.place.span.map_or(0, |span| span.start);
        // How often it is found depends on the number of operations, and is said of each.
        let message = fault.message.split(" (and ").next().unwrap().to_owned();
        (fault.code, fault.severity, start, message)
    };
    faults.into_iter().map(one).collect()
}

/// What both say of the text; it must be the same.
fn compared((whole, classes): &(Schema, Classes), text: &str) -> Vec<Said> {
    let source = Source::new("a.cedar", text);
    let Ok(set) = text.parse::<PolicySet>() else {
        return Vec::new();
    };
    let policies: Vec<_> = set.policies().cloned().collect();
    let whole = Validator::new(whole.clone());
    let class = classes.validator(policies.iter());
    let asked = |validator: &Validator| {
        said(validate::validate(
            (classes, validator),
            &source,
            false,
            &set,
        ))
    };
    let (whole, class) = (asked(&whole), asked(&class));
    assert_eq!(class, whole, "{text}");
    class
}

const HEADS: [&str; 6] = [
    "principal",
    "principal is Tenancy::User",
    "principal is Tenancy::Service",
    "principal is Tenancy::Principal",
    "principal in Tenancy::Role::\"acme#owner\"",
    "principal is Tenancy::Nobody",
];
const ACTIONS: [&str; 12] = [
    "action",
    "action in Tenancy::Action::\"read\"",
    "action in Tenancy::Action::\"portal\"",
    "action in Tenancy::Action::\"catalog\"",
    "action == Tenancy::Action::\"app/kinds/read0\"",
    "action == Tenancy::Action::\"app/kinds/read5\"",
    "action == Tenancy::Action::\"dashboard/lone/list\"",
    "action in [Tenancy::Action::\"dashboard/kinds/manage0\", Tenancy::Action::\"write\"]",
    "action in [Tenancy::Action::\"app/kinds/read0\", Tenancy::Action::\"portal/kinds/update3\"]",
    "action in Tenancy::Action::\"app/kinds/read1\"",
    "action == Tenancy::Action::\"app/kind/read1\"",
    "action == Tenancy::Action::\"portal/accounts/list\"",
];
const RESOURCES: [&str; 4] = [
    "resource",
    "resource is Tenancy::Resource",
    "resource is Tenancy::AccountResource",
    "resource in Tenancy::Workspace::\"acme/one\"",
];
const CONDITIONS: [&str; 20] = [
    "true",
    "false",
    "resource.kind == \"missions\"",
    "resource.kimd == \"missions\"",
    "resource.workspace == context.workspace",
    "resource has workspace && resource.workspace == context.workspace",
    "context.tenant.plan == \"premium\"",
    "context has tenant && context.tenant.plan == 3",
    "context has grant && context.grant.all",
    "context.grant.all",
    "context has actor && context.actor == principal",
    "action != Tenancy::Action::\"app/kinds/read0\" && context.nothing",
    "action == Tenancy::Action::\"dashboard/kinds/manage0\" && context.nothing",
    "action in Tenancy::Action::\"portal\" && context has tenant",
    "action in [Tenancy::Action::\"app/kinds/read0\"] || principal.account == resource.account",
    "principal has account && principal.account has name",
    "principal.mfa",
    "principal has mfa && principal.mfa",
    "if action == Tenancy::Action::\"dashboard/lone/list\" then resource.kind == \"a\" else 1 == 1",
    "[action].contains(Tenancy::Action::\"portal/kinds/update0\")",
];

#[test]
fn policies_are_judged_by_their_class_as_by_all_operations() {
    stack::run(|| {
        let schemas = schemas();
        for text in [GUARD, BASELINE, OPERATIONS, ACME, EVIL] {
            compared(&schemas, text);
        }
        let mut random = Random(7);
        let (mut good, mut bad, mut suspect) = (0, 0, 0);
        for _ in 0..400 {
            let mut pick = |from: &[&'static str]| from[random.below(from.len())];
            let (principal, action, resource) = (pick(&HEADS), pick(&ACTIONS), pick(&RESOURCES));
            let (when, unless) = (pick(&CONDITIONS), pick(&CONDITIONS));
            let text = format!(
                "forbid ({principal}, {action}, {resource}) when {{ {when} }} unless {{ {unless} }};"
            );
            match compared(&schemas, &text) {
                found if found.is_empty() => good += 1,
                found if found.iter().all(|one| one.1 == Severity::Warning) => suspect += 1,
                _ => bad += 1,
            }
        }
        assert!(good > 20 && bad > 20 && suspect > 20, "{good} {bad} {suspect}");
    })
    .unwrap();
}

#[test]
fn mutants_of_good_policies_are_judged_alike() {
    stack::run(|| {
        let schemas = schemas();
        let words = [
            "principal",
            "resource",
            "context",
            "scoped",
            "portal",
            "read",
            "User",
            "mfa",
        ];
        let mut found = 0;
        for text in [GUARD, BASELINE, OPERATIONS, ACME, EVIL] {
            for word in words {
                for other in words {
                    let mutant = text.replacen(word, other, 2);
                    found += usize::from(!compared(&schemas, &mutant).is_empty());
                }
            }
        }
        assert!(found > 50, "{found}");
    })
    .unwrap();
}

#[test]
fn the_class_schema_does_not_grow_with_the_operations() {
    stack::run(|| {
        let (whole, classes) = schemas();
        let none = classes.validator(std::iter::empty());
        // Two contexts of five accesses, catalogs and the Portal's three kinds at most.
        assert!(none.schema().request_envs().count() < whole.request_envs().count() / 2);
        let text = "forbid (principal, action == Tenancy::Action::\"app/kinds/read0\", resource);";
        let set: PolicySet = text.parse().unwrap();
        let policies: Vec<_> = set.policies().cloned().collect();
        let one = classes.validator(policies.iter());
        let grown = one.schema().actions().count() - none.schema().actions().count();
        assert_eq!(grown, 1);
    })
    .unwrap();
}
