//! Outside programs: found where `tests/run` puts them, started on free ports, gone with the test.

use super::DEADLINE;
use aws_lc_rs::digest;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use std::{env, fs, thread};

/// Said wherever something is missing.
const REMEDY: &str = "run `tests/run`, which installs it";
/// A machine with more tests than cores takes its time to start a program.
const START: Duration = Duration::from_mins(1);
/// A whole suite of somebody else's.
const LONG: Duration = Duration::from_mins(15);

/// A script of `tests/tools` that runs. It says one line of JSON when it listens, answers each line of
/// JSON that it is told with one, and ends when its standard input does: also when a test is killed.
pub(crate) struct Tool {
    child: Child,
    told: ChildStdin,
    said: Receiver<String>,
    name: &'static str,
    /// What it said first.
    pub(crate) first: Value,
}

impl Tool {
    /// A script for Node.
    pub(crate) fn node(script: &'static str, arguments: &Value) -> Self {
        let mut command = Command::new(installed().join("bin/node"));
        command.env("NODE_PATH", installed().join("node_modules"));
        Self::start(command, script, arguments)
    }

    /// A script for Python.
    pub(crate) fn python(script: &'static str, arguments: &Value) -> Self {
        Self::start(
            Command::new(installed().join("bin/python")),
            script,
            arguments,
        )
    }

    fn start(mut command: Command, name: &'static str, arguments: &Value) -> Self {
        let mut child = command
            .arg(root().join("tests/tools").join(name))
            .arg(arguments.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start ({error}): {REMEDY}"));
        let told = child.stdin.take().expect("a pipe was asked for");
        let lines = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let (sender, said) = channel();
        thread::spawn(move || {
            let mut lines = lines.lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok());
        });
        let mut tool = Self {
            child,
            told,
            said,
            name,
            first: Value::Null,
        };
        tool.first = tool.line(START);
        tool
    }

    /// Tells it something, and reads the answer.
    pub(crate) fn ask(&mut self, line: &Value) -> Value {
        writeln!(self.told, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self.line(DEADLINE)
    }

    /// The same, of something that takes its time.
    pub(crate) fn ask_long(&mut self, line: &Value) -> Value {
        writeln!(self.told, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self.line(LONG)
    }

    /// The port that it named first.
    pub(crate) fn port(&self) -> u16 {
        let port = self.first["port"].as_u64();
        port.and_then(|port| u16::try_from(port).ok())
            .unwrap_or_else(|| panic!("{} said {}", self.name, self.first))
    }

    fn line(&self, wait: Duration) -> Value {
        let line = self.said.recv_timeout(wait);
        let line = line.unwrap_or_else(|error| panic!("{} says nothing: {error}", self.name));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{} said {line}", self.name))
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of the machine, also where only root's path has it.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut places = folders.map(|folder| folder.join(name));
    places
        .find(|place| place.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: {REMEDY}"))
}

/// Where `tests/run` installs what the lock files say; it finds the folder in the same way.
pub(crate) fn installed() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = cache().join(lock_digest());
        assert!(
            folder.join("whole").is_file(),
            "what tests need besides Rust is not in {}: {REMEDY}",
            folder.display()
        );
        folder
    })
}

fn cache() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = set("PALISADE_TEST_TOOLS") {
        return folder.into();
    }
    let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")));
    cache
        .expect("HOME says where tools are")
        .join("palisade-tests")
}

fn lock_digest() -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for name in ["requirements.txt", "package-lock.json"] {
        let path = root().join("tests/tools").join(name);
        context.update(&fs::read(path).expect("the lock files are part of the tree"));
    }
    let digest = context.finish();
    let first = digest.as_ref().first_chunk().copied();
    format!("{:016x}", u64::from_be_bytes(first.expect("32 bytes")))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
