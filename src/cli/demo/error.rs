//! Why a demo does not start, or a token is not printed.

use crate::fault::{self, Fault};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Each says what is wrong and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The machine gave no random numbers.
    #[error("the machine gives no random numbers")]
    Random,
    /// The machine gave no key.
    #[error("no key can be made for the demo's issuer")]
    KeyGenerate,
    /// Something else stands where the key should.
    #[error("`{}` is not the key of a demo's issuer; delete it, and the next start makes a new one", path.display())]
    KeyUnreadable {
        /// The file.
        path: PathBuf,
    },
    /// A token could not be signed.
    #[error("the demo's issuer cannot sign")]
    Sign,
    /// A file or folder.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// The kept configuration is no text.
    #[error("`{}` is not UTF-8; delete it, and the next start writes it anew", path.display())]
    ConfigNotText {
        /// The file.
        path: PathBuf,
    },
    /// Another demo holds the folder.
    #[error("another demo runs in `{}`; end it, or give this one another `--dir`", dir.display())]
    FolderInUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder that says where demos are could be anybody's.
    #[error("`{}` is not a folder of yours alone (mode 0700); remove it, or set TMPDIR to a folder of your own", dir.display())]
    PointerUnsafe {
        /// The folder.
        dir: PathBuf,
    },
    /// No folder named, and none remembered.
    #[error(
        "no demo runs and none was kept; start one with `palisade demo`, or name its folder with `--dir`"
    )]
    NoDemo,
    /// The folder named is not a demo's.
    #[error("there is no demo in `{}`; start one with `palisade demo --dir {0}`", dir.display())]
    NoDemoIn {
        /// The folder.
        dir: PathBuf,
    },
    /// A port that was asked for.
    #[error(
        "127.0.0.1:{port} ({what}): {source}; choose another port with `{option}`, 0 for a free one"
    )]
    Port {
        /// The port.
        port: u16,
        /// What it is for.
        what: &'static str,
        /// Which option sets it.
        option: &'static str,
        /// What the machine said.
        source: io::Error,
    },
    /// A port that the machine chose.
    #[error("no free port on loopback: {0}")]
    Listen(io::Error),
    /// Threads or signals.
    #[error("the demo cannot run here: {0}")]
    Runtime(io::Error),
    /// The files are not a configuration that serves.
    #[error("the files of the demo are not valid")]
    Invalid(Vec<Fault>),
    /// The gate did not start, and said why.
    #[error("{0}")]
    Gate(String),
    /// The gate started, and is not ready.
    #[error("the gate is not ready after {secs} s; see the messages above")]
    NotReady {
        /// How long it was waited for.
        secs: u64,
    },
    /// What was to be printed.
    #[error("cannot print: {0}")]
    Print(io::Error),
}

impl Error {
    /// The text for people, all lines of it.
    pub(super) fn report(&self) -> String {
        match self {
            Self::Invalid(faults) => format!("{}error: {self}\n", fault::render(faults)),
            error => format!("error: {error}\n"),
        }
    }

    /// 3: the files are invalid; 1: everything else.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Invalid(_) => ExitCode::from(3),
            _ => ExitCode::FAILURE,
        }
    }
}
