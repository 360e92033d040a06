//! `palisade init`: a configuration to start from, which `palisade check` finds good.

mod files;

use super::{complain, exit, say};
use crate::fault;
use clap::Args as ClapArgs;
use files::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where to write, and how much.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The folder; made where there is none
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The demo's three accounts, APIs and policies, with placeholders for issuer and upstream,
    /// instead of the least that serves
    #[arg(long)]
    from_demo: bool,
}

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// Somebody's work is there.
    #[error("`{}` is there already, and nothing was written; choose another folder", .0.display())]
    Taken(PathBuf),
    /// A file or folder.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// What was written does not load.
    #[error("the schema for editors could not be made: {0}; `palisade check` tells why")]
    Schema(String),
    /// The machine gave no random numbers.
    #[error("the machine gives no random numbers")]
    Random,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match write_all(args) {
        Ok(count) => {
            say(&next(&args.dir, count));
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("palisade: {error}\n"));
            ExitCode::from(exit::FAILED)
        }
    }
}

fn write_all(args: &Args) -> Result<usize, Error> {
    let token = control_token()?;
    let files = if args.from_demo {
        files::from_demo(&token)
    } else {
        files::smallest(&token)
    };
    // Before the first is written: half a configuration beside somebody's own would be worse than none.
    let names = files.iter().map(|file| file.name);
    for name in names.chain([files::ONE_SCHEMA]) {
        let path = args.dir.join(name);
        if path.symlink_metadata().is_ok() {
            return Err(Error::Taken(path));
        }
    }
    for file in &files {
        write(&args.dir, file)?;
    }
    // Only now are there routes whose actions it can have.
    let text = super::schema::of(&args.dir.join("palisade.yaml"));
    let text = text.map_err(|faults| Error::Schema(fault::summary(&faults)))?;
    let schema = File {
        name: files::ONE_SCHEMA,
        text: text.into(),
        secret: false,
    };
    write(&args.dir, &schema)?;
    Ok(files.len() + 1)
}

fn write(dir: &Path, file: &File) -> Result<(), Error> {
    let path = dir.join(file.name);
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if file.secret { 0o600 } else { 0o644 })
            .open(&path)?
            .write_all(file.text.as_bytes())
    };
    write().map_err(|source| Error::File {
        path: path.clone(),
        source,
    })
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
