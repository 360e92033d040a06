//! Audit logs, read as the gate writes them: as a stream, file after file, in bounded memory.

mod lines;

pub use lines::{LINE_BYTES_MAX, Line};

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A log that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unread(pub String);

/// What a compressed file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Every line that is not empty: the name of its file, its number there, and what stands on it. `path` is a file, the
/// folder that the gate writes, or `-` for standard input.
pub fn read(path: &Path, mut take: impl FnMut(&str, u64, Line<'_>)) -> Result<(), Unread> {
    if path == Path::new("-") {
        return one("standard input", io::stdin().lock(), &mut take);
    }
    for path in files(path)? {
        let name = path.display().to_string();
        let file = File::open(&path).map_err(|error| failed(&name, &error))?;
        one(&name, BufReader::with_capacity(1 << 16, file), &mut take)?;
    }
    Ok(())
}

fn one(
    name: &str,
    mut reader: impl BufRead,
    take: &mut impl FnMut(&str, u64, Line<'_>),
) -> Result<(), Unread> {
    let start = reader.fill_buf().map_err(|error| failed(name, &error))?;
    if start.starts_with(&GZIP) {
        let why = "it is compressed: `zcat` it, and read it with `--audit -`";
        return Err(Unread(format!("`{name}`: {why}")));
    }
    let read = lines::each_line(reader, |number, line| take(name, number, line));
    read.map_err(|error| failed(name, &error))
}

fn failed(name: &str, error: &io::Error) -> Unread {
    Unread(format!("`{name}`: {error}"))
}

/// The file itself, or those of the gate in a folder: `audit.ndjson` and what was put aside of it, the oldest first.
fn files(path: &Path) -> Result<Vec<PathBuf>, Unread> {
    let shown = path.display().to_string();
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| failed(&shown, &error))? {
        let entry = entry.map_err(|error| failed(&shown, &error))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let rest = name.strip_prefix("audit.ndjson");
        // Compressed ones among them are told when they are read: what they hold must not be passed over.
        let is_log = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if is_log && !name.ends_with(".next") {
            found.push(entry.path());
        }
    }
    if found.is_empty() {
        let why = "there is no `audit.ndjson` in it";
        return Err(Unread(format!("`{shown}`: {why}")));
    }
    let age = |path: &PathBuf| -> u64 {
        let name = path.to_string_lossy();
        name.rsplit('.')
            .next()
            .and_then(|age| age.parse().ok())
            .unwrap_or(0)
    };
    found.sort_by_key(|path| (std::cmp::Reverse(age(path)), path.clone()));
    Ok(found)
}
