//! Arguments to exit code.

mod access;
mod check;
pub mod demo;
mod diff;
mod explain;
mod fmt;
mod health;
mod init;
mod promote;
mod prove;
mod reference;
mod report;
mod schema;
mod serve;
mod side;
mod tenants;
mod test;

use crate::clock::Timestamp;
use clap::{Args, Parser, Subcommand};
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit codes (0 is good).
pub(crate) mod exit {
    /// It failed while running.
    pub(crate) const FAILED: u8 = 1;
    /// The arguments are wrong; clap's own code.
    pub(crate) const USAGE: u8 = 2;
    /// Configuration or policies are not valid.
    pub(crate) const INVALID: u8 = 3;
    /// A test failed, or a claim is refuted.
    pub(crate) const FALSIFIED: u8 = 4;
    /// A program that is needed is missing, or nobody knows the answer.
    pub(crate) const UNKNOWN: u8 = 5;
}

/// What `--format` says of itself where faults are printed.
const FAULTS_HELP: &str = "For people, for machines, or for a code host.\n\nThe JSON is one object: `errors` and `warnings` \
    are numbers, `faults` is a list in the order of files and lines. Each fault has `code`, `number` \
    (of the code's page, null where there is none), `severity` (`error` or `warning`), `file`, `key` (the key path, empty outside of YAML and JSON), `line`, `column`, `end_line`, \
    `end_column` (from 1, the end behind the last character; null where only the file is known), `message` \
    and `help` (null where there is none). In SARIF and for GitHub files are named as here: run it in the \
    repository's top folder, with relative paths.";

/// A policy-driven authorization sidecar: verifies JWTs, decides with Cedar, forwards only what one
/// tenant may do.
#[derive(Debug, Parser)]
#[command(name = "palisade", version, after_help = "Example: palisade demo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve what the configuration says, until SIGINT or SIGTERM.
    ///
    /// Changed files are followed while it serves; SIGHUP makes it look at them at once.
    #[command(after_help = "Example: palisade serve --config /etc/palisade/palisade.yaml")]
    Serve(ConfigFile),
    /// Start everything on loopback, with three accounts, and print commands to try.
    #[command(after_help = "Example: palisade demo --dir ./demo")]
    Demo(demo::Args),
    /// Report every fault of configuration, tenants, routes, schema and policies at once.
    #[command(after_help = "Example: palisade check -D warnings --format sarif")]
    Check(check::Args),
    /// Hold what must become of requests against what does.
    ///
    /// Cases are YAML with requests, which the code that serves decides, or JSON as `cedar run-tests` has it,
    /// which is put to the policies alone: to the platform's, and to those of the account that the file is
    /// named after. It exits 4 where one fails.
    #[command(
        after_help = "Examples: palisade test --config palisade.yaml\n          \
        palisade test policies/tests/app.yaml --filter viewer --format junit"
    )]
    Test(test::Args),
    /// Tell why a request would be allowed or refused, and what would change it.
    ///
    /// Caller, route, isolation, what is asked of the policies, what each of them says and which condition made
    /// it so. Of a denial: the smallest changes of role, claim or attribute that would allow it, each of them
    /// tried. The answer comes from the code that serves, and it exits 0 whatever it is.
    #[command(
        after_help = "Examples: palisade explain 'GET /app/v1/missions?workspaceId=x' --token-file token\n          \
        palisade explain 'DELETE /dashboard/v1/missions/m-1' --as edi --what-if role=admin\n          \
        palisade explain '/app/v1/missions' --claims claims.json --format json"
    )]
    Explain(Box<explain::Args>),
    /// Tell who may do something: which roles, groups, machine clients and Principals.
    ///
    /// Everybody who can be is put to the code that serves, one role at a time. What an answer depends on (the
    /// id of a resource, the time, a second factor) is told as the policies write it, and never guessed.
    #[command(
        after_help = "Examples: palisade who-can dashboard/missions/publish --workspace acme-prod\n          \
        palisade who-can 'DELETE /dashboard/v1/missions/m-1' --workspace acme-prod --format csv"
    )]
    WhoCan(access::WhoArgs),
    /// Tell what somebody may do: every operation, allowed or denied, and by which policies.
    #[command(after_help = "Examples: palisade what-can --as ana\n          \
        palisade what-can --role editor --workspace acme-prod --format json")]
    WhatCan(access::WhatArgs),
    /// Review an account: what each role may do in it, who holds what, and what of it was used.
    ///
    /// Machine clients and users are those of the directory, Principals those of the configuration, with the
    /// ends of their grants. A use is a request that was permitted.
    #[command(after_help = "Examples: palisade access-review acme\n          \
        palisade access-review acme --audit audit/ --days 90 --format csv")]
    AccessReview(access::ReviewArgs),
    /// Tell which requests of an audit log other policies would answer otherwise.
    ///
    /// Each record that holds what was asked (`audit.questions`) is asked again, of both. It exits 4 if any request
    /// becomes allowed across accounts, or more become allowed or denied than `--max-opened` and `--max-closed` say, and 5
    /// if something that policies answered could not be asked again.
    #[command(
        after_help = "Examples: palisade diff policies policies-next --replay audit/\n          \
        palisade diff old/palisade.yaml new/palisade.yaml --replay audit/ --max-closed 10 --format json"
    )]
    Diff(diff::Args),
    /// Let the policies of `shadow` serve: the platform's, or those of single accounts.
    ///
    /// They are validated as `palisade check` does, and come to where policies serve in one step of the file system; a
    /// gate follows as it follows every change. What served is kept in `.palisade/` beside it. The shadow folder stays as
    /// it is.
    #[command(after_help = "Examples: palisade promote --dry-run\n          \
        palisade promote --account acme --account globex")]
    Promote(promote::Args),
    /// Bring back, to the byte, what served before the latest promotion.
    ///
    /// Said again, it brings back what served before the one before: ten promotions are kept. It stops where what serves
    /// is not what was promoted any more.
    #[command(after_help = "Examples: palisade rollback --dry-run\n          \
        palisade rollback --account acme")]
    Rollback(promote::BackArgs),
    /// Prove what policies say of every request, or find one that breaks it.
    ///
    /// A solver is asked, a program of its own: cvc5 1.0.3 or newer (Debian: `apt install cvc5`; or `pip install
    /// cvc5`, and `deploy/solver/cvc5-of-wheel.py` of the repository). It exits 0 only if everything is proved, 4 where
    /// something is refuted, and 5 where there is no solver or no answer.
    #[command(
        after_help = "Examples: palisade prove isolation --config palisade.yaml\n          \
        palisade prove diff policies policies-next --config palisade.yaml"
    )]
    Prove(prove::Args),
    /// Lay out files of policies alike. Policies and comments stay what they are.
    ///
    /// All files are looked at first: a fault in one of them (exit 3) leaves every file as it is.
    #[command(
        after_help = "Examples: palisade fmt --check\n          palisade fmt policies/ tenants/acme.cedar"
    )]
    Fmt(fmt::Args),
    /// Write a configuration to start from. Nothing is overwritten.
    ///
    /// All files come at once, or none does. With `--openapi` the configuration is checked and its cases are
    /// run before: what cannot be routed is told with file and JSON pointer, and left out.
    #[command(after_help = "Examples: palisade init --from-demo my-gate\n          \
        palisade init my-gate --openapi app.yaml dashboard=admin.json")]
    Init(init::Args),
    /// Print or write the whole schema as one text, for editors and for Cedar's own tools.
    ///
    /// The core, the actions of the routes and the deployment's own types. Write it again when routes change.
    #[command(after_help = "Example: palisade schema --write .cedar/palisade.cedarschema")]
    Schema(schema::Args),
    /// Look after the tenant directory.
    #[command(after_help = "Example: palisade tenants lint --config palisade.yaml")]
    Tenants(tenants::Args),
    /// Exit 0 if the gate is ready; for a container's health check.
    #[command(after_help = "Example: palisade health --config palisade.yaml")]
    Health(ConfigFile),
    /// Print or write the reference pages and JSON Schemas that are made from the code.
    #[command(after_help = "Example: palisade reference --write")]
    Reference(reference::Args),
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(
        long,
        value_name = "FILE",
        env = "PALISADE_CONFIG",
        // The page of commands must not say what one machine's environment holds.
        hide_env_values = true,
        default_value = "palisade.yaml"
    )]
    config: PathBuf,
}

/// Runs the program.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(file) => serve::run(&file.config),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::WhoCan(args) => access::who_can(&args),
        Command::WhatCan(args) => access::what_can(&args),
        Command::AccessReview(args) => access::review(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Promote(args) => promote::promote(&args),
        Command::Rollback(args) => promote::rollback(&args),
        Command::Prove(args) => prove::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Tenants(args) => tenants::run(&args),
        Command::Health(file) => health::run(&file.config),
        Command::Reference(args) => reference::run(&args),
    }
}

/// A moment of an argument.
fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "write it like `2026-12-31T12:00:00Z`".to_owned())
}

/// Writes to standard output. A reader that went away is no fault of ours.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(harmless(text).as_bytes());
}

/// Writes to standard error.
fn complain(text: &str) {
    let _ = std::io::stderr().write_all(harmless(text).as_bytes());
}

/// Tokens, requests and tenants' files are other people's text: what steers terminals does not get
/// there (RULES 44). The escapes are JSON's, so that documents stay what they are.
fn harmless(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
