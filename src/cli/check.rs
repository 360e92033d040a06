//! `palisade check`: every fault at once, without serving.

use super::{ConfigFile, exit, say};
use crate::fault::{self, Fault};
use crate::policy::Store;
use crate::{clock, config, telemetry, token};
use clap::ValueEnum;
use serde_json::json;
use std::process::ExitCode;

/// What to check, and how to say it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// For people, or for machines.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Human,
    Json,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let faults = faults(args);
    // A tenant that `serve` would leave out is an error here: somebody is about to be locked out.
    let bad = faults.iter().any(Fault::is_error);
    match args.format {
        Format::Human if faults.is_empty() => say("good\n"),
        Format::Human => say(&fault::render(&faults)),
        Format::Json => {
            let list: Vec<_> = faults.iter().map(json).collect();
            say(&format!("{}\n", json!({ "faults": list })));
        }
    }
    ExitCode::from(if bad { exit::INVALID } else { 0 })
}

fn faults(args: &Args) -> Vec<Fault> {
    let resolved = match config::load(&args.file.config) {
        Ok(resolved) => resolved,
        Err(faults) => return faults,
    };
    let mut faults = resolved.warnings;
    faults.extend(resolved.quarantined.into_iter().map(severe));
    let metrics = telemetry::Metrics::new();
    if let Err(found) = token::Issuers::new(resolved.issuers, clock::Clock::system(), metrics) {
        faults.extend(found);
    }
    match Store::build(resolved.policy) {
        Ok((store, found)) => {
            let lost = !store.quarantined().is_empty();
            faults.extend(
                found
                    .into_iter()
                    .map(|fault| if lost { severe(fault) } else { fault }),
            );
        }
        Err(found) => faults.extend(found),
    }
    faults
}

fn severe(fault: Fault) -> Fault {
    Fault {
        severity: fault::Severity::Error,
        ..fault
    }
}

fn json(fault: &Fault) -> serde_json::Value {
    let (line, column) = fault.place.line_column().unzip();
    json!({
        "code": fault.code,
        "severity": if fault.is_error() { "error" } else { "warning" },
        "file": fault.place.file,
        "key": fault.place.key,
        "line": line,
        "column": column,
        "message": fault.message,
        "help": fault.help,
    })
}
