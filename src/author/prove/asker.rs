//! Questions to solvers: a few at a time, each bounded, and none answered but by a clean yes or no.

use super::Unanswered;
use super::found::Found;
use super::solver::Process;
use crate::policy::PARSE_STACK_BYTES;
use cedar_policy_symcc::CedarSymCompiler;
use cedar_policy_symcc::err::Error;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Solvers at once: each takes a core.
const SOLVERS_MAX: usize = 2;
/// So many questions without an answer, and no further one is asked.
const UNANSWERED_MAX: usize = 8;

/// Puts questions together and to a solver.
pub(super) type Compiler = CedarSymCompiler<Process>;

/// What all askers share.
#[derive(Default)]
struct Shared {
    unanswered: AtomicUsize,
    interrupted: AtomicBool,
}

/// One solver, and how it is asked.
pub(super) struct Asker<'a> {
    // Ends before what it was started in.
    compiler: Option<Compiler>,
    found: &'a Found,
    shared: &'a Shared,
    ends: [Signal; 2],
    runtime: Runtime,
}

/// Work on all of `tasks`, a few at a time; what came of each, in their order. Recurses over policies on
/// stacks of its own.
pub(super) fn all<T: Sync, R: Send>(
    found: &Found,
    tasks: &[T],
    work: impl Fn(&mut Asker<'_>, &T) -> R + Sync,
) -> io::Result<Vec<R>> {
    let shared = Shared::default();
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(tasks.len()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(SOLVERS_MAX).min(tasks.len());
    let ask = || -> io::Result<()> {
        let mut asker = Asker::new(found, &shared)?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(index) else {
                return Ok(());
            };
            let result = work(&mut asker, task);
            let mut done = done.lock().map_err(|_| panicked())?;
            done.push((index, result));
        }
    };
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..workers {
            let builder = std::thread::Builder::new().name("prove".to_owned());
            threads.push(
                builder
                    .stack_size(PARSE_STACK_BYTES)
                    .spawn_scoped(scope, ask)?,
            );
        }
        let joined = threads.into_iter().map(ScopedJoinHandle::join);
        // All of them first: one that panicked would end the scope with a panic.
        let joined: Vec<_> = joined.collect();
        let mut joined = joined.into_iter();
        joined.try_for_each(|ended| ended.map_err(|_| panicked())?)
    })?;
    let mut done = done.into_inner().map_err(|_| panicked())?;
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn panicked() -> io::Error {
    io::Error::other("the engine failed on these policies")
}

impl<'a> Asker<'a> {
    fn new(found: &'a Found, shared: &'a Shared) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let ends = {
            let _inside = runtime.enter();
            ends()?
        };
        Ok(Self {
            found,
            shared,
            runtime,
            ends,
            compiler: None,
        })
    }

    /// Asks one question. The solver of one that is not answered is ended.
    pub(super) fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut Compiler) -> Result<T, Error>,
    ) -> Result<T, Unanswered> {
        if self.shared.interrupted.load(Ordering::Relaxed) {
            return Err(Unanswered::Interrupted);
        }
        if self.shared.unanswered.load(Ordering::Relaxed) >= UNANSWERED_MAX {
            return Err(Unanswered::NotAsked);
        }
        let answer = self.answered(question);
        match &answer {
            Ok(_) => {}
            Err(Unanswered::Interrupted) => self.shared.interrupted.store(true, Ordering::Relaxed),
            Err(_) => {
                self.shared.unanswered.fetch_add(1, Ordering::Relaxed);
            }
        }
        if answer.is_err() {
            self.compiler = None;
        }
        answer
    }

    fn answered<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut Compiler) -> Result<T, Error>,
    ) -> Result<T, Unanswered> {
        let Self {
            found,
            runtime,
            ends,
            compiler,
            ..
        } = self;
        let lost = |error: io::Error| Unanswered::Lost(error.to_string());
        // Pipes belong to the runtime.
        let _inside = runtime.enter();
        let compiler = match compiler {
            Some(compiler) => compiler,
            None => compiler.insert(CedarSymCompiler::new(found.start().map_err(lost)?)?),
        };
        let patience = found.patience();
        runtime.block_on(async {
            let answer = tokio::time::timeout(patience, question(compiler));
            tokio::select! {
                answer = answer => Ok(answer.map_err(|_| Unanswered::Hung(patience))??),
                () = ended(ends) => Err(Unanswered::Interrupted),
            }
        })
    }
}

/// What ends us. Solvers are in groups of their own and do not hear of it. Call it inside of a runtime.
pub(super) fn ends() -> io::Result<[Signal; 2]> {
    Ok([
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    ])
}

/// Waits for it.
pub(super) async fn ended([interrupt, terminate]: &mut [Signal; 2]) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        match error {
            Error::SolverUnknown => Self::Unknown,
            Error::SolverError(error) => error.into(),
            other => Self::Engine(other.to_string()),
        }
    }
}
