//! `palisade prove`: what policies say of every request, by a solver.

use super::{complain, exit, report as faults, say};
use crate::author::prove::{
    self, Asking, Failure, Found, NoSolver, Report, Unwritten, Verdict, Wanted,
};
use crate::author::test::{Desk, Setting};
use crate::clock::{Clock, read_span};
use crate::config::{self, FILE_BYTES_MAX, Resolved};
use crate::fault::{self, Fault};
use crate::policy::{PARSE_STACK_BYTES, Source, Theory};
use crate::telemetry::Metrics;
use crate::{app, cli::ConfigFile};
use clap::{Subcommand, ValueEnum};
use std::io;
use std::path::{Path, PathBuf};
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
}

#[derive(Debug, clap::Args)]
struct Isolation {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    how: How,
    /// Guards to prove in the place of those that are part of the program: for whoever changes those. Nothing
    /// serves them
    #[arg(long, value_name = "FILE")]
    guards: Option<PathBuf>,
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
    /// Add what is found to this file of cases, for `palisade test`: a list of JSON, made if it is not there
    #[arg(long, value_name = "FILE")]
    write_test: Option<PathBuf>,
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

impl<T: Into<Failure>> From<T> for Stopped {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    let What::Isolation(args) = &args.what;
    let how = &args.how;
    // Policies are parsed here, and formulas are as deep as policies.
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(PARSE_STACK_BYTES)
            .spawn_scoped(scope, || isolation(args))?;
        let panicked = |_| io::Error::other("a panic");
        thread.join().map_err(panicked)
    });
    match done.unwrap_or_else(|error| Err(error.into())) {
        Ok(report) => tell(&report, how),
        Err(Stopped::NoSolver(why)) => {
            complain(&format!("palisade: {why}\nhelp: {}\n", prove::HELP));
            ExitCode::from(exit::UNKNOWN)
        }
        Err(
            Stopped::Failed(Failure::Invalid(found))
            | Stopped::Unwritten(Unwritten::Invalid(found)),
        ) => refuse(&found, how.format),
        Err(Stopped::Failed(Failure::Machine(error))) => failed(&error),
        Err(Stopped::Unwritten(why)) => failed(&why),
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

fn isolation(args: &Isolation) -> Result<Report, Stopped> {
    let resolved = config::load(&args.file.config)?;
    let guards = args.guards.as_deref().map(guards).transpose()?;
    let theory = Theory::of(&resolved.policy, guards.as_ref())?;
    let specs = prove::specs(&resolved.kept.specs(), &theory)?;
    let found = solver(&args.how)?;
    let report = prove::isolation(&theory, &specs, &found)?;
    if let Some(path) = &args.how.write_test {
        let wanted = report.examples().filter(|(_, example)| example.routed);
        let wanted: Vec<Wanted<'_>> = wanted
            .map(|(claim, example)| Wanted {
                name: format!("{} holds", claim.of),
                example,
                allow: false,
                by: None,
            })
            .collect();
        write(path, &wanted, resolved)?;
    }
    Ok(report)
}

/// Guards are what a file of that name holds.
fn guards(path: &Path) -> Result<Source, Vec<Fault>> {
    let text = config::read_file(path, FILE_BYTES_MAX).map_err(|fault| vec![*fault])?;
    let is_named = path.file_stem().is_some_and(|stem| stem == "guard");
    let name = if is_named {
        path.display().to_string()
    } else {
        "guard.cedar".to_owned()
    };
    Ok(Source::new(name, text))
}

fn solver(how: &How) -> Result<Found, Stopped> {
    let asking = Asking {
        solver: how.solver.clone(),
        limit: how.time_limit,
    };
    asking.find().map_err(Stopped::NoSolver)
}

fn write(path: &Path, wanted: &[Wanted<'_>], resolved: Resolved) -> Result<(), Stopped> {
    if wanted.is_empty() {
        complain("nothing to write: no counterexample is of an operation that a route has\n");
        return Ok(());
    }
    let clock = Clock::system();
    let setting = Setting::of(&resolved);
    let generation = app::generation(resolved, &clock, &Metrics::new())?;
    let desk = Desk::new(&setting, &generation, clock.now());
    let count = prove::write(path, wanted, &desk).map_err(Stopped::Unwritten)?;
    let cases = if count == 1 { "case" } else { "cases" };
    complain(&format!("{count} {cases} written to {}\n", path.display()));
    Ok(())
}
