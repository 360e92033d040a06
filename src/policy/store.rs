//! All policies of one generation.

use super::about::About;
use super::environment::{self, Environment, Environments, PrincipalType, Shape};
use super::overlay::{Overlay, OverlayState};
use super::review::{self, Layer, Rule};
use super::schema;
use super::selftest;
use super::slice::Slicer;
use super::source::{OverlaySource, Settings, Source};
use super::stack;
use crate::fault::{Fault, Place, Severity};
use crate::operation::Operation;
use crate::tenant::AccountId;
use aws_lc_rs::digest::{Context as Hasher, SHA256};
use cedar_policy::{Schema, Validator};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// The guards that ship: compiled in, always consulted (RULES 27).
const GUARD: &str = include_str!("guard.cedar");

/// The platform's policies and every account's overlay, checked and sliced. Immutable.
#[derive(Debug)]
pub struct Store {
    revision: String,
    platform_hash: [u8; 32],
    schema: Schema,
    operations: String,
    environments: Environments,
    platform_ids: Vec<Arc<str>>,
    /// Of the platform's policies, by id.
    about: HashMap<Arc<str>, About>,
    overlays: HashMap<AccountId, Option<Overlay>>,
}

impl Store {
    /// Builds it whole or not at all; an account's overlay that does not pass is quarantined alone
    /// and reported among the warnings (RULES 33).
    pub fn build(settings: Settings) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        stack::run(move || build(&settings)).unwrap_or_else(|error| {
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
        &self.platform_hash
    }

    /// Ids of all platform policies, guards first.
    pub fn platform_policy_ids(&self) -> &[Arc<str>] {
        &self.platform_ids
    }

    /// Accounts whose overlay does not load, sorted.
    pub fn quarantined(&self) -> Vec<&AccountId> {
        let states = self.overlays.iter();
        let mut quarantined: Vec<&AccountId> = states
            .filter(|(_, overlay)| overlay.is_none())
            .map(|(account, _)| account)
            .collect();
        quarantined.sort();
        quarantined
    }

    /// The schema, for checks of requests and entities.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The core schema's text.
    pub fn core_schema() -> &'static str {
        schema::CORE
    }

    /// The text of the guards that ship.
    pub fn shipped_guards() -> &'static str {
        GUARD
    }

    /// The text of the action fragment that the operations gave.
    pub fn operations_schema(&self) -> &str {
        &self.operations
    }

    /// Where a question of these types is asked. `None`: the schema does not list it, and it must
    /// not be asked (RULES 29).
    pub fn environment(
        &self,
        principal: PrincipalType,
        operation: &Operation,
    ) -> Option<&Arc<Environment>> {
        self.environments.find(principal, operation)
    }

    /// All environments, in no order.
    pub fn environments(&self) -> impl Iterator<Item = &Arc<Environment>> {
        self.environments.iter()
    }

    /// What is to be told of a policy by its id, whichever layer it is of.
    pub fn about(&self, id: &str) -> Option<&About> {
        let Some(rest) = id.strip_prefix("account/") else {
            return self.about.get(id);
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
            Some(None) => OverlayState::Unavailable,
            Some(Some(overlay)) => OverlayState::Ready(overlay),
        }
    }
}

fn build(settings: &Settings) -> Result<(Store, Vec<Fault>), Vec<Fault>> {
    let built = schema::build(settings).map_err(|found| [found, untyped(settings)].concat())?;
    let validator = Validator::new(built.schema.clone());
    let shipped = Source::new("guard.cedar", GUARD);
    let sources: Vec<&Source> = std::iter::once(&shipped)
        .chain(&settings.platform)
        .collect();
    let shapes = environment::shapes(&built.schema);
    let platform = review::review(Layer::Platform, &sources, &validator)
        .and_then(|(rules, found)| selftest::run(&rules, &shapes).map(|()| (rules, found)));
    let mut warnings = Vec::new();
    let mut overlays = HashMap::new();
    for source in announced(settings) {
        let state = match overlay(source, &validator, &shapes) {
            Ok((overlay, found)) => {
                warnings.extend(found);
                Some(overlay)
            }
            Err(found) => {
                warnings.extend(found.into_iter().map(|fault| quarantined(source, fault)));
                None
            }
        };
        // Two entries for one account: neither can be trusted to be the whole of it.
        if overlays.insert(source.account.clone(), state).is_some() {
            overlays.insert(source.account.clone(), None);
        }
    }
    // After the overlays, so that whoever repairs files hears of theirs too.
    let (rules, found) = platform.map_err(|found| [found, warnings.clone()].concat())?;
    warnings.extend(found);
    let platform_hash = platform_hash(settings, &built, &sources);
    let store = Store {
        revision: revision(&platform_hash, &settings.overlays),
        platform_hash,
        schema: built.schema,
        operations: built.operations,
        environments: environments(&rules, &shapes),
        about: abouts(&rules),
        platform_ids: rules.iter().map(|rule| Arc::clone(&rule.id)).collect(),
        overlays,
    };
    Ok((store, warnings))
}

fn announced(settings: &Settings) -> impl Iterator<Item = &OverlaySource> {
    let overlays = settings.overlays.iter();
    overlays.filter(|overlay| !overlay.files.is_empty())
}

fn untyped(settings: &Settings) -> Vec<Fault> {
    let platform: Vec<&Source> = settings.platform.iter().collect();
    let mut faults = review::untyped(Layer::Platform, &platform);
    for source in announced(settings) {
        let files: Vec<&Source> = source.files.iter().collect();
        let found = review::untyped(Layer::Account(&source.account, source.mode), &files);
        faults.extend(found.into_iter().map(|fault| quarantined(source, fault)));
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

fn environments(rules: &[Rule], shapes: &[Shape]) -> Environments {
    let mut slicer = Slicer::default();
    let mut environments = Environments::default();
    for (index, shape) in shapes.iter().enumerate() {
        let slice = slicer.slice(rules, shape);
        let platform = usize::try_from(slice)
            .ok()
            .and_then(|slice| slicer.slices.get(slice));
        let (Some(platform), Ok(index)) = (platform, u32::try_from(index)) else {
            continue;
        };
        let environment = Environment {
            index,
            action: shape.action.clone(),
            principal: shape.principal,
            resource: shape.resource,
            base: shape.base.clone(),
            platform: Arc::clone(platform),
        };
        environments.insert(Arc::clone(&shape.name), environment);
    }
    environments
}

fn overlay(
    source: &OverlaySource,
    validator: &Validator,
    shapes: &[Shape],
) -> Result<(Overlay, Vec<Fault>), Vec<Fault>> {
    let files: Vec<&Source> = source.files.iter().collect();
    let layer = Layer::Account(&source.account, source.mode);
    let (rules, warnings) = review::review(layer, &files, validator)?;
    Ok((
        Overlay::build(overlay_hash(source), &rules, shapes),
        warnings,
    ))
}

/// A tenant's fault stops nobody's start (RULES 43).
fn quarantined(source: &OverlaySource, fault: Fault) -> Fault {
    if !fault.is_error() {
        return fault;
    }
    let message = format!(
        "account `{}` is denied until this is mended: {}",
        source.account, fault.message
    );
    Fault {
        severity: Severity::Warning,
        message,
        ..fault
    }
}

fn platform_hash(settings: &Settings, built: &schema::Built, sources: &[&Source]) -> [u8; 32] {
    let mut hash = Hash::new();
    hash.part(schema::CORE.as_bytes());
    hash.part(built.operations.as_bytes());
    hash.sources(settings.schema.iter());
    hash.sources(sources.iter().copied());
    hash.end()
}

fn overlay_hash(source: &OverlaySource) -> [u8; 32] {
    let mut hash = Hash::new();
    hash.part(source.account.as_str().as_bytes());
    hash.part(&[source.mode as u8]);
    hash.sources(source.files.iter());
    hash.end()
}

fn revision(platform: &[u8; 32], overlays: &[OverlaySource]) -> String {
    let mut hash = Hash::new();
    hash.part(platform);
    let overlays = overlays.iter().filter(|overlay| !overlay.files.is_empty());
    hash.sorted(overlays.map(overlay_hash).collect());
    hash.end().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// SHA-256 over length-prefixed parts: no two lists of parts give the same input.
struct Hash(Hasher);

impl Hash {
    fn new() -> Self {
        Self(Hasher::new(&SHA256))
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// Files by stem and text: where they lie, and in which order they were read, decides nothing,
    /// and replicas with equal files show equal revisions.
    fn sources<'a>(&mut self, sources: impl Iterator<Item = &'a Source>) {
        let each = sources.map(|source| {
            let mut hash = Self::new();
            hash.part(source.stem().as_bytes());
            hash.part(source.text.as_bytes());
            hash.end()
        });
        self.sorted(each.collect());
    }

    fn sorted(&mut self, mut hashes: Vec<[u8; 32]>) {
        hashes.sort_unstable();
        self.part(&(hashes.len() as u64).to_be_bytes());
        for hash in &hashes {
            self.part(hash);
        }
    }

    fn end(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}
