//! Cedar's validation of one file, said once where Cedar says it for every type and action.

use super::classes::Classes;
use super::diagnose;
use super::source::Source;
use crate::fault::{Fault, Severity, nearest};
use cedar_policy::{PolicySet, ValidationMode, ValidationWarning, Validator};

/// Attributes up to one step from principal, resource and context: what {principal, resource, action}
/// as a store can answer.
pub(super) const LEVEL: u32 = 1;

/// Every error and warning, in the order of the file.
pub(super) fn validate(
    (classes, validator): (&Classes, &Validator),
    source: &Source,
    guards: bool,
    set: &PolicySet,
) -> Vec<Fault> {
    let result = validator.validate_with_level(set, ValidationMode::Strict, LEVEL);
    let mut found: Vec<Fault> = result
        .validation_errors()
        .map(|error| {
            let fault = diagnose::fault("policy_invalid", source, 0, error);
            suggest(classes, fault)
        })
        .collect();
    // Which of a guard's alternatives the schema settles depends on the API: one without a Portal
    // leaves parts of the shipped guards impossible, and that is no fault of theirs.
    let warnings = result.validation_warnings().filter(|_| !guards);
    found.extend(warnings.map(|warning| Fault {
        severity: Severity::Warning,
        ..diagnose::fault(code(warning), source, 0, warning)
    }));
    drop_impossible(&mut found);
    // The validator's order changes from run to run.
    found.sort_by(|a, b| (start(a), &a.message).cmp(&(start(b), &b.message)));
    found.dedup();
    let mut found = once(found);
    for fault in &mut found {
        if fault.message.ends_with(NO_ACTION) {
            fault.help = Some(NO_ACTION_HELP.to_owned());
        }
    }
    found
}

fn code(warning: &ValidationWarning) -> &'static str {
    match warning {
        ValidationWarning::MixedScriptString(_)
        | ValidationWarning::BidiCharsInString(_)
        | ValidationWarning::BidiCharsInIdentifier(_)
        | ValidationWarning::MixedScriptIdentifier(_)
        | ValidationWarning::ConfusableIdentifier(_) => LOOKALIKE,
        _ => SUSPECT,
    }
}

/// Somebody should look at it.
const SUSPECT: &str = "policy_suspect";
/// Text that is not what it looks like.
const LOOKALIKE: &str = "policy_lookalike";

/// Letters that pass for others deceive whoever reads them: in a tenant's text they are an error, the
/// platform's own writer is warned.
pub(super) fn settle_lookalike(fault: &mut Fault, tenant: bool) {
    if fault.code != LOOKALIKE {
        return;
    }
    if tenant {
        fault.severity = Severity::Error;
        let help = "write the string in letters of one script, without marks of direction";
        fault.help.get_or_insert_with(|| help.to_owned());
    } else {
        fault.code = SUSPECT;
    }
}

/// The end of Cedar's warning of a policy for operations that no route has. It comes with another:
/// that such a policy is impossible.
const NO_ACTION: &str = "unable to find an applicable action given the policy scope constraints";
const NO_ACTION_HELP: &str =
    "no route has such an operation: remove the policy, or declare the routes that it is for";

/// Where no action fits, saying that the policy is impossible says the same once more.
fn drop_impossible(found: &mut Vec<Fault>) {
    let without_action = found
        .iter()
        .filter(|fault| fault.message.ends_with(NO_ACTION));
    let places: Vec<_> = without_action.map(|fault| fault.place.span).collect();
    found.retain(|fault| {
        let impossible = fault.message.contains("policy is impossible");
        !(impossible && places.contains(&fault.place.span))
    });
}

/// A misspelt attribute is found anew for every type and every action that the policy may meet: one
/// fault with the first of them, their number, and the suggestion that most of them make.
fn once(found: Vec<Fault>) -> Vec<Fault> {
    let mut kept: Vec<Fault> = Vec::new();
    let mut rest = found.into_iter().peekable();
    while let Some(mut first) = rest.next() {
        let mut helps: Vec<Option<String>> = vec![first.help.clone()];
        while let Some(again) = rest.next_if(|next| same(&first, next)) {
            helps.push(again.help);
        }
        let further = helps.len() - 1;
        if further > 0 {
            first.message = format!("{} (and {further} more like it)", first.message);
            let most = |help: &&Option<String>| helps.iter().filter(|one| one == help).count();
            first.help = helps.iter().max_by_key(most).cloned().flatten();
        }
        kept.push(first);
    }
    kept
}

fn same(one: &Fault, other: &Fault) -> bool {
    one.code == other.code
        && one.place.span == other.place.span
        && what(&one.message) == what(&other.message)
}

/// The message up to the type or action that it was found for.
fn what(message: &str) -> &str {
    let ends = [" on entity type `", " in context for "];
    let end = ends.iter().filter_map(|end| message.find(end)).min();
    end.and_then(|end| message.get(..end)).unwrap_or(message)
}

/// Cedar's suggestion for a misspelt action prefers short groups; ours looks at whole names.
fn suggest(classes: &Classes, fault: Fault) -> Fault {
    let Some(given) = fault
        .message
        .split("unrecognized action `Tenancy::Action::\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
    else {
        return fault;
    };
    match nearest(given, classes.names()) {
        Some(name) => fault.help(format!("did you mean `Tenancy::Action::\"{name}\"`?")),
        None => fault,
    }
}

fn start(fault: &Fault) -> usize {
    fault.place.span.map_or(0, |span| span.start)
}
