//! The configuration file, and the files it names, become the settings of every part.
//!
//! Files and environment stop here. `file` has their shapes, `misfit` says how a file differs from
//! its shape, `resolve` gives names, paths and addresses their meaning. A reader gets every fault at
//! once, each with place and remedy.

mod file;
mod files;
mod findings;
mod lint;
mod misfit;
mod resolve;
pub mod schema;
mod settings;
mod tenants;
mod units;

pub use lint::{TenantsOf, tenants};
pub use settings::Resolved;

use crate::document::Document;
use crate::fault::Fault;
use std::path::Path;

/// Reads the configuration at `path` and everything it names.
///
/// `Err` holds every fault that was found. `Ok` may hold `warnings`, and tenants that were left out
/// (`quarantined`): these stop nobody else.
pub fn load(path: &Path) -> Result<Resolved, Vec<Fault>> {
    let text = files::read(path, files::FILE_BYTES_MAX).map_err(|fault| vec![*fault])?;
    let document = Document::parse(&path.display().to_string(), text)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let config: file::Config = misfit::shape(&document, schema::config())
        .map_err(|found| [found, resolve::beyond(&document, folder)].concat())?;
    resolve::resolve(&config, &document, folder)
}

#[cfg(test)]
mod tests;
