//! The two admin listeners: `metrics` for scrapers and probes, `control` for operators.
//!
//! Neither is reachable through the data port. `control` asks for its token on loopback too, and
//! for a Host and an Origin that are its own: a web page in an operator's browser can reach loopback
//! as well as the operator can (RULES 44).

mod control;
mod guard;
mod metrics;
mod problem;
mod server;
mod token;

pub use token::{BadToken, ControlToken};

use crate::drain::Draining;
use crate::supervisor::Inherited;
use crate::telemetry::Metrics;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Where the admin listeners listen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `/metrics`, `/livez`, `/readyz`, `/.well-known/jwks.json`.
    pub metrics: SocketAddr,
    /// Everything else; `None`: nothing else.
    pub control: Option<Control>,
}

/// Where `control` listens, and to whom.
#[derive(Clone, Debug)]
pub struct Control {
    /// Where.
    pub address: SocketAddr,
    /// What every request carries.
    pub token: ControlToken,
    /// Hosts that a request may name beside `localhost`, loopback addresses and `address`.
    pub hosts: Vec<String>,
}

/// What the listeners show; the application has it.
pub trait View: Send + Sync + 'static {
    /// All series.
    fn metrics(&self) -> &Metrics;

    /// What has to hold before requests may come. Ready: all of it.
    fn readiness(&self) -> Vec<Check>;

    /// The state of everything, for operators. No secrets.
    fn status(&self) -> serde_json::Value;

    /// One account as it stands, by its id. `None`: there is none.
    fn account(&self, id: &str) -> Option<serde_json::Value>;

    /// The audit records of a request that was among the last, one a line. Empty: it was not.
    fn request(&self, id: &str) -> Vec<u8>;

    /// What policies that are to be would have answered: of everybody, or of one account. `None`: there is no such
    /// account. No secrets.
    fn shadow(&self, account: Option<&str>) -> Option<serde_json::Value>;

    /// What the gate would do with a request that `asked`, a JSON object, describes, and why. No secrets.
    fn explain(&self, asked: Vec<u8>) -> Explained;

    /// The keys that assertions are signed with; public parts only.
    fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [] })
    }

    /// Leaves: not ready any more, and soon no connection is taken; completes when no request is left.
    /// Asking twice drains once.
    fn drain(&self) -> Drained;
}

/// Completes when nothing is in flight any more.
pub type Drained = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Completes with what is to be told.
pub type Explained = Pin<Box<dyn Future<Output = Result<serde_json::Value, Unexplained>> + Send>>;

/// Why there is no explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unexplained {
    /// It is no question; what is wrong with it.
    Question(String),
    /// Others are being explained.
    Busy,
    /// A fault of the gate's.
    Failed,
}

/// One condition of readiness.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What is looked at: `issuer cosmos`.
    pub what: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// More about it, for `control` only.
    pub detail: String,
}

/// The listeners, bound and not serving yet.
#[derive(Debug)]
pub struct Bound {
    metrics: Listening,
    control: Option<(Listening, guard::Guard)>,
}

#[derive(Debug)]
struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

/// Binds the ports, so that one in use is known before anything else starts, or takes the sockets that
/// were passed.
pub async fn bind(settings: Settings, inherited: &mut Inherited) -> io::Result<Bound> {
    let passed = inherited.take("metrics", "admin.metrics", settings.metrics)?;
    let metrics = Listening::open("metrics", settings.metrics, passed).await?;
    let control = match settings.control {
        None => None,
        Some(control) => {
            let passed = inherited.take("control", "admin.control", control.address)?;
            let listening = Listening::open("control", control.address, passed).await?;
            let own = listening.address.ip();
            let guard = guard::Guard::new(control.token, control.hosts, own);
            Some((listening, guard))
        }
    };
    Ok(Bound { metrics, control })
}

impl Bound {
    /// Where `metrics` listens, its port chosen.
    pub fn metrics_addr(&self) -> SocketAddr {
        self.metrics.address
    }

    /// Where `control` listens, its port chosen.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control.as_ref().map(|(control, _)| control.address)
    }

    /// Serves on the current runtime until `draining`; the task ends when all connections have.
    ///
    /// `draining` is the admin listeners' own, begun after the data port has drained: whoever drains
    /// wants to see it happen.
    pub fn serve(self, view: Arc<dyn View>, draining: Draining) -> JoinHandle<()> {
        let bounds = server::Bounds::default();
        let open = metrics::router(Arc::clone(&view));
        let metrics = server::serve(self.metrics.listener, open, bounds, draining.clone());
        let control = self.control.map(|(control, guard)| {
            let guarded = control::router(view, guard);
            server::serve(control.listener, guarded, bounds, draining)
        });
        tokio::spawn(async {
            match control {
                None => metrics.await,
                Some(control) => drop(tokio::join!(metrics, control)),
            }
        })
    }
}

impl Listening {
    /// On the passed socket, of which there is one or none.
    async fn open(
        name: &str,
        address: SocketAddr,
        mut passed: Vec<std::net::TcpListener>,
    ) -> io::Result<Self> {
        let named = |error: io::Error| {
            let message = format!("cannot listen on {address} (admin.{name}): {error}");
            io::Error::new(error.kind(), message)
        };
        let passed = passed.pop().map(TcpListener::from_std).transpose();
        let listener = match passed.map_err(named)? {
            Some(passed) => passed,
            None => TcpListener::bind(address).await.map_err(named)?,
        };
        let address = listener.local_addr().map_err(named)?;
        Ok(Self { listener, address })
    }
}

#[cfg(test)]
mod tests;
