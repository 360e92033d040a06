//! Faults on standard output, for people or for machines, and the exit code they mean.

mod github;
mod sarif;

use super::{exit, say};
use crate::fault::{self, Fault, Severity};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::process::ExitCode;

/// How to say it, and what counts.
#[derive(Clone, Copy, Debug, clap::Args)]
// Commands have groups of that name already.
#[group(skip)]
pub(super) struct Args {
    /// For people, for machines, or for a code host
    #[arg(long, value_enum, default_value_t = Shape::Human, long_help = super::FAULTS_HELP)]
    format: Shape,
    /// Take warnings for errors: they exit 3, too
    #[arg(short = 'D', long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
}

/// How to say it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Human,
    /// For machines: one JSON object.
    Json,
}

/// How to say faults.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// For people: underlined source, one fault after the other.
    Human,
    /// For machines: one JSON object.
    Json,
    /// For code scanning: one log in SARIF 2.1.0.
    Sarif,
    /// For GitHub Actions: one annotation for each fault.
    Github,
}

/// What stops, though it need not.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Deny {
    /// What serves, but somebody should look at.
    Warnings,
}

/// Prints all of them as the arguments say.
pub(super) fn told(mut found: Vec<Fault>, args: Args) -> ExitCode {
    if args.deny.is_some() {
        for fault in &mut found {
            fault.severity = Severity::Error;
        }
    }
    print(&found, args.format)
}

/// Prints all of them, and a line that sums them up.
pub(super) fn faults(faults: &[Fault], format: Format) -> ExitCode {
    let shape = match format {
        Format::Human => Shape::Human,
        Format::Json => Shape::Json,
    };
    print(faults, shape)
}

fn print(faults: &[Fault], shape: Shape) -> ExitCode {
    match shape {
        Shape::Human if faults.is_empty() => say("good\n"),
        Shape::Human => {
            say(&fault::render(faults));
            say(&format!("{}\n", fault::summary(faults)));
        }
        Shape::Json => say(&format!("{}\n", document(faults))),
        Shape::Sarif => say(&format!("{}\n", sarif::log(faults))),
        Shape::Github => say(&github::annotations(faults)),
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
