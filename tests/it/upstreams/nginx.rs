//! Two nginx as endpoints, under load, that stop, start and reload: nobody notices.

use super::{READ, count, gate, status, until};
use crate::support::child::free_address;
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::tools::program;
use serde_json::json;
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use tempfile::TempDir;

/// Requests that are under way at any time.
const CLIENTS: usize = 4;

struct Nginx {
    child: Option<Child>,
    folder: TempDir,
    port: u16,
}

impl Nginx {
    /// One whose master and worker are two processes, or one.
    fn start(master: bool) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let (port, path) = (free_address().port(), folder.path().display());
        let master = if master { "on" } else { "off" };
        let config = format!(
            "daemon off;\nmaster_process {master};\npid {path}/pid;\nerror_log {path}/error.log;\nevents {{}}\n\
             http {{\n  access_log {path}/access.log;\n  client_body_temp_path {path}/body;\n\
             proxy_temp_path {path}/proxy;\n  fastcgi_temp_path {path}/fastcgi;\n\
             uwsgi_temp_path {path}/uwsgi;\n  scgi_temp_path {path}/scgi;\n\
             server {{\n    listen 127.0.0.1:{port};\n    location / {{\n\
             default_type text/plain;\n      return 200 \"$request_uri\";\n    }}\n  }}\n}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), config).expect("a file can be written");
        let mut nginx = Self {
            child: None,
            folder,
            port,
        };
        nginx.run();
        nginx
    }

    /// Starts it, where it listened before.
    fn run(&mut self) {
        let child = Command::new(program("nginx"))
            .arg("-c")
            .arg(self.folder.path().join("nginx.conf"))
            .arg("-e")
            .arg(self.folder.path().join("start.log"))
            .stdin(Stdio::null())
            .spawn();
        self.child = Some(child.expect("nginx starts"));
        eventually("nginx listens", || {
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }

    fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id();
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status();
        assert!(sent.expect("there is a shell").success(), "kill -{name}");
    }

    /// Ends it by a signal.
    fn end(&mut self, name: &str) {
        self.signal(name);
        let mut child = self.child.take().expect("it runs");
        child.wait().expect("it ends");
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn served(&self) -> usize {
        let log = fs::read_to_string(self.folder.path().join("access.log"));
        log.unwrap_or_default().lines().count()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if self.child.is_some() {
            // The master ends its worker too.
            self.end("TERM");
        }
    }
}

fn pair(master: bool) -> ([Nginx; 2], TestGate) {
    let pair = [(); 2].map(|()| Nginx::start(master));
    let more = json!({"balance": "least_request",
                      "ejection": {"failures": 3, "time": "200ms", "max_time": "200ms"}});
    let gate = gate(&pair.each_ref().map(Nginx::url), &more).start();
    (pair, gate)
}

/// Does `work` while clients ask without pause, and fails unless every request got its own answer and
/// left one record.
fn under_load(gate: &TestGate, work: impl FnOnce(&dyn Fn())) {
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (address, token) = (gate.address(), gate.issuer.user("ana").sign());
    let client = |number: usize| {
        let mut connection = gate.connect();
        for at in 0.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let target = format!("{READ}?n={number}-{at}");
            let request = Request::new(address, "GET", &target).bearer(&token);
            let reply = request.send_on(&mut connection);
            reply.allowed(200);
            assert_eq!(reply.text(), target);
            asked.fetch_add(1, Ordering::Relaxed);
        }
    };
    let some_more = || {
        let before = asked.load(Ordering::Relaxed);
        eventually("some more requests are answered", || {
            (asked.load(Ordering::Relaxed) >= before + 50).then_some(())
        });
    };
    thread::scope(|scope| {
        // Also when `work` panics: the clients must end for the scope to.
        let _stop = Stop(&stop);
        let client = &client;
        for number in 0..CLIENTS {
            scope.spawn(move || client(number));
        }
        some_more();
        work(&some_more);
        some_more();
    });
    let asked = asked.into_inner();
    gate.audit(asked);
    let counted = gate.metrics().sum("palisade_requests_total", &[]);
    assert_eq!(counted, f64::from(u32::try_from(asked).unwrap()));
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn an_nginx_that_stops_under_load_costs_no_request_and_is_used_again() {
    let ([_stays, mut goes], gate) = pair(true);
    under_load(&gate, |some_more| {
        goes.end("TERM");
        some_more();
        assert!(count(&gate, "failures_total", ("upstream", "api")) > 0.0);
        goes.run();
        let served = goes.served();
        until(&gate, "healthy", 2);
        eventually("it is used again", || {
            (goes.served() > served).then_some(())
        });
    });
}

#[test]
fn an_nginx_that_is_killed_under_load_costs_no_request() {
    let ([_stays, mut goes], gate) = pair(false);
    under_load(&gate, |some_more| {
        goes.end("KILL");
        some_more();
        eventually("it is left out", || {
            (count(&gate, "ejections_total", ("upstream", "api")) > 0.0).then_some(())
        });
    });
}

#[test]
fn an_nginx_that_reloads_under_load_costs_no_request() {
    let (pair, gate) = pair(true);
    under_load(&gate, |some_more| {
        for one in &pair {
            let before = one.served();
            one.signal("HUP");
            some_more();
            eventually("it serves on", || (one.served() > before).then_some(()));
        }
    });
    let endpoints = status(&gate)["endpoints"].clone();
    assert_eq!(endpoints.as_array().unwrap().len(), 2);
}
