//! What was proved, for people and for machines.

use super::{Claim, Example, Found, Verdict};
use serde::Serialize;
use std::fmt::{self, Write as _};

/// All claims of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub proof: &'static str,
    /// Who answered.
    pub solver: String,
    /// What was claimed.
    pub claims: Vec<Claim>,
    /// What it is about.
    pub notes: Vec<String>,
    /// What holds, and somebody should look at.
    pub warnings: Vec<String>,
    /// How long it took.
    pub millis: u64,
}

/// Environments that are told of one claim; JSON has all of them.
const TOLD_MAX: usize = 3;

impl Report {
    pub(super) fn new(proof: &'static str, found: &Found, claims: Vec<Claim>) -> Self {
        Self {
            proof,
            solver: found.name.clone(),
            claims,
            notes: Vec::new(),
            warnings: Vec::new(),
            millis: 0,
        }
    }

    /// Of all claims together: one that is refuted outweighs those that nobody knows of.
    pub fn verdict(&self) -> Verdict {
        let any = |verdict| self.claims.iter().any(|claim| claim.verdict == verdict);
        if any(Verdict::Refuted) {
            Verdict::Refuted
        } else if self.claims.is_empty() || any(Verdict::Unknown) {
            Verdict::Unknown
        } else {
            Verdict::Proved
        }
    }

    /// The counterexamples, each with the claim that it breaks.
    pub fn examples(&self) -> impl Iterator<Item = (&Claim, &Example)> {
        let claims = self.claims.iter();
        claims.filter_map(|claim| Some((claim, claim.example.as_ref()?)))
    }

    fn count(&self, verdict: Verdict) -> usize {
        let claims = self.claims.iter();
        claims.filter(|claim| claim.verdict == verdict).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for claim in &self.claims {
            write!(f, "{claim}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let (proved, refuted, unknown) = (
            self.count(Verdict::Proved),
            self.count(Verdict::Refuted),
            self.count(Verdict::Unknown),
        );
        let (solver, millis) = (&self.solver, self.millis);
        writeln!(
            f,
            "{proved} proved, {refuted} refuted, {unknown} unknown ({solver}, {millis} ms)"
        )
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Proved => "proved ",
            Verdict::Refuted => "refuted",
            Verdict::Unknown => "unknown",
        };
        let file = self.file.as_ref();
        let file = file.map(|file| format!(" ({file})")).unwrap_or_default();
        writeln!(f, "{word}  {}{file}: {}", self.of, self.says)?;
        let all = self.environments;
        for (what, found) in [("broken", &self.refuted), ("unanswered", &self.unknown)] {
            if !found.is_empty() {
                writeln!(
                    f,
                    "         {what} in {} of {all}: {}",
                    found.len(),
                    some(found)
                )?;
            }
        }
        if let Some(why) = &self.why {
            writeln!(f, "         {why}")?;
        }
        let Some(example) = &self.example else {
            return Ok(());
        };
        writeln!(f, "         {}:", example.standing())?;
        for line in example.to_string().lines() {
            writeln!(f, "           {line}")?;
        }
        Ok(())
    }
}

fn some(all: &[String]) -> String {
    let mut text = String::new();
    for (index, one) in all.iter().take(TOLD_MAX).enumerate() {
        let between = if index == 0 { "" } else { "; " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{between}{one}");
    }
    match all.len().saturating_sub(TOLD_MAX) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}
