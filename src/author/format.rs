//! Files of policies laid out alike: all of them are looked at before any is written.

use crate::config;
use crate::fault::{self, Fault, Place};
use crate::policy::{self, Source};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What Windows' editors write before a text.
const MARK: char = '\u{feff}';

/// A file, and how it should look.
#[derive(Debug)]
pub struct Layout {
    /// As messages name it.
    pub file: String,
    /// Its text.
    pub before: String,
    /// The same policies and comments, laid out.
    pub after: String,
}

impl Layout {
    /// Whether it looks as it should.
    pub fn is_good(&self) -> bool {
        self.before == self.after
    }

    /// What it holds that no line shows, and loses.
    pub fn unseen(&self) -> Option<&'static str> {
        if self.before.starts_with(MARK) {
            Some("a byte order mark")
        } else if self.before.contains("\r\n") && !self.after.contains("\r\n") {
            Some("CR at the ends of lines")
        } else {
            None
        }
    }

    /// Replaces the file in one step, and keeps its mode and owner. A file that is not as it was read
    /// stays.
    pub fn write(&self) -> Result<(), Box<Fault>> {
        let failed = |error: io::Error| {
            let why = format!("cannot be written: {error}");
            let fault = Fault::error("file_not_written", Place::file(self.file.clone()), why);
            Box::new(fault.help("it stays as it is; look at the rights to its folder"))
        };
        // Behind a link: the link stays.
        let path = fs::canonicalize(&self.file).map_err(failed)?;
        if fs::read(&path).map_err(failed)? != self.before.as_bytes() {
            let error = io::Error::other("it changed meanwhile");
            return Err(failed(error));
        }
        config::replace_file(&path, &self.after).map_err(failed)
    }
}

/// How the platform's and the accounts' policies of a configuration should look.
pub fn format(config: &Path) -> Result<Vec<Layout>, Vec<Fault>> {
    let resolved = config::load(config)?;
    let faults = resolved.policy.overlays.iter();
    let faults: Vec<Fault> = faults.flat_map(|one| one.faults().to_vec()).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let overlays = resolved.policy.overlays.iter();
    let overlays = overlays.flat_map(|overlay| overlay.files());
    let all = resolved.policy.platform.iter().chain(overlays);
    laid_out(all.map(|source| PathBuf::from(&source.file)).collect())
}

/// How these files should look, and those named `*.cedar` in these folders, however deep.
pub fn format_at(paths: &[PathBuf]) -> Result<Vec<Layout>, Vec<Fault>> {
    let mut files = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        let found = collect(path, &mut files);
        faults.extend(found.err().map(|error| {
            let place = Place::file(path.display().to_string());
            let fault = Fault::error("file_unreadable", place, format!("cannot be read: {error}"));
            fault.help("create it, or correct the path")
        }));
    }
    if faults.is_empty() {
        laid_out(files)
    } else {
        Err(faults)
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // Links to folders may lead in a circle.
        if kind.is_dir() && !hidden {
            collect(&path, files)?;
        } else if !kind.is_dir() && !hidden && path.extension().is_some_and(|end| end == "cedar") {
            files.push(path);
        }
    }
    Ok(())
}

fn laid_out(mut files: Vec<PathBuf>) -> Result<Vec<Layout>, Vec<Fault>> {
    files.sort_unstable();
    files.dedup();
    let mut layouts = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        match layout(&file) {
            Ok(layout) => layouts.push(layout),
            Err(found) => faults.extend(found),
        }
    }
    fault::sort(&mut faults);
    if faults.is_empty() {
        Ok(layouts)
    } else {
        Err(faults)
    }
}

fn layout(path: &Path) -> Result<Layout, Vec<Fault>> {
    let file = path.display().to_string();
    if path.extension().is_none_or(|end| end != "cedar") {
        let fault = Fault::error("file_name", Place::file(file), "is no file of policies");
        return Err(vec![
            fault.help("name files that end in `.cedar`, or folders"),
        ]);
    }
    let before = config::text(path).map_err(|fault| vec![*fault])?;
    let text = before.strip_prefix(MARK).unwrap_or(&before);
    let after = policy::format(&Source {
        file: file.clone(),
        text: text.into(),
    })?;
    let before = before.to_string();
    Ok(Layout {
        file,
        before,
        after,
    })
}
