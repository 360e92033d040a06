//! `palisade demo`, as a newcomer meets it: the real binary, its output, and the commands it prints.
//! Needs `curl`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PALISADE: &str = env!("CARGO_BIN_EXE_palisade");
const DEADLINE: Duration = Duration::from_mins(1);

struct Demo {
    child: Child,
    folder: TempDir,
    output: String,
    commands: Vec<String>,
}

impl Demo {
    /// Starts it on free ports and reads its output up to the third command.
    fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut child = Command::new(PALISADE)
            .args([
                "demo",
                "--port",
                "0",
                "--admin-port",
                "0",
                "--control-port",
                "0",
                "--dir",
            ])
            .arg(folder.path().join("demo"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut demo = Self {
            child,
            folder,
            output: String::new(),
            commands: Vec::new(),
        };
        let end = Instant::now() + DEADLINE;
        while demo.commands.len() < 3 || !demo.output.contains(".cedar") {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = lines.recv_timeout(left) else {
                panic!(
                    "no three commands and policy in time, only:\n{}",
                    demo.output
                )
            };
            demo.output += &format!("{line}\n");
            if line.trim_start().starts_with("curl ") {
                demo.commands.push(line.trim().to_owned());
            }
        }
        demo
    }

    /// Every `host:port` it printed, in order.
    fn addresses(&self) -> Vec<String> {
        let found = self.output.match_indices("http://").map(|(at, scheme)| {
            let rest = &self.output[at + scheme.len()..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".:[]-".contains(c));
            rest[..end.unwrap_or(rest.len())].to_owned()
        });
        let mut addresses: Vec<String> = Vec::new();
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }

    fn interrupt(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("`kill` runs").success());
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the demo does not end after Ctrl-C")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a line of shell and gives back what it prints, the status code last.
fn shell(line: &str) -> String {
    let line = line.replacen("curl ", "curl -s -m 20 -w '\\n%{http_code}' ", 1);
    let run = Command::new("sh")
        .args(["-c", &line])
        .output()
        .expect("`sh` runs");
    assert!(
        run.status.success(),
        "`{line}` failed; it needs curl (apt-get install -y curl): {}",
        String::from_utf8_lossy(&run.stderr)
    );
    String::from_utf8_lossy(&run.stdout).into_owned()
}

#[test]
fn the_three_commands_are_allowed_denied_by_role_and_denied_across_tenants() {
    let mut demo = Demo::start();
    let answers: Vec<String> = demo.commands.iter().map(|line| shell(line)).collect();
    assert!(
        answers[0].ends_with("\n200") || answers[0].ends_with("\n201"),
        "{}",
        answers[0]
    );
    assert!(
        answers[0].contains("x-palisade-workspace"),
        "no echo: {}",
        answers[0]
    );
    assert!(
        answers[1].ends_with("\n403") && answers[1].contains("policy_denied"),
        "{}",
        answers[1]
    );
    assert!(
        answers[2].ends_with("\n403") && answers[2].contains("outside_tenant"),
        "{}",
        answers[2]
    );
    assert!(
        demo.output.contains(".cedar"),
        "no policy to edit is named:\n{}",
        demo.output
    );
    assert_eq!(demo.interrupt(), Some(0));
}

#[test]
fn the_proxys_address_comes_first_then_metrics_then_control() {
    let demo = Demo::start();
    let addresses = demo.addresses();
    assert!(addresses.len() >= 3, "{}", demo.output);
    assert!(demo.commands[0].contains(&addresses[0]), "{}", demo.output);
    let metrics = shell(&format!("curl http://{}/metrics", addresses[1]));
    assert!(metrics.contains("palisade_build_info"), "{metrics}");
    let control = shell(&format!("curl http://{}/status", addresses[2]));
    assert!(control.ends_with("\n401"), "{control}");
}

#[test]
fn a_token_for_a_kept_demo_is_printed_and_accepted() {
    let demo = Demo::start();
    let folder = demo.folder.path().join("demo");
    assert!(folder.join("palisade.yaml").is_file());
    let proxy = demo.addresses().remove(0);
    for (user, context, path) in [
        ("ana", "app", "/app/v1/missions"),
        ("edi", "dashboard", "/dashboard/v1/missions"),
    ] {
        let run = Command::new(PALISADE)
            .args([
                "demo",
                "token",
                "--user",
                user,
                "--context",
                context,
                "--dir",
            ])
            .arg(&folder)
            .output()
            .expect("the binary runs");
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        let token = String::from_utf8(run.stdout).expect("a token is ASCII");
        let line = format!(
            "curl -H 'Authorization: Bearer {}' http://{proxy}{path}",
            token.trim()
        );
        let answer = shell(&line);
        assert!(answer.ends_with("\n200"), "{user}: {answer}");
    }
}
