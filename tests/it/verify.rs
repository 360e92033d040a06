//! The services of `examples/verify` against assertions of a real gate, and the recipe by hand.

use crate::support::DEADLINE;
use crate::support::assertion::{AUDIENCE, ED25519, P256, asserting};
use crate::support::client::{Connection, Reply};
use crate::support::gate::TestGate;
use crate::support::keys::b64;
use crate::support::tools::{installed, program};
use crate::support::upstream::Recorded;
use palisade::clock::Clock;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::{env, fs, thread};
use tempfile::TempDir;

const TARGET: &str = "/app/v1/missions/m-1?b=%20x&a=1";
const HEADER: &str = "x-palisade-assertion";
const ISSUER: &str = "urn:palisade";

/// One of the services, running.
struct Service {
    child: Child,
    said: Receiver<String>,
    address: SocketAddr,
}

impl Service {
    fn start(mut command: Command, gate: &TestGate, audience: &str) -> Self {
        // A group of its own: the `node` that PyPI installs starts the real one.
        let mut child = command
            .process_group(0)
            .args([&gate.jwks_url(), ISSUER, audience])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let (sender, said) = channel();
        thread::spawn(move || {
            let mut lines = lines.lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok());
        });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut service = Self {
            child,
            said,
            address,
        };
        let first = service.line();
        let port = first.strip_prefix("listening on ").expect("it listens");
        service.address.set_port(port.parse().expect("a port"));
        service
    }

    fn line(&self) -> String {
        self.said
            .recv_timeout(3 * DEADLINE)
            .expect("it says something")
    }

    /// Sends a request with those assertions, and reads the answer.
    fn ask(&self, method: &str, target: &str, assertions: &[&str]) -> Reply {
        let fields = assertions.iter();
        let fields: Vec<String> = fields
            .map(|assertion| format!("{HEADER}: {assertion}\r\n"))
            .collect();
        let fields = fields.concat();
        let mut connection = Connection::open(self.address);
        let head = format!("{method} {target} HTTP/1.1\r\nhost: service\r\n{fields}\r\n");
        connection.send(head.as_bytes());
        connection.reply(method)
    }

    #[track_caller]
    fn refuses(&self, method: &str, target: &str, assertions: &[&str]) {
        let reply = self.ask(method, target, assertions);
        assert_eq!(reply.status, 401, "{method} {target}: {}", reply.text());
        let line = self.line();
        assert!(line.starts_with("refused: "), "{line}");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/verify")
        .join(name)
}

fn node() -> Command {
    let mut command = Command::new(installed().join("bin/node"));
    command.arg(example("node/server.mjs"));
    command
}

fn python() -> Command {
    let mut command = Command::new(installed().join("bin/python"));
    // No compiled files beside the example.
    command.arg("-B").arg(example("python/server.py"));
    command
}

fn rust() -> Command {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--example", "verify"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("cargo runs").success(), "the example builds");
    let own = env::current_exe().expect("a test knows its file");
    let folder = own.ancestors().nth(2).expect("target/debug/deps/it");
    Command::new(folder.join("examples/verify"))
}

/// What the gate forwarded for a user's request.
fn forwarded(gate: &TestGate) -> Recorded {
    let token = gate.issuer.user("ana").sign();
    gate.get(TARGET).bearer(&token).send().allowed(200);
    gate.upstream.requests().pop().expect("a request was seen")
}

fn believes_the_gate_and_nobody_else(command: fn() -> Command) {
    for key in [ED25519, P256] {
        let gate = asserting(key).start();
        let seen = forwarded(&gate);
        let own = seen.header(HEADER).expect("an assertion");
        let service = Service::start(command(), &gate, AUDIENCE);
        let reply = service.ask(seen.method(), seen.target(), &[own]);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let tenant = json!({"account": "acme", "workspace": "acme-prod", "user": "ana"});
        assert_eq!(reply.json(), tenant);
        let line = service.line();
        assert!(
            line.contains("app/missions/get") && line.contains("acme-prod"),
            "{line}"
        );

        service.refuses("GET", TARGET, &[]);
        service.refuses("GET", TARGET, &[own, own]);
        service.refuses("GET", "/app/v1/missions/m-2?b=%20x&a=1", &[own]);
        service.refuses("GET", "/app/v1/missions/m%2D1?b=%20x&a=1", &[own]);
        service.refuses("GET", "/app/v1/missions/m-1?a=1&b=%20x", &[own]);
        service.refuses("GET", "/app/v1/missions/m-1", &[own]);
        for forged in forgeries(own) {
            service.refuses("GET", TARGET, &[&forged]);
        }
        let other = Service::start(command(), &gate, "urn:other");
        other.refuses("GET", TARGET, &[own]);
    }
    let late = Clock::manual(Clock::system().now().plus_millis(-120_000));
    let gate = asserting(ED25519).clock(&late).start();
    // The gate's clock is two minutes behind, so the token is minted as of then.
    let now = late.now().millis() / 1000;
    let token = gate
        .issuer
        .user("ana")
        .claim("iat", now)
        .claim("auth_time", now);
    gate.get(TARGET).bearer(&token.sign()).send().allowed(200);
    let seen = gate.upstream.only();
    let service = Service::start(command(), &gate, AUDIENCE);
    service.refuses("GET", TARGET, &[seen.header(HEADER).expect("an assertion")]);
}

/// What somebody who has an assertion, and not the key, can make of it.
fn forgeries(own: &str) -> Vec<String> {
    let parts: Vec<&str> = own.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    let bent = |part: &str, from: &str, to: &str| {
        let text = String::from_utf8(unb64(part)).expect("JSON");
        assert!(text.contains(from), "`{from}` is not in {text}");
        b64(text.replace(from, to).as_bytes())
    };
    let claims_of_globex = bent(claims, "\"acme\"", "\"globex\"");
    let none = b64(br#"{"alg":"none","typ":"palisade-assertion+jwt"}"#);
    let typ = bent(header, "palisade-assertion+jwt", "at+jwt");
    vec![
        format!("{header}.{claims_of_globex}.{signature}"),
        format!("{none}.{claims_of_globex}."),
        format!("{typ}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        "not.a.jws".to_owned(),
    ]
}

fn unb64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    engine.decode(text).expect("base64url")
}

#[test]
fn the_node_service_believes_the_gate_and_nobody_else() {
    believes_the_gate_and_nobody_else(node);
}

#[test]
fn the_python_service_believes_the_gate_and_nobody_else() {
    believes_the_gate_and_nobody_else(python);
}

#[test]
fn the_rust_service_believes_the_gate_and_nobody_else() {
    believes_the_gate_and_nobody_else(rust);
}

#[test]
fn what_the_python_example_needs_is_what_it_is_tested_with() {
    let pins = |path: PathBuf| fs::read_to_string(path).expect("a list of packages");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tested = pins(root.join("tests/tools/requirements.txt"));
    for pin in pins(example("python/requirements.txt")).lines() {
        assert!(
            tested.contains(&format!("{pin} ")),
            "{pin} is not what tests/tools pins"
        );
    }
}

/// The `sh` blocks of the README, as one script for each.
fn scripts() -> Vec<String> {
    let text = fs::read_to_string(example("README.md")).expect("the README");
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

fn run(script: &str, folder: &Path, gate: &TestGate) -> (bool, String) {
    program("jose");
    let url = gate.jwks_url();
    let metrics = url
        .strip_suffix("/.well-known/jwks.json")
        .expect("its path");
    let output = Command::new("sh")
        .args(["-eu", "-c", script])
        .current_dir(folder)
        .env("METRICS", metrics)
        .output()
        .expect("a shell runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), said)
}

#[test]
fn the_recipe_by_hand_reads_an_assertion_and_fails_on_another() {
    let gate = asserting(P256).start();
    let token = gate.issuer.user("ana").sign();
    gate.get("/app/v1/missions?a=1")
        .bearer(&token)
        .send()
        .allowed(200);
    let seen = gate.upstream.only();
    let own = seen.header(HEADER).expect("an assertion");
    let folder = TempDir::new().expect("a temporary folder");
    let [verify, digest] = &scripts()[..] else {
        panic!("two blocks of commands")
    };
    fs::write(folder.path().join("assertion.jwt"), own).expect("a file can be written");
    let (good, said) = run(verify, folder.path(), &gate);
    assert!(good, "{said}");
    let claims: Value = serde_json::from_str(&said).expect("claims");
    assert_eq!(claims["account"], "acme");
    let (_, query) = run(digest, folder.path(), &gate);
    assert_eq!(claims["query_sha256"], query.trim());
    for forged in forgeries(own) {
        fs::write(folder.path().join("assertion.jwt"), &forged).expect("a file can be written");
        let (good, said) = run(verify, folder.path(), &gate);
        // The signature is all that `jose` looks at, and the header is under it.
        assert!(!good, "{forged}: {said}");
    }
}
