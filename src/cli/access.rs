//! `palisade who-can`, `what-can`, `access-review`: who may do what, over the directory and the mapping of roles.

use super::{ConfigFile, complain, exit, say};
use crate::author::access::{self, Error, Log, Material, Sheet, Wanted, Whom};
use crate::author::test::{self, Setting, Stranger};
use crate::clock::{Clock, Timestamp};
use crate::config::Resolved;
use crate::decision::Pdp;
use crate::fault::{self, Fault};
use crate::policy::EVALUATION_STACK_BYTES_MIN;
use crate::telemetry::Metrics;
use crate::{app, config};
use clap::{ArgGroup, ValueEnum};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// How to say it, and of what.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct Common {
    #[command(flatten)]
    file: ConfigFile,
    /// The moment that is asked about, as in `2026-12-31T12:00:00Z`. Without it, what policies say of the
    /// time of a request is told as `depends`
    #[arg(long, value_name = "MOMENT", value_parser = super::moment)]
    at: Option<Timestamp>,
    /// For people, for spreadsheets, or for machines
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How to say it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: a table, and what was assumed.
    Table,
    /// For spreadsheets: a line for each row, without anything that a spreadsheet would run.
    Csv,
    /// For machines: one JSON object.
    Json,
}

/// What to ask about.
#[derive(Debug, clap::Args)]
pub(super) struct WhoArgs {
    /// The name of an operation, as in `app/missions/list`, or a request, as in `GET /app/v1/missions`
    #[arg(value_name = "ACTION")]
    action: String,
    /// The workspace in which it is done
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// The account, for operations of the Portal
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Tell those too who may not, and why
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    common: Common,
}

/// Whose reach to tell.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("whom").required(true).args(["who", "claims", "role", "client", "principal"]))]
pub(super) struct WhatArgs {
    /// Somebody of the tests' `people`
    #[arg(long = "as", value_name = "NAME")]
    who: Option<String>,
    /// The file in which `--as` is looked up; without it, all files of the tests
    #[arg(long, value_name = "FILE", requires = "who")]
    fixtures: Option<PathBuf>,
    /// The claims of a token, as JSON or as a file of it: taken as if their issuer had signed them
    #[arg(long, value_name = "JSON|FILE")]
    claims: Option<String>,
    /// Any user of `--workspace` with this role: `viewer`, `editor`, `admin`, `account-member`,
    /// `account-admin`, `account-owner`, or `none`
    #[arg(long, value_name = "ROLE", requires = "workspace")]
    role: Option<String>,
    /// A group that this user is in; may be given several times
    #[arg(long = "group", value_name = "GROUP", requires = "role")]
    groups: Vec<String>,
    /// A machine client of the directory
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// A Principal of the configuration, by its `sub`
    #[arg(long, value_name = "SUB")]
    principal: Option<String>,
    /// The workspace in which it is done; without it, the caller's own
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// The account, for operations of the Portal
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Which account to review.
#[derive(Debug, clap::Args)]
pub(super) struct ReviewArgs {
    /// The account
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// Only this workspace of it
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// An audit log: a file, the folder that the gate writes, or `-` for standard input. What it does not show
    /// is told as unused, if it goes back far enough
    #[arg(long, value_name = "LOG")]
    audit: Option<PathBuf>,
    /// What was not used for so many days is unused
    #[arg(long, value_name = "N", requires = "audit", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    #[command(flatten)]
    common: Common,
}

/// Why there is no answer.
enum Failure {
    Usage(String),
    Invalid(Vec<Fault>),
    Machine(std::io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<Stranger> for Failure {
    fn from(stranger: Stranger) -> Self {
        match stranger {
            Stranger::Invalid(faults) => Self::Invalid(faults),
            Stranger::Unknown(message) => Self::Usage(message),
        }
    }
}

/// What is said.
struct Told {
    title: String,
    assumed: Vec<String>,
    /// For people.
    table: String,
    sheet: Sheet,
    /// Below the table.
    sum: String,
    json: Value,
}

pub(super) fn who_can(args: &WhoArgs) -> ExitCode {
    run(&args.common, |desk| {
        let wanted = Wanted {
            action: &args.action,
            account: args.account.as_deref(),
            workspace: args.workspace.as_deref(),
            all: args.all,
        };
        let found = access::who_can(&desk.material(), &wanted)?;
        let refused: usize = found.refused.values().sum();
        let codes = found
            .refused
            .iter()
            .map(|(code, count)| format!("{code} {count}"));
        let codes: Vec<String> = codes.collect();
        let sum = match (found.callers.is_empty(), refused) {
            (_, 0) => String::new(),
            (true, _) => format!("nobody may: {}\n", codes.join(", ")),
            (false, _) => format!(
                "{refused} may not: {} (`--all` tells who)\n",
                codes.join(", ")
            ),
        };
        Ok(Told {
            title: found.title(),
            assumed: found.assumed.clone(),
            table: found.sheet().table(),
            sheet: found.sheet(),
            sum,
            json: json!(found),
        })
    })
}

pub(super) fn what_can(args: &WhatArgs) -> ExitCode {
    run(&args.common, |desk| {
        let whom = whom(args, desk)?;
        let place = (args.account.as_deref(), args.workspace.as_deref());
        let found = access::what_can(&desk.material(), &whom, place)?;
        let counts = found.counts();
        let counts: Vec<String> = counts
            .iter()
            .map(|(what, count)| format!("{what} {count}"))
            .collect();
        Ok(Told {
            title: found.title(),
            assumed: found.assumed.clone(),
            table: found.sheet().table(),
            sheet: found.sheet(),
            sum: format!("{}\n", counts.join(", ")),
            json: json!(found),
        })
    })
}

pub(super) fn review(args: &ReviewArgs) -> ExitCode {
    run(&args.common, |desk| {
        let log = args.audit.as_deref().map(|path| Log {
            path,
            days: args.days,
        });
        let workspace = args.workspace.as_deref();
        let found = access::review(&desk.material(), &args.account, workspace, log.as_ref())?;
        let sum = found.unused().map(|(permissions, holders)| {
            let days = args.days;
            format!("unused for {days} days: {permissions} permissions, {holders} holders\n")
        });
        Ok(Told {
            title: found.title(),
            assumed: found.assumed.clone(),
            table: found.text(),
            sheet: found.sheet(),
            sum: sum.unwrap_or_default(),
            json: json!(found),
        })
    })
}

fn whom(args: &WhatArgs, desk: &Desk) -> Result<Whom, Failure> {
    if let Some(name) = &args.who {
        let fixtures = args.fixtures.as_deref();
        let claims = test::person(name, fixtures, &desk.setting, desk.now)?;
        let claims = Value::Object(claims).to_string();
        return Ok(Whom::Claims(claims, format!("`{name}`")));
    }
    if let Some(claims) = &args.claims {
        let name = "whoever has these claims".to_owned();
        return Ok(Whom::Claims(inline(claims)?, name));
    }
    if let Some(role) = &args.role {
        return Ok(Whom::Role(role.clone(), args.groups.clone()));
    }
    if let Some(client) = &args.client {
        return Ok(Whom::Client(client.clone()));
    }
    let principal = args.principal.clone();
    principal
        .map(Whom::Principal)
        .ok_or_else(|| Failure::Usage("nobody is named".to_owned()))
}

/// A JSON object as it stands, or the file that holds one.
fn inline(argument: &str) -> Result<String, Failure> {
    if argument.trim_start().starts_with('{') {
        return Ok(argument.to_owned());
    }
    let text = config::read_file(Path::new(argument), config::FILE_BYTES_MAX);
    text.map(|text| text.to_string())
        .map_err(|fault| Failure::Invalid(vec![*fault]))
}

/// Everything that was read.
struct Desk {
    resolved: Kept,
    generation: crate::gate::Generation,
    pdp: Pdp,
    setting: Setting,
    now: Timestamp,
    at: bool,
}

/// What the generation does not keep.
struct Kept {
    policies: crate::policy::Settings,
    issuers: Vec<crate::token::IssuerSettings>,
    references: Vec<crate::route::ReferenceRule>,
}

impl Desk {
    fn open(common: &Common) -> Result<Self, Vec<Fault>> {
        let clock = common.at.map_or_else(Clock::system, Clock::manual);
        let metrics = Metrics::new();
        let resolved: Resolved = config::load(&common.file.config)?;
        let setting = Setting::of(&resolved);
        let kept = Kept {
            policies: resolved.policy.clone(),
            issuers: resolved.issuers.clone(),
            references: resolved.references.clone(),
        };
        let pdp = Pdp::new(resolved.decision, Arc::clone(&metrics));
        Ok(Self {
            resolved: kept,
            generation: app::generation(resolved, &clock, &metrics)?,
            pdp,
            setting,
            now: clock.now(),
            at: common.at.is_some(),
        })
    }

    fn material(&self) -> Material<'_> {
        Material {
            generation: &self.generation,
            pdp: &self.pdp,
            policies: &self.resolved.policies,
            issuers: &self.resolved.issuers,
            references: &self.resolved.references,
            now: self.now,
            at: self.at,
        }
    }
}

fn run(common: &Common, ask: impl FnOnce(&Desk) -> Result<Told, Failure> + Send) -> ExitCode {
    // Policies are evaluated on stacks of a known size only.
    let told = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(EVALUATION_STACK_BYTES_MIN * 2)
            .spawn_scoped(scope, || {
                let desk = Desk::open(common).map_err(Failure::Invalid)?;
                ask(&desk)
            })
            .map_err(Failure::Machine)?
            .join()
            .unwrap_or_else(|_| Err(Failure::Machine(std::io::Error::other("a panic"))))
    });
    match told {
        Ok(told) => {
            show(&told, common.format);
            ExitCode::SUCCESS
        }
        Err(Failure::Usage(why)) => {
            complain(&format!("palisade: {why}\n"));
            ExitCode::from(exit::USAGE)
        }
        Err(Failure::Invalid(faults)) => {
            complain(&fault::render(&faults));
            complain(&format!("{}\n", fault::summary(&faults)));
            ExitCode::from(exit::INVALID)
        }
        Err(Failure::Machine(error)) => {
            complain(&format!("palisade: {error}\n"));
            ExitCode::from(exit::FAILED)
        }
    }
}

fn show(told: &Told, format: Format) {
    let assumed = told.assumed.iter();
    let assumed: Vec<String> = assumed
        .map(|one| {
            format!(
                "assumed: {one}
"
            )
        })
        .collect();
    let assumed = assumed.concat();
    match format {
        Format::Table => say(&format!(
            "{}\n{assumed}\n{}{}",
            told.title, told.table, told.sum
        )),
        // A spreadsheet has no place for it.
        Format::Csv => {
            complain(&assumed);
            say(&told.sheet.csv());
        }
        Format::Json => say(&format!("{:#}\n", told.json)),
    }
}
