//! Faults on standard output, for people or for machines, and the exit code they mean.

use super::{exit, say};
use crate::fault::{self, Fault};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::process::ExitCode;

/// How to say it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// For people: underlined source, one fault after the other.
    Human,
    /// For machines: one JSON object.
    Json,
}

/// Prints all of them, and a line that sums them up.
pub(super) fn faults(faults: &[Fault], format: Format) -> ExitCode {
    match format {
        Format::Human if faults.is_empty() => say("good\n"),
        Format::Human => {
            say(&fault::render(faults));
            say(&format!("{}\n", fault::summary(faults)));
        }
        Format::Json => say(&format!("{}\n", document(faults))),
    }
    let bad = faults.iter().any(Fault::is_error);
    ExitCode::from(if bad { exit::INVALID } else { 0 })
}

fn document(faults: &[Fault]) -> Value {
    let errors = faults.iter().filter(|fault| fault.is_error()).count();
    json!({
        "errors": errors,
        "warnings": faults.len() - errors,
        "faults": faults.iter().map(Fault::json).collect::<Vec<_>>(),
    })
}
