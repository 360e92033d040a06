//! The units of `deploy/systemd`: what they say is what the program does, and systemd understands them.

use crate::support::child::binary;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd")
}

/// Every unit: its name and its keys, the last value of each.
fn units() -> BTreeMap<String, BTreeMap<String, String>> {
    let entries = fs::read_dir(folder()).expect("the units are shipped");
    let paths = entries.map(|entry| entry.expect("a unit").path());
    let units = paths.filter(|path| path.extension().is_some_and(|end| end != "md"));
    units
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a unit is text");
            let lines = text.lines().filter(|line| !line.starts_with(['#', '[']));
            let keys = lines.filter_map(|line| line.split_once('='));
            let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), keys.collect())
        })
        .collect()
}

#[test]
fn the_sockets_have_names_that_the_program_knows_and_go_to_its_service() {
    let units = units();
    let service = &units["palisade.service"];
    assert_eq!(service["Type"], "notify");
    assert_eq!(service["NonBlocking"], "true");
    assert!(service["ExecStart"].ends_with("palisade serve --config /etc/palisade/palisade.yaml"));
    let sockets: Vec<_> = units
        .iter()
        .filter(|(name, _)| name.ends_with(".socket"))
        .collect();
    assert!(!sockets.is_empty());
    for (name, socket) in sockets {
        let known = ["http", "transparent", "metrics", "control"];
        let named = socket["FileDescriptorName"].as_str();
        assert!(known.contains(&named), "{name}: {named}");
        assert_eq!(socket["Service"], "palisade.service");
        let given = service["Sockets"].split(' ').any(|given| given == name);
        assert!(given, "{name} is not passed");
    }
}

#[test]
fn systemd_understands_the_units() {
    // Where there is no systemd its word cannot be had; the test above reads the units all the same.
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        return;
    };
    assert!(version.status.success());
    let copies = TempDir::new().expect("a temporary folder");
    let mut paths = Vec::new();
    for name in units().keys() {
        let text = fs::read_to_string(folder().join(name)).expect("a unit is text");
        let here = binary().display().to_string();
        let text = text.replace("/usr/local/bin/palisade", &here);
        let path = copies.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        paths.push(path);
    }
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .args(&paths)
        .output();
    let verified = verified.expect("it runs");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
}
