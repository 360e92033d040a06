//! Cases that are run again after each save.

use super::shipped;
use crate::support::folder::Folder;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The program while it watches, with the lines that it has said.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(folder: &Folder) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args(["test", "--watch"])
            .current_dir(folder.path("."))
            .env_remove("PALISADE_CONFIG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let (tell, lines) = channel();
        let out = child.stdout.take().expect("it is piped");
        let err = child.stderr.take().expect("it is piped");
        let streams: [Box<dyn Read + Send>; 2] = [Box::new(out), Box::new(err)];
        for stream in streams {
            let tell = tell.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = tell.send(line);
                }
            });
        }
        Self { child, lines }
    }

    /// Waits until it says something with `part` in it.
    #[track_caller]
    fn says(&self, part: &str) {
        let mut said = Vec::new();
        let end = Instant::now() + Duration::from_mins(1);
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let Ok(line) = self.lines.recv_timeout(left) else {
                break;
            };
            if line.contains(part) {
                return;
            }
            said.push(line);
        }
        panic!("`{part}` was not said:\n{}", said.join("\n"));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_save_of_policies_or_cases_runs_them_again() {
    let folder = shipped();
    let watching = Watching::start(&folder);
    watching.says(" 0 failed");
    let forbids = "@id(\"no\")\nforbid (principal, action, resource);\n";
    folder.write("policies/no.cedar", forbids);
    watching.says("platform/no/no");
    watching.says(" passed, ");
    folder.write("policies/no.cedar", "forbid (");
    watching.says("policies/no.cedar:1");
    fs::remove_file(folder.path("policies/no.cedar")).expect("it was there");
    watching.says(" 0 failed");
    let case = "cases: [{ name: new, request: /health, expect: deny }]\n";
    folder.write("policies/tests/new.yaml", case);
    watching.says("FAILED     new");
    folder.write("policies/tests/new.yaml", &case.replace("deny", "allow"));
    watching.says(" 0 failed");
}
