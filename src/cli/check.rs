//! `palisade check`: every fault at once, without serving.

use super::report::{self, Format};
use super::{ConfigFile, JSON_HELP};
use crate::author;
use std::process::ExitCode;

/// What to check, and how to say it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// For people, or for machines
    #[arg(long, value_enum, default_value_t = Format::Human, long_help = JSON_HELP)]
    format: Format,
}

pub(super) fn run(args: &Args) -> ExitCode {
    report::faults(&author::check(&args.file.config), args.format)
}
