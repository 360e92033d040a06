//! `palisade schema`: the whole schema in one text, for editors and for Cedar's own tools.

use super::{ConfigFile, complain, exit, say};
use crate::config;
use crate::fault::{self, Fault};
use crate::policy;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where it goes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Write it to this file, which is replaced whole, instead of printing it
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let text = match of(&args.file.config) {
        Ok(text) => text,
        Err(faults) => {
            complain(&fault::render(&faults));
            complain(&format!("{}\n", fault::summary(&faults)));
            return ExitCode::from(exit::INVALID);
        }
    };
    let Some(path) = &args.write else {
        say(&text);
        return ExitCode::SUCCESS;
    };
    match replace(path, &text) {
        Ok(said) => {
            say(&format!("{}: {said}\n", path.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("palisade: `{}`: {error}\n", path.display()));
            ExitCode::from(exit::FAILED)
        }
    }
}

/// The schema of that configuration.
pub(super) fn of(config: &Path) -> Result<String, Vec<Fault>> {
    let resolved = config::load(config)?;
    policy::one_text(&resolved.policy)
}

/// Files that say so already stay untouched: editors would load them again.
fn replace(path: &Path, text: &str) -> io::Result<&'static str> {
    match std::fs::read(path) {
        Ok(there) if there == text.as_bytes() => return Ok("as it was"),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    config::replace_file(path, text)?;
    Ok("written")
}
