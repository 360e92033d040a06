//! The lemma: guards and a permit for everything allow nothing but what the specs say.
//!
//! Specs that ship are proved for every operation that a route may ever declare, so that new routes ask for
//! no new proof; those of the deployment, which may speak of its own API, for the operations that there are.

use super::asker::{self, Asker};
use super::compare::compiled;
use super::example::{self, Example, Says, Side};
use super::found::Found;
use super::{Claim, Failure, Kind, Report, Spec, Tally, Unanswered, Verdict};
use crate::fault::{Fault, Place};
use crate::policy::{Statements, Theory};
use cedar_policy::{PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{CompiledPolicy, CompiledPolicySet, Env};
use std::time::Instant;

/// Counterexamples of one claim that are looked at, until one is confirmed.
const EXAMPLES_MAX: usize = 4;

/// A world that specs are proved in.
struct World {
    schema: Schema,
    environments: Vec<RequestEnv>,
    /// Whether it has operations that no route declares.
    every: bool,
}

/// What is proved.
struct Lemma<'a> {
    theory: &'a Theory,
    /// Guards, and a permit for everything.
    ceiling: Statements,
    ceiling_set: PolicySet,
    worlds: [World; 2],
    specs: &'a [Spec],
    sets: Vec<PolicySet>,
}

/// What was answered in one environment.
struct Answers {
    /// By the spec's number.
    specs: Vec<(usize, Result<bool, Unanswered>)>,
    /// Whether guards deny everything there; `None`: nobody asked.
    closed: Option<Result<bool, Unanswered>>,
}

/// Proves every spec of the guards.
pub fn isolation(theory: &Theory, specs: &[Spec], found: &Found) -> Result<Report, Failure> {
    let begun = Instant::now();
    let lemma = Lemma::new(theory, specs)?;
    let tasks = lemma.tasks();
    let answers = asker::all(found, &tasks, |asker, task| lemma.ask(asker, *task))?;
    let mut tallies = vec![Tally::default(); specs.len()];
    let mut closed = Vec::new();
    for ((world, environment), answers) in tasks.iter().zip(answers) {
        for (spec, holds) in answers.specs {
            if let Some(tally) = tallies.get_mut(spec) {
                tally.add(*environment, holds);
            }
        }
        if answers.closed == Some(Ok(true)) {
            closed.extend(lemma.shown(*world, *environment));
        }
    }
    let all: Vec<usize> = (0..specs.len()).collect();
    let examples = asker::all(found, &all, |asker, spec| {
        let refuted = tallies.get(*spec).map(|tally| tally.refuted.clone());
        lemma.example(asker, *spec, refuted.unwrap_or_default())
    })?;
    let idle = asker::all(found, &all, |asker, spec| {
        // Nobody asks on where the solver was ended, or has said no.
        let holds = tallies.get(*spec).map(|tally| tally.verdict(None));
        holds == Some(Verdict::Proved) && lemma.is_idle(asker, *spec)
    })?;
    for (tally, idle) in tallies.iter_mut().zip(idle) {
        if idle {
            tally.nothing("it matches nothing, so that it holds whatever is allowed");
        }
    }
    let claims = specs.iter().zip(tallies).zip(examples);
    let claims = claims.map(|((spec, tally), example)| lemma.claim(spec, tally, example));
    let mut report = Report::new("isolation", found, claims.collect());
    let guards = lemma.theory.platform().only(|one| one.guard).len();
    report.notes.push(format!(
        "{guards} guards, and whatever else permits or forbids; operations of {} classes, {} of them not declared by \
         any route yet",
        lemma.classes(true),
        lemma.classes(true).saturating_sub(lemma.classes(false)),
    ));
    if !closed.is_empty() {
        report.warnings.push(format!(
            "the guards deny everything, so that no permit has an effect: {}",
            closed.join("; ")
        ));
    }
    report.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

impl<'a> Lemma<'a> {
    fn new(theory: &'a Theory, specs: &'a [Spec]) -> Result<Self, Vec<Fault>> {
        let unbuilt = || {
            let place = Place::file("operations");
            vec![Fault::error(
                "proof_form",
                place,
                "what is proved cannot be put together",
            )]
        };
        let all = theory.made_up("everything", "permit (principal, action, resource);");
        let ceiling = theory
            .platform()
            .only(|one| one.guard)
            .and(&all.ok_or_else(unbuilt)?);
        let named = specs
            .iter()
            .fold(ceiling.clone(), |all, spec| all.and(&spec.permits));
        let world = |schema: Schema, every| World {
            environments: environments(&schema),
            schema,
            every,
        };
        Ok(Self {
            theory,
            ceiling_set: ceiling.set().ok_or_else(unbuilt)?,
            ceiling,
            worlds: [
                world(theory.universe(&named).ok_or_else(unbuilt)?, true),
                world(theory.schema(&named), false),
            ],
            sets: specs
                .iter()
                .map(|spec| spec.permits.set())
                .collect::<Option<_>>()
                .ok_or_else(unbuilt)?,
            specs,
        })
    }

    /// Which world a spec is proved in.
    fn world_of(spec: &Spec) -> usize {
        usize::from(spec.file.is_some())
    }

    /// World and environment. Nobody asks in one where no spec is proved.
    fn tasks(&self) -> Vec<(usize, usize)> {
        let worlds = self.worlds.iter().enumerate();
        let asked = worlds
            .filter(|(index, _)| self.specs.iter().any(|spec| Self::world_of(spec) == *index));
        asked
            .flat_map(|(index, world)| (0..world.environments.len()).map(move |env| (index, env)))
            .collect()
    }

    fn at(&self, world: usize, environment: usize) -> Option<(&World, &RequestEnv)> {
        let world = self.worlds.get(world)?;
        Some((world, world.environments.get(environment)?))
    }

    fn shown(&self, world: usize, environment: usize) -> Option<String> {
        self.at(world, environment).map(|(_, env)| shown(env))
    }

    fn classes(&self, every: bool) -> usize {
        let worlds = self.worlds.iter().filter(|world| world.every == every);
        worlds.map(|world| world.environments.len()).sum()
    }

    fn ask(&self, asker: &mut Asker<'_>, (world, environment): (usize, usize)) -> Answers {
        let specs = self.specs.iter().enumerate();
        let these = specs.filter(|(_, spec)| Self::world_of(spec) == world);
        let Some((place, env)) = self.at(world, environment) else {
            return Answers {
                specs: Vec::new(),
                closed: None,
            };
        };
        let ceiling = CompiledPolicySet::compile(&self.ceiling_set, env, &place.schema);
        let ceiling = match ceiling {
            Ok(ceiling) => ceiling,
            Err(error) => {
                let why = Unanswered::from(error);
                let all = these.map(|(index, _)| (index, Err(why.clone()))).collect();
                return Answers {
                    specs: all,
                    closed: None,
                };
            }
        };
        let specs = these.map(|(index, spec)| {
            let holds = self.holds(asker, (place, env), &ceiling, (index, spec.kind));
            (index, holds)
        });
        let specs = specs.collect();
        let closed = || asker.ask(async |c| c.check_always_denies_opt(&ceiling).await);
        let is_ours = self.theory.has_operation(env.action().id().unescaped());
        Answers {
            specs,
            closed: is_ours.then(closed),
        }
    }

    /// A spec that may err says less than it seems to: nothing is proved of it.
    fn holds(
        &self,
        asker: &mut Asker<'_>,
        (world, env): (&World, &RequestEnv),
        ceiling: &CompiledPolicySet,
        (index, kind): (usize, Kind),
    ) -> Result<bool, Unanswered> {
        let set = self.sets.get(index).ok_or(Unanswered::NotAsked)?;
        for permit in set.policies() {
            let permit = CompiledPolicy::compile(permit, env, &world.schema)?;
            if !asker.ask(async |c| c.check_never_errors_opt(&permit).await)? {
                let why = "a permit of the spec itself may err".to_owned();
                return Err(Unanswered::Engine(why));
            }
        }
        let spec = CompiledPolicySet::compile(set, env, &world.schema)?;
        match kind {
            Kind::Only => asker.ask(async |c| c.check_implies_opt(ceiling, &spec).await),
            Kind::Never => asker.ask(async |c| c.check_disjoint_opt(ceiling, &spec).await),
        }
    }

    /// Whether a spec of what must not be says so of nothing at all.
    fn is_idle(&self, asker: &mut Asker<'_>, spec: usize) -> bool {
        let (Some(what), Some(set)) = (self.specs.get(spec), self.sets.get(spec)) else {
            return false;
        };
        let Some(world) = self.worlds.get(Self::world_of(what)) else {
            return false;
        };
        // What is not answered is no reason to take it for idle: the spec itself was asked about by then.
        let denies = |env: &RequestEnv| {
            let set = CompiledPolicySet::compile(set, env, &world.schema);
            set.is_ok_and(|set| {
                asker.ask(async |c| c.check_always_denies_opt(&set).await) == Ok(true)
            })
        };
        what.kind == Kind::Never && world.environments.iter().all(denies)
    }

    /// A question that breaks the spec, which the code that serves confirms; else why there is none.
    fn example(
        &self,
        asker: &mut Asker<'_>,
        spec: usize,
        mut refuted: Vec<usize>,
    ) -> Option<Result<Example, String>> {
        let what = self.specs.get(spec)?;
        let world = Self::world_of(what);
        let is_ours = |index: &usize| {
            let at = self.at(world, *index);
            at.is_some_and(|(_, env)| self.theory.has_operation(env.action().id().unescaped()))
        };
        // Questions of the deployment's own API first: they can become tests.
        refuted.sort_by_key(|index| !is_ours(index));
        refuted.truncate(EXAMPLES_MAX);
        let mut why = None;
        // What today's permits open is worse than what a further one would.
        for (set, plain) in [self.theory.platform(), &self.ceiling]
            .into_iter()
            .flat_map(|set| [(set, true), (set, false)])
        {
            for index in &refuted {
                let (place, env) = self.at(world, *index)?;
                let schema = match (is_ours(index), std::ptr::eq(set, &raw const self.ceiling)) {
                    // Permits may name operations that stand for no class.
                    (true, _) => self.theory.whole(),
                    (false, true) => &place.schema,
                    (false, false) => continue,
                };
                match self.broken(asker, (schema, env), (set, plain), what) {
                    Ok(Some(example)) => return Some(Ok(example)),
                    Ok(None) => {}
                    Err(found) => {
                        why.get_or_insert(found);
                    }
                }
            }
        }
        why.map(Err)
    }

    fn broken(
        &self,
        asker: &mut Asker<'_>,
        (schema, env): (&Schema, &RequestEnv),
        (policies, plain): (&Statements, bool),
        spec: &Spec,
    ) -> Result<Option<Example>, String> {
        let set = if plain {
            policies
                .and(&example::plain(self.theory).ok_or("a plain world cannot be put together")?)
        } else {
            policies.clone()
        };
        let model = model(asker, (schema, env), (&set, spec));
        let Some(model) = model.map_err(|why| why.to_string())? else {
            return Ok(None);
        };
        let permits = match spec.kind {
            Kind::Only => Says::Refused,
            Kind::Never => Says::Allowed,
        };
        let (allowing, permitting) = ([policies], [&spec.permits]);
        let sides = [
            Side::new(&allowing, Says::Allowed),
            Side::new(&permitting, permits),
        ];
        let example = example::replay(schema, &model, &sides)?;
        Ok(Some(Example {
            open: policies
                .iter()
                .any(|one| !one.guard && &*one.id != "everything"),
            routed: self.theory.has_operation(env.action().id().unescaped()),
            ..example
        }))
    }

    fn claim(&self, spec: &Spec, tally: Tally, example: Option<Result<Example, String>>) -> Claim {
        let claim = match spec.kind {
            Kind::Only => "only",
            Kind::Never => "never",
        };
        let world = self.worlds.get(Self::world_of(spec));
        let environments = world.map_or(&[][..], |world| &world.environments);
        let told = (spec.name.clone(), claim, spec.says.as_str());
        Claim {
            file: spec.file.clone(),
            ..tally.claim(told, environments, example)
        }
    }
}

/// A question that breaks the spec, if there is one.
fn model(
    asker: &mut Asker<'_>,
    (schema, env): (&Schema, &RequestEnv),
    (policies, spec): (&Statements, &Spec),
) -> Result<Option<Env>, Unanswered> {
    let set = compiled(policies, env, schema)?;
    let permits = compiled(&spec.permits, env, schema)?;
    match spec.kind {
        Kind::Only => asker.ask(async |c| {
            c.check_implies_with_counterexample_opt(&set, &permits)
                .await
        }),
        Kind::Never => asker.ask(async |c| {
            c.check_disjoint_with_counterexample_opt(&set, &permits)
                .await
        }),
    }
}

/// In an order that is the same from run to run.
pub(super) fn environments(schema: &Schema) -> Vec<RequestEnv> {
    let mut all: Vec<RequestEnv> = schema.request_envs().collect();
    all.sort_by_cached_key(|env| (env.action().to_string(), shown(env)));
    all
}

/// An environment, for people.
pub(super) fn shown(env: &RequestEnv) -> String {
    let action = env.action().id().unescaped();
    let (principal, resource) = (env.principal().basename(), env.resource().basename());
    format!("{principal} {action} {resource}")
}
