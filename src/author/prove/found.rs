//! Which solver there is, and whether it can be asked at all.

use super::asker;
use super::solver::{self, Process};
use cedar_policy_symcc::err::SolverError;
use cedar_policy_symcc::solver::Decision;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// How questions are asked.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The program: a path, or a name that is looked up on the `PATH`.
    pub solver: PathBuf,
    /// How long one question may take.
    pub limit: Duration,
}

/// The solver can be asked.
#[derive(Clone, Debug)]
pub struct Found {
    pub(super) asking: Asking,
    /// `cvc5 1.0.3`.
    pub name: String,
}

/// Why there is nobody to ask.
#[derive(Debug, thiserror::Error)]
pub enum NoSolver {
    /// No such program.
    #[error("there is no solver `{0}`")]
    Missing(String),
    /// It cannot be started.
    #[error("the solver `{0}` cannot be started: {1}")]
    Start(String, io::Error),
    /// It does not answer.
    #[error("the solver `{0}` did not answer within {1} s")]
    Silent(String, u64),
    /// Somebody ended us.
    #[error("interrupted")]
    Interrupted,
    /// It is another program.
    #[error("`{0}` is not cvc5: {1}")]
    Other(String, String),
    /// It cannot do what is needed.
    #[error("the solver `{0}` is cvc5 {1}, and at least {oldest} is needed", oldest = OLDEST_WORDS)]
    Old(String, String),
    /// It says what is not true.
    #[error("the solver `{0}` answers wrongly what is known: {1}")]
    Wrong(String, String),
}

/// The oldest version that was tried.
const OLDEST: (u32, u32, u32) = (1, 0, 3);
/// The same, for people.
const OLDEST_WORDS: &str = "1.0.3";
/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(10);

/// How to get one.
pub const HELP: &str = "install cvc5 (Debian: `apt install cvc5`) or name it with `--solver PATH`; where there is \
    only Python, `pip install cvc5` and name the program `deploy/solver/cvc5-of-wheel.py` of the repository";

/// Sets, as our questions have them: the one cannot be satisfied, the other can.
const NEVER: &str = "(reset)\n(set-logic ALL)\n(declare-const s (Set String))\n\
    (assert (set.member \"a\" s))\n(assert (= s (as set.empty (Set String))))\n";
const EVER: &str = "(reset)\n(set-logic ALL)\n(declare-datatype P ((p (q Int))))\n\
    (declare-const s (Set P))\n(assert (set.member (p 1) s))\n";

impl Asking {
    /// Asks the solver who it is, and what is known.
    pub fn find(self) -> Result<Found, NoSolver> {
        let shown = self.solver.display().to_string();
        let start = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => NoSolver::Missing(shown.clone()),
            _ => NoSolver::Start(shown.clone(), error),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(start)?;
        let limit = self.limit.max(Duration::from_secs(1)).min(START_MAX);
        let stopped = |why: Stopped| match why {
            Stopped::Late => NoSolver::Silent(shown.clone(), limit.as_secs()),
            Stopped::Interrupted => NoSolver::Interrupted,
        };
        let said = runtime.block_on(in_time(limit, solver::version(&self.solver)));
        let version = version(&said.map_err(stopped)?.map_err(start)?, &shown)?;
        let known = runtime.block_on(in_time(limit, self.known()));
        match known.map_err(stopped)? {
            Ok(None) => Ok(Found {
                asking: self,
                name: format!("cvc5 {version}"),
            }),
            Ok(Some(wrong)) => Err(NoSolver::Wrong(shown, wrong)),
            Err(SolverError::Io(error)) => Err(start(error)),
            Err(error) => Err(NoSolver::Wrong(shown, error.to_string())),
        }
    }

    /// `None`: it knows what is known.
    async fn known(&self) -> Result<Option<String>, SolverError> {
        let mut process = Process::start(&self.solver, self.limit)?;
        for (question, answer) in [(NEVER, Decision::Unsat), (EVER, Decision::Sat)] {
            let said = process.tried(question).await?;
            if said != answer {
                return Ok(Some(format!("{said:?}, not {answer:?}").to_lowercase()));
            }
        }
        Ok(None)
    }
}

/// Why nobody waits any longer.
enum Stopped {
    Late,
    Interrupted,
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Stopped> {
    let mut ends = asker::ends().map_err(|_| Stopped::Interrupted)?;
    tokio::select! {
        done = tokio::time::timeout(limit, work) => done.map_err(|_| Stopped::Late),
        () = asker::ended(&mut ends) => Err(Stopped::Interrupted),
    }
}

fn version(said: &str, shown: &str) -> Result<String, NoSolver> {
    let words: Vec<&str> = said.split_whitespace().collect();
    let at = words.windows(2).position(|pair| {
        pair.first().is_some_and(|word| *word == "cvc5")
            && pair.get(1).is_some_and(|word| *word == "version")
    });
    let number = at.and_then(|at| words.get(at + 2).copied());
    let parts = number.and_then(|number| {
        let mut parts = number.split(['.', '-']).map(str::parse::<u32>);
        Some((
            parts.next()?.ok()?,
            parts.next()?.ok()?,
            parts.next().and_then(Result::ok).unwrap_or(0),
        ))
    });
    let (Some(number), Some(parts)) = (number, parts) else {
        return Err(NoSolver::Other(shown.to_owned(), solver::words(said)));
    };
    if parts < OLDEST {
        return Err(NoSolver::Old(shown.to_owned(), number.to_owned()));
    }
    Ok(number.to_owned())
}

impl Found {
    /// A process of it.
    pub(super) fn start(&self) -> io::Result<Process> {
        Process::start(&self.asking.solver, self.asking.limit)
    }

    /// When we do not wait any longer: the solver keeps the limit itself, if it works.
    pub(super) fn patience(&self) -> Duration {
        self.asking.limit.saturating_add(GRACE)
    }
}

/// For what is around a question: writing it down, reading a model.
const GRACE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_cvc5_says_them() {
        for (said, known) in [
            (
                "This is cvc5 version 1.0.3\ncompiled with GCC",
                Some("1.0.3"),
            ),
            ("This is cvc5 version 1.4.2 [git tag 1.4.2]", Some("1.4.2")),
            (
                "This is cvc5 version 1.0.9-dev.12.abc",
                Some("1.0.9-dev.12.abc"),
            ),
            ("This is cvc5 version 1.0.2", None),
            ("This is cvc5 version 0.9.9", None),
            ("This is CVC4 version 1.8", None),
            ("Z3 version 4.8.12 - 64 bit", None),
            ("cvc5 version", None),
            ("cvc5 version x.y", None),
            ("", None),
        ] {
            assert_eq!(version(said, "cvc5").ok().as_deref(), known, "{said}");
        }
        assert!(matches!(
            version("cvc5 version 1.0.2", "a"),
            Err(NoSolver::Old(..))
        ));
        assert!(matches!(
            version("Z3 version 4.8.12", "a"),
            Err(NoSolver::Other(..))
        ));
    }
}
