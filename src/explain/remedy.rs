//! What would change a denial, as plain values.

use serde::Serialize;

/// What would have to be otherwise for a denied request to be allowed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Remedy {
    /// Why nothing was looked for. `None`: it was.
    pub not_sought: Option<String>,
    /// The smallest changes that allow it; each was asked of the gate.
    pub allowed_by: Vec<Suggestion>,
    /// Changes with which a policy permits it, and what forbids it all the same.
    pub still_forbidden: Vec<Suggestion>,
    /// The permits that come nearest, by id: fewest conditions fail.
    pub nearest: Vec<String>,
    /// How many changes were tried, alone and in pairs.
    pub tried: usize,
    /// Whether there were more to try than are tried.
    pub bound_reached: bool,
}

/// Changes that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// As `--what-if` takes them.
    pub changes: Vec<String>,
    /// What it means.
    pub meaning: Vec<String>,
    /// The policies that permit it then.
    pub permits: Vec<String>,
    /// The policies that forbid it all the same.
    pub forbids: Vec<String>,
    /// The refusal's code, if it is refused all the same.
    pub code: Option<&'static str>,
}
