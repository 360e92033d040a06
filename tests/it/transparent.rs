//! Connections that the kernel leads here, in network namespaces of their own. Needs root, `iptables`,
//! `ip`, `nsenter` and `curl`.

use crate::support::client::Request;
use crate::support::exposition::Scrape;
use crate::support::gate::TestGate;
use crate::support::issuer::TestIssuer;
use crate::support::tools::Tool;
use crate::support::{DEADLINE, eventually};
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

const PATH: &str = "/app/v1/missions";
/// The machine of the gate, in both families.
pub(crate) const GATE: [&str; 2] = ["10.77.0.1", "fd77::1"];
/// The machine of the client.
pub(crate) const CLIENT: [&str; 2] = ["10.77.0.2", "fd77::2"];
/// The transparent port.
pub(crate) const DOOR: u16 = 15001;

/// Two machines, and on one of them the program.
pub(crate) struct Machines {
    tool: Tool,
    folder: TempDir,
    pub(crate) issuer: TestIssuer,
    child: Option<Child>,
}

impl Machines {
    /// With these addresses in the place of both families' own; nothing runs yet.
    pub(crate) fn new(addresses: &[&str]) -> Self {
        let transparent = json!({"addresses": addresses, "ports": [80]});
        let (folder, issuer) = TestGate::builder()
            .set("/listen/http", json!("127.0.0.1:8080"))
            .set("/listen/transparent", transparent)
            .set("/admin/metrics", json!("127.0.0.1:9901"))
            .set("/admin/control", json!("127.0.0.1:9902"))
            .set("/upstreams/api/url", json!("http://127.0.0.1:9000"))
            .set("/issuers/0/jwks", json!({"file": "jwks.json"}))
            .into_folder();
        // The issuer is not on this network: its keys come as a file.
        let keys = issuer.jwks_url();
        let place = keys.trim_start_matches("http://");
        let (address, path) = place.split_once('/').expect("a URL has a path");
        let address = address.parse().expect("an address");
        let keys = Request::new(address, "GET", &format!("/{path}")).send_elsewhere();
        fs::write(folder.path().join("jwks.json"), keys.text()).expect("a file can be written");
        Self {
            tool: Tool::python("namespaces.py", &json!({"upstream": 9000})),
            folder,
            issuer,
            child: None,
        }
    }

    /// Both families redirected, ports 80 and 81, and the program runs.
    pub(crate) fn redirected() -> Self {
        let mut machines = Self::new(&["0.0.0.0:15001", "[::]:15001"]);
        for tables in ["iptables", "ip6tables"] {
            for port in ["80", "81"] {
                let rule = format!(
                    "{tables} -t nat -A PREROUTING -p tcp --dport {port} -j REDIRECT --to-ports {DOOR}"
                );
                machines.run(&rule);
            }
        }
        machines.start();
        machines
    }

    /// A command on the machine of the gate.
    pub(crate) fn run(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let done = self.tool.ask(&json!({"run": words}));
        let said = done["said"].as_str().expect("text").to_owned();
        assert_eq!(done["code"], 0, "{command}: {said}");
        said
    }

    /// Starts the program there, and returns when it is ready.
    pub(crate) fn start(&mut self) {
        self.spawn();
        let probe = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "http://127.0.0.1:9901/readyz",
        ];
        eventually("it is ready", || {
            let said = self.tool.ask(&json!({"run": probe}));
            (said["said"] == "200").then_some(())
        });
    }

    /// Starts the program, which does not start: what it complains of.
    pub(crate) fn refused(&mut self) -> String {
        self.spawn();
        let mut child = self.child.take().expect("it was spawned");
        let end = Instant::now() + DEADLINE;
        while child.try_wait().expect("it can be asked").is_none() {
            if Instant::now() > end {
                let _ = child.kill();
                panic!("it starts");
            }
            std::thread::yield_now();
        }
        let mut said = String::new();
        let errors = child.stderr.as_mut().expect("it is piped");
        errors.read_to_string(&mut said).expect("it is text");
        said
    }

    fn spawn(&mut self) {
        let (pid, gate) = (&self.tool.first["pid"], &self.tool.first["gate"]);
        let child = Command::new("nsenter")
            .arg(format!("--net=/proc/{pid}/fd/{gate}"))
            .arg(env!("CARGO_BIN_EXE_palisade"))
            .args(["serve", "--config"])
            .arg(self.folder.path().join("palisade.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        self.child = Some(child.expect("nsenter runs"));
    }

    /// What a client on the machine `from` gets from `to`, to the end of the connection.
    pub(crate) fn ask(&mut self, from: &str, to: (&str, u16), request: &Request) -> String {
        let request = request.clone().header("connection", "close").bytes();
        let text = String::from_utf8(request).expect("it is text");
        let order = json!({"ask": text, "from": from, "to": [to.0, to.1]});
        let answer = self.tool.ask(&order);
        answer["reply"].as_str().expect("text").to_owned()
    }

    /// A request that is allowed.
    pub(crate) fn good(&self) -> Request {
        let nowhere = ([127, 0, 0, 1], 0).into();
        let token = self.issuer.user("ana").role("viewer").sign();
        Request::new(nowhere, "GET", PATH).bearer(&token)
    }

    /// One scrape.
    pub(crate) fn scrape(&mut self) -> Scrape {
        Scrape::read(&self.run("curl -sS http://127.0.0.1:9901/metrics"))
    }

    /// How many connections were closed because of `cause`.
    pub(crate) fn turned_away(&mut self, cause: &str) -> f64 {
        let scrape = self.scrape();
        scrape.sum("palisade_transparent_refused_total", &[("cause", cause)])
    }

    /// The last of `count` records.
    pub(crate) fn record(&self, count: usize) -> Value {
        let path = self.folder.path().join("audit/audit.ndjson");
        let mut records = eventually("the records are written", || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<Value> = text.lines().flat_map(serde_json::from_str).collect();
            (lines.len() >= count).then_some(lines)
        });
        assert_eq!(records.len(), count, "{records:#?}");
        records.remove(count - 1)
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn redirected_clients_are_served_in_both_families_and_recorded_with_where_they_were_going() {
    let mut machines = Machines::redirected();
    for (at, (gate, client)) in GATE.into_iter().zip(CLIENT).enumerate() {
        let reply = machines.ask("client", (gate, 80), &machines.good());
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        assert!(reply.ends_with(PATH), "{reply}");
        let record = machines.record(at + 1);
        assert_eq!(record["client_ip"], client, "{record}");
        let going = if gate.contains(':') {
            format!("[{gate}]:80")
        } else {
            format!("{gate}:80")
        };
        assert_eq!(record["original_destination"], going, "{record}");
    }
    // The explicit port is there beside, and nobody was led to it.
    let reply = machines.ask("gate", ("127.0.0.1", 8080), &machines.good());
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(machines.record(3).get("original_destination").is_none());
}

#[test]
fn a_redirected_request_is_held_to_the_listed_hosts() {
    let mut machines = Machines::redirected();
    // Where the connection was going says nothing of where the request goes.
    let request = machines.good().host("10.77.0.1");
    let reply = machines.ask("client", ("10.77.0.1", 80), &request);
    assert!(reply.starts_with("HTTP/1.1 400"), "{reply}");
    assert!(reply.contains(Reason::RequestAmbiguous.code()), "{reply}");
}

#[test]
fn clients_on_the_same_machine_are_redirected_by_output() {
    let mut machines = Machines::redirected();
    for (tables, elsewhere) in [("iptables", "10.77.0.9"), ("ip6tables", "fd77::9")] {
        let rule = format!(
            "{tables} -t nat -A OUTPUT -p tcp -d {elsewhere} --dport 80 -j REDIRECT --to-ports {DOOR}"
        );
        machines.run(&rule);
        let reply = machines.ask("gate", (elsewhere, 80), &machines.good());
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }
    let going = &machines.record(2)["original_destination"];
    assert_eq!(going, "[fd77::9]:80");
}
