//! One demo from start to end.

use super::gate::Gate;
use super::key::Key;
use super::people::{Context, Person};
use super::{Args, Error, Ports, files, folder, server, show, token};
use crate::clock::Clock;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often free ports are chosen anew, when another program takes one between choice and use.
const PORT_TRIES: u32 = 5;

/// How long the gate may take from serving to ready.
const READY_SECS: u64 = 15;

/// How long tasks may take to end after the gate has.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the demo until SIGINT, SIGTERM or SIGHUP.
pub(super) fn demo(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("palisade-demo")
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let ended = runtime.block_on(async {
        // Before anything is made, so that a signal at any moment leaves nothing behind.
        let mut signals = Signals::new().map_err(Error::Runtime)?;
        tokio::select! {
            biased;
            () = signals.any() => return Ok(None),
            started = start(args, out) => started,
        }
        .map(|running| Some((running, signals)))
    });
    let served = match ended {
        Ok(Some((running, mut signals))) => {
            runtime.block_on(async {
                signals.any().await;
                // What was begun is finished, unless somebody asks again.
                tokio::select! {
                    () = running.gate.stop() => {}
                    () = signals.any() => {}
                }
            });
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    runtime.shutdown_timeout(END_TIMEOUT);
    served
}

/// What has to live as long as the demo.
struct Running {
    gate: Gate,
    _folder: folder::Folder,
}

async fn start(args: &Args, out: &mut impl Write) -> Result<Running, Error> {
    let folder = folder::Folder::take(args.dir.as_deref(), &super::random_hex()?)?;
    let dir = folder.path();
    let key = match Key::read(dir)? {
        Some(key) => key,
        None => new_key(dir)?,
    };
    let control_token = control_token(dir)?;
    let (issuer, issuer_port) = server::listen().await?;
    let (upstream, upstream_port) = server::listen().await?;
    tokio::spawn(server::serve_keys(issuer, key.jwks()));
    tokio::spawn(server::serve_echo(upstream));

    let clock = Clock::system();
    let mut tries = 0;
    let (gate, kept) = loop {
        let ports = ports(args, upstream_port, issuer_port)?;
        let kept = files::write(dir, ports)?;
        match Gate::start(&dir.join(files::CONFIG_FILE), clock.clone()).await {
            Ok(gate) => break (gate, kept),
            Err(_) if tries < PORT_TRIES && chosen_and_lost(args, ports) => tries += 1,
            Err(error) => return Err(error),
        }
    };
    ready(&gate).await?;

    let token = |person, context| token(&key, person, context, &clock);
    let tour = show::Tour {
        proxy: gate.proxy,
        metrics: gate.metrics,
        control: gate.control,
        control_token: &control_token,
        program: &std::env::args()
            .next()
            .unwrap_or_else(|| "palisade".to_owned()),
        dir,
        temporary: folder.is_temporary(),
        kept,
        viewer_app: &token(Person::Ana, Context::App)?,
        viewer_dashboard: &token(Person::Ana, Context::Dashboard)?,
        stranger_app: &token(Person::Bo, Context::App)?,
    };
    show::tour(out, &tour).map_err(Error::Print)?;
    Ok(Running {
        gate,
        _folder: folder,
    })
}

fn new_key(dir: &Path) -> Result<Key, Error> {
    let key = Key::generate()?;
    key.keep(dir)?;
    Ok(key)
}

/// The token of the control listener: the one that is kept, or a new one.
fn control_token(dir: &Path) -> Result<String, Error> {
    let path = dir.join(files::CONTROL_TOKEN_FILE);
    if let Some(kept) = folder::read_if_there(&path)? {
        return Ok(String::from_utf8_lossy(&kept).trim().to_owned());
    }
    let new = super::random_hex()?;
    folder::write_secret(&path, new.as_bytes())?;
    Ok(new)
}

/// The ports asked for, seen to be free, and free ones for the rest. They are chosen here and not by
/// the gate, because the configuration lists the proxy's hosts with their port.
fn ports(args: &Args, upstream: u16, issuer: u16) -> Result<Ports, Error> {
    // All are held until all are chosen, so that they differ.
    let proxy = hold(args.port, "the proxy", "--port")?;
    let metrics = hold(args.admin_port, "metrics", "--admin-port")?;
    let control = hold(args.control_port, "control", "--control-port")?;
    let port = |held: &TcpListener| held.local_addr().map(|at| at.port()).map_err(Error::Listen);
    Ok(Ports {
        proxy: port(&proxy)?,
        metrics: port(&metrics)?,
        control: port(&control)?,
        upstream,
        issuer,
    })
}

fn hold(port: u16, what: &'static str, option: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| Error::Port {
        port,
        what,
        option,
        source,
    })
}

/// Whether one of the ports that we chose went to somebody else.
fn chosen_and_lost(args: &Args, ports: Ports) -> bool {
    [
        (args.port, ports.proxy),
        (args.admin_port, ports.metrics),
        (args.control_port, ports.control),
    ]
    .into_iter()
    .any(|(asked, chosen)| asked == 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, chosen)).is_err())
}

/// Waits until the gate has the issuer's keys: the commands are to work from the moment on that they
/// can be read.
async fn ready(gate: &Gate) -> Result<(), Error> {
    let deadline = Duration::from_secs(READY_SECS);
    let poll = async {
        while !gate.is_ready().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(deadline, poll)
        .await
        .map_err(|_| Error::NotReady { secs: READY_SECS })
}

/// The signals that end a demo.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests;
