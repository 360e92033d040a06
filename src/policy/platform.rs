//! The platform's part of a store: schema, guards, policies and what was settled about them.

use super::about::About;
use super::classes::{Classes, Named};
use super::environment::{Environment, Environments, Shapes};
use super::hash::Hash;
use super::operations;
use super::review::{self, Layer, Rule};
use super::schema;
use super::selftest;
use super::slice::Slices;
use super::source::{Settings, Source};
use super::store;
use crate::fault::Fault;
use cedar_policy::Schema;
use std::collections::HashMap;
use std::sync::Arc;

/// The guards that ship: compiled in, always consulted (RULES 27).
pub(super) const GUARD: &str = include_str!("guard.cedar");

/// Everything that is the same for all accounts. Immutable; generations with equal files share it.
#[derive(Debug)]
pub(super) struct Platform {
    /// Of types and platform policies.
    pub(super) hash: [u8; 32],
    pub(super) types: Types,
    pub(super) environments: Environments,
    pub(super) ids: Vec<Arc<str>>,
    /// Of its policies, by id.
    pub(super) about: HashMap<Arc<str>, About>,
    pub(super) warnings: Vec<Fault>,
    /// As they are written; the guards that ship are not among them.
    pub(super) sources: Vec<Source>,
}

/// What every policy is reviewed against.
#[derive(Debug)]
pub(super) struct Types {
    /// Of schema and operations.
    pub(super) hash: [u8; 32],
    /// Of every question.
    pub(super) schema: Schema,
    pub(super) classes: Classes,
    pub(super) shapes: Shapes,
}

/// It cannot be built; with the types, if these can.
pub(super) struct Broken {
    pub(super) faults: Vec<Fault>,
    pub(super) types: Option<Types>,
}

impl Platform {
    /// The same as `former` if the files say the same; else built, reviewed and self-tested anew.
    /// Call it on a large stack only (`stack::run`).
    pub(super) fn of(
        settings: &Settings,
        former: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, Box<Broken>> {
        let broken = |types, faults| Box::new(Broken { faults, types });
        let named = operations::review(&settings.operations);
        let named = named.map_err(|faults| broken(None, faults))?;
        let shipped = Source::new("guard.cedar", GUARD);
        let sources: Vec<&Source> = std::iter::once(&shipped)
            .chain(&settings.platform)
            .collect();
        let types = schema_hash(settings, &named);
        let hash = hash(&types, &sources);
        if let Some(same) = former.filter(|former| former.hash == hash) {
            return Ok(Arc::clone(same));
        }
        let built = schema::build(settings, named).map_err(|faults| broken(None, faults))?;
        let (schema, classes) = built;
        let types = Types {
            hash: types,
            shapes: Shapes::of(&schema),
            classes,
            schema,
        };
        match types.review(&sources) {
            Ok((rules, warnings)) => Ok(Arc::new(Self {
                hash,
                environments: environments(&rules, &types.shapes),
                about: store::abouts(&rules),
                ids: rules.iter().map(|rule| Arc::clone(&rule.id)).collect(),
                types,
                warnings,
                sources: settings.platform.clone(),
            })),
            Err(faults) => Err(broken(Some(types), faults)),
        }
    }
}

impl Types {
    /// Of those files. Call it on a large stack only (`stack::run`).
    pub(super) fn of(settings: &Settings) -> Result<Self, Vec<Fault>> {
        let named = operations::review(&settings.operations)?;
        let hash = schema_hash(settings, &named);
        let (schema, classes) = schema::build(settings, named)?;
        Ok(Self {
            hash,
            shapes: Shapes::of(&schema),
            classes,
            schema,
        })
    }

    fn review(&self, sources: &[&Source]) -> Result<(Vec<Rule>, Vec<Fault>), Vec<Fault>> {
        let (rules, warnings) = review::review(Layer::Platform, sources, &self.classes)?;
        selftest::run(&rules, self.shapes.classes())?;
        Ok((rules, warnings))
    }
}

fn schema_hash(settings: &Settings, named: &Named) -> [u8; 32] {
    let operations = operations::fragment(named.values(), settings.principals_act_in);
    let mut hash = Hash::new();
    hash.part(schema::CORE.as_bytes());
    hash.part(operations.as_bytes());
    hash.sources(settings.schema.iter());
    hash.end()
}

fn hash(schema: &[u8; 32], sources: &[&Source]) -> [u8; 32] {
    let mut hash = Hash::new();
    hash.part(schema);
    hash.sources(sources.iter().copied());
    hash.end()
}

fn environments(rules: &[Rule], shapes: &Shapes) -> Environments {
    let slices = Slices::of_platform(rules, shapes);
    let mut environments = Environments::default();
    for shape in shapes.all() {
        let Some(platform) = slices.of(shape.index, shape.class) else {
            continue;
        };
        let environment = Environment {
            index: shape.index,
            class: shape.class,
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
