//! The tenant directory alone, without the rest of a configuration.

use super::disk::Disk;
use super::file;
use super::files::{self, FILE_BYTES_MAX};
use super::tenants::{self, Former, Known, Layout};
use crate::document::Document;
use crate::fault::{Fault, Severity};
use crate::policy::{self, Store};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// A tenant directory to look at.
#[derive(Clone, Copy, Debug)]
pub enum TenantsOf<'a> {
    /// As a configuration names it, with the issuers and plans of that configuration.
    Config(&'a Path),
    /// A folder or a file of lines alone: its issuers and plans are taken as they are.
    Alone(&'a Path),
}

/// Every fault of a tenant directory, and what its people may want to know. What would be left out of
/// service is an error.
pub fn tenants(of: TenantsOf<'_>) -> Vec<Fault> {
    match of {
        TenantsOf::Config(path) => of_config(path).unwrap_or_else(|faults| faults),
        TenantsOf::Alone(path) => lint(&Layout::of(path.to_owned()), Known::default()),
    }
}

/// Of a configuration only what the directory needs is read, so that its other faults do not stand in
/// the way.
fn of_config(path: &Path) -> Result<Vec<Fault>, Vec<Fault>> {
    let text = files::read(path, FILE_BYTES_MAX).map_err(|fault| vec![*fault])?;
    let document = Document::parse(&path.display().to_string(), text)?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    let Some(layout) = layout(&document, base) else {
        let place = document.key_place("/tenants");
        let fault = Fault::error("config_missing_key", place, "`tenants` is missing");
        return Err(vec![
            fault.help("add `tenants: tenants/`, or name the folder itself"),
        ]);
    };
    let names = Names::read(&document);
    Ok(lint(&layout, names.known()))
}

/// Where the directory stands, from a configuration that may not fit its shape.
pub(super) fn layout(document: &Document, base: &Path) -> Option<Layout> {
    let shape = document.get("/tenants")?;
    Some(file::Tenants::deserialize(shape).ok()?.layout(base))
}

/// The names that tenants' files may use, from a configuration that may not fit its shape.
pub(super) struct Names<'a> {
    issuers: Option<Vec<&'a str>>,
    plans: Option<Vec<&'a str>>,
}

impl<'a> Names<'a> {
    pub(super) fn read(document: &'a Document) -> Self {
        let issuers = document.get("/issuers").and_then(Value::as_array);
        let name = |issuer: &'a Value| issuer.get("name")?.as_str();
        let plans = document.get("/plans").and_then(Value::as_object);
        Self {
            issuers: issuers.map(|list| list.iter().filter_map(name).collect()),
            plans: plans.map(|plans| plans.keys().map(String::as_str).collect()),
        }
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known {
            issuers: self.issuers.as_deref(),
            plans: self.plans.as_deref(),
        }
    }
}

fn lint(layout: &Layout, known: Known<'_>) -> Vec<Fault> {
    let found = match tenants::read(layout, known, &Disk::default(), &Former::default()) {
        Ok(found) => found,
        Err(fault) => return vec![*fault],
    };
    let notes = found.notes();
    // Types need the routes; the rest of a tenant's policies can be held to the rules without them.
    let policies = Store::review_untyped(policy::Settings {
        overlays: found.overlays,
        ..policy::Settings::default()
    });
    let left_out = found
        .quarantined
        .into_iter()
        .chain(policies)
        .map(|fault| Fault {
            severity: Severity::Error,
            ..fault
        });
    left_out.chain(found.warnings).chain(notes).collect()
}
