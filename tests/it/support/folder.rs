//! A configuration folder as shipped, to be broken on purpose, and the binary to look at it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The demo's configuration with the shipped policies and schema, in a folder of its own.
pub(crate) struct Folder(TempDir);

/// What the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    /// As shipped: it is good.
    pub(crate) fn shipped() -> Self {
        let folder = Self(TempDir::new().expect("a temporary folder"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (from, to) in [
            ("examples/demo", ""),
            ("examples/demo/apis", "apis"),
            ("examples/demo/tenants", "tenants"),
            ("policies", "policies"),
            ("schemas", "schemas"),
        ] {
            copy(&root.join(from), &folder.path(to));
        }
        folder.write("control.token", "control-token-of-a-test-0123456789\n");
        folder
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes a file, whole.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        fs::write(path, text).expect("a file can be written");
    }

    /// Replaces the first `from`, which must be there.
    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "`{from}` is not in {name}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// Adds at the end of a file; makes it where there is none.
    pub(crate) fn append(&self, name: &str, text: &str) {
        let before = fs::read_to_string(self.path(name)).unwrap_or_default();
        self.write(name, &(before + text));
    }

    /// Runs the program inside of the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let run = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("PALISADE_CONFIG")
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        Said {
            code: run.status.code().expect("it was not killed"),
            out: String::from_utf8_lossy(&run.stdout).into_owned(),
            err: String::from_utf8_lossy(&run.stderr).into_owned(),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a shipped folder is readable") {
        let entry = entry.expect("a shipped folder is readable");
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a file can be copied");
        }
    }
}
