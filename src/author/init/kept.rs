//! Operations that the gate's own reader takes. Each is put to it alone, so that one that it refuses takes no
//! other with it.

use super::apis;
use super::findings::Findings;
use super::survey::Found;
use super::table::Table;
use crate::document::Document;
use crate::route::openapi::{self, Marks};
use serde_json::json;
use std::sync::Arc;

/// Those that get a route; why others get none is told.
pub(super) fn judged(found: Vec<Found>, table: &Table, findings: &mut Findings) -> Vec<Found> {
    let good = |one: &Found| judge(one, table, findings);
    let mut kept: Vec<Found> = found.into_iter().filter(good).collect();
    let mut out = Vec::new();
    // What a path item says to the gate holds for all of its operations.
    for one in &kept {
        let differs = |other: &&Found| other.template == one.template && other.shared != one.shared;
        if let Some(other) = kept.iter().find(differs) {
            out.push((one.at.clone(), other.at.shown()));
        }
    }
    for (at, other) in &out {
        let message = format!(
            "left out: its path says something else to the gate than the same path at {other}"
        );
        let help = "give one path one item in the document";
        findings.warn(at, "openapi_duplicate_template", &message, help);
    }
    kept.retain(|one| !out.iter().any(|(at, _)| *at == one.at));
    kept
}

fn judge(one: &Found, table: &Table, findings: &mut Findings) -> bool {
    let paths = json!({ one.template.as_str(): one.item() });
    let value = apis::document(("", ""), &paths, &one.schemas.by_name);
    let document = Document::without_places(value);
    let set = Arc::new(apis::set(one.context));
    let (routes, faults) = openapi::read(&document, &set, Marks::default(), &table.rules);
    match faults.first() {
        Some(fault) => findings.left_out(&one.at, fault),
        // Nothing that reads documents is silent about what it does not take; if it were, no route is none.
        None if routes.len() != 1 => return false,
        None => return true,
    }
    false
}
