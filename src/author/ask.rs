//! A request is asked about: what the gate would do with it, why, and what would change that.
//!
//! `world` holds everything that a request's answer depends on, `change` what may be supposed to be
//! otherwise in it, `candidates` which changes the policies, the issuer and the directory offer, and
//! `search` which of them would do. Every answer comes from [`crate::gate::decide`].

mod candidates;
mod change;
mod search;
mod world;
mod written;

pub use change::{Cannot, Change};
pub use world::{Who, World};
pub use written::{payload, read};

use crate::decision::Pdp;
use crate::explain::{Cache, Limits, Question, Story};
use crate::policy::Bench;
use crate::telemetry::Metrics;

/// How many things may be supposed at once.
pub const SUPPOSED_MAX: usize = 16;

/// What the gate would do, with everything that is to be told of it. `live` is the decision point of a gate
/// that serves: it is only asked what it remembers, and nothing of this counts as a request.
pub fn answer(world: &World, supposed: &[Change], live: Option<&Pdp>) -> Result<Story, Cannot> {
    if supposed.len() > SUPPOSED_MAX {
        return Err(Cannot::new(format!(
            "at most {SUPPOSED_MAX} things can be supposed at once"
        )));
    }
    let pdp = Pdp::aside(Metrics::new());
    let world = &world.supposing(supposed, &pdp)?;
    let told = world.tell(&pdp);
    let store = &world.generation.rules.store;
    let bench = Bench::serving(store, &told.accounts());
    let puts = told.question().map(|question| {
        let keeping = live.unwrap_or(&pdp).keeping(store, &question);
        (
            pdp.put_of(store, &question),
            Cache::of(&keeping, live.is_some()),
        )
    });
    let (puts, cache) = puts.unwrap_or_default();
    let questions: Vec<Question> = puts.iter().map(|put| Question::of(put, &bench)).collect();
    let caller = told.learnt.caller.as_deref();
    let limits = caller.and_then(|caller| Limits::of(caller, &world.generation.rules));
    let denied = !told.story.decision.allowed;
    let remedy = denied.then(|| search::remedy(world, (&told, &questions), &bench, &pdp));
    Ok(Story {
        questions,
        cache,
        limits,
        remedy,
        supposed: supposed.iter().map(ToString::to_string).collect(),
        ..told.story
    })
}
