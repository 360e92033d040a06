//! `palisade reference`: pages and schemas that are made from the code, so that they never lie.

mod config;
mod headers;
mod tables;

use super::{complain, exit, say};
use crate::author::test;
use crate::config::schema;
use clap::CommandFactory;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to do with the pages.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the files instead of printing them
    #[arg(long)]
    write: bool,
    /// Folder of the repository, for `--write`
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
}

/// One generated file.
struct Page {
    /// In the repository.
    path: &'static str,
    text: String,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let pages = pages();
    if !args.write {
        for page in &pages {
            say(&format!("<!-- {} -->\n{}\n", page.path, page.text));
        }
        return ExitCode::SUCCESS;
    }
    for page in &pages {
        let path = args.dir.join(page.path);
        if let Err(error) = write(&path, &page.text) {
            complain(&format!("palisade: {}: {error}\n", path.display()));
            return ExitCode::from(exit::FAILED);
        }
        say(&format!("{}\n", path.display()));
    }
    ExitCode::SUCCESS
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

fn pages() -> Vec<Page> {
    let page = |path, text| Page { path, text };
    vec![
        page("docs/reference/config.md", config::page()),
        page("docs/reference/metrics.md", tables::metrics()),
        page("docs/reference/reasons.md", tables::reasons()),
        page("docs/reference/faults.md", tables::faults()),
        page("docs/reference/headers.md", headers::page()),
        page("docs/reference/cli.md", cli()),
        page("schemas/config.schema.json", json(schema::config())),
        page("schemas/tenant.schema.json", json(schema::tenant())),
        page(
            "schemas/revocations.schema.json",
            json(schema::revocations()),
        ),
        page("schemas/test.schema.json", json(test::schema())),
    ]
}

fn json(schema: &serde_json::Value) -> String {
    format!("{schema:#}\n")
}

/// What `--help` says, of every command.
fn cli() -> String {
    let mut command = super::Cli::command();
    command.build();
    let mut page = format!(
        "# Command line\n\n\
        Exit codes: 0 good; {} it failed while running; {} the arguments are wrong; {} configuration or\n\
        policies are not valid; {} a test failed, or a claim is refuted; {} a program that is needed is missing,\n\
        or nobody knows the answer.\n",
        exit::FAILED,
        exit::USAGE,
        exit::INVALID,
        exit::FALSIFIED,
        exit::UNKNOWN
    );
    describe(&command, "palisade", &mut page);
    page
}

fn describe(command: &clap::Command, name: &str, page: &mut String) {
    let help = command
        .clone()
        .bin_name(name)
        .render_long_help()
        .to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a `String` cannot fail.
    let _ = write!(
        page,
        "\n## {name}\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    );
    for inner in command.get_subcommands() {
        if inner.get_name() != "help" {
            describe(inner, &format!("{name} {}", inner.get_name()), page);
        }
    }
}

/// A text as one cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests;
