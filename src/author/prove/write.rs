//! Counterexamples become cases of Cedar's own form: added to a file of cases, which keeps what it has.

use super::Example;
use crate::author::test::{self, Desk};
use crate::fault::{Fault, Place};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

pub use crate::author::test::Unwritten;

/// A counterexample as it is to be answered.
pub struct Wanted<'a> {
    /// What the case shows.
    pub name: String,
    /// The question.
    pub example: &'a Example,
    /// Whether it is to be allowed.
    pub allow: bool,
    /// Who is to settle it; `None`: whoever does.
    pub by: Option<Vec<String>>,
}

/// Adds them to the file at `path`, a list of JSON, which is made if it is not there. Cases that it has are not
/// added again. Answers how many were.
pub fn write(path: &Path, wanted: &[Wanted<'_>], desk: &Desk) -> Result<usize, Unwritten> {
    let before = test::there(path)?;
    let (text, count) = added(path, &before, wanted).map_err(Unwritten::Invalid)?;
    test::read_text(path, text.as_str().into(), desk).map_err(Unwritten::Invalid)?;
    // Whoever wrote to it meanwhile must lose nothing.
    if test::there(path)? != before {
        let error = std::io::Error::other("it was written to meanwhile; try again");
        return Err(Unwritten::Machine(path.to_owned(), error));
    }
    crate::config::replace_file(path, &text)
        .map_err(|error| Unwritten::Machine(path.to_owned(), error))?;
    Ok(count)
}

fn added(
    path: &Path,
    before: &Arc<str>,
    wanted: &[Wanted<'_>],
) -> Result<(String, usize), Vec<Fault>> {
    let place = || Place::file(path.display().to_string());
    let other = |message: String| {
        let fault = Fault::error("test_not_added", place(), message);
        vec![fault.help("name a file that ends in `.json`: a list of cases as `cedar run-tests` has them, or a new one")]
    };
    if path.extension().is_none_or(|end| end != "json") {
        return Err(other("is no file of such cases".to_owned()));
    }
    let text = if before.trim().is_empty() {
        "[\n]"
    } else {
        before.trim_end()
    };
    let there = serde_json::from_str::<Vec<Value>>(text);
    let there = there.map_err(|error| other(format!("is no list of cases: {error}")))?;
    let known = |case: &Value| {
        there
            .iter()
            .any(|one| one.get("request") == case.get("request"))
    };
    let new: Vec<Value> = wanted
        .iter()
        .map(case)
        .filter(|case| !known(case))
        .collect();
    let lines: Vec<String> = new.iter().map(ToString::to_string).collect();
    let kept = text
        .strip_suffix(']')
        .map(str::trim_end)
        .unwrap_or_default();
    if lines.is_empty() {
        return Ok((before.to_string(), 0));
    }
    let between = if there.is_empty() { "" } else { "," };
    let text = format!("{kept}{between}\n{}\n]\n", lines.join(",\n"));
    Ok((text, lines.len()))
}

fn case(wanted: &Wanted<'_>) -> Value {
    let example = wanted.example;
    let mut case = json!({
        "name": wanted.name,
        "request": {
            "principal": example.principal,
            "action": example.action,
            "resource": example.resource,
            "context": example.context,
        },
        "entities": example.entities,
        "decision": if wanted.allow { "allow" } else { "deny" },
        "num_errors": 0,
    });
    if let (Some(by), Some(case)) = (&wanted.by, case.as_object_mut()) {
        case.insert("reason".to_owned(), json!(by));
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(principal: &str) -> Example {
        Example {
            principal: principal.to_owned(),
            action: "a".to_owned(),
            resource: "r".to_owned(),
            context: json!({}),
            entities: Vec::new(),
            by: Vec::new(),
            open: true,
            routed: true,
        }
    }

    fn add(before: &str, principals: &[&str]) -> Result<(String, usize), Vec<Fault>> {
        let examples: Vec<Example> = principals.iter().map(|one| example(one)).collect();
        let wanted = examples.iter().map(|example| Wanted {
            name: "n".to_owned(),
            example,
            allow: false,
            by: None,
        });
        let wanted: Vec<Wanted<'_>> = wanted.collect();
        added(Path::new("t.json"), &Arc::from(before), &wanted)
    }

    #[test]
    fn cases_are_added_once_and_what_was_there_stays() {
        let (first, count) = add("", &["p"]).unwrap();
        assert_eq!(count, 1);
        let (again, count) = add(&first, &["p"]).unwrap();
        assert_eq!((again.as_str(), count), (first.as_str(), 0));
        let (second, count) = add(&first, &["p", "q"]).unwrap();
        assert_eq!(count, 1);
        let cases: Vec<Value> = serde_json::from_str(&second).unwrap();
        assert_eq!(cases.len(), 2);
        assert!(second.starts_with(first.trim_end().trim_end_matches(']').trim_end()));
        for before in ["[]", " [ ]\n", "[\n]\n"] {
            assert_eq!(add(before, &["p"]).unwrap().1, 1, "{before}");
        }
        for before in ["{}", "[", "[1] x", "cases: []"] {
            assert!(add(before, &["p"]).is_err(), "{before}");
        }
    }
}
