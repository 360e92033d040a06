//! One generation: everything that may change while requests are served, swapped whole.

use crate::decision::Shadow;
use crate::ruleset::Ruleset;
use crate::{forward, head};
use std::sync::Arc;

/// How heads are read, what decides, and how allowed requests are forwarded. A request loads it once
/// and uses it to its end. Clones share their parts.
#[derive(Clone)]
pub struct Generation {
    /// What decides.
    pub rules: Ruleset,
    /// How heads are read.
    pub head: head::Settings,
    /// Where allowed requests go, and what is told there.
    pub forward: Arc<forward::Settings>,
    /// The upstreams of `forward`, as they are: what is known of them outlives a generation.
    pub services: Arc<forward::Services>,
    /// Whether records hold what was asked of the policies.
    pub record_questions: bool,
    /// Policies that are to be: they are asked beside those that decide, and answer nobody.
    pub shadow: Option<Arc<Shadow>>,
}
