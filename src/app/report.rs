//! How the latest attempt to load the files ended: for log and `/status`.

use crate::clock::Timestamp;
use crate::fault::Fault;
use serde_json::{Value, json};

/// More are counted only: a directory of thousands can be wrong in one way.
const FAULTS_SHOWN_MAX: usize = 100;

/// The latest attempt, and what serves since.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// When it ended.
    at: Timestamp,
    /// When one ended well.
    good: Timestamp,
    /// Why it did not; empty: it did.
    faults: Vec<Fault>,
    /// What serves and should be looked at; of the last good one.
    warnings: Vec<Fault>,
    /// Keys whose new values wait for a restart.
    needs_restart: Vec<String>,
}

impl Report {
    /// It ended well.
    pub(super) fn good(at: Timestamp, warnings: Vec<Fault>, needs_restart: Vec<String>) -> Self {
        Self {
            at,
            good: at,
            faults: Vec::new(),
            warnings,
            needs_restart,
        }
    }

    /// It did not, and what served before this report serves on.
    pub(super) fn bad(&self, at: Timestamp, faults: Vec<Fault>) -> Self {
        Self {
            at,
            faults,
            ..self.clone()
        }
    }

    /// Tells the operators what they have not been told by `former`.
    pub(super) fn log(&self, former: &Self) {
        for fault in &self.faults {
            tracing::error!(code = fault.code, "{fault}");
        }
        let new = self.warnings.iter();
        for fault in new.filter(|fault| !former.warnings.contains(fault)) {
            tracing::warn!(code = fault.code, "{fault}");
        }
        for key in &self.needs_restart {
            tracing::warn!("needs a restart: `{key}` has changed, its former value holds");
        }
    }

    /// What should be looked at of one account: in a file of its name, or by its name.
    pub(super) fn about(&self, account: &str) -> Vec<Value> {
        let shown = format!("account `{account}`");
        let is_own = |part: &str| part == account || part.split('.').next() == Some(account);
        let concerns = |fault: &&Fault| {
            let mut parts = fault.place.file.split(['/', '\\']);
            parts.any(is_own) || fault.message.contains(&shown)
        };
        let found = self.warnings.iter().filter(concerns);
        found.take(FAULTS_SHOWN_MAX).map(Fault::json).collect()
    }

    /// For `/status`.
    pub(super) fn json(&self) -> Value {
        let told = |faults: &[Fault]| {
            let first = faults.iter().take(FAULTS_SHOWN_MAX);
            first.map(Fault::json).collect::<Vec<_>>()
        };
        json!({
            "ok": self.faults.is_empty(),
            "at": self.at.rfc3339(),
            "last_good": self.good.rfc3339(),
            "faults": told(&self.faults),
            "faults_total": self.faults.len(),
            "warnings": told(&self.warnings),
            "warnings_total": self.warnings.len(),
            "needs_restart": self.needs_restart,
        })
    }
}
