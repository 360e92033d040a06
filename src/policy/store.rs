//! All policies of one generation.

use super::about::About;
use super::environment::{Environment, PrincipalType};
use super::hash::Hash;
use super::held::{self, Held, State};
use super::overlay::OverlayState;
use super::platform::{Platform, Types};
use super::review::{self, Layer, Rule};
use super::shelf::Shelf;
use super::source::{OverlaySource, Settings, Source};
use super::stack;
use crate::clock::Timestamp;
use crate::fault::{Fault, Place};
use crate::operation::Operation;
use crate::tenant::AccountId;
use cedar_policy::Schema;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The platform's policies, checked and sliced, and every account's overlay as text. What it says never
/// changes; what was found of an overlay, and its parsed form, come when somebody looks.
#[derive(Debug)]
pub struct Store {
    revision: String,
    platform: Arc<Platform>,
    overlays: HashMap<AccountId, Arc<Held>>,
    shelf: Arc<Shelf>,
}

impl Store {
    /// Builds it whole or not at all, and looks at every overlay: one that does not pass is quarantined
    /// alone and reported among the warnings (RULES 33).
    pub fn build(settings: Settings) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let (store, _) = Self::succeed(settings, None)?;
        let _ = stack::run(|| {
            for held in store.overlays.values() {
                store.load_quietly(held);
            }
        });
        let faults = store.faults();
        Ok((store, faults))
    }

    /// After `former`, or at start: overlays that did not change are not looked at, and an overlay that
    /// does not pass any more leaves the text that passed last in force. At start none is looked at: a
    /// request that needs one waits for it ([`super::Loader`]).
    pub fn succeed(
        settings: Settings,
        former: Option<&Self>,
    ) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        stack::run(move || build(&settings, former)).unwrap_or_else(|error| {
            Err(vec![Fault::error(
                "policy_engine",
                Place::file("policies"),
                error.to_string(),
            )])
        })
    }

    /// What is wrong with the policies, as far as it can be said before the schema is known: while
    /// routes are faulty, nobody knows the actions. No file's fault hides another's.
    pub fn review_untyped(settings: Settings) -> Vec<Fault> {
        stack::run(move || untyped(&settings)).unwrap_or_default()
    }

    /// A content hash of everything it was built from, in hex.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// A content hash of schema, operations and platform policies.
    pub fn platform_hash(&self) -> &[u8; 32] {
        &self.platform.hash
    }

    /// Ids of all platform policies, guards first.
    pub fn platform_policy_ids(&self) -> &[Arc<str>] {
        &self.platform.ids
    }

    /// Accounts whose overlay does not load, sorted, and whether the text that loaded last serves in
    /// its place; where it does not, the account is denied.
    pub fn quarantined(&self) -> Vec<(&AccountId, bool)> {
        let held = self.overlays.iter();
        let mut quarantined: Vec<(&AccountId, bool)> = held
            .filter(|(_, held)| held.is_quarantined())
            .map(|(account, held)| (account, held.serves_last_good()))
            .collect();
        quarantined.sort();
        quarantined
    }

    /// The schema, for checks of requests and entities.
    pub fn schema(&self) -> &Schema {
        &self.platform.types.schema
    }

    /// Where a question of these types is asked. `None`: the schema does not list it, and it must
    /// not be asked (RULES 29).
    pub fn environment(
        &self,
        principal: PrincipalType,
        operation: &Operation,
    ) -> Option<&Arc<Environment>> {
        self.platform.environments.find(principal, operation)
    }

    /// All environments, in no order.
    pub fn environments(&self) -> impl Iterator<Item = &Arc<Environment>> {
        self.platform.environments.iter()
    }

    /// What is to be told of a policy by its id, whichever layer it is of.
    pub fn about(&self, id: &str) -> Option<About> {
        let Some(rest) = id.strip_prefix("account/") else {
            return self.platform.about.get(id).cloned();
        };
        let account = AccountId::parse(rest.split('/').next()?).ok()?;
        self.load(&account);
        match self.overlay(&account) {
            OverlayState::Ready(overlay) => overlay.about(id).cloned(),
            OverlayState::Absent | OverlayState::Cold | OverlayState::Unavailable => None,
        }
    }

    /// Ids of the policies of all accounts, where these load. Parses all of them, so it is not for what
    /// serves.
    pub fn overlay_policy_ids(&self) -> Vec<Arc<str>> {
        let mut ids = Vec::new();
        for account in self.overlays.keys() {
            self.load(account);
            if let OverlayState::Ready(overlay) = self.overlay(account) {
                ids.extend(overlay.policy_ids().cloned());
            }
        }
        ids
    }

    /// A content hash of the account's own policies, as they are asked. `None`: none are.
    pub fn overlay_hash(&self, account: &AccountId) -> Option<[u8; 32]> {
        Some(*self.held(account)?.serving()?.hash())
    }

    /// The account's own policies.
    pub fn overlay(&self, account: &AccountId) -> OverlayState {
        let Some(held) = self.overlays.get(account) else {
            return OverlayState::Absent;
        };
        match held.state() {
            State::Ready(overlay) => {
                self.shelf.touch(held);
                OverlayState::Ready(overlay)
            }
            State::Cold => OverlayState::Cold,
            State::Unavailable => OverlayState::Unavailable,
        }
    }

    /// Parses the account's policies, if they are cold, while the caller waits.
    pub fn load(&self, account: &AccountId) {
        if let Some(held) = self.held(account)
            && matches!(held.state(), State::Cold)
        {
            let _ = stack::run(|| self.load_here(held));
        }
    }

    /// Looks at the policies of the first of `accounts`, where nobody has, until that took as long as
    /// `enough`; what it parses is not kept. Answers at how many it looked, and how many do not pass.
    pub fn check(&self, accounts: &[AccountId], enough: Duration) -> (usize, usize) {
        let check = || {
            let begun = Instant::now();
            let (mut looked, mut failing) = (0, 0);
            for held in accounts.iter().map(|account| self.held(account)) {
                if let Some(held) = held.filter(|held| !held.is_checked()) {
                    held.check(&self.platform.types);
                    failing += usize::from(held.is_quarantined());
                    log(held);
                }
                looked += 1;
                if begun.elapsed() >= enough {
                    break;
                }
            }
            (looked, failing)
        };
        // Where no thread can be had, these have to wait until they are asked.
        stack::run(check).unwrap_or((accounts.len(), 0))
    }

    /// Notes that asking the account's policies took too long: repeated, they are quarantined (RULES 34).
    /// Answers whether they are from now on.
    pub fn was_slow(&self, account: &AccountId, now: Timestamp) -> bool {
        let held = self.held(account).filter(|held| held.was_slow(now));
        held.inspect(|held| log(held)).is_some()
    }

    /// Accounts at whose policies nobody has looked yet, sorted.
    pub fn unchecked(&self) -> Vec<AccountId> {
        let held = self.overlays.iter();
        let unchecked = held.filter(|(_, held)| !held.is_checked());
        let mut unchecked: Vec<AccountId> = unchecked.map(|(account, _)| account.clone()).collect();
        unchecked.sort();
        unchecked
    }

    /// The platform's policies as they are written.
    pub(super) fn platform_sources(&self) -> impl Iterator<Item = &Source> {
        self.platform.sources.iter()
    }

    /// The account's policies as they are written: those that are asked.
    pub(super) fn serving(&self, account: &AccountId) -> Option<&Arc<OverlaySource>> {
        self.held(account)?.serving()
    }

    /// What policies are reviewed against.
    pub(super) fn types(&self) -> &Types {
        &self.platform.types
    }

    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    pub(super) fn all_held(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.overlays.values()
    }

    pub(super) fn held(&self, account: &AccountId) -> Option<&Arc<Held>> {
        self.overlays.get(account)
    }

    /// Parses on this thread. Call it on a large stack only (`stack::run`).
    pub(super) fn load_here(&self, held: &Arc<Held>) {
        let new = !held.is_checked();
        self.load_quietly(held);
        if new {
            log(held);
        }
    }

    fn load_quietly(&self, held: &Arc<Held>) {
        held.load(&self.platform.types);
        if held.parsed().is_some() {
            self.shelf.put(held);
        }
    }

    /// What is to be looked at.
    fn faults(&self) -> Vec<Fault> {
        let mut accounts: Vec<_> = self.overlays.iter().collect();
        accounts.sort_by_key(|(account, _)| *account);
        let overlays = accounts.into_iter().flat_map(|(_, held)| held.faults());
        self.platform
            .warnings
            .iter()
            .cloned()
            .chain(overlays)
            .collect()
    }
}

/// The operators hear of what is found once the rules serve; what was found before stands in the report.
fn log(held: &Held) {
    for fault in held.faults() {
        tracing::warn!(code = fault.code, "{fault}");
    }
}

fn build(settings: &Settings, former: Option<&Store>) -> Result<(Store, Vec<Fault>), Vec<Fault>> {
    let platform = Platform::of(settings, former.map(|former| &former.platform));
    let platform = platform.map_err(|broken| {
        let others = elsewhere(settings, broken.types.as_ref());
        [broken.faults, others].concat()
    })?;
    let shelf = former.map_or_else(
        || Arc::new(Shelf::new(settings.overlay_bytes)),
        |former| Arc::clone(&former.shelf),
    );
    let overlays = succession(settings, &platform.types, former, &shelf);
    let store = Store {
        revision: revision(&platform.hash, overlays.values()),
        platform,
        overlays,
        shelf,
    };
    let faults = store.faults();
    Ok((store, faults))
}

fn succession(
    settings: &Settings,
    types: &Types,
    former: Option<&Store>,
    shelf: &Shelf,
) -> HashMap<AccountId, Arc<Held>> {
    let mut overlays = HashMap::with_capacity(settings.overlays.len());
    for source in announced(settings) {
        let before = former.and_then(|former| {
            let held = former.overlays.get(source.account())?;
            Some((&former.platform.types, held))
        });
        let held = Held::next(source, types, before);
        let is_new = before.is_none_or(|(_, before)| !Arc::ptr_eq(before, &held));
        if is_new && held.parsed().is_some() {
            shelf.put(&held);
        }
        if overlays.insert(source.account().clone(), held).is_some() {
            overlays.insert(source.account().clone(), Held::ambiguous(source));
        }
    }
    overlays
}

fn announced(settings: &Settings) -> impl Iterator<Item = &Arc<OverlaySource>> {
    let overlays = settings.overlays.iter();
    overlays.filter(|overlay| overlay.is_announced())
}

/// What is wrong elsewhere, while the platform's part is broken: whoever repairs files hears of it too.
fn elsewhere(settings: &Settings, types: Option<&Types>) -> Vec<Fault> {
    let Some(types) = types else {
        return untyped(settings);
    };
    announced(settings)
        .flat_map(|source| {
            let held = Held::next(source, types, None);
            held.check(types);
            held.faults()
        })
        .collect()
}

fn untyped(settings: &Settings) -> Vec<Fault> {
    let platform: Vec<&Source> = settings.platform.iter().collect();
    let mut faults = review::untyped(Layer::Platform, &platform);
    for source in announced(settings) {
        let files: Vec<&Source> = source.files().iter().collect();
        let found = review::untyped(Layer::Account(source.account(), source.mode()), &files);
        let found = source.faults().iter().cloned().chain(found);
        faults.extend(found.map(|fault| held::told(source, false, fault)));
    }
    faults
}

/// What is told of each rule, by its id.
pub(super) fn abouts(rules: &[Rule]) -> HashMap<Arc<str>, About> {
    let told = rules
        .iter()
        .map(|rule| (Arc::clone(&rule.id), rule.about.clone()));
    told.collect()
}

fn revision<'a>(platform: &[u8; 32], overlays: impl Iterator<Item = &'a Arc<Held>>) -> String {
    let mut hash = Hash::new();
    hash.part(platform);
    hash.sorted(overlays.map(|held| *held.hash()).collect());
    hash.end().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
