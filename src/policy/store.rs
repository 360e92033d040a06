//! All policies of one generation.

use super::about::About;
use super::environment::{Environment, PrincipalType};
use super::hash::Hash;
use super::held::{self, Held};
use super::overlay::OverlayState;
use super::platform::{Platform, Types};
use super::review::{self, Layer, Rule};
use super::source::{OverlaySource, Settings, Source};
use super::stack;
use crate::fault::{Fault, Place};
use crate::operation::Operation;
use crate::tenant::AccountId;
use cedar_policy::Schema;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// The platform's policies and every account's overlay, checked and sliced. Immutable.
#[derive(Debug)]
pub struct Store {
    revision: String,
    platform: Arc<Platform>,
    overlays: HashMap<AccountId, Held>,
}

impl Store {
    /// Builds it whole or not at all; an account's overlay that does not pass is quarantined alone
    /// and reported among the warnings (RULES 33).
    pub fn build(settings: Settings) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        Self::succeed(settings, None)
    }

    /// The same, after `former`: what has not changed is not parsed again, and an overlay that does
    /// not pass any more leaves the text that passed last in force.
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
        let states = self.overlays.iter();
        let mut quarantined: Vec<(&AccountId, bool)> = states
            .filter(|(_, held)| held.quarantined)
            .map(|(account, held)| (account, held.overlay().is_some()))
            .collect();
        quarantined.sort();
        quarantined
    }

    /// Whether overlays are reviewed against the same schema there: what passed here passes there.
    pub(super) fn has_types(&self, types: &Types) -> bool {
        self.platform.types.hash == types.hash
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
    pub fn about(&self, id: &str) -> Option<&About> {
        let Some(rest) = id.strip_prefix("account/") else {
            return self.platform.about.get(id);
        };
        let account = AccountId::parse(rest.split('/').next()?).ok()?;
        match self.overlay(&account) {
            OverlayState::Ready(overlay) => overlay.about(id),
            OverlayState::Absent | OverlayState::Unavailable => None,
        }
    }

    /// The account's own policies.
    pub fn overlay(&self, account: &AccountId) -> OverlayState<'_> {
        match self.overlays.get(account) {
            None => OverlayState::Absent,
            Some(held) => held
                .overlay()
                .map_or(OverlayState::Unavailable, OverlayState::Ready),
        }
    }
}

fn build(settings: &Settings, former: Option<&Store>) -> Result<(Store, Vec<Fault>), Vec<Fault>> {
    let platform = Platform::of(settings, former.map(|former| &former.platform));
    let platform = platform.map_err(|broken| {
        let others = elsewhere(settings, broken.types.as_ref());
        [broken.faults, others].concat()
    })?;
    let mut warnings = platform.warnings.clone();
    let mut overlays: HashMap<AccountId, Held> = HashMap::new();
    for source in announced(settings) {
        let held = former.and_then(|former| former.overlays.get(source.account()));
        let (held, found) = Held::next(source, &platform.types, former.zip(held));
        warnings.extend(found);
        // Two entries for one account: neither can be trusted to be the whole of it.
        if overlays.insert(source.account().clone(), held).is_some() {
            overlays.insert(source.account().clone(), Held::default());
        }
    }
    let store = Store {
        revision: revision(&platform.hash, overlays.values()),
        platform,
        overlays,
    };
    Ok((store, warnings))
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
        .flat_map(|source| Held::next(source, types, None).1)
        .collect()
}

fn untyped(settings: &Settings) -> Vec<Fault> {
    let platform: Vec<&Source> = settings.platform.iter().collect();
    let mut faults = review::untyped(Layer::Platform, &platform);
    for source in announced(settings) {
        let files: Vec<&Source> = source.files().iter().collect();
        let found = review::untyped(Layer::Account(source.account(), source.mode()), &files);
        let found = source.faults().iter().cloned().chain(found);
        faults.extend(found.map(|fault| held::quarantined(source, false, fault)));
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

fn revision<'a>(platform: &[u8; 32], overlays: impl Iterator<Item = &'a Held>) -> String {
    let mut hash = Hash::new();
    hash.part(platform);
    hash.sorted(overlays.map(|held| held.hash).collect());
    hash.end().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
