//! `palisade serve`.

use super::{complain, exit};
use crate::telemetry::log;
use crate::{app, config, fault};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(path: &Path) -> ExitCode {
    let resolved = match config::load(path) {
        Ok(resolved) => resolved,
        Err(faults) => return invalid(&faults),
    };
    if let Err(error) = log::start(&resolved.log) {
        complain(&format!("palisade: {error}\n"));
        return ExitCode::from(exit::FAILED);
    }
    match app::run(resolved) {
        Ok(()) => ExitCode::SUCCESS,
        Err(app::Error::Invalid(faults)) => invalid(&faults),
        Err(error) => {
            complain(&format!("palisade: {error}\n"));
            ExitCode::from(exit::FAILED)
        }
    }
}

fn invalid(faults: &[fault::Fault]) -> ExitCode {
    complain(&fault::render(faults));
    ExitCode::from(exit::INVALID)
}
