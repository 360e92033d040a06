//! Follows the files: a change that holds becomes the next generation, whole or not at all.
//!
//! What was read is believed only if the disk says the same a moment later. A generation that cannot
//! be built leaves the last whole one serving, made as strict as the files say now: a suspension or a
//! revocation does not wait for somebody else's file to be mended (RULES 27, 33, 35).

use super::certificates::Certificates;
use super::generation::{self, Built};
use super::report::Report;
use super::resident;
use crate::config::{
    self, Before, Compare, Kept, Origin, ReloadSettings, Resolved, Restrictions, Seen, Watch,
};
use crate::drain::Draining;
use crate::fault::Fault;
use crate::forward::Own;
use crate::gate::{Generation, Shared};
use crate::snapshot::Snapshot;
use crate::supervisor;
use crate::tls::Material;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

/// How many readings may fail to hold before the files that keep changing are left out.
pub(super) const READINGS: usize = 5;

/// How much longer than a look at unchanged files the rest after it is, at least.
const REST: u32 = 3;

/// At every so many polls, files are compared by their contents: what leaves no trace in the file system's
/// description of a file is rare, and is found all the same.
const POLLS_BY_STAMPS: u32 = 30;

/// Owns the last whole generation, and what its reading left.
pub(super) struct Reloader {
    path: PathBuf,
    shared: Arc<Shared>,
    report: Arc<Snapshot<Report>>,
    /// Somebody wants the files to be looked at now.
    asked: Arc<Notify>,
    settings: ReloadSettings,
    /// `None`: no TLS is served.
    certificates: Option<Certificates>,
    last: Arc<Last>,
    seen: Arc<Seen>,
    watch: Watch,
    /// Polls since the last one that compared contents.
    polls: u32,
    /// Descriptors ran out, which was said.
    starved: bool,
    /// Whether what was seen last is what serves.
    serves: bool,
    /// Whom no upstream may lead to.
    own: Own,
}

/// The last whole generation: every attempt is made after it, and falls back to it.
struct Last {
    kept: Kept,
    generation: Generation,
}

/// Why the files are looked at.
enum Why {
    /// Somebody wants them to be loaded.
    Asked,
    /// What bears these names may have changed; `None`: anything.
    Told(Option<BTreeSet<PathBuf>>),
    /// It is time.
    Poll,
}

/// One reading of all files, and what came of it.
struct Attempt {
    outcome: Result<Box<Built>, (Vec<Fault>, Restrictions)>,
    certificates: Option<Material>,
    seen: Seen,
    /// When the last file was read.
    read: Instant,
}

impl Reloader {
    /// After a start from `origin`, which came to `built`.
    pub(super) fn new(
        shared: Arc<Shared>,
        (origin, certificates, own): (Origin, Option<Certificates>, Own),
        built: Built,
    ) -> Self {
        let (now, mut watch) = (shared.clock.now(), Watch::new());
        watch.follow(&origin.seen);
        let report = Report::good(now, built.warnings, built.needs_restart);
        report.log(&Report::good(now, Vec::new(), Vec::new()));
        Self {
            path: origin.path,
            seen: Arc::new(origin.seen),
            settings: built.reload,
            certificates,
            last: Arc::new(Last {
                kept: built.kept,
                generation: built.generation,
            }),
            report: Arc::new(Snapshot::new(report)),
            asked: Arc::default(),
            own,
            shared,
            watch,
            polls: 0,
            starved: false,
            serves: true,
        }
    }

    /// How the latest attempt ended.
    pub(super) fn report(&self) -> Arc<Snapshot<Report>> {
        Arc::clone(&self.report)
    }

    /// Makes it look at the files at once.
    pub(super) fn asked(&self) -> Arc<Notify> {
        Arc::clone(&self.asked)
    }

    /// Follows the files until the signal.
    pub(super) async fn run(mut self, mut draining: Draining) {
        loop {
            // Of what the start touched, and then each look.
            resident::give_back();
            let why = tokio::select! {
                () = draining.signal() => return,
                () = self.asked.notified() => Why::Asked,
                names = self.watch.changed() => Why::Told(names),
                () = sleep(self.settings.poll) => Why::Poll,
            };
            tokio::select! {
                () = draining.signal() => return,
                () = self.look(why) => {}
            }
        }
    }

    /// Loads the files if they say something else than before, or if somebody asked for it.
    async fn look(&mut self, why: Why) {
        let begun = Instant::now();
        let (names, compare) = match why {
            Why::Asked => {
                supervisor::reloading();
                self.reload(None).await;
                return supervisor::ready();
            }
            Why::Told(names) => (names, Compare::Stamps),
            Why::Poll => (None, self.poll()),
        };
        // A file on its way to its name: the next thing told is that it has got it.
        let is_passing = names.as_ref().is_some_and(Seen::is_passing);
        let rest = self.settings.debounce / if is_passing { 8 } else { 1 };
        if self.unchanged(names.clone(), compare).await {
            self.starved = false;
        } else {
            self.reload(names).await;
            if !self.starved {
                return;
            }
        }
        // Something else in these folders may change without end, a log for instance: it must not keep
        // a core at comparing files.
        sleep(rest.max(REST * begun.elapsed())).await;
    }

    /// How closely files are compared at this poll.
    fn poll(&mut self) -> Compare {
        self.polls = (self.polls + 1) % POLLS_BY_STAMPS;
        if self.polls == 0 {
            Compare::Contents
        } else {
            Compare::Stamps
        }
    }

    async fn unchanged(&mut self, names: Option<BTreeSet<PathBuf>>, compare: Compare) -> bool {
        // Taken, so that what has to be read anew is noted there. Should the look fail, nothing is known.
        let mut seen = std::mem::take(&mut self.seen);
        let look = spawn_blocking(move || {
            let own = Arc::make_mut(&mut seen);
            let holds = names.and_then(|names| own.holds_at(&names));
            (holds.unwrap_or_else(|| own.holds(compare)), seen)
        });
        let Ok((holds, seen)) = look.await else {
            return false;
        };
        self.seen = seen;
        holds
    }

    /// Reads until a reading holds, and follows it. Whoever never stops writing keeps only its own files
    /// from being followed: in the end what two readings saw alike is believed, and nothing else.
    ///
    /// What the system told of by name is all that the first reading looks at.
    async fn reload(&mut self, names: Option<BTreeSet<PathBuf>>) {
        let (mut readings, mut earlier) = (0, None);
        // What a reading saw that did not load is known, and in nothing that serves.
        let names = names.filter(|_| self.serves);
        let told = names.and_then(|names| self.seen.told(names));
        let mut told = told.map(Arc::new);
        let mut attempt = loop {
            readings += 1;
            let by_name = told.take();
            let before = Before {
                known: Arc::clone(&self.seen),
                earlier: earlier.take(),
                told: by_name.clone(),
            };
            let Some(mut attempt) = self.attempt(before).await else {
                return;
            };
            // A file that cannot be opened for want of a descriptor is not a file that is gone.
            let starved = attempt.seen.starved();
            if starved && !std::mem::replace(&mut self.starved, true) {
                tracing::error!(
                    "no descriptors are left to read the files; what served before serves on"
                );
            }
            if starved {
                return;
            }
            self.starved = false;
            if readings > READINGS {
                break attempt;
            }
            sleep_until(attempt.read + self.settings.debounce).await;
            let mut seen = std::mem::take(&mut attempt.seen);
            let since = by_name.zip(self.watch.since());
            let names = since.map(|(told, since)| told.names() | &since);
            let look = spawn_blocking(move || (seen.holds_since(names.as_ref()), seen));
            let (holds, seen) = look.await.unwrap_or_default();
            if holds {
                attempt.seen = seen;
                break attempt;
            }
            let seen = Arc::new(seen);
            self.meanwhile(Arc::clone(&seen)).await;
            earlier = (readings == READINGS).then_some(seen);
        };
        self.seen = Arc::new(std::mem::take(&mut attempt.seen));
        self.serve(attempt).await;
        self.watch.follow(&self.seen);
    }

    /// Follows what was read.
    async fn serve(&mut self, attempt: Attempt) {
        if let (Some(serving), Some(found)) = (&self.certificates, attempt.certificates) {
            serving.follow(found, &self.shared.clock);
        }
        self.serves = attempt.outcome.is_ok();
        match attempt.outcome {
            Ok(built) => {
                // New upstreams only; what is known already is not waited for.
                built.generation.services.prepare(&self.own).await;
                self.follow(*built);
            }
            Err((faults, restrictions)) => self.restrict(faults, &restrictions),
        }
    }

    /// Away from the runtime that refreshes keys and answers probes.
    async fn attempt(&self, before: Before) -> Option<Attempt> {
        let (path, last) = (self.path.clone(), Arc::clone(&self.last));
        let shared = Arc::clone(&self.shared);
        let attempt = spawn_blocking(move || attempt(&path, &last, &shared, before)).await;
        let failed = |error: &tokio::task::JoinError| tracing::error!(%error, "a reload failed");
        attempt.inspect_err(failed).ok()
    }

    fn follow(&mut self, built: Built) {
        let (generation, now) = (built.generation, self.shared.clock.now());
        let revision = Arc::clone(&generation.rules.revision);
        generation::install(&generation, &self.shared.metrics);
        self.shared.generation.replace(generation.clone());
        self.shared.shadows.follow(generation.shadow.as_ref());
        self.shared.metrics.ruleset(&revision, true, now);
        tracing::info!(%revision, "new rules serve");
        self.tell(Report::good(now, built.warnings, built.needs_restart));
        self.settings = built.reload;
        self.last = Arc::new(Last {
            kept: built.kept,
            generation,
        });
    }

    /// Something is still being written. Files that are not do not wait for it to say that somebody is
    /// suspended or revoked; what serves is never made wider by that.
    async fn meanwhile(&self, seen: Arc<Seen>) {
        let (last, serving) = (Arc::clone(&self.last), self.shared.generation.load());
        let narrow = move || {
            let rules = (&*serving.rules.directory, &*serving.rules.revocations);
            let before = Before {
                known: Arc::clone(&seen),
                earlier: Some(seen),
                told: None,
            };
            let (restrictions, _) = last.kept.restrictions(before, rules);
            generation::restricted(&serving, &restrictions)
        };
        if let Ok(Some(next)) = spawn_blocking(narrow).await {
            tracing::warn!("files keep changing; their suspensions and revocations serve already");
            self.shared.generation.replace(next);
        }
    }

    fn restrict(&self, faults: Vec<Fault>, by: &Restrictions) {
        let (whole, now) = (&self.last.generation, self.shared.clock.now());
        let next = generation::restricted(whole, by).unwrap_or_else(|| whole.clone());
        let revision = Arc::clone(&next.rules.revision);
        if self.shared.generation.peek().rules.revision != revision {
            self.shared.generation.replace(next);
        }
        self.shared.metrics.ruleset(&revision, false, now);
        tracing::error!(
            serving = %revision,
            faults = faults.len(),
            "the files do not load; the last good rules serve, with the suspensions and revocations of today"
        );
        self.tell(self.report.peek().bad(now, faults));
    }

    fn tell(&self, report: Report) {
        report.log(&self.report.peek());
        self.report.replace(report);
    }
}

fn attempt(path: &Path, last: &Last, shared: &Shared, before: Before) -> Attempt {
    // What was suspended while files kept changing is in no whole generation yet, and stays.
    let serving = shared.generation.load();
    let directory = &serving.rules.directory;
    let narrowed = !Arc::ptr_eq(directory, &last.generation.rules.directory);
    let narrowed = narrowed.then(|| last.kept.serving(directory));
    let kept = narrowed.as_ref().unwrap_or(&last.kept);
    let (resolved, seen) = config::read(path, Some(kept), before.clone());
    let former = Some(&last.generation);
    let mut certificates = None;
    let next = |mut resolved: Resolved| {
        certificates = resolved.tls.take();
        generation::build(resolved, former, &shared.clock, &shared.metrics)
    };
    match resolved.and_then(next) {
        Ok(built) => Attempt {
            outcome: Ok(Box::new(built)),
            certificates,
            read: seen.read().unwrap_or_else(Instant::now),
            seen,
        },
        Err(faults) => {
            let rules = (&*serving.rules.directory, &*serving.rules.revocations);
            let (mut restrictions, more) = kept.restrictions(before, rules);
            let seen = seen.and(more);
            Attempt {
                certificates: certificates.or_else(|| restrictions.tls.take()),
                outcome: Err((faults, restrictions)),
                read: seen.read().unwrap_or_else(Instant::now),
                seen,
            }
        }
    }
}
