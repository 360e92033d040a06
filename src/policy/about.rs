//! What is to be told of a policy that settled a request: where it stands, and what it says of itself.

use crate::fault::Place;
use cedar_policy::{Effect, Policy};

/// A policy, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// Its file; `guard.cedar` without a folder is the one that is compiled in.
    pub file: String,
    /// Its line there.
    pub line: Option<usize>,
    /// Its `@reason`.
    pub reason: Option<String>,
    /// Its `@description`.
    pub description: Option<String>,
}

impl About {
    pub(super) fn of(policy: &Policy, place: &Place) -> Self {
        let said = |name| policy.annotation(name).map(str::to_owned);
        Self {
            effect: match policy.effect() {
                Effect::Permit => "permit",
                Effect::Forbid => "forbid",
            },
            file: place.file.clone(),
            line: place.line_column().map(|(line, _)| line),
            reason: said("reason"),
            description: said("description"),
        }
    }
}
