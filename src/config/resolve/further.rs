//! What can be said of the other files while the configuration itself is not valid.
//!
//! Nothing here is needed to serve: it spares whoever repairs files a second round.

use crate::config::disk::Disk;
use crate::config::files;
use crate::config::lint::{self, Names};
use crate::config::tenants::{self, Former};
use crate::document::Document;
use crate::fault::Fault;
use crate::policy::{self, OverlaySource, Source, Store};
use std::path::Path;
use std::sync::Arc;

/// Faults of schema and policies. Without `typed` the routes are not all known, and so the actions
/// are not: types are left for later, because every complaint about them could be a wrong one.
pub(super) fn policies(settings: policy::Settings, typed: bool) -> Vec<Fault> {
    if !typed {
        return Store::review_untyped(settings);
    }
    match Store::build(settings) {
        Ok((_, found)) | Err(found) => found,
    }
}

/// Faults of the folders that a configuration names which does not fit its shape.
pub(in crate::config) fn beyond(document: &Document, folder: &Path, disk: &Disk) -> Vec<Fault> {
    let folder_of = |pointer: &str| {
        let name = document.get(pointer).and_then(serde_json::Value::as_str);
        name.map(|name| folder.join(name))
    };
    let mut faults = Vec::new();
    let mut overlays: Vec<Arc<OverlaySource>> = Vec::new();
    let names = Names::read(document);
    let found = lint::layout(document, folder)
        .map(|layout| tenants::read(&layout, names.known(), disk, &Former::default()));
    if let Some(Ok(found)) = found {
        faults.extend(found.quarantined);
        faults.extend(found.warnings);
        overlays = found.overlays;
    }
    let platform = folder_of("/policies").map(|folder| {
        let (texts, found) = disk.read_all(&folder, "cedar");
        faults.extend(found);
        let source = |(entry, text): (files::Entry, _)| Source::new(entry.shown(), text);
        texts.into_iter().map(source).collect()
    });
    let settings = policy::Settings {
        platform: platform.unwrap_or_default(),
        overlays,
        ..policy::Settings::default()
    };
    faults.extend(Store::review_untyped(settings));
    faults
}
