//! `palisade explain`: why a request would be allowed or refused.

mod arguments;
mod recorded;

use super::report::Format;
use super::{ConfigFile, complain, exit, say};
use crate::author::ask::{self, Cannot, Change};
use crate::author::asked::Misread;
use crate::author::test::{self, Desk, Session, Setting, Stranger, Unwritten};
use crate::clock::{Clock, Timestamp};
use crate::decision::Pdp;
use crate::explain::Story;
use crate::fault::{self, Fault};
use crate::gate::Generation;
use crate::policy::EVALUATION_STACK_BYTES_MIN;
use crate::telemetry::Metrics;
use crate::{app, config, drain, token};
use clap::ArgGroup;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// What can be supposed.
const WHAT_IF_HELP: &str = "Suppose that something is otherwise, as in `role=editor`; may be given several times.\n\n\
    `role`: the caller has this role, by its claim or a group, by the directory (a machine client) or by the issuer's entry (a Principal). \
    `group`, `scope`: it has this one too. `claims.NAME`: the token says this, JSON or text; `null` takes it away; `claims./a/b` is a JSON pointer. \
    `header.NAME`: the request has this field. `principal.mfa`, `principal.email`: the claim that becomes this attribute. \
    `context.reason`, `context.now`, `context.ip`: what a Principal states, the moment, the client's address. \
    `context.tenant.plan`, `context.tenant.kind`, `context.tenant.features`: what the directory says of the caller's workspace; features are separated by commas.";

/// What the JSON holds.
const FORMAT_HELP: &str = "For people, or for machines.\n\nThe JSON is one object, the same as at `POST /explain` of the control listener. Keys \
    are added, never renamed; what the request did not come to is null or empty. `request`: `method`, `path`, `query`. `caller`: `kind`, `id`, `account`, \
    `workspace`, `roles`, `scopes`, `issuer`, `client`. `route`: `template`, `action`, `access`, `context`, `kind`, `id`, `upstream`, `public`, `declared_at`. \
    `references`: each `place`, `kind`, `value`. `isolation`: `held`, `account`, `workspace`, `catalog`, `grant_until`. `decision`: `allowed`, `status`, `code`, \
    `step`, `detail`, `help`. `policies` (those that settled it): each `id`, `effect`, `file`, `line`, `reason`, `description`. \
    `questions` (what is put to the policies; all must be allowed): each `principal`, `action`, `resource`, `entities` (`uid`, `parents`, `attributes`, `tags`), `context`, \
    `answer` (`allow`, `deny`, `error`), and `policies`: each `id`, `effect`, `file`, `line`, `outcome` (`satisfied`, `not`, `error`), `applies` (its head is for this), \
    and `because`: the conditions that settled it, each `line`, `condition`, `said`, `error`, `saw`. Values are written as Cedar writes them. \
    `cache`: `remembered` (null: no gate that serves was asked), `rememberable`, `until`. `limits`: `plan`, `account`, `per_workspace`, `per_caller`, `concurrent`. \
    `remedy` (of a denial): `not_sought` (why nothing was tried), `allowed_by` and `still_forbidden`: each `changes` (as `--what-if` takes them), `meaning`, `permits`, `forbids`, `code`; \
    `nearest`, `tried`, `bound_reached`. `supposed`, `annotation`, `removed`, `notes`.";

/// The request, who sends it, and when.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("who").required(true).args(["token", "token_file", "claims", "person", "anonymous", "id"]))]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Method and target, as in `GET /app/v1/missions?workspaceId=x`; without a method, GET
    #[arg(
        value_name = "REQUEST",
        required_unless_present = "id",
        conflicts_with = "id"
    )]
    request: Option<String>,
    /// Tell what this audit log (a file, the folder that the gate writes, or `-`) holds of the request with that `--id`, and
    /// what it cannot tell
    #[arg(long, value_name = "FILE", conflicts_with_all = ["request", "token", "token_file", "claims", "person", "anonymous"])]
    audit: Option<PathBuf>,
    /// The id of a request, as its reply and its record have it
    #[arg(long, value_name = "ID", requires = "audit", conflicts_with_all = ["headers", "body", "what_if", "at", "write_test", "client_certificate"])]
    id: Option<String>,
    /// A header, as in `x-workspace-id: x`; may be given several times. Without `host`, the first of
    /// `listen.hosts` is used
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The body: JSON, or a file with it
    #[arg(long, value_name = "JSON|FILE")]
    body: Option<String>,
    /// The token that is sent. Its signature is checked with the issuer's keys, which are fetched
    #[arg(long)]
    token: Option<String>,
    /// A file with the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Do not check the token's signature; the answer says so
    #[arg(long, conflicts_with_all = ["claims", "person", "anonymous"])]
    unverified: bool,
    /// The claims of a token, as JSON or as a file of it: taken as if their issuer had signed them
    #[arg(long, value_name = "JSON|FILE")]
    claims: Option<String>,
    /// Somebody whom the tests name (`people`), as in `as: ana` of a case
    #[arg(long = "as", value_name = "NAME", id = "person")]
    person: Option<String>,
    /// The file that names people; otherwise those of the tests beside the policies are looked through
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "token_file", "claims", "anonymous"])]
    fixtures: Option<PathBuf>,
    /// No token is sent
    #[arg(long)]
    anonymous: bool,
    /// The certificate that the client shows: a file of PEM, or its names, as in `spiffe://example.org/console` or
    /// `dns:console.internal,dns:console`. Taken as if its chain had been verified
    #[arg(long, value_name = "FILE|NAMES")]
    client_certificate: Option<String>,
    /// The moment of the request, as in `2026-12-31T12:00:00Z`; now unless said otherwise
    #[arg(long, value_name = "MOMENT", value_parser = super::moment)]
    at: Option<Timestamp>,
    /// Suppose that something is otherwise, as in `role=editor`; may be given several times
    #[arg(long, value_name = "KEY=VALUE", long_help = WHAT_IF_HELP)]
    what_if: Vec<String>,
    /// Add the question and its answer to this file of cases, for `palisade test`. It is made if it is not
    /// there, and keeps what it has. Claims of a token are written without its signature
    #[arg(long, value_name = "FILE", conflicts_with = "what_if")]
    write_test: Option<PathBuf>,
    /// For people, or for machines
    #[arg(long, value_enum, default_value_t = Format::Human, long_help = FORMAT_HELP)]
    format: Format,
}

/// Why there is no answer.
enum Failure {
    /// The arguments do not make a request.
    Usage(String),
    /// The files do not make a ruleset.
    Invalid(Vec<Fault>),
    /// The machine.
    Machine(std::io::Error),
}

impl From<Cannot> for Failure {
    fn from(cannot: Cannot) -> Self {
        Self::Usage(cannot.to_string())
    }
}

impl From<Stranger> for Failure {
    fn from(stranger: Stranger) -> Self {
        match stranger {
            Stranger::Unknown(why) => Self::Usage(why),
            Stranger::Invalid(faults) => Self::Invalid(faults),
        }
    }
}

impl From<Unwritten> for Failure {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Invalid(faults) => Self::Invalid(faults),
            Unwritten::Other(_) => Self::Usage(unwritten.to_string()),
            Unwritten::Machine(_, error) => Self::Machine(error),
        }
    }
}

impl From<Misread> for Failure {
    fn from(misread: Misread) -> Self {
        Self::Usage(misread.to_string())
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    if let Some(id) = &args.id {
        return match recorded::tell(args, id) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failed(failure),
        };
    }
    // Policies are evaluated on stacks of a known size only.
    let told = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(EVALUATION_STACK_BYTES_MIN * 2)
            .spawn_scoped(scope, || tell(args))
            .map_err(Failure::Machine)?
            .join()
            .unwrap_or_else(|_| Err(Failure::Machine(std::io::Error::other("a panic"))))
    });
    match told {
        Ok(story) => {
            show(&story, args.format);
            ExitCode::SUCCESS
        }
        Err(failure) => failed(failure),
    }
}

fn failed(failure: Failure) -> ExitCode {
    match failure {
        Failure::Usage(why) => {
            complain(&format!("palisade: {why}\n"));
            ExitCode::from(exit::USAGE)
        }
        Failure::Invalid(faults) => {
            complain(&fault::render(&faults));
            complain(&format!("{}\n", fault::summary(&faults)));
            ExitCode::from(exit::INVALID)
        }
        Failure::Machine(error) => {
            complain(&format!("palisade: {error}\n"));
            ExitCode::from(exit::FAILED)
        }
    }
}

fn show(story: &Story, format: Format) {
    match format {
        Format::Human => say(&story.to_string()),
        Format::Json => say(&format!("{:#}\n", serde_json::json!(story))),
    }
}

fn tell(args: &Args) -> Result<Story, Failure> {
    let clock = args.at.map_or_else(Clock::system, Clock::manual);
    let metrics = Metrics::new();
    let resolved = config::load(&args.file.config).map_err(Failure::Invalid)?;
    let setting = Setting::of(&resolved);
    let generation = app::generation(resolved, &clock, &metrics).map_err(Failure::Invalid)?;
    let now = clock.now();
    let supposed = args.what_if.iter().map(|text| Change::parse(text));
    let supposed = supposed.collect::<Result<Vec<Change>, _>>()?;
    let world = arguments::world(args, &generation, &setting, now)?;
    let mut story = ask::answer(&world, &supposed, None)?;
    story.notes.extend(note(args));
    if let Some(file) = &args.write_test {
        let answered = arguments::answered(args, &world, &story)?;
        let session = Session {
            generation: &generation,
            pdp: &Pdp::aside(metrics),
            now,
            config: &args.file.config,
            looks: None,
        };
        test::add(
            file,
            &answered,
            &Desk::new(&setting, &generation, now),
            &session,
        )?;
        complain(&format!("written to {}\n", file.display()));
    }
    Ok(story)
}

fn note(args: &Args) -> Option<String> {
    let supposes = !args.what_if.is_empty() && (args.token.is_some() || args.token_file.is_some());
    let note = if args.unverified {
        "the token's signature was not checked: anybody could have made it"
    } else if args.claims.is_some() || args.person.is_some() || supposes {
        "the claims were taken as if their issuer had signed them"
    } else {
        return None;
    };
    Some(note.to_owned())
}

type Verified = Result<Arc<crate::token::Verified>, crate::token::Error>;

/// As a request would be: with the issuer's keys, fetched while it waits.
fn verified(generation: &Generation, token: &str, now: Timestamp) -> std::io::Result<Verified> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let issuers = &generation.rules.issuers;
    Ok(runtime.block_on(async {
        let (_drain, draining) = drain::channel();
        let current = Arc::clone(issuers);
        tokio::spawn(token::keep_fresh(move || Arc::clone(&current), draining));
        issuers.verify(token, now).await
    }))
}
