//! The configuration file, and the files it names, become the settings of every part.
//!
//! Files and environment stop here. `file` has their shapes, `misfit` says how a file differs from
//! its shape, `resolve` gives names, paths and addresses their meaning. A reader gets every fault at
//! once, each with place and remedy.

mod certificates;
mod disk;
mod file;
mod files;
mod findings;
mod fixed;
mod lint;
mod misfit;
mod replace;
mod resolve;
mod revocations;
pub mod schema;
mod secret;
mod seen;
mod settings;
mod stamp;
mod tenants;
mod units;
mod watch;

pub use disk::Before;
pub use lint::{TenantsOf, tenants};
pub use seen::{Compare, Seen, Told};
pub use settings::{Kept, Origin, Resolved, Restrictions};
pub use watch::{Settings as ReloadSettings, Watch};

// What files of others are read with too: the cases of `palisade test`.
pub(crate) use files::{FILE_BYTES_MAX, OPENAPI_BYTES_MAX, buried, list, read as read_file};
pub(crate) use misfit::shape;
pub(crate) use replace::replace as replace_file;
pub(crate) use resolve::SHADOW_ACCOUNTS;
pub(crate) use schema::Rules;
pub(crate) use units::Moment;

use crate::document::Document;
use crate::fault::Fault;
use disk::Disk;
use findings::Findings;
use std::path::Path;
use std::sync::Arc;

/// Reads the configuration at `path` and everything it names.
///
/// `Err` holds every fault that was found. `Ok` may hold `warnings`, and tenants that were left out
/// (`quarantined`): these stop nobody else.
pub fn load(path: &Path) -> Result<Resolved, Vec<Fault>> {
    load_after(path, Before::default())
}

/// The same, after earlier readings.
pub fn load_after(path: &Path, before: Before) -> Result<Resolved, Vec<Fault>> {
    let (resolved, seen) = read(path, None, before);
    let origin = Origin {
        path: path.to_owned(),
        seen,
    };
    Ok(Resolved {
        origin,
        ..resolved?
    })
}

/// The same, after a `former` configuration, and what was looked at: whether it [`Seen::holds`] says
/// whether the result can be believed. It can in any case if only what an `earlier` reading saw was.
pub fn read(
    path: &Path,
    former: Option<&Kept>,
    before: Before,
) -> (Result<Resolved, Vec<Fault>>, Seen) {
    let disk = Disk::after(before);
    let resolved = match former {
        None => resolve(path, None, &disk),
        Some(former) => resolve(path, Some(former), &disk).map(|next| next.after(former)),
    };
    (resolved, disk.seen())
}

fn resolve(path: &Path, former: Option<&Kept>, disk: &Disk) -> Result<Resolved, Vec<Fault>> {
    let text = disk.read(path, files::FILE_BYTES_MAX);
    let text = text.map_err(|fault| vec![*fault])?;
    let document = Document::parse(&path.display().to_string(), text)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let config: file::Config = misfit::shape(&document, &schema::CONFIG)
        .map_err(|found| [found, resolve::beyond(&document, folder, disk)].concat())?;
    let findings = Findings::new(&document, folder, disk);
    let Some(former) = former else {
        return resolve::resolve(&config, findings, None);
    };
    let (config, needs_restart) = fixed::keep(config, &former.config);
    let resolved = resolve::resolve(&config, findings, Some(&former.tenants))?;
    Ok(Resolved {
        needs_restart,
        ..resolved
    })
}

/// The whole text of a file as long as any of policies may be.
pub fn text(path: &Path) -> Result<Arc<str>, Box<Fault>> {
    files::read(path, files::FILE_BYTES_MAX)
}

#[cfg(test)]
mod tests;
