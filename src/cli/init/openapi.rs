//! `palisade init --openapi`: drafted, proved, and written whole or not at all.

use super::staged::{Error, Staged};
use super::{Args, control_token, exit, failed, files, proof, told};
use crate::author::init::{self, Draft, Refused};
use crate::cli::report::Format;
use crate::cli::{complain, report, say};
use crate::fault::{self, Fault, Place};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The longest line of a document that is shown.
const LINE_BYTES_MAX: usize = 500;

/// Why nothing is written.
enum Failure {
    /// The documents do not make a configuration, or one that does not serve.
    Refused(Refused),
    /// There are warnings, and they count.
    Denied(Vec<Fault>),
    /// The machine, or what is there.
    Unwritten(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Unwritten(error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// What was written, or would be.
pub(super) struct Done {
    pub(super) dir: PathBuf,
    pub(super) names: Vec<String>,
    pub(super) draft: Draft,
    pub(super) unpermitted: Vec<String>,
    pub(super) dry: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    match done(args, &dir) {
        Ok(done) => {
            match args.format {
                Format::Human => say(&told::text(&done)),
                Format::Json => say(&format!("{:#}\n", told::json(&done))),
            }
            ExitCode::SUCCESS
        }
        Err(Failure::Unwritten(error)) => failed(&error),
        Err(Failure::Refused(refused)) => refuse(&refused, args.format),
        Err(Failure::Denied(warnings)) => {
            let severe = |warning| Fault {
                severity: fault::Severity::Error,
                ..warning
            };
            let errors = warnings.into_iter().map(severe).collect();
            let warnings = Vec::new();
            refuse(&Refused { errors, warnings }, args.format)
        }
    }
}

fn refuse(refused: &Refused, format: Format) -> ExitCode {
    let all = [refused.errors.clone(), refused.warnings.clone()].concat();
    if let Format::Json = format {
        return report::faults(&all, format);
    }
    complain(&told::faults(&refused.warnings, "warning"));
    let (shown, plain): (Vec<Fault>, Vec<Fault>) =
        refused.errors.iter().cloned().partition(is_readable);
    complain(&fault::render(&shown));
    let (placed, plain): (Vec<Fault>, Vec<Fault>) = plain
        .into_iter()
        .partition(|fault| fault.place.span.is_some());
    for fault in &placed {
        complain(&format!("error[{}] {fault}\n", fault.code));
    }
    complain(&told::faults(&plain, "error"));
    complain(&format!("{}; nothing was written\n", fault::summary(&all)));
    ExitCode::from(exit::INVALID)
}

/// Whether its line can be shown: a document that a program wrote may be one line of megabytes.
fn is_readable(fault: &Fault) -> bool {
    let (Some(span), Some(text)) = (fault.place.span, &fault.place.text) else {
        return false;
    };
    let (Some(before), Some(rest)) = (text.get(..span.start), text.get(span.start..)) else {
        return false;
    };
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = span.start + rest.find('\n').unwrap_or(rest.len());
    end - start <= LINE_BYTES_MAX
}

fn done(args: &Args, dir: &Path) -> Result<Done, Failure> {
    let (token, operator) = (control_token()?, control_token()?);
    let mut draft = init::draft(&args.openapi, &name(&operator))?;
    let files = files::of_draft(&draft, &token);
    let staged = Staged::of(dir, &files)?;
    let names = files.iter().map(|file| file.name.to_string()).collect();
    let proof = proof::of(&staged.path("palisade.yaml"));
    let proof = proof.map_err(|errors| Refused {
        errors,
        warnings: draft.warnings.clone(),
    })?;
    draft.warnings.extend(proof.warnings);
    let failed: Vec<String> = proof.failed.iter().map(|(name, _)| name.clone()).collect();
    for (name, text) in draft.without(&failed) {
        staged.replace(&name, &text)?;
    }
    draft
        .warnings
        .extend(proof.failed.into_iter().map(|(name, why)| {
            let place = Place::file("policies/tests");
            let message = format!("the case `{name}` is left out: {why}");
            let fault = Fault::warning("init_case", place, message);
            fault.help("ask `palisade explain` about the operation before you rely on it")
        }));
    if args.deny.is_some() && !draft.warnings.is_empty() {
        return Err(Failure::Denied(draft.warnings));
    }
    if !args.dry_run {
        staged.install()?;
    }
    Ok(Done {
        dir: dir.to_owned(),
        names,
        draft,
        unpermitted: proof.unpermitted,
        dry: args.dry_run,
    })
}

/// A `sub` that nobody has, in the form that issuers give them.
fn name(random: &str) -> String {
    let ends = [8, 12, 16, 20];
    let mut out = String::new();
    for (index, digit) in random.chars().take(32).enumerate() {
        if ends.contains(&index) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}
