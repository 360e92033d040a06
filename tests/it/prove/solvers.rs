//! Solvers that are missing, old, silent, mad or dead: whatever they do, nothing is proved by it, it ends in
//! time, and nothing of them is left.

use super::{CONFIG, MFA, MFA_TEXT, prove, tells};
use crate::support::folder::Folder;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A folder with that kind of solver.
fn with(solver: &str) -> Folder {
    let folder = Folder::shipped();
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/solver.sh");
    symlink(tool, folder.path(solver)).expect("a link");
    folder
}

fn is_alive(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which stands in parentheses.
    let state = status
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

fn leaves_nothing(folder: &Folder, solver: &str) {
    let pids = folder.read(&format!("{solver}.pids"));
    assert!(pids.lines().count() >= 2, "{pids}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while pids.lines().any(is_alive) {
        assert!(
            Instant::now() < deadline,
            "{solver} left something of {pids}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_solver_that_cannot_be_asked_proves_nothing() {
    for (solver, parts) in [
        ("old", &["cvc5 1.0.2", "at least 1.0.3"][..]),
        ("other", &["is not cvc5", "Z3 version"]),
        ("mute", &["is not cvc5", "it said nothing"]),
        ("floods", &["is not cvc5"]),
        ("never-knows", &["answers wrongly what is known"]),
        (
            "always-unsat",
            &["answers wrongly what is known", "unsat, not sat"],
        ),
    ] {
        let folder = with(solver);
        let said = prove(&folder, &["isolation", "--solver", &format!("./{solver}")]);
        tells(&said, 5, parts);
        tells(
            &said,
            5,
            &[
                "help: install cvc5",
                "apt install cvc5",
                "deploy/solver/cvc5-of-wheel.py",
            ],
        );
        assert_eq!(said.out, "", "{solver}");
    }
}

#[test]
fn a_missing_solver_is_told_with_the_way_to_get_one() {
    let folder = Folder::shipped();
    folder.write("plain", "no program");
    for (solver, part) in [
        (
            "cvc5-that-nobody-has",
            "there is no solver `cvc5-that-nobody-has`",
        ),
        ("./nowhere", "there is no solver `./nowhere`"),
        ("./plain", "cannot be started"),
        (".", "cannot be started"),
    ] {
        let said = prove(&folder, &["isolation", "--solver", solver]);
        tells(&said, 5, &[part, "apt install cvc5"]);
    }
}

#[test]
fn a_solver_that_loses_its_way_is_not_believed() {
    for (solver, part) in [
        ("dies", "the solver gave no answer"),
        ("babbles", "unsat, I think"),
        ("twice", "unsat unsat"),
        ("endless", "bytes"),
        ("unsure", "the solver does not know"),
        ("no-model", "counterexample is not confirmed"),
    ] {
        let folder = with(solver);
        let said = prove(&folder, &["isolation", "--solver", &format!("./{solver}")]);
        tells(&said, 5, &[part, "not everything is proved", "0 refuted"]);
        // What needs no solver may be proved; whatever was put to this one is not.
        assert!(
            said.out.contains("unknown  only-tenant"),
            "{solver}: {}",
            said.out
        );
        if solver != "no-model" {
            assert!(
                said.out.contains("not asked: too many"),
                "{solver}: {}",
                said.out
            );
        }
    }
}

#[test]
fn a_solver_that_hangs_is_ended_with_all_that_it_started() {
    for (solver, part) in [
        ("hangs-at-once", "did not answer within 1 s"),
        ("hangs", "did not answer within 3.1s, and was ended"),
    ] {
        let folder = with(solver);
        let begun = Instant::now();
        let path = format!("./{solver}");
        let said = prove(
            &folder,
            &["isolation", "--solver", &path, "--time-limit", "100ms"],
        );
        tells(&said, 5, &[part]);
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "{:?}",
            begun.elapsed()
        );
        leaves_nothing(&folder, solver);
    }
}

#[test]
fn who_is_interrupted_leaves_nothing_running_and_proves_nothing() {
    for solver in ["hangs", "hangs-at-once"] {
        let folder = with(solver);
        let path = format!("./{solver}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args(["prove", "isolation", "--solver", &path, "--config", CONFIG])
            .current_dir(folder.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let deadline = Instant::now() + Duration::from_mins(1);
        let pids =
            || fs::read_to_string(folder.path(&format!("{solver}.pids"))).unwrap_or_default();
        while pids().lines().count() < 2 {
            assert!(Instant::now() < deadline, "it asks nothing");
            std::thread::yield_now();
        }
        let id = child.id().to_string();
        let told = Command::new("kill").args(["-INT", &id]).status();
        assert!(told.expect("kill runs").success());
        let (code, out) = child.wait_with_output_in(Duration::from_secs(20));
        assert_eq!(code, Some(5), "{solver}: {out}");
        assert!(!out.contains("proved   only-tenant"), "{out}");
        leaves_nothing(&folder, solver);
    }
}

trait InTime {
    fn wait_with_output_in(&mut self, limit: Duration) -> (Option<i32>, String);
}

impl InTime for std::process::Child {
    fn wait_with_output_in(&mut self, limit: Duration) -> (Option<i32>, String) {
        let deadline = Instant::now() + limit;
        while self.try_wait().expect("it is ours").is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::yield_now();
        }
        let mut out = String::new();
        let from = self.stdout.as_mut().expect("a pipe");
        std::io::Read::read_to_string(from, &mut out).expect("text");
        let code = self.wait().expect("it ended").code();
        (code, out)
    }
}

/// Limits that are none, and one that is too short for any answer.
#[test]
fn a_limit_is_a_time_and_what_passes_it_is_unknown() {
    let folder = Folder::shipped();
    for limit in ["0s", "never", "-1s", "2d", ""] {
        let said = prove(&folder, &["isolation", &format!("--time-limit={limit}")]);
        tells(&said, 2, &["--time-limit"]);
    }
    // Sums of moments keep cvc5 busy for longer than this.
    folder.write(MFA, MFA_TEXT);
    let said = prove(&folder, &["isolation", "--time-limit", "1ms"]);
    assert!([4, 5].contains(&said.code), "{}{}", said.out, said.err);
    assert!(!said.out.contains("10 proved"), "{}", said.out);
}
