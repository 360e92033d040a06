//! What is held of one account's overlay: its text always, what was found of it once somebody looked,
//! and its parsed form for as long as there is room (RULES 33).

use super::overlay::Overlay;
use super::platform::Types;
use super::review::{self, Layer};
use super::slow::{EVALUATION_MAX, SLOW_MAX, Strikes};
use super::source::{OverlaySource, Source};
use crate::clock::Timestamp;
use crate::fault::{Fault, Place, Severity};
use arc_swap::ArcSwapOption;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One account's overlay. Stores in which neither its files nor the schema differ share it.
#[derive(Debug)]
pub(super) struct Held {
    /// The files of today.
    announced: Arc<OverlaySource>,
    /// The files that passed last, where the ones of today do not. They outlive a schema under which
    /// they do not pass.
    good: Option<Arc<OverlaySource>>,
    /// The same under the mode of today, which may have become stricter; if they pass.
    last_good: Option<Arc<OverlaySource>>,
    /// Whether the files of today pass: their warnings, or why not. Unset: nobody has looked yet.
    verdict: OnceLock<Result<Vec<Fault>, Vec<Fault>>>,
    parsed: ArcSwapOption<Overlay>,
    /// Evaluations that took too long, and what came of too many: they are not asked again.
    strikes: Mutex<Strikes>,
    condemned: OnceLock<Box<Fault>>,
    /// When it was asked last, in the shelf's count.
    used: AtomicU64,
}

/// What there is to ask.
pub(super) enum State {
    Ready(Arc<Overlay>),
    /// The text is there and has to be parsed first.
    Cold,
    /// Nothing that passes.
    Unavailable,
}

impl Held {
    /// Files that nobody has looked at. What could not be read needs no look.
    fn new(announced: Arc<OverlaySource>) -> Self {
        let verdict = OnceLock::new();
        if !announced.faults().is_empty() {
            let _ = verdict.set(Err(announced.faults().to_vec()));
        }
        Self {
            announced,
            good: None,
            last_good: None,
            verdict,
            parsed: ArcSwapOption::empty(),
            strikes: Mutex::default(),
            condemned: OnceLock::new(),
            used: AtomicU64::new(0),
        }
    }

    /// Two entries for one account: neither can be trusted to be the whole of it.
    pub(super) fn ambiguous(announced: &Arc<OverlaySource>) -> Arc<Self> {
        let files = announced.files().first();
        let place = Place::file(files.map_or("", |source| &source.file));
        let fault = Fault::error("tenant_overlay", place, "the account has two overlays");
        // A fault of the files: the same ones alone are others.
        Arc::new(Self::new(Arc::new(announced.with_fault(fault))))
    }

    /// What is held once the files are `announced`; `former` is what was held before, and against which
    /// types. What did not change stays as it is, looked at or not. What changed is looked at before it
    /// serves, so that the text that passed last serves on where it does not pass.
    /// Call it on a large stack only (`stack::run`).
    pub(super) fn next(
        announced: &Arc<OverlaySource>,
        types: &Types,
        former: Option<(&Types, &Arc<Self>)>,
    ) -> Arc<Self> {
        let Some((before, held)) = former else {
            return Arc::new(Self::new(Arc::clone(announced)));
        };
        let same = held.announced.is_same(announced);
        if same && before.hash == types.hash {
            return Arc::clone(held);
        }
        if same && !held.is_quarantined() {
            let mut next = Self::new(Arc::clone(&held.announced));
            // They passed, and serve again once they pass, whatever stands in their place by then.
            let passed = held.is_checked().then(|| Arc::clone(&held.announced));
            next.good = passed;
            if held.parsed.load().is_some() {
                // What is in use is not taken away: requests would wait for all of them at once.
                next.load(types);
            }
            return Arc::new(next);
        }
        let mut next = Self::new(Arc::clone(announced));
        if let Some(fault) = held.condemned.get().filter(|_| same) {
            // A text does not become faster by another schema.
            let _ = next.condemned.set(fault.clone());
        }
        next.load(types);
        if next.is_quarantined() && next.condemned.get().is_none() {
            let parsed = held.parsed().filter(|_| before.hash == types.hash);
            next.fall_back(held.passed(before), types, parsed);
        }
        Arc::new(next)
    }

    /// Lets `good` serve under the mode of today, if it passes; `parsed` is what served until now.
    fn fall_back(
        &mut self,
        good: Option<Arc<OverlaySource>>,
        types: &Types,
        parsed: Option<Arc<Overlay>>,
    ) {
        let mode = self.announced.mode();
        if let Some(last) = good.as_ref().map(|good| good.with_mode(mode)) {
            let same = parsed.filter(|parsed| parsed.hash() == last.hash());
            let anew = || Some(Arc::new(review(&last, types).ok()?.0));
            if let Some(overlay) = same.or_else(anew) {
                self.parsed.store(Some(overlay));
                self.last_good = Some(Arc::new(last));
            }
        }
        self.good = good;
    }

    /// The files that passed last, today's or earlier ones.
    fn passed(&self, types: &Types) -> Option<Arc<OverlaySource>> {
        if self.condemned.get().is_some() {
            return None;
        }
        self.check(types);
        if self.is_quarantined() {
            self.good.clone()
        } else {
            Some(Arc::clone(&self.announced))
        }
    }

    /// Looks at the files of today, if nobody has. Call it on a large stack only (`stack::run`).
    pub(super) fn check(&self, types: &Types) {
        if self.verdict.get().is_none() {
            self.settle(review(&self.announced, types));
        }
    }

    /// Parses what is to be asked, if it is not parsed. Call it on a large stack only (`stack::run`).
    pub(super) fn load(&self, types: &Types) {
        if let (State::Cold, Some(serving)) = (self.state(), self.serving()) {
            let reviewed = review(serving, types);
            let overlay = self.settle(reviewed);
            self.parsed.store(overlay.map(Arc::new));
            if self.condemned.get().is_some() {
                // It was while this was under way.
                self.cool();
            }
        }
    }

    /// Whoever is first to look says what was found; everybody finds the same.
    fn settle(&self, reviewed: Result<(Overlay, Vec<Fault>), Vec<Fault>>) -> Option<Overlay> {
        match reviewed {
            Ok((overlay, warnings)) => {
                let _ = self.verdict.set(Ok(warnings));
                Some(overlay)
            }
            Err(faults) => {
                let _ = self.verdict.set(Err(faults));
                None
            }
        }
    }

    /// What to ask.
    pub(super) fn state(&self) -> State {
        if let Some(overlay) = self.parsed.load_full() {
            State::Ready(overlay)
        } else if self.serving().is_some() {
            State::Cold
        } else {
            State::Unavailable
        }
    }

    /// The files that are asked, or will be once they are parsed.
    pub(super) fn serving(&self) -> Option<&Arc<OverlaySource>> {
        match (self.condemned.get(), self.is_quarantined()) {
            (Some(_), _) => None,
            (None, true) => self.last_good.as_ref(),
            (None, false) => Some(&self.announced),
        }
    }

    /// Counts an evaluation that took too long. Too many condemn it: until its text changes, its account
    /// is denied. Answers whether this one did.
    pub(super) fn was_slow(&self, now: Timestamp) -> bool {
        let strikes = self.strikes.lock();
        let too_many = strikes.unwrap_or_else(PoisonError::into_inner).add(now);
        if !too_many || self.condemned.get().is_some() {
            return false;
        }
        let file = self.announced.files().first();
        let place = Place::file(file.map_or("", |source| &source.file));
        let message = format!(
            "{SLOW_MAX} evaluations within a minute took longer than {EVALUATION_MAX:?} each"
        );
        let fault = Fault::error("policy_slow", place, message);
        let help = "say the same with fewer policies, or with fewer wildcards in `like`; a changed text is tried anew";
        let condemned = self.condemned.set(Box::new(fault.help(help))).is_ok();
        self.cool();
        condemned
    }

    /// Whether it is known that the files of today do not pass.
    pub(super) fn is_quarantined(&self) -> bool {
        matches!(self.verdict.get(), Some(Err(_))) || self.condemned.get().is_some()
    }

    /// Whether somebody has looked.
    pub(super) fn is_checked(&self) -> bool {
        self.verdict.get().is_some()
    }

    /// Whether earlier files serve in the place of today's.
    pub(super) fn serves_last_good(&self) -> bool {
        self.last_good.is_some() && self.condemned.get().is_none()
    }

    /// What is known to be wrong with the files of today, none of which stops anybody else (RULES 43).
    pub(super) fn faults(&self) -> Vec<Fault> {
        let found = self.verdict.get().into_iter();
        let found = found.flat_map(|(Ok(faults) | Err(faults))| faults);
        let faults = found
            .chain(self.condemned.get().map(AsRef::as_ref))
            .cloned();
        let serving = self.serves_last_good();
        let told = faults.map(|fault| told(&self.announced, serving, fault));
        told.collect()
    }

    /// Of what decides, looked at or not: equal hashes mean equal answers, and replicas with equal files
    /// show equal ones. Only a fault that was found before it served can make earlier files serve.
    pub(super) fn hash(&self) -> &[u8; 32] {
        self.last_good.as_ref().unwrap_or(&self.announced).hash()
    }

    /// The parsed form, if it is there.
    pub(super) fn parsed(&self) -> Option<Arc<Overlay>> {
        self.parsed.load_full()
    }

    /// Lets go of the parsed form; the text stays.
    pub(super) fn cool(&self) {
        self.parsed.store(None);
    }

    /// Notes that it is asked. Workers share the note: it is written only where it differs.
    pub(super) fn touch(&self, now: u64) {
        if self.used.load(Ordering::Relaxed) != now {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    /// When it was asked last.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// A tenant's fault stops nobody's start (RULES 43).
pub(super) fn told(source: &OverlaySource, serving: bool, fault: Fault) -> Fault {
    if !fault.is_error() {
        return fault;
    }
    let (account, message) = (source.account(), &fault.message);
    let message = if serving {
        format!("account `{account}` keeps its last good policies until this is mended: {message}")
    } else {
        format!("account `{account}` is denied until this is mended: {message}")
    };
    Fault {
        severity: Severity::Warning,
        message,
        ..fault
    }
}

/// Parses and reviews; a panic of the engine's is a fault of that text alone.
fn review(source: &OverlaySource, types: &Types) -> Result<(Overlay, Vec<Fault>), Vec<Fault>> {
    if !source.faults().is_empty() {
        return Err(source.faults().to_vec());
    }
    let files: Vec<&Source> = source.files().iter().collect();
    let layer = Layer::Account(source.account(), source.mode());
    let reviewed = catch_unwind(AssertUnwindSafe(|| {
        let (rules, warnings) = review::review(layer, &files, &types.classes)?;
        match Overlay::build(source, &rules, &types.shapes) {
            Some(overlay) => Ok((overlay, warnings)),
            None => Err(vec![too_much(&files)]),
        }
    }));
    reviewed.unwrap_or_else(|_| {
        let place = Place::file(files.first().map_or("", |source| &source.file));
        let message = "the policy engine failed on this text";
        Err(vec![Fault::error("policy_engine", place, message)])
    })
}

/// Each operation that is named has policies of its own beside those about all.
fn too_much(files: &[&Source]) -> Fault {
    let place = Place::file(files.last().map_or("", |source| &source.file));
    let message = "too many policies are about single operations, for all the others there are";
    let fault = Fault::error("policy_budget", place, message);
    fault.help("name groups of operations (`read`, `write`, `manage`), or say the same with fewer policies")
}
