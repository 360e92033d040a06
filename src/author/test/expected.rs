//! What a case expects, what came of it, and how the two differ.

use super::file::Whole;
use super::{ALLOW, DENY};
use crate::explain::Story;
use serde::Serialize;
use std::collections::BTreeMap;

/// What must become of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// `allow`, `deny`, or the code of a refusal.
    word: String,
    policies: Option<Vec<String>>,
    headers: BTreeMap<String, String>,
    without: Vec<String>,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Got {
    /// Whether it is forwarded.
    pub allowed: bool,
    /// The code of the refusal.
    pub code: Option<String>,
    /// Ids of the policies that settled it.
    pub policies: Vec<String>,
    /// What the upstream is told.
    pub headers: BTreeMap<String, String>,
    /// Policies that could not be evaluated, where that was counted.
    pub errors: Option<usize>,
}

impl Expected {
    pub(super) fn of(whole: Whole) -> Self {
        let lower = |name: &String| name.to_ascii_lowercase();
        Self {
            word: whole.decision.0,
            policies: whole.policies,
            headers: whole
                .headers
                .iter()
                .map(|(name, value)| (lower(name), value.clone()))
                .collect(),
            without: whole.without.iter().map(lower).collect(),
        }
    }

    /// What is different; empty: it is as expected.
    pub(super) fn differences(&self, got: &Got) -> Vec<String> {
        let mut found = self.settled(got);
        for (name, value) in &self.headers {
            match got.headers.get(name) {
                Some(told) if told == value => {}
                Some(told) => found.push(format!("{name} is `{told}`, not `{value}`")),
                None => found.push(format!("{name} is not told")),
            }
        }
        let told = self.without.iter();
        let told = told.filter_map(|name| Some((name, got.headers.get(name)?)));
        found.extend(told.map(|(name, value)| format!("{name} is told: `{value}`")));
        found
    }

    /// Of that, what policies have a word in.
    pub(super) fn settled(&self, got: &Got) -> Vec<String> {
        let mut found = Vec::new();
        let good = match self.word.as_str() {
            ALLOW => got.allowed,
            DENY => !got.allowed,
            code => got.code.as_deref() == Some(code),
        };
        if !good {
            found.push(format!("it is {}, not {}", got.word(), self.word));
        }
        if let Some(policies) = &self.policies
            && !same(policies, &got.policies)
        {
            let settled = listed(&got.policies);
            found.push(format!("{settled} settled it, not {}", listed(policies)));
        }
        found
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        let mut words = self.word.clone();
        if let Some(policies) = &self.policies {
            words.extend([" by ", &listed(policies)]);
        }
        for (name, value) in &self.headers {
            words.extend([", ", name, ": ", value]);
        }
        for name in &self.without {
            words.extend([", no ", name]);
        }
        words
    }
}

impl Got {
    pub(super) fn of(story: &Story) -> Self {
        Self {
            allowed: story.decision.allowed,
            code: story.decision.code.map(str::to_owned),
            policies: story.policies.iter().map(|one| one.id.clone()).collect(),
            headers: story.annotation.clone(),
            errors: None,
        }
    }

    /// One word.
    pub(super) fn word(&self) -> &str {
        match &self.code {
            _ if self.allowed => ALLOW,
            Some(code) => code,
            None => DENY,
        }
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        match self.errors.filter(|errors| *errors > 0) {
            Some(errors) => format!(
                "{} by {}, with {errors} errors",
                self.word(),
                listed(&self.policies)
            ),
            None => format!("{} by {}", self.word(), listed(&self.policies)),
        }
    }
}

/// Whether `written`, an `@id` or a whole id, means the policy `id`.
pub(super) fn means(written: &str, id: &str) -> bool {
    written == id || id.rsplit('/').next() == Some(written)
}

/// Whether the policies written are exactly those.
fn same(written: &[String], ids: &[String]) -> bool {
    let meant = |id: &String| written.iter().any(|one| means(one, id));
    let there = |one: &String| ids.iter().any(|id| means(one, id));
    ids.iter().all(meant) && written.iter().all(there)
}

pub(super) fn listed(ids: &[String]) -> String {
    if ids.is_empty() {
        return "no policy".to_owned();
    }
    ids.join(", ")
}
