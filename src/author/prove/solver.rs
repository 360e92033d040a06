//! A solver in a process of its own, which is believed nothing but one of three words.
//!
//! Every command is followed by a mark that the solver has to repeat, so that no answer is taken for that of
//! another question. What it says is bounded; it and all that it started end with us.

use super::Unanswered;
use cedar_policy_symcc::err::SolverError;
use cedar_policy_symcc::solver::{Decision, DecisionWithModel, Solver};
use rustix::process::{Pid, Signal, kill_process_group};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What it may say to one question; a model of ours has some kilobytes.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What it may say of itself.
const VERSION_BYTES_MAX: u64 = 64 * 1024;

/// A running solver.
#[derive(Debug)]
pub(super) struct Process {
    _group: Group,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    asked: u64,
}

/// A child, and whatever it started.
#[derive(Debug)]
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Nobody waits for the child before this, so the number is still its own.
        let id = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Process {
    /// Starts it. What is asked of it may take `limit`, after which it says that it does not know.
    pub(super) fn start(path: &Path, limit: Duration) -> std::io::Result<Self> {
        let millis = format!("--tlimit-per={}", limit.as_millis());
        let mut child = command(path)
            .args(["--lang", "smt", &millis])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let ends = child.stdin.take().zip(child.stdout.take());
        let (input, output) = ends.ok_or_else(|| std::io::Error::other("no pipes"))?;
        Ok(Self {
            _group: Group(child),
            input: BufWriter::new(input),
            output: BufReader::new(output),
            asked: 0,
        })
    }

    /// What it says to a command.
    async fn said(&mut self, command: &str) -> Result<String, SolverError> {
        self.asked += 1;
        let mark = format!("palisade-{}", self.asked);
        let text = format!("{command}\n(echo \"{mark}\")\n");
        self.input.write_all(text.as_bytes()).await?;
        self.input.flush().await?;
        let mut said = Vec::new();
        loop {
            let from = said.len();
            let ended = self.line(&mut said).await?;
            let line = String::from_utf8_lossy(said.get(from..).unwrap_or_default());
            if line.trim().trim_matches('"') == mark {
                said.truncate(from);
                return Ok(String::from_utf8_lossy(&said).into_owned());
            }
            if ended {
                let last = String::from_utf8_lossy(&said);
                return Err(SolverError::Solver(format!("it ended; {}", words(&last))));
            }
        }
    }

    /// One line more. Answers whether there is no further one.
    async fn line(&mut self, said: &mut Vec<u8>) -> Result<bool, SolverError> {
        loop {
            let found = self.output.fill_buf().await?;
            if found.is_empty() {
                return Ok(true);
            }
            let end = found.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(found.len(), |end| end + 1);
            said.extend(found.iter().take(count));
            self.output.consume(count);
            if said.len() > ANSWER_BYTES_MAX {
                let why = format!("more than {ANSWER_BYTES_MAX} bytes");
                return Err(SolverError::UnrecognizedSolverOutput(why));
            }
            if end.is_some() {
                return Ok(false);
            }
        }
    }

    /// Whether these commands, which begin a question of their own, can be satisfied.
    pub(super) async fn tried(&mut self, commands: &str) -> Result<Decision, SolverError> {
        self.input.write_all(commands.as_bytes()).await?;
        self.check_sat().await
    }
}

impl Solver for Process {
    fn smtlib_input(&mut self) -> &mut (dyn tokio::io::AsyncWrite + Unpin + Send) {
        &mut self.input
    }

    async fn enable_models(&mut self) -> Result<(), SolverError> {
        let option = b"(set-option :produce-models true)\n";
        Ok(self.input.write_all(option).await?)
    }

    async fn check_sat(&mut self) -> Result<Decision, SolverError> {
        let said = self.said("(check-sat)").await?;
        match said.trim() {
            "sat" => Ok(Decision::Sat),
            "unsat" => Ok(Decision::Unsat),
            "unknown" => Ok(Decision::Unknown),
            other => Err(SolverError::UnrecognizedSolverOutput(words(other))),
        }
    }

    async fn check_sat_with_model(&mut self) -> Result<DecisionWithModel, SolverError> {
        match self.check_sat().await? {
            Decision::Unsat => Ok(DecisionWithModel::Unsat),
            Decision::Unknown => Ok(DecisionWithModel::Unknown),
            Decision::Sat => {
                let model = self.said("(get-model)").await?;
                if model.starts_with('(') && !model.starts_with("(error") {
                    Ok(DecisionWithModel::Sat { model })
                } else {
                    Err(SolverError::UnrecognizedSolverOutput(words(&model)))
                }
            }
        }
    }
}

/// What the program says of itself.
pub(super) async fn version(path: &Path) -> std::io::Result<String> {
    let mut child = command(path)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let _group = Group(child);
    let (output, errors) = tokio::join!(all(output), all(errors));
    Ok(format!("{}\n{}", output?, errors?))
}

async fn all(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(VERSION_BYTES_MAX).read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    // A group of its own: what a script started ends with the script.
    command
        .process_group(0)
        .kill_on_drop(true)
        .stdout(Stdio::piped());
    command
}

/// The beginning of what somebody said, on one line.
pub(super) fn words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(200).collect();
    if line.is_empty() {
        "it said nothing".to_owned()
    } else {
        format!("it said `{line}`")
    }
}

impl From<SolverError> for Unanswered {
    fn from(error: SolverError) -> Self {
        match error {
            SolverError::Io(error) => Self::Lost(error.to_string()),
            SolverError::Solver(why) | SolverError::UnrecognizedSolverOutput(why) => {
                Self::Lost(why)
            }
            SolverError::SolverMarkedFailed => Self::Lost("it failed".to_owned()),
        }
    }
}
