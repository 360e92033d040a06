//! Files and arguments become what is to be proved.

use super::{Diff, Done, How, Isolation, Overlays, Stopped};
use crate::app;
use crate::author::prove::{self, Asking, Found, Wanted};
use crate::author::test::{Desk, Setting};
use crate::cli::complain;
use crate::cli::side::side;
use crate::clock::Clock;
use crate::config::{self, FILE_BYTES_MAX, Resolved};
use crate::fault::{Fault, Place, nearest};
use crate::policy::{OverlaySource, Source, Theory};
use crate::telemetry::Metrics;
use std::path::Path;
use std::sync::Arc;

pub(super) fn isolation(args: &Isolation) -> Result<Done, Stopped> {
    let resolved = config::load(&args.file.config)?;
    let guards = args.guards.as_deref().map(guards).transpose()?;
    let theory = Theory::of(&resolved.policy, guards.as_ref())?;
    let specs = prove::specs(&resolved.kept.specs(), &theory)?;
    let found = solver(&args.how)?;
    let mut report = prove::isolation(&theory, &specs, &found)?;
    if let Some(path) = &args.guards {
        let file = path.display();
        let note = format!("these are the guards of {file}, and not those that serve");
        report.notes.push(note);
    }
    let mut unwritten = None;
    if let Some(path) = &args.test.write_test {
        let wanted = report.examples().map(|(claim, example)| Wanted {
            name: format!("{} holds", claim.of),
            example,
            allow: false,
            by: None,
        });
        unwritten = write(path, wanted, resolved).err();
    }
    Ok(Done { report, unwritten })
}

pub(super) fn overlays(args: &Overlays) -> Result<Done, Stopped> {
    let resolved = config::load(&args.file.config)?;
    let all = resolved.policy.overlays.iter();
    let all = all.filter(|one| !one.files().is_empty() || !one.faults().is_empty());
    let mut all: Vec<Arc<OverlaySource>> = all.cloned().collect();
    all.sort_by(|a, b| a.account().cmp(b.account()));
    let mut faults = Vec::new();
    for wanted in &args.accounts {
        let known = || all.iter().map(|one| one.account().as_str());
        if !known().any(|one| one == wanted) {
            let message = format!("account `{wanted}` has no policies of its own");
            let fault = Fault::error("proof_form", Place::file("arguments"), message);
            faults.push(match nearest(wanted, known()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help("they stand beside its entry, as `<account>.cedar`"),
            });
        }
    }
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let asked = |one: &Arc<OverlaySource>| {
        args.accounts.is_empty()
            || args
                .accounts
                .iter()
                .any(|name| name == one.account().as_str())
    };
    all.retain(asked);
    if all.is_empty() {
        let message = "no account has policies of its own";
        let fault = Fault::error("proof_form", Place::file("arguments"), message);
        return Err(vec![fault.help("there is nothing to prove")].into());
    }
    let theory = Theory::of(&resolved.policy, None)?;
    let found = solver(&args.how)?;
    let report = prove::overlays(&theory, &all, args.restricts_only, &found)?;
    let mut unwritten = None;
    if let Some(path) = &args.test.write_test {
        let own = format!("account/{}", stem(path));
        // That a policy errs is no answer that a case could expect.
        let wanted = report
            .examples()
            .filter(|(claim, _)| claim.of == own && claim.claim != "never-errs");
        let wanted = wanted.map(|(claim, example)| Wanted {
            name: format!("{}: {}", claim.of, claim.says),
            example,
            allow: claim.claim == "stays-open",
            by: None,
        });
        unwritten = write(path, wanted, resolved).err();
    }
    Ok(Done { report, unwritten })
}

pub(super) fn diff(args: &Diff) -> Result<Done, Stopped> {
    let old = side(&args.old, &args.file.config)?.0.policy;
    let (new, config) = side(&args.new, &args.file.config)?;
    let new = new.policy;
    let found = solver(&args.how)?;
    let report = prove::diff(&old, &new, &found)?;
    let mut unwritten = None;
    if let Some(path) = &args.test.write_test {
        let stem = stem(path);
        let wanted = report.examples().filter(|(claim, _)| {
            claim.of == "platform" || claim.of.strip_prefix("account/") == Some(&stem)
        });
        let wanted = wanted.map(|(claim, example)| {
            let allow = claim.claim == "opens-nothing";
            let what = if allow {
                "allowed from now on"
            } else {
                "allowed no more"
            };
            Wanted {
                name: format!("{}: {what}", claim.of),
                example,
                allow,
                by: None,
            }
        });
        unwritten = config::load(&config)
            .map_err(Stopped::from)
            .and_then(|resolved| write(path, wanted, resolved))
            .err();
    }
    Ok(Done { report, unwritten })
}

/// A file of cases is asked of the account that it is named after.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Guards are what a file of that name holds.
fn guards(path: &Path) -> Result<Source, Vec<Fault>> {
    let text = config::read_file(path, FILE_BYTES_MAX).map_err(|fault| vec![*fault])?;
    let is_named = path.file_stem().is_some_and(|stem| stem == "guard");
    let name = if is_named {
        path.display().to_string()
    } else {
        "guard.cedar".to_owned()
    };
    Ok(Source::new(name, text))
}

fn solver(how: &How) -> Result<Found, Stopped> {
    let asking = Asking {
        solver: how.solver.clone(),
        limit: how.time_limit,
    };
    asking.find().map_err(Stopped::NoSolver)
}

fn write<'a>(
    path: &Path,
    wanted: impl Iterator<Item = Wanted<'a>>,
    resolved: Resolved,
) -> Result<(), Stopped> {
    let wanted: Vec<Wanted<'_>> = wanted.filter(|one| one.example.routed).collect();
    if wanted.is_empty() {
        let name = stem(path);
        complain(&format!(
            "nothing to write to {}: there is no counterexample of an operation that a route has; what is found of an \
            account goes to a file that is named after it, and this one is named `{name}`\n",
            path.display()
        ));
        return Ok(());
    }
    let clock = Clock::system();
    let setting = Setting::of(&resolved);
    let generation = app::generation(resolved, &clock, &Metrics::new())?;
    let desk = Desk::new(&setting, &generation, clock.now());
    let count = prove::write(path, &wanted, &desk).map_err(Stopped::Unwritten)?;
    let cases = if count == 1 { "case" } else { "cases" };
    complain(&format!("{count} {cases} written to {}\n", path.display()));
    Ok(())
}
