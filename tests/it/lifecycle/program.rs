//! The program on files and ports of its own, started, told and ended as often as a test likes.

use super::echo::Echo;
use crate::support::child::{binary, free_address};
use crate::support::client::{Connection, Request};
use crate::support::eventually;
use crate::support::exposition::Scrape;
use crate::support::gate::TestGate;
use crate::support::issuer::TestIssuer;
use crate::support::told;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a start or an end may take: the machine may be busy with other tests.
const LONG: Duration = Duration::from_mins(1);

/// What several processes share: files, an issuer and an upstream.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) issuer: TestIssuer,
    pub(crate) echo: Echo,
    config: Value,
}

/// One place for a process: ports that stay the same over restarts, and a record of its own.
pub(crate) struct Instance {
    name: String,
    folder: PathBuf,
    pub(crate) proxy: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) control: SocketAddr,
}

/// One run of the program.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    metrics: SocketAddr,
}

impl Site {
    /// With these `listen.timeouts`.
    pub(crate) fn new(timeouts: &Value) -> Self {
        let echo = Echo::start();
        let (folder, issuer) = TestGate::builder()
            .set("/upstreams/api/url", json!(echo.url()))
            .set("/upstreams/api/timeouts/response", json!("60s"))
            .set("/listen/timeouts", timeouts.clone())
            .set("/listen/workers", json!(2))
            .into_folder();
        let text = fs::read_to_string(folder.path().join("palisade.yaml")).expect("it was written");
        Self {
            config: serde_json::from_str(&text).expect("JSON is YAML"),
            folder,
            issuer,
            echo,
        }
    }

    /// Where all files lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A token that may read.
    pub(crate) fn token(&self) -> String {
        self.issuer.user("ana").role("viewer").sign()
    }

    /// A place on free ports.
    pub(crate) fn instance(&self, name: &str) -> Instance {
        let [proxy, metrics, control] = [(); 3].map(|()| free_address());
        let mut config = self.config.clone();
        config["listen"]["http"] = json!(proxy);
        config["admin"]["metrics"] = json!(metrics);
        config["admin"]["control"] = json!(control);
        config["audit"]["file"] = json!(format!("audit-{name}/"));
        let folder = self.folder.path().to_owned();
        let path = folder.join(format!("{name}.yaml"));
        fs::write(path, config.to_string()).expect("a file can be written");
        Instance {
            name: name.to_owned(),
            folder,
            proxy,
            metrics,
            control,
        }
    }
}

impl Instance {
    /// What it is configured by.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join(format!("{}.yaml", self.name))
    }

    /// Starts it, and returns when it is ready.
    pub(crate) fn start(&self) -> Process {
        let log = self.folder.join(format!("{}.log", self.name));
        let child = Command::new(binary())
            .args(["serve", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a file can be made"))
            .spawn()
            .expect("the binary runs");
        let mut process = Process {
            child,
            log,
            metrics: self.metrics,
        };
        process.wait("it is ready", |process| {
            process.is_alive();
            process.readiness() == Some(200)
        });
        process
    }

    /// A GET that ends with `query`.
    pub(crate) fn get(&self, token: &str, query: &str) -> Request {
        let target = format!("/app/v1/missions?{query}");
        Request::new(self.proxy, "GET", &target).bearer(token)
    }

    /// A kept connection that has been used.
    pub(crate) fn used_connection(&self, token: &str) -> Connection {
        let mut connection = Connection::open(self.proxy);
        let reply = self.get(token, "n=first").send_on(&mut connection);
        reply.allowed(200);
        connection
    }

    /// One scrape.
    pub(crate) fn scrape(&self) -> Scrape {
        told::scrape(self.metrics)
    }

    /// Its record.
    pub(crate) fn records(&self) -> Vec<Value> {
        let folder = self.folder.join(format!("audit-{}", self.name));
        told::lines(&folder.join("audit.ndjson"))
    }
}

impl Process {
    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// What `/readyz` says; `None`: nothing.
    pub(crate) fn readiness(&self) -> Option<u16> {
        TcpStream::connect(self.metrics).ok()?;
        Some(told::admin(self.metrics, "/readyz").status)
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> ExitStatus {
        let mut ended = None;
        self.wait("it has ended", |process| {
            ended = process.child.try_wait().expect("it can be asked");
            ended.is_some()
        });
        ended.expect("it has ended")
    }

    /// Fails with its log if it has ended.
    pub(crate) fn is_alive(&mut self) {
        let ended = self.child.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "{ended:?}\n{}", self.log());
    }

    /// What it said on standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn wait(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + LONG;
        while !done(self) {
            assert!(
                Instant::now() < end,
                "not within {LONG:?}: {what}\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that this test has started.
pub(crate) fn signal(id: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {id}")])
        .status();
    assert!(sent.expect("there is a shell").success(), "kill -{name}");
}

/// Waits until the upstream holds so many requests back.
pub(crate) fn held(site: &Site, count: usize) {
    eventually("the requests are under way", || {
        (site.echo.holds() >= count).then_some(())
    });
}
