//! `palisade prove`: what policies say of every request, by a solver.

mod work;

use super::{ConfigFile, complain, exit, report as faults, say};
use crate::author::prove::{self, Failure, NoSolver, Report, Unwritten, Verdict};
use crate::clock::read_span;
use crate::fault::{self, Fault};
use crate::policy::PARSE_STACK_BYTES;
use clap::{Subcommand, ValueEnum};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What to prove.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prove that no tenant reaches another, whatever any policy permits.
    ///
    /// Guards with a permit for everything are held to each spec: those that are part of the program, for whatever
    /// operation a route may declare; and those of the folder `specs` beside the policies, for the operations
    /// that there are: `only-*.cedar` permits whatever may be allowed, `never-*.cedar` what may not. What holds for
    /// these guards with a permit for everything holds with any policies of accounts.
    #[command(
        after_help = "Example: palisade prove isolation --config palisade.yaml --write-test policies/tests/holes.json"
    )]
    Isolation(Isolation),
    /// Prove of accounts' policies that they restrict only, lock nobody out, never err, and that each matters.
    ///
    /// Each account's policies are looked at with the platform's, for requests about resources of its own. An
    /// account whose entry says `overlay: permit` may allow more than the platform does, and is asked whether it
    /// does with `--restricts-only`; the guards bound it in any case. Policies that match nothing, or whatever
    /// their head does, are refuted without an example.
    #[command(
        after_help = "Examples: palisade prove overlays --account acme --config palisade.yaml\n          \
        palisade prove overlays --account acme --write-test policies/tests/acme.json"
    )]
    Overlays(Overlays),
    /// Prove that two states of the policies allow the same, or find requests that only one of them allows.
    ///
    /// Each of the two is a configuration, or a folder of platform policies, which is put in the place of that of
    /// `--config`. Of two configurations the policies of accounts that changed are compared, too.
    #[command(
        after_help = "Examples: palisade prove diff policies policies-next --config palisade.yaml\n          \
        palisade prove diff old/palisade.yaml new/palisade.yaml"
    )]
    Diff(Diff),
}

#[derive(Debug, clap::Args)]
struct Isolation {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    test: WriteTest,
    /// Guards to prove in the place of those that are part of the program: for whoever changes those. Nothing
    /// serves them
    #[arg(long, value_name = "FILE")]
    guards: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Overlays {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    how: How,
    /// Only the policies of this account; may be given several times
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<String>,
    #[command(flatten)]
    test: WriteTest,
    /// Hold accounts that may permit (`overlay: permit`) to restricting only, too
    #[arg(long)]
    restricts_only: bool,
}

#[derive(Debug, clap::Args)]
struct Diff {
    /// What was
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// What is, or will be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    test: WriteTest,
}

/// Where examples go.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct WriteTest {
    /// Add what is found to this file of cases, for `palisade test`: a list of JSON, made if it is not there. What is found
    /// of an account goes to the file that is named after it, as `acme.json`
    #[arg(long, value_name = "FILE")]
    write_test: Option<PathBuf>,
}

/// How to ask, and how to say what came of it.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct How {
    /// The solver: a path, or a name on the `PATH`
    #[arg(
        long,
        value_name = "PATH",
        env = "CVC5",
        // The page of commands must not say what one machine's environment holds.
        hide_env_values = true,
        default_value = "cvc5"
    )]
    solver: PathBuf,
    /// How long the solver may take for one question; what it does not answer is not proved. After eight such
    /// questions no further one is asked
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = span)]
    time_limit: Duration,
    /// For people, or for machines
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How to say it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For machines: one JSON object.
    Json,
}

/// The shortest and the longest limit.
const LIMITS: [Duration; 2] = [Duration::from_millis(1), Duration::from_hours(1)];

fn span(text: &str) -> Result<Duration, String> {
    let [min, max] = LIMITS;
    let span = read_span(text).filter(|span| (min..=max).contains(span));
    span.ok_or_else(|| "write it like `500ms`, `20s`, `5m`, at most `1h`".to_owned())
}

/// Why there is no report.
enum Stopped {
    Failed(Failure),
    NoSolver(NoSolver),
    Unwritten(Unwritten),
}

/// What was proved; and why what was found became no test, where it should have.
struct Done {
    report: Report,
    unwritten: Option<Stopped>,
}

impl<T: Into<Failure>> From<T> for Stopped {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    let how = match &args.what {
        What::Isolation(args) => &args.how,
        What::Overlays(args) => &args.how,
        What::Diff(args) => &args.how,
    };
    // Policies are parsed here, and formulas are as deep as policies.
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(PARSE_STACK_BYTES)
            .spawn_scoped(scope, || match &args.what {
                What::Isolation(args) => work::isolation(args),
                What::Overlays(args) => work::overlays(args),
                What::Diff(args) => work::diff(args),
            })?;
        let panicked = |_| io::Error::other("a panic");
        thread.join().map_err(panicked)
    });
    match done.unwrap_or_else(|error| Err(error.into())) {
        Ok(done) => {
            let code = tell(&done.report, how);
            match done.unwritten {
                // What was found stays found, whatever becomes of the file.
                Some(why) => {
                    stopped(why, Format::Human);
                    code
                }
                None => code,
            }
        }
        Err(why) => stopped(why, how.format),
    }
}

fn stopped(why: Stopped, format: Format) -> ExitCode {
    match why {
        Stopped::NoSolver(why) => {
            complain(&format!("palisade: {why}\nhelp: {}\n", prove::HELP));
            ExitCode::from(exit::UNKNOWN)
        }
        Stopped::Failed(Failure::Invalid(found))
        | Stopped::Unwritten(Unwritten::Invalid(found)) => refuse(&found, format),
        Stopped::Failed(Failure::Machine(error)) => failed(&error),
        Stopped::Unwritten(why) => failed(&why),
    }
}

fn failed(why: &dyn std::fmt::Display) -> ExitCode {
    complain(&format!("palisade: {why}\n"));
    ExitCode::from(exit::FAILED)
}

fn refuse(found: &[Fault], format: Format) -> ExitCode {
    match format {
        Format::Json => faults::faults(found, faults::Format::Json),
        Format::Human => {
            complain(&fault::render(found));
            complain(&format!("{}\n", fault::summary(found)));
            ExitCode::from(exit::INVALID)
        }
    }
}

fn tell(report: &Report, how: &How) -> ExitCode {
    match how.format {
        Format::Human => say(&report.to_string()),
        Format::Json => say(&format!("{:#}\n", serde_json::json!(report))),
    }
    ExitCode::from(match report.verdict() {
        Verdict::Proved => 0,
        Verdict::Refuted => exit::FALSIFIED,
        Verdict::Unknown => {
            complain("palisade: not everything is proved\n");
            exit::UNKNOWN
        }
    })
}
