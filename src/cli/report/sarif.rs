//! Faults as a log in SARIF 2.1.0, which code scanning reads.

use crate::fault::page::{self, Page};
use crate::fault::{Fault, Place};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The whole log: one run.
pub(super) fn log(faults: &[Fault]) -> Value {
    let codes: BTreeSet<&str> = faults.iter().map(|fault| fault.code).collect();
    json!({
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "palisade",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            // As `Place` counts columns.
            "columnKind": "unicodeCodePoints",
            "results": faults.iter().map(|fault| result(fault, &codes)).collect::<Vec<_>>(),
        }],
    })
}

fn rule(code: &str) -> Value {
    let Some(page) = page::of(code) else {
        return json!({ "id": code });
    };
    let Page {
        number,
        title,
        meaning,
        remedy,
        ..
    } = page;
    json!({
        "id": code,
        "name": number,
        "shortDescription": { "text": title },
        "fullDescription": { "text": meaning },
        "help": { "text": remedy },
    })
}

fn result(fault: &Fault, codes: &BTreeSet<&str>) -> Value {
    let mut text = fault.message.clone();
    if let Some(help) = &fault.help {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\nhelp: {help}");
    }
    json!({
        "ruleId": fault.code,
        "ruleIndex": codes.iter().position(|code| *code == fault.code),
        "level": if fault.is_error() { "error" } else { "warning" },
        "message": { "text": text },
        "locations": [location(&fault.place)],
    })
}

fn location(place: &Place) -> Value {
    let mut physical = Map::new();
    physical.insert(
        "artifactLocation".to_owned(),
        json!({ "uri": uri(&place.file) }),
    );
    let (start, end) = (place.line_column(), place.end_line_column());
    if let (Some((line, column)), Some((end_line, end_column))) = (start, end) {
        let region = json!({
            "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column,
        });
        physical.insert("region".to_owned(), region);
    }
    let mut location = Map::new();
    location.insert("physicalLocation".to_owned(), physical.into());
    if !place.key.is_empty() {
        let logical = json!([{ "fullyQualifiedName": place.key }]);
        location.insert("logicalLocations".to_owned(), logical);
    }
    location.into()
}

/// A path as a reference: relative ones are relative to where the program ran.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    let path = path.strip_prefix("./").unwrap_or(path);
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        for (path, expected) in [
            ("./policies/a b.cedar", "policies/a%20b.cedar"),
            ("/etc/palisade.yaml", "file:///etc/palisade.yaml"),
            ("a:b#c?d%é", "a%3Ab%23c%3Fd%25%C3%A9"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
