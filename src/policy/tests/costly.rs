//! Text within the other budgets that would cost much to keep or to check: one account's policies must not
//! take the room, or the threads, that all others are parsed with.

use super::support::{account, operation, overlay, shipped};
use crate::operation::Access;
use crate::policy::{Settings, Store};
use crate::tenant::OverlayMode;
use std::fmt::Write as _;

/// As many operations as a large API has.
fn large() -> Settings {
    let mut settings = shipped();
    for at in 0..300 {
        let access = [Access::Read, Access::Create, Access::Manage][at % 3];
        let name = format!("app/o{at:03}");
        settings.operations.push(operation(&name, access, false));
    }
    settings
}

fn named(at: usize) -> String {
    format!("Tenancy::Action::\"app/o{at:03}\"")
}

/// A policy for each of so many operations.
fn single(operations: usize) -> String {
    let one = |at| {
        let action = named(at);
        format!("@id(\"s{at}\") forbid (principal, action == {action}, resource);\n")
    };
    (0..operations).map(one).collect()
}

/// Policies about everybody, each of which reads so many things, and one that is about users alone.
fn general(policies: usize, reads: usize) -> String {
    let mut text =
        "@id(\"u\") forbid (principal is Tenancy::User, action, resource) unless { principal.mfa };\n"
            .to_owned();
    for at in 0..policies {
        let group = |n| format!("principal in Tenancy::Group::\"acme/{at}-{n}\"");
        let groups: Vec<String> = (0..reads).map(group).collect();
        let _ = writeln!(
            text,
            "@id(\"g{at}\") forbid (principal, action, resource) when {{ {} }};",
            groups.join(" || ")
        );
    }
    text
}

/// The code of what is wrong with it as acme's policies; `None`: nothing.
fn fault(text: &str) -> Option<&'static str> {
    let faults = faults(text);
    assert!(faults.len() < 2, "{faults:?}");
    faults.first().copied()
}

/// The codes of all that is wrong with it.
fn faults(text: &str) -> Vec<&'static str> {
    assert!(text.len() < 64 * 1024);
    let mut settings = large();
    settings.overlays = vec![overlay("acme", OverlayMode::Forbid, text)];
    let store = Store::succeed(settings, None).unwrap().0;
    store.load(&account("acme"));
    let report = store.overlay_report(&account("acme")).unwrap();
    let faults: Vec<_> = report.faults.iter().map(|fault| fault.code).collect();
    assert_eq!(report.state == "quarantined", !faults.is_empty());
    faults
}

#[test]
fn an_account_names_a_hundred_operations_at_most() {
    let names = |from: usize, to: usize| {
        let all: Vec<String> = (from..to).map(named).collect();
        all.join(", ")
    };
    let policy = |id: &str, names: &str| {
        format!("@id(\"{id}\") forbid (principal, action in [{names}], resource);\n")
    };
    let hundred = policy("a", &names(0, 100));
    assert_eq!(fault(&hundred), None);
    let twice = format!("{}, {}", names(0, 100), names(0, 100));
    assert_eq!(fault(&policy("a", &twice)), None, "each counts once");
    let again = format!("{hundred}{}", policy("b", &named(0)));
    assert_eq!(fault(&again), Some("policy_budget"), "in each policy");
    assert_eq!(fault(&policy("a", &names(0, 300))), Some("policy_budget"));
}

#[test]
fn what_is_named_is_not_checked_for_everything_there_is() {
    // Misspelt: each attribute is a fault of its own for each operation.
    let misspelt = |policies: usize, head: &str| -> String {
        let one = |at| {
            let all: Vec<String> = (0..6).map(|n| format!("context.nothing{n}")).collect();
            let when = all.join(" || ");
            format!(
                "@id(\"m{at}\") forbid (principal, action{head}, resource) when {{ {when} }};\n"
            )
        };
        (0..policies).map(one).collect()
    };
    let text = format!("{}{}", misspelt(60, ""), single(40));
    assert_eq!(faults(&text), ["policy_budget"]);
    let text = format!("{}{}", misspelt(10, ""), single(40));
    assert_eq!(faults(&text), ["policy_invalid"; 60]);
    // About one operation alone, each costs that one.
    let head = format!(" == {}", named(50));
    let text = format!("{}{}", misspelt(50, &head), single(40));
    assert_eq!(faults(&text), ["policy_invalid"; 100]);
}

#[test]
fn policies_that_differ_by_operation_take_a_bounded_room() {
    // Each operation with all that is about everybody, and some more.
    let much = format!("{}{}", general(39, 12), single(60));
    assert_eq!(fault(&much), Some("policy_budget"));
    assert_eq!(fault(&format!("{}{}", general(39, 12), single(20))), None);
    assert_eq!(fault(&format!("{}{}", general(39, 3), single(60))), None);
}
