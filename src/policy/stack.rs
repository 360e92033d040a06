//! Stack for what recurses over somebody else's text.
//!
//! Cedar's parser ends the process when the stack runs out: 160 nested parentheses are enough for
//! 2 MiB. So text is parsed and checked only here, after `budget` has bounded its nesting.

/// What a thread that evaluates policies needs. Cedar answers with errors when less than 100 KiB is
/// left, and an erring forbid denies, so too little stack costs availability, never isolation.
pub const EVALUATION_STACK_BYTES_MIN: usize = 8 * 1024 * 1024;

/// Enough for the deepest text that `budget` lets through, in an unoptimized build too.
pub const PARSE_STACK_BYTES: usize = 256 * 1024 * 1024;

/// The work could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// No such thread.
    #[error("no thread with a stack of {PARSE_STACK_BYTES} bytes could be started")]
    Spawn,
    /// The work panicked; the thread took it.
    #[error("the policy engine failed on this input")]
    Panicked,
}

/// Starts a thread with a stack that is large enough, which nobody waits for.
pub(super) fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let thread = builder().spawn(work);
    thread.map(drop).map_err(|_| Error::Spawn)
}

fn builder() -> std::thread::Builder {
    let builder = std::thread::Builder::new().name("policy-parse".to_owned());
    builder.stack_size(PARSE_STACK_BYTES)
}

/// Runs `work` on a thread of its own with a stack that is large enough.
pub(super) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = builder()
            .spawn_scoped(scope, work)
            .map_err(|_| Error::Spawn)?;
        thread.join().map_err(|_| Error::Panicked)
    })
}
