//! A request of an audit log: what its records hold, and what they cannot tell.

use super::{Args, Failure, Format, say};
use crate::author::log::{self, Line, Unread};
use crate::explain::{one_line, shell_quoted};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// How many records of one request are told: a stream has one for its end, too.
const RECORDS_MAX: usize = 8;

/// What no record holds, and asking again needs.
const UNTOLD: &str = "groups and scopes of the caller as they were, query values and headers that name no tenant, the body, \
    and the answers of policies that did not settle it";
/// The same of a record that holds what was asked of the policies (`audit.questions`).
const UNTOLD_BUT_ASKED: &str = "query values and headers that name no tenant, the body, and the answers of policies that did \
    not settle it (`palisade diff --replay` asks them what is under `questions` again)";

/// What was found of a request.
#[derive(Default)]
struct Found {
    records: Vec<Map<String, Value>>,
    /// Lines that are no records: cut off, or written by something else.
    torn: usize,
}

impl Found {
    fn untold(&self) -> &'static str {
        let asked = self.records.iter().any(|one| one.contains_key("questions"));
        if asked { UNTOLD_BUT_ASKED } else { UNTOLD }
    }
}

/// Tells what the log holds of the request with that id.
pub(super) fn tell(args: &Args, id: &str) -> Result<(), Failure> {
    let Some(path) = &args.audit else {
        return Ok(());
    };
    let shown = path.display();
    let found = search(path, id).map_err(|Unread(why)| Failure::Usage(why))?;
    let Some(first) = found.records.first() else {
        let torn = found.torn;
        return Err(Failure::Usage(format!(
            "`{shown}` holds no request `{id}` ({torn} lines are no records)"
        )));
    };
    let again = again(first);
    match args.format {
        Format::Json => {
            let told = json!({ "records": found.records, "torn_lines": found.torn, "untold": found.untold(), "ask_again": again });
            say(&format!("{told:#}\n"));
        }
        Format::Human => say(&human(&found, &again)),
    }
    Ok(())
}

fn search(log: &Path, id: &str) -> Result<Found, Unread> {
    let mut found = Found::default();
    log::read(log, |_, _, line| {
        let record = match line {
            Line::Whole(bytes) => serde_json::from_slice::<Map<String, Value>>(bytes).ok(),
            Line::TooLong => None,
        };
        let Some(record) = record else {
            found.torn += 1;
            return;
        };
        let is = record.get("request_id").and_then(Value::as_str) == Some(id);
        if is && found.records.len() < RECORDS_MAX {
            found.records.push(record);
        }
    })?;
    Ok(found)
}

fn human(found: &Found, again: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for record in &found.records {
        for (index, (name, value)) in record.iter().enumerate() {
            let label = if index == 0 { "record" } else { "" };
            // Other people's text: a line feed in it would look like a line of ours.
            let plain = value
                .as_str()
                .filter(|text| !text.contains(char::is_control));
            let value = plain.map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(out, "{label:<11}{}: {value}", one_line(name));
        }
    }
    let _ = writeln!(out, "untold     {}", found.untold());
    if found.torn > 0 {
        let _ = writeln!(
            out,
            "torn       {} lines of the log are no records",
            found.torn
        );
    }
    let _ = writeln!(out, "again      {again}");
    out
}

/// The command that asks as much of it again as the record holds.
fn again(record: &Map<String, Value>) -> String {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let path = text("path").filter(|path| !path.contains(char::is_control));
    let mut target = path.unwrap_or("/").to_owned();
    let mut more = String::new();
    let references = record.get("references").and_then(Value::as_array);
    for reference in references.into_iter().flatten() {
        let part = |name: &str| reference.get(name).and_then(Value::as_str);
        let (Some(place), Some(value)) = (part("place"), part("value")) else {
            continue;
        };
        if [place, value]
            .iter()
            .any(|text| text.contains(char::is_control))
        {
            continue;
        }
        if let Some(name) = place.strip_prefix("query ") {
            let join = if target.contains('?') { '&' } else { '?' };
            let _ = write!(target, "{join}{}={}", encoded(name), encoded(value));
        } else if let Some(name) = place.strip_prefix("header ") {
            let _ = write!(
                more,
                " --header {}",
                shell_quoted(&format!("{name}: {value}"))
            );
        }
    }
    if let Some(at) = text("time") {
        let _ = write!(more, " --at {}", shell_quoted(at));
    }
    let request = format!("{} {target}", text("method").unwrap_or("GET"));
    format!(
        "palisade explain {}{more} --claims FILE",
        shell_quoted(&request)
    )
}

/// A query's name or value: what a caller sent stays one, whatever is in it.
fn encoded(text: &str) -> String {
    let one = |byte: u8| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}
