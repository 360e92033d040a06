//! `palisade test`: what must become of requests, held against what does.

mod watch;

use super::{ConfigFile, complain, exit, report as faults, say};
use crate::author::test::{self, Desk, Looks, Report, Session, Setting, Shown};
use crate::clock::Clock;
use crate::config::{Before, Resolved, Seen};
use crate::decision::Pdp;
use crate::fault::{self, Fault};
use crate::policy::EVALUATION_STACK_BYTES_MIN;
use crate::telemetry::Metrics;
use crate::{app, config};
use clap::ValueEnum;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Which cases, and how to say what came of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Files of cases, and folders of them: `*.yaml`, `*.yml` and `*.json`, however deep. Without any, the
    /// folder `tests` in the folder of the platform's policies
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only the cases whose name holds this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Tell what the cases leave out: policies that settle none, parts of conditions that were not both
    /// true and false, operations that no policy permits, routes that no case asks for
    #[arg(long)]
    coverage: bool,
    /// The least coverage, in percent of the policies, and of the two sides of the parts of their
    /// conditions; below, it exits 4
    #[arg(long, value_name = "PERCENT", requires = "coverage", value_parser = clap::value_parser!(u8).range(0..=100))]
    min: Option<u8>,
    /// Replace each policy by what it might be by mistake: effect flipped, a condition dropped or negated,
    /// `==` widened to `in`, the policy removed. Tell those that no case notices, and exit 4 if there are
    /// any
    #[arg(long)]
    mutate: bool,
    /// Run them again whenever a file of the configuration or of the cases is saved, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// For people, for machines, or for build servers
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How to say it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: what failed, and a sum.
    Human,
    /// For machines: one JSON object.
    Json,
    /// For build servers: XML.
    Junit,
}

/// Why nothing was run.
enum Failure {
    /// The files are not valid.
    Invalid(Vec<Fault>),
    /// The machine.
    Machine(std::io::Error),
}

impl From<Vec<Fault>> for Failure {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Invalid(faults)
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    if args.watch {
        return watch::run(args);
    }
    once(args).1
}

/// Runs the cases, says what came of them, and what was read for it.
fn once(args: &Args) -> (Sight, ExitCode) {
    // Policies are evaluated on stacks of a known size only.
    let tried = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(EVALUATION_STACK_BYTES_MIN * 2)
            .spawn_scoped(scope, || {
                let (resolved, seen) = config::read(&args.file.config, None, Before::default());
                let tests = resolved.as_ref().ok().map(|found| Setting::of(found).tests);
                (tried(args, resolved), Sight { seen, tests })
            })?;
        let panicked = |_| std::io::Error::other("a panic");
        thread.join().map_err(panicked)
    });
    let (ran, sight) = tried.map_or_else(
        |error| (Err(Failure::Machine(error)), Sight::default()),
        |(ran, sight)| (ran, sight),
    );
    (sight, tell(args, ran))
}

/// What was read.
#[derive(Default)]
struct Sight {
    /// By the configuration.
    seen: Seen,
    /// Where cases are, unless the arguments say so; `None`: the configuration is not valid.
    tests: Option<PathBuf>,
}

fn tell(args: &Args, ran: Result<Report, Failure>) -> ExitCode {
    match ran {
        Ok(report) => {
            say(&report.show(shown(args.format)));
            let good = report.is_good(usize::from(args.min.unwrap_or(0)));
            ExitCode::from(if good { 0 } else { exit::FALSIFIED })
        }
        Err(Failure::Invalid(faults)) => refuse(&faults, args.format),
        Err(Failure::Machine(error)) => {
            complain(&format!("palisade: {error}\n"));
            ExitCode::from(exit::FAILED)
        }
    }
}

fn shown(format: Format) -> Shown {
    match format {
        Format::Human => Shown::Human,
        Format::Json => Shown::Json,
        Format::Junit => Shown::Junit,
    }
}

fn refuse(faults: &[Fault], format: Format) -> ExitCode {
    match format {
        Format::Json => faults::faults(faults, faults::Format::Json),
        Format::Human | Format::Junit => {
            complain(&fault::render(faults));
            complain(&format!("{}\n", fault::summary(faults)));
            ExitCode::from(exit::INVALID)
        }
    }
}

/// Reads everything, and runs the cases.
fn tried(args: &Args, resolved: Result<Resolved, Vec<Fault>>) -> Result<Report, Failure> {
    let clock = Clock::system();
    let metrics = Metrics::new();
    let resolved = resolved?;
    let setting = Setting::of(&resolved);
    let policies = resolved.policy.clone();
    let pdp = Pdp::new(resolved.decision, Arc::clone(&metrics));
    let generation = app::generation(resolved, &clock, &metrics)?;
    let now = clock.now();
    let paths = if args.paths.is_empty() {
        vec![setting.tests.clone()]
    } else {
        args.paths.clone()
    };
    let desk = Desk::new(&setting, &generation, now);
    let mut cases = test::read(&test::files(&paths)?, &desk)?;
    if let Some(text) = &args.filter {
        cases.retain(|case| case.name().contains(text));
    }
    let looks = Looks {
        policies: &policies,
        coverage: args.coverage,
        mutation: args.mutate,
    };
    let session = Session {
        generation: &generation,
        pdp: &pdp,
        now,
        config: &args.file.config,
        looks: Some(looks).filter(|looks| looks.coverage || looks.mutation),
    };
    Ok(session.run(&cases))
}
