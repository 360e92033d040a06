//! Where records end up: a file that is rotated by size, or standard output.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The file in the configured directory; rotated ones add `.1`, `.2`, ..., the highest the oldest.
const FILE_NAME: &str = "audit.ndjson";

/// The one to come, while others are put aside.
const NEXT_NAME: &str = "audit.ndjson.next";

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output, one record a line.
    Stdout,
    /// `audit.ndjson` in a directory, which is created when absent.
    File {
        /// The directory.
        dir: PathBuf,
        /// A file that reached this size is put aside.
        bytes_max: u64,
        /// How many files are put aside before the oldest is deleted.
        keep: u32,
    },
}

/// What the writer writes to.
pub(super) trait Write: Send {
    /// Writes some of `lines`, which are whole records or what is left of them after the last call.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize>;

    /// Between two batches of whole records.
    fn rest(&mut self) -> io::Result<()>;

    /// Nothing more will be written.
    fn finish(&mut self) -> io::Result<()>;
}

/// The real outputs.
pub(super) enum Sink {
    Stdout,
    File(Rotated),
}

pub(super) struct Rotated {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
    keep: u32,
}

impl Sink {
    pub(super) fn open(output: Output) -> io::Result<Self> {
        match output {
            Output::Stdout => Ok(Self::Stdout),
            Output::File {
                dir,
                bytes_max,
                keep,
            } => Ok(Self::File(Rotated::open(&dir, bytes_max, keep)?)),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout => io::stdout().write(lines),
            Self::File(rotated) => rotated.write(lines),
        }
    }

    fn rest(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().flush(),
            Self::File(rotated) => rotated.rotate_if_full(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().flush(),
            Self::File(rotated) => rotated.file.sync_data(),
        }
    }
}

impl Rotated {
    fn open(dir: &Path, bytes_max: u64, keep: u32) -> io::Result<Self> {
        let named = |error: io::Error, path: &Path| {
            io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| named(error, dir))?;
        let path = dir.join(FILE_NAME);
        let mut file = open(&path).map_err(|error| named(error, &path))?;
        let bytes = end_last_line(&mut file).map_err(|error| named(error, &path))?;
        Ok(Self {
            path,
            file,
            bytes,
            bytes_max: bytes_max.max(1),
            keep,
        })
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let written = self.file.write(lines)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn rotate_if_full(&mut self) -> io::Result<()> {
        if self.bytes < self.bytes_max {
            return Ok(());
        }
        self.file.sync_data()?;
        // First what may want for a descriptor or for room on the disk: a rotation that stops half-way
        // is tried again, and would put the same files aside each time.
        let place = self.path.with_file_name(NEXT_NAME);
        let next = open(&place)?;
        self.put_aside()?;
        fs::rename(&place, &self.path)?;
        self.file = next;
        self.bytes = 0;
        Ok(())
    }

    /// Makes each file one older, up to the first age that is free: after a rotation that stopped half-way
    /// that is the one it left. Where none is kept, the next file takes the place of the last.
    fn put_aside(&self) -> io::Result<()> {
        let mut free = 0;
        while free < self.keep && self.aged(free).try_exists()? {
            free += 1;
        }
        for age in (0..free).rev() {
            fs::rename(self.aged(age), self.aged(age + 1))?;
        }
        Ok(())
    }

    fn aged(&self, age: u32) -> PathBuf {
        if age == 0 {
            return self.path.clone();
        }
        self.path.with_file_name(format!("{FILE_NAME}.{age}"))
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// Ends a line that a crash left unfinished, so that the next record stands on one of its own.
/// Answers the file's length.
fn end_last_line(file: &mut File) -> io::Result<u64> {
    let bytes = file.seek(SeekFrom::End(0))?;
    if bytes == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(bytes);
    }
    file.write_all(b"\n")?;
    Ok(bytes + 1)
}
