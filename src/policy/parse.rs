//! One file's text becomes policies, each with its place.

use super::budget::{self, Statement};
use super::diagnose;
use super::source::Source;
use crate::fault::{Fault, Place, Span};
use cedar_policy::{Policy, PolicySet};
use std::str::FromStr;

/// Faults of one layer after which no further ones are looked for. A file of nothing but `;` has one for each, sixty thousand of them.
pub(super) const FAULTS_MAX: usize = 100;

/// A policy as written, not looked at yet.
pub(super) struct Parsed {
    pub(super) policy: Policy,
    /// Its first line.
    pub(super) place: Place,
}

impl Parsed {
    /// Where the annotation of that name stands; the policy's own place without one.
    pub(super) fn annotation(&self, name: Option<&str>) -> Place {
        let found = name.and_then(|name| self.annotation_span(name));
        Place {
            span: found.or(self.place.span),
            ..self.place.clone()
        }
    }

    /// Where the string stands that is the id of an entity; the policy's own place where it cannot be
    /// found as written.
    pub(super) fn literal(&self, id: &str) -> Place {
        let found = || {
            let from = self.place.span?.start;
            let text = self.place.text.as_ref()?.get(from..)?;
            let written = format!("\"{id}\"");
            Some(Span {
                start: from + text.find(&written)?,
                len: written.len(),
            })
        };
        Place {
            span: found().or(self.place.span),
            ..self.place.clone()
        }
    }

    fn annotation_span(&self, name: &str) -> Option<Span> {
        let from = self.place.span?.start;
        let text = self.place.text.as_ref()?.get(from..)?;
        let written = format!("@{name}");
        // `@id` is not the beginning of `@idea`.
        let whole = |at: &usize| {
            let after = text.get(at + written.len()..);
            let next = after.and_then(|after| after.chars().next());
            !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
        };
        let mut found = text.match_indices(&written).map(|(at, _)| at);
        Some(Span {
            start: from + found.find(whole)?,
            len: written.len(),
        })
    }
}

/// Reads one file. Call it on a large stack only (`stack::run`).
pub(super) fn parse(source: &Source) -> Result<Vec<Parsed>, Vec<Fault>> {
    if source.text.starts_with('\u{feff}') {
        let message = "the file begins with a byte order mark";
        let fault = Fault::error("policy_syntax", diagnose::start(source), message);
        return Err(vec![
            fault.help("save it as UTF-8 without one; `palisade fmt` removes it"),
        ]);
    }
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
        let place = diagnose::start(source);
        let fault = Fault::error("policy_empty", place, "the file holds no policy");
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
        if found.len() >= FAULTS_MAX {
            break;
        }
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
