//! `palisade test --watch`: the cases again after each save.
//!
//! Files are looked at often and by their description only: that costs nothing for the few hundred files
//! that an author has, and works wherever editors write.

use super::{Args, Sight, once};
use crate::author::test;
use crate::config::Compare;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the cases, and again whenever a file changed and has been the same for one look.
pub(super) fn run(args: &Args) -> ExitCode {
    let mut tests = None;
    loop {
        // Before they are read: what is written meanwhile is a change.
        let mut stamps = test::stamps(&paths(args, tests.as_ref()));
        let (mut sight, _) = once(args);
        if sight.tests.is_some() && sight.tests != tests {
            tests.clone_from(&sight.tests);
            stamps = test::stamps(&paths(args, tests.as_ref()));
        }
        wait(args, &mut sight, &stamps, tests.as_ref());
    }
}

/// Until something changed, and then rests.
fn wait(args: &Args, sight: &mut Sight, before: &test::Stamps, tests: Option<&PathBuf>) {
    let paths = paths(args, tests);
    while sight.seen.holds(Compare::Stamps) && test::stamps(&paths) == *before {
        sleep(LOOK);
    }
    let mut last = test::stamps(&paths);
    loop {
        sleep(LOOK);
        let now = test::stamps(&paths);
        if now == last {
            return;
        }
        last = now;
    }
}

/// Where cases are; with those of the last good configuration while this one is not.
fn paths(args: &Args, tests: Option<&PathBuf>) -> Vec<PathBuf> {
    if args.paths.is_empty() {
        return tests.cloned().into_iter().collect();
    }
    args.paths.clone()
}
