//! Cedar's own diagnostics become faults: code, file, line, message and help.

use super::source::Source;
use crate::fault::{Fault, Place, Span};
use miette::Diagnostic;
use std::sync::Arc;

/// The whole file.
pub(super) fn file(source: &Source) -> Place {
    Place::file(source.file.clone())
}

/// The file's first line.
pub(super) fn start(source: &Source) -> Place {
    let len = source.text.lines().next().map_or(0, str::len);
    place(source, Span { start: 0, len })
}

/// A range of the file's text.
pub(super) fn place(source: &Source, span: Span) -> Place {
    Place {
        span: Some(span),
        text: Some(Arc::clone(&source.text)),
        ..file(source)
    }
}

/// One finding of Cedar's, its span moved by `offset` when only a part of the file was parsed.
pub(super) fn fault(
    code: &'static str,
    source: &Source,
    offset: usize,
    finding: &dyn Diagnostic,
) -> Fault {
    let label = finding.labels().and_then(|mut labels| labels.next());
    let place = match &label {
        None => file(source),
        Some(label) => place(
            source,
            Span {
                start: (label.offset() + offset).min(source.text.len()),
                len: label.len(),
            },
        ),
    };
    let mut message = one_line(&finding.to_string());
    if let Some(label) = label.as_ref().and_then(|label| label.label()) {
        message = format!("{message}: {}", one_line(label));
    }
    let fault = Fault::error(code, place, message);
    match finding.help() {
        Some(help) => fault.help(one_line(&help.to_string())),
        None => fault,
    }
}

/// Every finding of a compound one.
pub(super) fn faults(
    code: &'static str,
    source: &Source,
    offset: usize,
    finding: &dyn Diagnostic,
) -> Vec<Fault> {
    let related = finding.related().into_iter().flatten();
    std::iter::once(fault(code, source, offset, finding))
        .chain(related.map(|further| fault(code, source, offset, further)))
        .collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
