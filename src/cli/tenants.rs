//! `palisade tenants`: the tenant directory alone.

use super::JSON_HELP;
use super::report::{self, Format};
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
    /// The folder of the tenants' files, when there is no configuration to name it; issuers and plans
    /// are then taken as they are
    #[arg(value_name = "DIR", conflicts_with = "config")]
    dir: Option<PathBuf>,
    /// The configuration, which names the folder, the issuers and the plans
    #[arg(long, value_name = "FILE", default_value = "palisade.yaml")]
    config: PathBuf,
    /// For people, or for machines
    #[arg(long, value_enum, default_value_t = Format::Human, long_help = JSON_HELP)]
    format: Format,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let Command::Lint(args) = &args.command;
    let of = match &args.dir {
        Some(dir) => TenantsOf::Folder(dir),
        None => TenantsOf::Config(&args.config),
    };
    report::faults(&author::lint(of), args.format)
}
