//! Specs: what may be allowed at most, written as permits. Those that ship are part of the program, so that
//! nobody proves less by losing a file; the folder `specs` beside the policies adds to them.

use crate::config::{self, FILE_BYTES_MAX};
use crate::fault::{Fault, Place};
use crate::policy::{Source, Statements, Theory};
use std::path::Path;

/// What may be allowed.
#[derive(Clone, Debug)]
pub struct Spec {
    /// `only-tenant`.
    pub name: String,
    /// Its file; `None`: it is part of the program.
    pub file: Option<String>,
    /// What it says, for people.
    pub says: String,
    /// How it says it.
    pub kind: Kind,
    /// The permits.
    pub(super) permits: Statements,
}

/// How a spec says what may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `only-*`: whatever is allowed, it permits.
    Only,
    /// `never-*`: nothing that is allowed, it permits.
    Never,
}

/// Name and text of a spec that ships.
macro_rules! shipped {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../policies/specs/", $name, ".cedar")),
        )
    };
}

/// Those that ship.
const SHIPPED: [(&str, &str); 9] = [
    shipped!("only-tenant"),
    shipped!("never-cross-tenant"),
    shipped!("only-one-workspace"),
    shipped!("never-write-elsewhere"),
    shipped!("only-principals-in-portal"),
    shipped!("only-granted-principals"),
    shipped!("only-own-voice"),
    shipped!("only-in-scope"),
    shipped!("only-active"),
];

/// Files of the folder at most.
const SPECS_MAX: usize = 100;

/// All specs: those that ship, and those in `folder`, which may be missing. Parses, so call it on a stack of
/// [`crate::policy::PARSE_STACK_BYTES`] only.
pub fn specs(folder: &Path, theory: &Theory) -> Result<Vec<Spec>, Vec<Fault>> {
    let mut specs = Vec::new();
    let mut faults = Vec::new();
    for (name, text) in SHIPPED {
        match spec(name, &Source::new(format!("{name}.cedar"), text), theory) {
            Ok(spec) => specs.push(Spec { file: None, ..spec }),
            Err(found) => faults.extend(found),
        }
    }
    for source in own(folder, &mut faults) {
        let name = name(&source);
        let same = SHIPPED.iter().find(|(shipped, _)| *shipped == name);
        match same {
            Some((_, text)) if **text == *source.text => {}
            Some(_) => faults.push(changed(&source)),
            None => match spec(&name, &source, theory) {
                Ok(spec) => specs.push(spec),
                Err(found) => faults.extend(found),
            },
        }
    }
    if faults.is_empty() {
        Ok(specs)
    } else {
        Err(faults)
    }
}

fn own(folder: &Path, faults: &mut Vec<Fault>) -> Vec<Source> {
    if !folder.exists() {
        return Vec::new();
    }
    let listing = match config::list(folder) {
        Ok(listing) => listing,
        Err(fault) => {
            faults.push(*fault);
            return Vec::new();
        }
    };
    faults.extend(listing.refused);
    for below in listing.entries.iter().filter(|entry| entry.is_folder) {
        match config::list(&below.path) {
            Ok(listing) => faults.extend(config::buried(&listing.entries, "cedar")),
            Err(fault) => faults.push(*fault),
        }
    }
    let files = listing.entries.iter();
    let files = files.filter(|entry| !entry.is_folder && entry.stem("cedar").is_some());
    let mut sources = Vec::new();
    for entry in files {
        match config::read_file(&entry.path, FILE_BYTES_MAX) {
            Ok(text) => sources.push(Source::new(entry.shown(), text)),
            Err(fault) => faults.push(*fault),
        }
    }
    if sources.len() > SPECS_MAX {
        let place = Place::file(folder.display().to_string());
        let message = format!("{} specs, at most {SPECS_MAX}", sources.len());
        faults.push(Fault::error("spec_form", place, message).help("say it in fewer files"));
        sources.clear();
    }
    sources
}

fn name(source: &Source) -> String {
    let path = Path::new(&source.file);
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn spec(name: &str, source: &Source, theory: &Theory) -> Result<Spec, Vec<Fault>> {
    let kind = if name.starts_with("only-") {
        Kind::Only
    } else if name.starts_with("never-") {
        Kind::Never
    } else {
        let message = format!("the name `{name}` does not say how the spec is meant");
        let fault = Fault::error("spec_form", Place::file(source.file.clone()), message);
        return Err(vec![fault.help(
            "name it `only-*.cedar` if it permits whatever may be allowed, `never-*.cedar` if it permits what may not",
        )]);
    };
    let permits = theory.spec(source)?;
    let said = permits.iter().find_map(|one| one.about.description.clone());
    let unsaid = match kind {
        Kind::Only => "whatever is allowed is permitted here",
        Kind::Never => "nothing that is permitted here is allowed",
    };
    Ok(Spec {
        name: name.to_owned(),
        file: Some(source.file.clone()),
        says: said.unwrap_or_else(|| unsaid.to_owned()),
        kind,
        permits,
    })
}

fn changed(source: &Source) -> Fault {
    let message = "differs from the spec of this name that is part of the program";
    let fault = Fault::error("spec_form", Place::file(source.file.clone()), message);
    fault.help("give it a name of its own, or remove it: what ships is proved in any case")
}
