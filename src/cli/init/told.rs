//! What `init --openapi` says of what it wrote.

use super::openapi::Done;
use crate::fault::Fault;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How many findings of one kind are told to people one by one.
const TOLD_MAX: usize = 20;

/// For people.
pub(super) fn text(done: &Done) -> String {
    let draft = &done.draft;
    let mut text = faults(&draft.notes, "note");
    text.push_str(&faults(&draft.warnings, "warning"));
    let would = if done.dry {
        "would be written"
    } else {
        "written"
    };
    let left_out = |fault: &&Fault| fault.message.starts_with("left out: ");
    let left_out = draft.warnings.iter().filter(left_out).count();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} files {would} to {}",
        done.names.len(),
        done.dir.display()
    );
    let _ = writeln!(
        text,
        "{} operations{}, {} references, {} cases that pass, {} warnings",
        draft.actions.len(),
        accesses(done),
        draft.references,
        draft.cases(),
        draft.warnings.len()
    );
    if left_out > 0 {
        let _ = writeln!(
            text,
            "{left_out} left out: requests for them are refused (`route_unknown`)"
        );
    }
    match done.unpermitted.as_slice() {
        [] => text.push_str("every operation is permitted by a policy\n"),
        names => {
            let _ = writeln!(text, "no policy permits {}", names.join(", "));
        }
    }
    if !done.dry {
        let _ = write!(text, "{}", next(done));
    }
    text
}

/// `: 120 read, 30 create`.
fn accesses(done: &Done) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for action in &done.draft.actions {
        match counts
            .iter_mut()
            .find(|(access, _)| *access == action.access)
        {
            Some((_, count)) => *count += 1,
            None => counts.push((action.access, 1)),
        }
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(access, count)| format!("{count} {access}"))
        .collect();
    format!(" ({})", counts.join(", "))
}

fn next(done: &Done) -> String {
    let config = done.dir.join("palisade.yaml");
    let config = config.display();
    format!(
        "\nNext:\n\
         1. {config}: your hosts, upstream and issuer; what to change is marked `change:`\n\
         2. {config}: `references:`, every name that means a tenant; look at each\n\
         3. apis/: actions, and what each may do (`x-palisade-access`); policies/starter.cedar: who may\n\
         4. tenants/: one file for each account, named after it\n\
         5. palisade check --config {config} && palisade test --config {config}\n\
         6. palisade serve --config {config}\n"
    )
}

/// Each with file, pointer and remedy; of many of one kind the first.
pub(super) fn faults(faults: &[Fault], word: &str) -> String {
    let mut text = String::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in faults {
        let count = counts.entry(fault.code).or_default();
        *count += 1;
        if *count > TOLD_MAX {
            continue;
        }
        let place = &fault.place;
        let hash = if place.key.starts_with('/') { "#" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{word}[{}] {}{hash}{}: {}",
            fault.code, place.file, place.key, fault.message
        );
        if let Some(help) = &fault.help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    for (code, count) in counts.iter().filter(|(_, count)| **count > TOLD_MAX) {
        let more = count - TOLD_MAX;
        let _ = writeln!(
            text,
            "{word}[{code}] {more} more; `--format json` has all of them"
        );
    }
    text
}

/// For machines.
pub(super) fn json(done: &Done) -> Value {
    let draft = &done.draft;
    let written: &[String] = if done.dry { &[] } else { &done.names };
    let all = |faults: &[Fault]| faults.iter().map(Fault::json).collect::<Vec<_>>();
    json!({
        "folder": done.dir,
        "written": written,
        "actions": draft.actions,
        "references": draft.references,
        "cases": draft.cases(),
        "not_permitted": done.unpermitted,
        "warnings": all(&draft.warnings),
        "notes": all(&draft.notes),
    })
}
