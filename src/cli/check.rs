//! `palisade check`: every fault at once, without serving.

use super::{ConfigFile, report, say};
use crate::author;
use crate::fault;
use crate::fault::page::{self, Page};
use std::process::ExitCode;

/// What to check, and how to say it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    report: report::Args,
    /// Print what a code of a fault means, an example and the remedy: `P012`, or `policy_foreign`. Nothing
    /// is checked
    #[arg(long, value_name = "CODE", value_parser = page)]
    explain: Option<&'static Page>,
}

/// The page of a code.
fn page(code: &str) -> Result<&'static Page, String> {
    page::of(code).ok_or_else(|| {
        let known = page::all().map(|page| page.code);
        match fault::nearest(code, known) {
            Some(near) => format!("no page; did you mean `{near}`?"),
            None => "no page: codes of policies, schemas, routes, tenants and the configuration have one".to_owned(),
        }
    })
}

pub(super) fn run(args: &Args) -> ExitCode {
    if let Some(page) = args.explain {
        say(&page.to_string());
        return ExitCode::SUCCESS;
    }
    report::told(author::check(&args.file.config), args.report)
}
