//! `palisade serve`.

use super::{complain, exit};
use crate::supervisor::Inherited;
use crate::telemetry::log;
use crate::{app, config, fault};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(path: &Path) -> ExitCode {
    // First of all: it changes the environment, which only one thread may do.
    let inherited = match Inherited::from_environment() {
        Ok(inherited) => inherited,
        Err(error) => return failed(&error),
    };
    let resolved = match config::load(path) {
        Ok(resolved) => resolved,
        Err(faults) => return invalid(&faults),
    };
    let log = match log::start(&resolved.log) {
        Ok(log) => log,
        Err(error) => return failed(&error),
    };
    let ended = app::run(resolved, inherited);
    let heard = log.finish();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if !heard => ExitCode::from(exit::FAILED),
        Err(app::Error::Invalid(faults)) => invalid(&faults),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    complain(&format!("palisade: {error}\n"));
    ExitCode::from(exit::FAILED)
}

fn invalid(faults: &[fault::Fault]) -> ExitCode {
    complain(&fault::render(faults));
    ExitCode::from(exit::INVALID)
}
