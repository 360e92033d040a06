//! Explanations by a gate that serves: of its own rules, apart from its requests.

use crate::admin::Unexplained;
use crate::author::ask;
use crate::clock::Timestamp;
use crate::gate::{Generation, Shared};
use crate::policy::EVALUATION_STACK_BYTES_MIN;
use serde_json::{Value, json};

/// Answers a question that somebody wrote.
pub(super) fn written(shared: &Shared, bytes: &[u8]) -> Result<Value, Unexplained> {
    let (generation, now) = (shared.generation.load(), shared.clock.now());
    aside(|| story(shared, &generation, (bytes, now)))
}

fn story(
    shared: &Shared,
    generation: &Generation,
    (bytes, now): (&[u8], Timestamp),
) -> Result<Value, Unexplained> {
    let asked = |cannot: ask::Cannot| Unexplained::Question(cannot.to_string());
    let (world, supposed) = ask::read(bytes, generation, now).map_err(asked)?;
    let on_trust = matches!(world.who, ask::Who::Claims(_)) || !supposed.is_empty();
    let mut story = ask::answer(&world, &supposed, Some(&shared.pdp)).map_err(asked)?;
    if on_trust && world.claims().is_some() {
        let note = "the claims were taken as if their issuer had signed them";
        story.notes.push(note.to_owned());
    }
    if story.decision.step == Some("head") {
        // It may be refused for the token that stands in it.
        story.request.query = None;
    }
    let mut told = json!(story);
    if let Value::Object(told) = &mut told {
        told.insert("revision".to_owned(), json!(&*generation.rules.revision));
    }
    Ok(told)
}

/// Policies are evaluated on stacks of a known size only.
fn aside<T: Send>(work: impl FnOnce() -> Result<T, Unexplained> + Send) -> Result<T, Unexplained> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("explain".to_owned())
            .stack_size(EVALUATION_STACK_BYTES_MIN * 2)
            .spawn_scoped(scope, work)
            .map_err(|_| Unexplained::Busy)?
            .join()
            .unwrap_or(Err(Unexplained::Failed))
    })
}
