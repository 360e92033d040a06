//! Policies that are to be: what they would have answered, asked once the answer is given.
//!
//! The same code decides, of another store; nothing of it gets back to a request. A [`Shadow`] belongs to one
//! generation, and its store is built by whoever asks it first: the thread of [`Shadows`], for which nobody waits.

mod compared;
mod queue;
mod tally;

pub use compared::{Answered, Asked, Example, Told};
pub use queue::Shadows;
pub use tally::{Row, Shown};

use crate::fault::{Fault, Place};
use crate::policy::{self, Store};
use crate::telemetry::Metrics;
use crate::tenant::AccountId;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// What the folder of policies that are to be came to.
#[derive(Clone, Debug)]
pub struct ShadowSettings {
    /// The folder.
    pub folder: PathBuf,
    /// Of so many decisions one is put to them.
    pub every: u32,
    /// All that the store is built of: what is not in the folder is as it serves.
    pub policy: policy::Settings,
    /// Whether the folder holds policies of the platform.
    pub own_platform: bool,
    /// Accounts of which it holds policies.
    pub accounts: BTreeSet<AccountId>,
    /// Why nothing can be asked.
    pub faults: Vec<Fault>,
    /// What nobody will ask.
    pub strays: Vec<Fault>,
}

/// Policies that are to be, of one generation.
#[derive(Debug)]
pub struct Shadow {
    folder: PathBuf,
    every: u64,
    own_platform: bool,
    accounts: BTreeSet<AccountId>,
    strays: Vec<Fault>,
    /// What serves.
    serving: Arc<Store>,
    /// Until it is built.
    plan: Mutex<Option<Plan>>,
    built: OnceLock<Built>,
    offered: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Plan {
    policy: policy::Settings,
    faults: Vec<Fault>,
    /// What did not change since is not parsed again.
    former: Option<Arc<Store>>,
}

/// What it came to.
#[derive(Debug)]
struct Built {
    /// `None`: it does not load.
    store: Option<Arc<Store>>,
    /// What is wrong with its files, or should be looked at.
    faults: Vec<Fault>,
    /// Accounts whose policies that are to be do not pass: what stands in for them says nothing of these.
    broken: BTreeSet<AccountId>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has built it yet.
    Loading,
    /// It is asked.
    Loaded,
    /// It does not load, and is not asked.
    Broken,
}

impl State {
    /// As `/status` spells it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Loaded => "loaded",
            Self::Broken => "broken",
        }
    }
}

impl ShadowSettings {
    /// What is wrong as far as its files were read.
    pub fn unread(self) -> Vec<Fault> {
        [self.faults, self.strays].concat()
    }

    /// Everything that is wrong with its files. What would not be asked is an error here.
    pub fn review(self) -> Vec<Fault> {
        if !self.faults.is_empty() {
            return self.unread();
        }
        let own = self.policy.overlays.iter();
        let own = own.filter(|one| self.accounts.contains(one.account()));
        let settings = policy::Settings {
            overlays: own.cloned().collect(),
            ..self.policy
        };
        let found = match Store::build(settings) {
            // What serves was looked at already.
            Ok((_, found)) => inside(&self.folder, found),
            Err(found) => found,
        };
        [self.strays, found].concat()
    }
}

impl Shadow {
    /// Of those settings, beside what is `serving`, after what was built before.
    pub fn new(settings: ShadowSettings, serving: &Arc<Store>, former: Option<&Self>) -> Self {
        let former = former.and_then(|former| former.built.get()?.store.clone());
        Self {
            folder: settings.folder,
            every: u64::from(settings.every.max(1)),
            own_platform: settings.own_platform,
            accounts: settings.accounts,
            strays: settings.strays,
            serving: Arc::clone(serving),
            plan: Mutex::new(Some(Plan {
                policy: settings.policy,
                faults: settings.faults,
                former,
            })),
            built: OnceLock::new(),
            offered: AtomicU64::new(0),
        }
    }

    /// Whether this decision is one of those that are put to it.
    fn is_due(&self) -> bool {
        let before = self.offered.fetch_add(1, Ordering::Relaxed);
        before.is_multiple_of(self.every)
    }

    /// Builds it, if nobody has. It takes as long as a reload does.
    fn built(&self) -> &Built {
        self.built.get_or_init(|| {
            let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
            let plan = { plan }.take();
            let attempt = AssertUnwindSafe(|| plan.map(|plan| self.build(plan)));
            let made = catch_unwind(attempt).unwrap_or_default();
            made.unwrap_or_else(|| self.broken("could not be built; the log says more"))
        })
    }

    fn build(&self, plan: Plan) -> Built {
        let failed = |found| Built {
            store: None,
            faults: [self.strays.clone(), found].concat(),
            broken: BTreeSet::new(),
        };
        if !plan.faults.is_empty() {
            return failed(plan.faults);
        }
        // Its parsed policies take no room of those that serve.
        match Store::succeed(plan.policy, plan.former.as_deref()) {
            Err(found) => failed(found),
            Ok((store, found)) => {
                // What nobody has looked at yet would answer as if it were there.
                let accounts: Vec<AccountId> = self.accounts.iter().cloned().collect();
                store.check(&accounts, Duration::MAX);
                let broken = store.quarantined().into_iter();
                let broken = broken.map(|(account, _)| account.clone());
                let broken = broken.filter(|one| self.accounts.contains(one)).collect();
                Built {
                    broken,
                    faults: [self.strays.clone(), self.found(&store, found)].concat(),
                    store: Some(Arc::new(store)),
                }
            }
        }
    }

    /// What is wrong with its own files.
    fn found(&self, store: &Store, found: Vec<Fault>) -> Vec<Fault> {
        let reports = self.accounts.iter();
        let reports = reports.filter_map(|account| store.overlay_report(account));
        let mut faults: Vec<Fault> = reports.flat_map(|report| report.faults).collect();
        for fault in inside(&self.folder, found) {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        faults
    }

    fn broken(&self, why: &str) -> Built {
        let place = Place::file(self.folder.display().to_string());
        Built {
            store: None,
            faults: vec![Fault::error("policy_engine", place, why)],
            broken: BTreeSet::new(),
        }
    }

    /// Nobody can build it for as long as this is held.
    #[cfg(test)]
    pub(super) fn held_up(&self) -> std::sync::MutexGuard<'_, Option<Plan>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        match self.built.get() {
            None => State::Loading,
            Some(built) if built.store.is_some() => State::Loaded,
            Some(_) => State::Broken,
        }
    }

    /// What is wrong with its files, or should be looked at, as far as somebody has looked.
    pub fn faults(&self) -> &[Fault] {
        self.built.get().map_or(&[], |built| &built.faults)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Of so many decisions one is put to it.
    pub fn every(&self) -> u64 {
        self.every
    }

    /// Whether it has policies of the platform.
    pub fn own_platform(&self) -> bool {
        self.own_platform
    }

    /// Accounts of which it has policies.
    pub fn accounts(&self) -> &BTreeSet<AccountId> {
        &self.accounts
    }

    /// Of whom the policies that are to be do not pass.
    pub fn broken_accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.built.get().into_iter().flat_map(|built| &built.broken)
    }

    /// Tells log and metrics what it came to.
    fn tell(&self, metrics: &Metrics) {
        let built = self.built();
        let errors = built.faults.iter().filter(|fault| fault.is_error()).count();
        metrics.shadow(built.store.is_some(), errors as u64);
        for fault in &built.faults {
            tracing::warn!(code = fault.code, shadow = true, "{fault}");
        }
        if built.store.is_some() {
            tracing::info!("the shadow policies are asked");
        } else {
            tracing::error!(
                "the shadow policies do not load and are not asked; what serves is as it was"
            );
        }
    }
}

/// What is about files of that folder.
fn inside(folder: &Path, found: Vec<Fault>) -> Vec<Fault> {
    let found = found.into_iter();
    found
        .filter(|fault| Path::new(&fault.place.file).starts_with(folder))
        .collect()
}
