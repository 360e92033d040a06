//! What is written is good: `check` and `test` are asked before it comes to its place.

use crate::author::test::{self, Desk, Session, Setting};
use crate::author::{self, unpermitted};
use crate::clock::Clock;
use crate::decision::Pdp;
use crate::fault::Fault;
use crate::policy::EVALUATION_STACK_BYTES_MIN;
use crate::telemetry::Metrics;
use crate::{app, config};
use std::path::Path;
use std::sync::Arc;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// What serves, and somebody should look at.
    pub(super) warnings: Vec<Fault>,
    /// Cases that do not hold, and what came instead.
    pub(super) failed: Vec<(String, String)>,
    /// Operations that no policy permits.
    pub(super) unpermitted: Vec<String>,
}

/// Checks a configuration and runs its cases. `Err`: it does not serve.
pub(super) fn of(path: &Path) -> Result<Proof, Vec<Fault>> {
    // Policies are evaluated on stacks of a known size only.
    let proved = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(EVALUATION_STACK_BYTES_MIN * 2)
            .spawn_scoped(scope, || proved(path))?;
        let panicked = |_| std::io::Error::other("a panic");
        thread.join().map_err(panicked)
    });
    proved.unwrap_or_else(|error| {
        let place = crate::fault::Place::file(path.display().to_string());
        Err(vec![Fault::error("init_failed", place, error.to_string())])
    })
}

fn proved(path: &Path) -> Result<Proof, Vec<Fault>> {
    let warnings = author::check(path);
    if warnings.iter().any(Fault::is_error) {
        return Err(warnings);
    }
    let (clock, metrics) = (Clock::system(), Metrics::new());
    let resolved = config::load(path)?;
    let setting = Setting::of(&resolved);
    let pdp = Pdp::new(resolved.decision, Arc::clone(&metrics));
    let generation = app::generation(resolved, &clock, &metrics)?;
    let now = clock.now();
    let desk = Desk::new(&setting, &generation, now);
    let files = test::files(std::slice::from_ref(&setting.tests))?;
    let cases = test::read(&files, &desk)?;
    let session = Session {
        generation: &generation,
        pdp: &pdp,
        now,
        config: path,
        looks: None,
    };
    let outcomes = session.run(&cases).cases.into_iter();
    let failed = outcomes.filter(|outcome| !outcome.passed);
    Ok(Proof {
        warnings,
        failed: failed
            .map(|one| (one.name, one.differences.join("; ")))
            .collect(),
        unpermitted: unpermitted(&generation.rules.router, &generation.rules.store),
    })
}
