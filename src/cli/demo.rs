//! `palisade demo`: everything on one machine, with nothing else to install.
//!
//! An issuer shaped like Cognito, an upstream that echoes, three accounts, the shipped policies and
//! the gate itself, on loopback only. `palisade demo token` prints tokens for it.

mod error;
mod files;
mod folder;
mod gate;
mod key;
mod people;
mod run;
mod server;
mod show;

use crate::clock::Clock;
use clap::{Args as ClapArgs, Subcommand};
use error::Error;
pub(in crate::cli) use files::FILES;
use people::{Context, Moment, Person};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs everything on this machine: an issuer, an upstream that echoes, three accounts and the gate
#[derive(Debug, ClapArgs)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example: palisade demo --dir my-demo"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Port of the proxy; 0 picks a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port of metrics and probes; 0 picks a free one
    #[arg(long, default_value_t = 9901)]
    admin_port: u16,
    /// Port of control; 0 picks a free one
    #[arg(long, default_value_t = 9902)]
    control_port: u16,
    /// Folder of the demo's files, kept at the end; files that are there already are used as they
    /// are. Without it the files are temporary
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a token for a demo that runs or was kept
    #[command(after_help = "Example: palisade demo token --user edi --context dashboard")]
    Token(TokenArgs),
}

#[derive(Debug, ClapArgs)]
struct TokenArgs {
    /// Whose token
    #[arg(long)]
    user: Person,
    /// Which API it is for; app unless said otherwise, portal for root
    #[arg(long)]
    context: Option<Context>,
    /// Folder of the demo; the one that was started last unless said otherwise
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Every port of a demo.
#[derive(Clone, Copy, Debug)]
struct Ports {
    proxy: u16,
    metrics: u16,
    control: u16,
    upstream: u16,
    issuer: u16,
}

/// Runs the demo until a signal ends it, or prints a token.
pub fn run(args: &Args) -> ExitCode {
    // Not locked: an audit to stdout writes there too, from a thread of its own.
    let mut out = io::stdout();
    let done = match &args.command {
        None => run::demo(args, &mut out),
        Some(Command::Token(args)) => print_token(args, &mut out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a stderr there is nowhere left to say it; the exit code does.
            let _ = io::stderr().write_all(error.report().as_bytes());
            error.exit_code()
        }
    }
}

fn print_token(args: &TokenArgs, out: &mut impl Write) -> Result<(), Error> {
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => folder::current()?.ok_or(Error::NoDemo)?,
    };
    let key = key::Key::read(&dir)?.ok_or(Error::NoDemoIn { dir })?;
    let context = args.context.unwrap_or_else(|| args.user.usual_context());
    let token = token(&key, args.user, context, &Clock::system())?;
    show::line(out, &token).map_err(Error::Print)
}

fn token(key: &key::Key, person: Person, context: Context, clock: &Clock) -> Result<String, Error> {
    let moment = Moment {
        now: clock.now(),
        token_id: random_uuid()?,
        session_id: random_uuid()?,
    };
    key.sign(&person.claims(context, &moment))
}

fn random() -> Result<u128, Error> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(u128::from_be_bytes(bytes))
}

fn random_hex() -> Result<String, Error> {
    random().map(|random| format!("{random:032x}"))
}

/// Version 4 (RFC 9562), as Cognito spells its ids.
fn random_uuid() -> Result<String, Error> {
    let random = random()?;
    let versioned = (random & !(0xf << 76)) | (0x4 << 76);
    let variant = (versioned & !(0x3 << 62)) | (0x2 << 62);
    let part = |shift: u32, bits: u32| (variant >> shift) & ((1 << bits) - 1);
    Ok(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 32),
        part(80, 16),
        part(64, 16),
        part(48, 16),
        part(0, 48)
    ))
}

#[cfg(test)]
mod tests;
