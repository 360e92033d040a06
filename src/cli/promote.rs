//! `palisade promote` and `palisade rollback`: what is to be comes to where it serves, and back.

use super::report::{self, Format};
use super::{ConfigFile, complain, exit, say};
use crate::author::promote::{self, Failed, Named, Refused, Site, Whose};
use crate::clock::Clock;
use crate::tenant::AccountId;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Lines of one file that are shown of either side.
const SHOWN_MAX: usize = 30;

/// What to promote.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Promote this account's policies, and not the platform's; may be given again
    #[arg(long = "account", value_name = "ACCOUNT", value_parser = account)]
    accounts: Vec<AccountId>,
    /// Change nothing; show what would change, and the word for `--expect`
    #[arg(long)]
    dry_run: bool,
    /// Only if everything is as it was when `--dry-run` gave this word
    #[arg(long, value_name = "WORD", conflicts_with = "dry_run")]
    expect: Option<String>,
}

/// What to bring back.
#[derive(Debug, clap::Args)]
pub(super) struct BackArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// Bring back this account's policies, and not the platform's; may be given again
    #[arg(long = "account", value_name = "ACCOUNT", value_parser = account)]
    accounts: Vec<AccountId>,
    /// Change nothing; show what would change
    #[arg(long)]
    dry_run: bool,
    /// Replace what is not what was promoted any more, too, and what would not load: it is kept under `.palisade/`
    #[arg(long)]
    force: bool,
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).map_err(|error| error.to_string())
}

pub(super) fn promote(args: &Args) -> ExitCode {
    let accounts = distinct(&args.accounts);
    let plan = match promote::promotion(&args.file.config, whose(&accounts)) {
        Ok(plan) => plan,
        Err(refused) => return refuse(&refused),
    };
    if plan.steps.is_empty() {
        say("what serves says the same already\n");
        return ExitCode::SUCCESS;
    }
    let word = plan.word();
    if args
        .expect
        .as_ref()
        .is_some_and(|expected| *expected != word)
    {
        complain(&format!(
            "palisade: something is not as it was: look at it with `--dry-run` again (now `{word}`)\n"
        ));
        return ExitCode::from(exit::FAILED);
    }
    for step in &plan.steps {
        show(&step.site, &step.before, &step.after);
    }
    if args.dry_run {
        say(&format!(
            "nothing was changed; `palisade promote --expect {word}` does this, and nothing else\n"
        ));
        return ExitCode::SUCCESS;
    }
    let done = plan.carry_out(&Clock::system().now().rfc3339());
    ended(
        done,
        "promoted; `palisade rollback` brings back what served\n",
    )
}

pub(super) fn rollback(args: &BackArgs) -> ExitCode {
    let accounts = distinct(&args.accounts);
    let found = promote::rollback(&args.file.config, whose(&accounts), args.force);
    let rollback = match found {
        Ok(rollback) => rollback,
        Err(refused) => return refuse(&refused),
    };
    for one in &rollback.returns {
        show(&one.site, &one.before, &one.after);
    }
    if args.dry_run {
        say("nothing was changed\n");
        return ExitCode::SUCCESS;
    }
    ended(rollback.carry_out(), "what served before is back\n")
}

fn whose(accounts: &[AccountId]) -> Whose<'_> {
    if accounts.is_empty() {
        Whose::Platform
    } else {
        Whose::Accounts(accounts)
    }
}

fn distinct(accounts: &[AccountId]) -> Vec<AccountId> {
    let mut accounts = accounts.to_vec();
    accounts.sort();
    accounts.dedup();
    accounts
}

fn ended(done: Result<(), Failed>, good: &str) -> ExitCode {
    match done {
        Ok(()) => {
            say(good);
            ExitCode::SUCCESS
        }
        Err(failed) => failure(&failed),
    }
}

fn refuse(refused: &Refused) -> ExitCode {
    match refused {
        Refused::Faults(faults) => {
            report::faults(faults, Format::Human);
            ExitCode::from(exit::INVALID)
        }
        Refused::Failed(failed) => failure(failed),
    }
}

fn failure(failed: &Failed) -> ExitCode {
    complain(&format!("palisade: {failed}\n"));
    ExitCode::from(exit::FAILED)
}

/// File by file, the lines between what is equal at the beginning and at the end.
fn show(site: &Site, before: &[Named], after: &[Named]) {
    let text = |side: &[Named], name: &str| {
        let found = side.iter().find(|(own, _)| own == name);
        found.map(|(_, text)| text.to_string())
    };
    let mut names: Vec<&str> = before
        .iter()
        .chain(after)
        .map(|(name, _)| &**name)
        .collect();
    names.sort_unstable();
    names.dedup();
    let path = site.path().display();
    say(&format!("{path}\n"));
    for name in names {
        let (old, new) = (text(before, name), text(after, name));
        let how = match (&old, &new) {
            (None, _) => "comes",
            (_, None) => "goes",
            (Some(old), Some(new)) if old != new => "changes",
            _ => continue,
        };
        let mut out = format!("--- {name} {how}\n");
        difference(&mut out, &old.unwrap_or_default(), &new.unwrap_or_default());
        say(&out);
    }
}

fn difference(out: &mut String, before: &str, after: &str) {
    let before: Vec<&str> = before.lines().collect();
    let after: Vec<&str> = after.lines().collect();
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = before.iter().zip(&after).take_while(same).count();
    let ends = before.iter().rev().zip(after.iter().rev());
    let tail = ends.take_while(same).count();
    let tail = tail.min(before.len() - head).min(after.len() - head);
    for (sign, lines) in [('-', &before), ('+', &after)] {
        let lines = lines.get(head..lines.len() - tail).unwrap_or_default();
        for line in lines.iter().take(SHOWN_MAX) {
            // Writing to a `String` cannot fail.
            let _ = writeln!(out, "{sign}{line}");
        }
        if let Some(more) = lines.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let _ = writeln!(out, "{sign} ... and {more} more");
        }
    }
}
