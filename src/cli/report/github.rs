//! Faults as workflow commands of GitHub Actions, which show them beside the lines of a change.

use crate::fault::{self, Fault};
use std::fmt::Write as _;

/// A line for each fault, and one that sums them up.
pub(super) fn annotations(faults: &[Fault]) -> String {
    let mut out = String::new();
    for fault in faults {
        let kind = if fault.is_error() { "error" } else { "warning" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            out,
            "::{kind} {}::{}",
            properties(fault),
            data(&said(fault))
        );
    }
    let _ = writeln!(out, "{}", fault::summary(faults));
    out
}

fn properties(fault: &Fault) -> String {
    let place = &fault.place;
    let mut all = format!("file={}", property(&place.file));
    if let Some((line, column)) = place.line_column() {
        let _ = write!(all, ",line={line},col={column}");
    }
    if let Some((line, column)) = place.end_line_column() {
        let _ = write!(all, ",endLine={line},endColumn={column}");
    }
    let _ = write!(all, ",title={}", property(fault.code));
    all
}

/// Message, key and remedy: an annotation has room for one text.
fn said(fault: &Fault) -> String {
    let mut text = String::new();
    if !fault.place.key.is_empty() {
        let _ = write!(text, "{}: ", fault.place.key);
    }
    text.push_str(&fault.message);
    if let Some(help) = &fault.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    text
}

/// What ends a command, or begins an escape, is escaped: files name themselves.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Place;

    #[test]
    fn no_text_of_a_file_ends_or_adds_a_command() {
        let place = Place {
            key: "a%".to_owned(),
            ..Place::file("x,line=9::\n::error::y.cedar")
        };
        let fault = Fault::error("policy_syntax", place, "100%\r\n::stop-commands::z").help("no");
        assert_eq!(
            annotations(&[fault]),
            "::error file=x%2Cline=9%3A%3A%0A%3A%3Aerror%3A%3Ay.cedar,title=policy_syntax\
            ::a%25: 100%25%0D%0A::stop-commands::z%0Ahelp: no\n1 error, 0 warnings\n"
        );
    }
}
