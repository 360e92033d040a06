//! `palisade init`: a configuration to start from, which `palisade check` finds good.

mod files;
mod openapi;
mod proof;
mod staged;
mod told;

use super::{complain, exit, say};
use crate::author::init::Input;
use crate::fault;
use crate::operation::ApiContext;
use clap::Args as ClapArgs;
use staged::{Error, Staged};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where to write, and how much.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The folder; made where there is none. With `--openapi` the current one, unless it is named
    #[arg(value_name = "DIR", required_unless_present = "openapi")]
    dir: Option<PathBuf>,
    /// The demo's three accounts, APIs and policies, with placeholders for issuer and upstream,
    /// instead of the least that serves
    #[arg(long, conflicts_with = "openapi")]
    from_demo: bool,
    /// OpenAPI 3.0 and 3.1 documents, JSON or YAML: their routes, the names in them that mean a tenant,
    /// starter policies, and cases that show what these do. A document is of the API that its paths begin
    /// with (`/app`, `/dashboard`, `/portal`), else of the one in its file's name, else of the App; `CONTEXT=`
    /// says another. DIR stands before this
    #[arg(long, value_name = "[CONTEXT=]FILE", num_args = 1.., value_parser = input)]
    openapi: Vec<Input>,
    /// With `--openapi`: say what would be written, and write nothing
    #[arg(long, requires = "openapi")]
    dry_run: bool,
    /// With `--openapi`: write nothing where there is a warning, and exit 3
    #[arg(
        short = 'D',
        long,
        value_enum,
        value_name = "WHAT",
        requires = "openapi"
    )]
    deny: Option<super::report::Deny>,
    /// With `--openapi`: for people, or for machines
    #[arg(long, value_enum, default_value_t = super::report::Format::Human, long_help = FORMAT_HELP)]
    format: super::report::Format,
}

/// What `--format` says of itself.
const FORMAT_HELP: &str = "With `--openapi`: for people, or for machines.\n\nThe JSON is one object: `folder`, `written` \
    (names of files), `actions` (each with `action`, `access`, the least `role`, `method`, `path` and `source`), `references` \
    and `cases` (numbers), `not_permitted` (actions), `warnings` and `notes`: these are faults as of `palisade check`, whose \
    `key` is a JSON pointer into `file`.";

/// `dashboard=api.yaml`, or a file alone.
fn input(text: &str) -> Result<Input, String> {
    let (context, path) = match text.split_once('=') {
        Some((context, path)) if ApiContext::parse(context).is_some() => {
            (ApiContext::parse(context), path)
        }
        _ => (None, text),
    };
    if path.is_empty() {
        return Err("name a file: `app=api.yaml`".to_owned());
    }
    let path = PathBuf::from(path);
    Ok(Input { context, path })
}

pub(super) fn run(args: &Args) -> ExitCode {
    if !args.openapi.is_empty() {
        return openapi::run(args);
    }
    let Some(dir) = &args.dir else {
        // Clap asks for it.
        return ExitCode::from(exit::USAGE);
    };
    match write_all(dir, args.from_demo) {
        Ok(count) => {
            say(&next(dir, count));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> ExitCode {
    complain(&format!("palisade: {error}\n"));
    ExitCode::from(exit::FAILED)
}

fn write_all(dir: &Path, from_demo: bool) -> Result<usize, Error> {
    let token = control_token()?;
    let files = if from_demo {
        files::from_demo(&token)
    } else {
        files::smallest(&token)
    };
    let staged = Staged::of(dir, &files)?;
    // Only now are there routes whose actions it can have.
    let schema = super::schema::of(&staged.path(files::CONFIG));
    let schema = schema.map_err(|faults| Error::Schema(fault::summary(&faults)))?;
    staged.replace(files::ONE_SCHEMA, &schema)?;
    staged.install()?;
    Ok(files.len())
}

/// What opens the control listener: nobody's but this folder's.
fn control_token() -> Result<String, Error> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.filter_map(digit).collect())
}

fn next(dir: &Path, count: usize) -> String {
    let config = dir.join("palisade.yaml");
    let config = config.display();
    format!(
        "{count} files written to {}\n\n\
         Next:\n\
         1. {config}: put in your hosts, upstream and issuer; what to change is marked `change:`\n\
         2. tenants/: one file for each account, named after it\n\
         3. apis/: your OpenAPI files; policies/: what your roles may do\n\
         4. palisade check --config {config}\n\
         5. palisade serve --config {config}\n",
        dir.display()
    )
}
