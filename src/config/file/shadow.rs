//! `shadow`: policies that are to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the policies stand that are to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Shadow {
    Path(#[schemars(length(min = 1))] String),
    Sampled(ShadowFolder),
}

/// The folder, and how many decisions are put to it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShadowFolder {
    /// The folder.
    #[schemars(length(min = 1), extend("examples" = ["policies-next/"]))]
    pub(crate) policies: String,
    /// Of so many decisions one is put to them.
    #[serde(default = "every")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) every: u32,
}

impl Shadow {
    /// The folder.
    pub(crate) fn folder(&self) -> &str {
        match self {
            Self::Path(folder) => folder,
            Self::Sampled(shape) => &shape.policies,
        }
    }

    /// Of so many decisions one is put to them.
    pub(crate) fn every(&self) -> u32 {
        match self {
            Self::Path(_) => every(),
            Self::Sampled(shape) => shape.every.max(1),
        }
    }
}

fn every() -> u32 {
    1
}
