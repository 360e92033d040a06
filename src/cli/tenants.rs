//! `palisade tenants`: the tenant directory alone.

use super::{ConfigFile, report};
use crate::author;
use crate::config::TenantsOf;
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do with the tenant directory.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report every fault of the tenants' files at once
    #[command(after_help = "Examples: palisade tenants lint tenants/\n          \
        palisade tenants lint --config palisade.yaml --format json")]
    Lint(LintArgs),
}

#[derive(Debug, ClapArgs)]
struct LintArgs {
    /// The folder of the tenants' files, or one `.ndjson` file; issuers and plans are then taken as they are, and no
    /// configuration is read
    #[arg(value_name = "DIR|FILE")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    report: report::Args,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let Command::Lint(args) = &args.command;
    let of = match &args.dir {
        Some(dir) => TenantsOf::Alone(dir),
        None => TenantsOf::Config(&args.file.config),
    };
    report::told(author::lint(of), args.report)
}
