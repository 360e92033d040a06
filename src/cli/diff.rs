//! `palisade diff`: which requests of an audit log would be answered otherwise.

use super::side::side;
use super::{ConfigFile, complain, exit, say};
use crate::author::log::Unread;
use crate::author::replay::{self, Report, Routes, Side};
use crate::fault::{self, Fault};
use crate::policy::{PARSE_STACK_BYTES, Store};
use clap::ValueEnum;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to compare.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What was: a configuration, or a folder of platform policies, put in the place of that of `--config`
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// What is, or will be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    #[command(flatten)]
    file: ConfigFile,
    /// The audit log: a file, the folder that the gate writes, or `-`. Records hold what was asked where the
    /// configuration says `audit.questions: true`
    #[arg(long, value_name = "AUDIT")]
    replay: PathBuf,
    /// How many requests may become allowed before it exits 4. One of a caller of another account than what it asks
    /// for is one too many in any case
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_opened: u64,
    /// How many requests may become denied before it exits 4
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_closed: u64,
    /// For people, or for machines
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How to say it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For machines: one JSON object.
    Json,
}

/// Why there is no report.
enum Stopped {
    Invalid(Vec<Fault>),
    Unread(Unread),
    Machine(io::Error),
}

impl From<Vec<Fault>> for Stopped {
    fn from(found: Vec<Fault>) -> Self {
        Self::Invalid(found)
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    // Policies are parsed and evaluated here.
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(PARSE_STACK_BYTES)
            .spawn_scoped(scope, || work(args))?;
        thread.join().map_err(|_| io::Error::other("a panic"))
    });
    match done.unwrap_or_else(|error| Err(Stopped::Machine(error))) {
        Ok(report) => tell(&report, args),
        Err(Stopped::Invalid(found)) => {
            complain(&fault::render(&found));
            complain(&format!("{}\n", fault::summary(&found)));
            ExitCode::from(exit::INVALID)
        }
        Err(Stopped::Unread(why)) => {
            complain(&format!("palisade: {why}\n"));
            ExitCode::from(exit::USAGE)
        }
        Err(Stopped::Machine(error)) => {
            complain(&format!("palisade: {error}\n"));
            ExitCode::from(exit::FAILED)
        }
    }
}

fn work(args: &Args) -> Result<Report, Stopped> {
    let (old, new) = (built(&args.old, args)?, built(&args.new, args)?);
    replay::replay(&old, &new, &args.replay).map_err(Stopped::Unread)
}

fn built(path: &Path, args: &Args) -> Result<Side, Vec<Fault>> {
    let resolved = side(path, &args.file.config)?.0;
    let (store, _warnings) = Store::build(resolved.policy)?;
    Ok(Side {
        routes: Routes::of(&resolved.router),
        store,
        directory: resolved.directory,
    })
}

fn tell(report: &Report, args: &Args) -> ExitCode {
    match args.format {
        Format::Human => say(&report.to_string()),
        Format::Json => say(&format!("{:#}\n", serde_json::json!(report))),
    }
    if report.is_beyond(args.max_opened, args.max_closed) {
        return ExitCode::from(exit::FALSIFIED);
    }
    if report.is_whole() {
        return ExitCode::SUCCESS;
    }
    complain("palisade: not everything that policies answered was asked again\n");
    ExitCode::from(exit::UNKNOWN)
}
