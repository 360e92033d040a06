//! The binary itself in a process of its own: what it holds can be counted, and taken from it.

use super::client::{Connection, Request};
use super::exposition::Scrape;
use super::gate::{Builder, CONTROL_TOKEN, HOST};
use super::issuer::TestIssuer;
use super::told;
use super::upstream::TestUpstream;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};
use tempfile::TempDir;

/// How long a process may take to start, or to give back what it held: the machine may be busy.
const LONG: Duration = Duration::from_secs(40);
/// What the memory of a process may grow by whatever happened to it: buffers that the allocator keeps.
const GROWTH_MAX: u64 = 24 << 20;

/// The binary, serving.
pub(crate) struct TestProcess {
    /// Mints tokens for it.
    pub(crate) issuer: TestIssuer,
    /// Stands behind it, unless the configuration says otherwise.
    pub(crate) upstream: TestUpstream,
    /// The data port.
    pub(crate) proxy: SocketAddr,
    metrics: SocketAddr,
    control: SocketAddr,
    folder: TempDir,
    child: Child,
}

/// What a process holds while nothing is asked of it.
#[derive(Debug)]
pub(crate) struct Held {
    /// Descriptors beside those of connections to upstreams, which are kept for later.
    descriptors: i64,
    /// Memory besides pages of files, which come and go.
    own: u64,
}

impl TestProcess {
    /// Starts it with that configuration, on free ports.
    pub(crate) fn start(builder: Builder) -> Self {
        Self::start_with(builder, &[])
    }

    /// The same, through a program that starts it: `prlimit --nofile=64`.
    pub(crate) fn start_with(builder: Builder, before: &[&str]) -> Self {
        let [proxy, metrics, control] = [(); 3].map(|()| free_address());
        let hosts = json!([HOST, proxy.to_string()]);
        let (folder, issuer, upstream) = builder
            .set("/listen/http", json!(proxy))
            .set("/listen/hosts", hosts)
            .set("/admin/metrics", json!(metrics))
            .set("/admin/control", json!(control))
            .set("/log", json!({"level": "warn"}))
            .into_parts();
        let (palisade, config) = (binary(), folder.path().join("palisade.yaml"));
        let palisade = [palisade.as_path(), "serve".as_ref(), "--config".as_ref()];
        let words = before.iter().map(Path::new).chain(palisade);
        let words: Vec<&Path> = words.chain([config.as_path()]).collect();
        let child = Command::new(words[0])
            .args(&words[1..])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let gate = Self {
            issuer,
            upstream,
            proxy,
            metrics,
            control,
            folder,
            child,
        };
        soon("it is ready", || {
            TcpStream::connect(metrics).ok()?;
            (told::admin(metrics, "/readyz").status == 200).then_some(())
        });
        gate
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The folder with its configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A request to the data port.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.proxy, method, target)
    }

    /// A connection to the data port.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.proxy)
    }

    /// One scrape.
    pub(crate) fn scrape(&self) -> Scrape {
        told::scrape(self.metrics)
    }

    /// A connection to the metrics port, and what scrapes on it.
    pub(crate) fn scraper(&self) -> (Connection, Request) {
        let request = Request::new(self.metrics, "GET", "/metrics");
        let request = request.host(&self.metrics.to_string());
        (Connection::elsewhere(self.metrics), request)
    }

    /// `/status`.
    pub(crate) fn status(&self) -> Value {
        let request = Request::new(self.control, "GET", "/status").bearer(CONTROL_TOKEN);
        let reply = request.host(&self.control.to_string()).send_elsewhere();
        assert_eq!(reply.status, 200);
        reply.json()
    }

    /// Its record so far, one for each request.
    pub(crate) fn records(&self) -> Vec<Value> {
        told::requests(&self.path("audit/audit.ndjson"))
    }

    /// Descriptors that are open.
    pub(crate) fn descriptors(&self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.id()));
        open.expect("the binary runs").count()
    }

    /// The processor time that it has used, as the kernel says: no descriptor of its own is needed.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()));
        let stat = stat.expect("the binary runs");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        ticks / 100.0
    }

    /// What it holds now.
    pub(crate) fn held(&self) -> Held {
        let open = fs::read_dir(format!("/proc/{}/fd", self.id()));
        let open = open.expect("the binary runs").count();
        let kept = self.scrape().sum("palisade_upstream_connections", &[]);
        #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
        let kept = kept as i64;
        Held {
            descriptors: i64::try_from(open).expect("a small number") - kept,
            own: self.anonymous_memory(),
        }
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it holds besides pages of files, in bytes.
    pub(crate) fn anonymous_memory(&self) -> u64 {
        self.memory("RssAnon:")
    }

    /// How much of the program's code is in memory, in KiB.
    pub(crate) fn code(&self) -> u64 {
        let maps = fs::read_to_string(format!("/proc/{}/smaps", self.id()));
        let maps = maps.expect("the binary runs");
        let code = maps
            .split_once(" r-xp ")
            .expect("the program comes first")
            .1;
        let line = code.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse().ok()).expect("Linux says it")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("the binary runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
        kib.expect("Linux says it") * 1024
    }

    /// Fails unless it comes to rest again: no connection and no request is left, descriptors and
    /// memory are what they were `before`, and there is one record for each request.
    pub(crate) fn rests_as(&self, before: &Held) {
        let end = Instant::now() + LONG;
        let now = loop {
            match self.rest(before) {
                Ok(now) => break now,
                Err(still) => assert!(Instant::now() < end, "{before:?} before; {still}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let growth = now.own.saturating_sub(before.own);
        assert!(growth < GROWTH_MAX, "{growth} bytes more are held");
    }

    /// What it holds at rest, or what keeps it from resting.
    fn rest(&self, before: &Held) -> Result<Held, String> {
        let (now, scrape) = (self.held(), self.scrape());
        let open = scrape.sum("palisade_connections", &[]);
        let busy = scrape.sum("palisade_in_flight_requests", &[]);
        let asked = scrape.sum("palisade_requests_total", &[]);
        let told = self.records().len();
        let same = now.descriptors <= before.descriptors && told.to_string() == asked.to_string();
        if same && open + busy == 0.0 {
            return Ok(now);
        }
        Err(format!(
            "{now:?}, {open} open, {busy} in flight, {told} of {asked} told"
        ))
    }
}

impl Drop for TestProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until `look` finds something, of a process that takes its time.
pub(crate) fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LONG;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The program; another build of it if `PALISADE_TEST_BINARY` names one.
pub(crate) fn binary() -> PathBuf {
    let other = env::var_os("PALISADE_TEST_BINARY");
    other.map_or_else(|| env!("CARGO_BIN_EXE_palisade").into(), PathBuf::from)
}

/// Programs are told their ports; whoever takes one in between fails the start, loudly. They
/// lie below those that the kernel hands out by itself: nobody gets one by accident before whoever asked.
pub(crate) fn free_address() -> SocketAddr {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id().wrapping_mul(997);
    let mut tried = (0..COUNT).map(|_| {
        let at = own.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + at).expect("a port");
        SocketAddr::from(([127, 0, 0, 1], port))
    });
    tried
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("loopback has a free port")
}
