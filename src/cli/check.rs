//! `palisade check`: every fault at once, without serving.

use super::{ConfigFile, report};
use crate::author;
use std::process::ExitCode;

/// What to check, and how to say it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    report: report::Args,
}

pub(super) fn run(args: &Args) -> ExitCode {
    report::told(author::check(&args.file.config), args.report)
}
