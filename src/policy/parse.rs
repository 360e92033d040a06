//! One file's text becomes policies, each with its place.

use super::budget::{self, Statement};
use super::diagnose;
use super::source::Source;
use crate::fault::{Fault, Place, Span};
use cedar_policy::{Policy, PolicySet};
use std::str::FromStr;

/// A policy as written, not looked at yet.
pub(super) struct Parsed {
    pub(super) policy: Policy,
    pub(super) place: Place,
}

/// Reads one file. Call it on a large stack only (`stack::run`).
pub(super) fn parse(source: &Source) -> Result<Vec<Parsed>, Vec<Fault>> {
    let statements = budget::scan(&source.text).map_err(|broken| {
        let place = diagnose::place(source, broken.span());
        let fault = Fault::error("policy_budget", place, broken.to_string());
        vec![fault.help("split the policy, or say the same with less")]
    })?;
    let set = PolicySet::from_str(&source.text)
        .map_err(|whole| syntax_faults(source, &statements, &whole))?;
    if let Some(template) = set.templates().next() {
        let place = located(source, &statements, template.id().as_ref());
        let message = "a template: policies with `?principal` or `?resource` are not loaded";
        return Err(vec![
            Fault::error("policy_template", place, message).help("write the ids out"),
        ]);
    }
    if set.is_empty() {
        let fault = Fault::error(
            "policy_empty",
            diagnose::file(source),
            "the file holds no policy",
        );
        return Err(vec![
            fault.help("delete the file, or finish writing it: a file that lost its text would otherwise lose its forbids unseen"),
        ]);
    }
    let mut parsed: Vec<Parsed> = set
        .policies()
        .map(|policy| Parsed {
            place: located(source, &statements, policy.id().as_ref()),
            policy: policy.clone(),
        })
        .collect();
    parsed.sort_by_key(|one| one.place.span.map(|span| span.start));
    Ok(parsed)
}

/// Cedar names what it parses `policy0`, `policy1`, ... in the order of the text, and gives no other
/// hold on the place of a policy.
fn located(source: &Source, statements: &[Statement], id: &str) -> Place {
    let index = id.strip_prefix("policy").and_then(|n| n.parse().ok());
    match index.and_then(|index: usize| statements.get(index)) {
        Some(statement) => diagnose::place(source, first_line(source, *statement)),
        None => diagnose::file(source),
    }
}

/// The statement's first line is enough to underline.
fn first_line(source: &Source, statement: Statement) -> Span {
    let text = source.text.get(statement.start..statement.end);
    let line = text.and_then(|text| text.lines().next());
    Span {
        start: statement.start,
        len: line.map_or(1, str::len),
    }
}

/// Cedar stops at a file's first errors; statements parsed one by one show those of the others too.
fn syntax_faults(
    source: &Source,
    statements: &[Statement],
    whole: &cedar_policy::ParseErrors,
) -> Vec<Fault> {
    let mut found = Vec::new();
    for statement in statements {
        let Some(text) = source.text.get(statement.start..statement.end) else {
            continue;
        };
        if let Err(errors) = PolicySet::from_str(text) {
            found.extend(
                errors
                    .iter()
                    .map(|error| diagnose::fault("policy_syntax", source, statement.start, error)),
            );
        }
    }
    if found.is_empty() {
        found.extend(
            whole
                .iter()
                .map(|error| diagnose::fault("policy_syntax", source, 0, error)),
        );
    }
    found
}
