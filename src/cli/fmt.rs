//! `palisade fmt`: every file of policies in one layout.

use super::report::{self, Format};
use super::{ConfigFile, exit, say};
use crate::author::{self, Layout};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Lines of either side that are shown of one file.
const SHOWN_MAX: usize = 30;

/// What to lay out.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Files, and folders of `.cedar` files however deep. Without any, the platform's and the accounts'
    /// policies of the configuration
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing; show what would change, and exit 4 if anything would
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let found = if args.paths.is_empty() {
        author::format(&args.file.config)
    } else {
        author::format_at(&args.paths)
    };
    let mut layouts = match found {
        Ok(layouts) => layouts,
        Err(faults) => return report::faults(&faults, Format::Human),
    };
    let all = layouts.len();
    layouts.retain(|layout| !layout.is_good());
    if layouts.is_empty() {
        say(&format!("{all} {} good\n", files(all)));
        return ExitCode::SUCCESS;
    }
    if args.check {
        show(&layouts)
    } else {
        write(&layouts)
    }
}

fn files(count: usize) -> &'static str {
    if count == 1 { "file is" } else { "files are" }
}

fn show(layouts: &[Layout]) -> ExitCode {
    for layout in layouts {
        say(&difference(layout));
    }
    let count = layouts.len();
    say(&format!(
        "{count} {} not laid out: run `palisade fmt`\n",
        files(count)
    ));
    ExitCode::from(exit::FALSIFIED)
}

fn write(layouts: &[Layout]) -> ExitCode {
    let mut faults = Vec::new();
    for layout in layouts {
        match layout.write() {
            Ok(()) => {
                let without = layout.unseen().map(|what| format!(" (without {what} now)"));
                say(&format!("{}{}\n", layout.file, without.unwrap_or_default()));
            }
            Err(fault) => faults.push(*fault),
        }
    }
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    report::faults(&faults, Format::Human);
    ExitCode::from(exit::FAILED)
}

/// The lines between what is equal at the beginning and at the end.
fn difference(layout: &Layout) -> String {
    let before: Vec<&str> = layout.before.lines().collect();
    let after: Vec<&str> = layout.after.lines().collect();
    let head = before
        .iter()
        .zip(&after)
        .take_while(|(a, b)| a == b)
        .count();
    let rest = |lines: &[&str]| lines.len() - head;
    let ends = before.iter().rev().zip(after.iter().rev());
    let tail = ends.take_while(|(a, b)| a == b).count();
    let tail = tail.min(rest(&before)).min(rest(&after));
    let mut out = format!("--- {}\n", layout.file);
    // Writing to a `String` cannot fail.
    if let Some(what) = layout.unseen() {
        let _ = writeln!(out, "  holds {what}");
    }
    let (old, new) = (rest(&before) - tail, rest(&after) - tail);
    let _ = writeln!(out, "@@ line {}: {old} lines become {new} @@", head + 1);
    side(&mut out, '-', &before, head..head + old);
    side(&mut out, '+', &after, head..head + new);
    out
}

fn side(out: &mut String, sign: char, lines: &[&str], range: std::ops::Range<usize>) {
    let all = lines.get(range).unwrap_or_default();
    for line in all.iter().take(SHOWN_MAX) {
        let _ = writeln!(out, "{sign}{line}");
    }
    if let Some(more) = all.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        let _ = writeln!(out, "{sign} ... and {more} more");
    }
}
