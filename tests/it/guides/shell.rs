//! One shell in an empty folder, as a reader has it: `palisade` on the path, ports that are free.

use crate::support::tools::installed;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

const PALISADE: &str = env!("CARGO_BIN_EXE_palisade");
/// Variables of the guides, each with the port that a reader gets.
const PORTS: [&str; 4] = ["PORT", "METRICS_PORT", "CONTROL_PORT", "SERVICE_PORT"];
/// Said by the shell behind each block.
const END: &str = "--- the block has ended ---";
const DEADLINE: Duration = Duration::from_mins(2);

pub(super) struct Shell {
    child: Child,
    told: Option<ChildStdin>,
    said: Receiver<String>,
    folder: TempDir,
}

impl Shell {
    pub(super) fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let bin = folder.path().join(".bin");
        std::fs::create_dir(&bin).expect("a folder can be made");
        symlink(PALISADE, bin.join("palisade")).expect("a link can be made");
        let tools = installed().join("bin");
        let mut command = Command::new("bash");
        command
            .current_dir(folder.path())
            .env("FIRST", format!("{}:{}", bin.display(), tools.display()))
            .env("NO_COLOR", "1")
            .env_remove("PALISADE_CONFIG")
            // Whatever is left in the background ends with the guide.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for name in PORTS {
            command.env(name, free_port().to_string());
        }
        let mut child = command.spawn().expect("`bash` runs");
        let mut told = child.stdin.take().expect("a pipe was asked for");
        let set = "exec 2>&1; set -euo pipefail; PATH=\"$FIRST:$PATH\"";
        writeln!(told, "{set}").expect("the shell listens");
        let lines = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let (sender, said) = channel();
        std::thread::spawn(move || {
            let mut lines = lines.lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok());
        });
        Self {
            child,
            told: Some(told),
            said,
            folder,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs one block and gives back what it said. A command that fails ends the shell.
    #[track_caller]
    pub(super) fn run(&mut self, block: &str, at: &str) -> String {
        let told = self.told.as_mut().expect("it is open");
        let sent = writeln!(told, "{block}\nprintf '\\n%s\\n' '{END}'").and_then(|()| told.flush());
        sent.unwrap_or_else(|error| panic!("{at}: the shell is gone: {error}"));
        let mut said = String::new();
        loop {
            let Ok(line) = self.said.recv_timeout(DEADLINE) else {
                panic!("{at}: a command fails, after:\n{said}")
            };
            if line == END {
                return said;
            }
            said += &line;
            said.push('\n');
        }
    }

    /// Runs the program beside the shell.
    pub(super) fn palisade(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(PALISADE);
        command.args(arguments).current_dir(self.folder());
        command.output().expect("the binary runs")
    }
}

/// A port that nobody has, and nobody else gets: the system gives out those above 32768 only, and a guide
/// takes its own later than it is told.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 1_000).expect("it is small") * 20;
    let ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed));
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("the ports do not end")
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.told.take());
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}
