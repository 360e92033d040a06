//! Files that are read, and those that are not.

use super::*;
use crate::config::disk::Disk;
use std::fs;

#[test]
fn a_missing_file_is_named_with_its_remedy() {
    let fault = read(Path::new("nowhere/palisade.yaml"), 10).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "nowhere/palisade.yaml: cannot be read: no such file or directory (help: create it, or correct the path)"
    );
}

#[test]
fn folders_long_files_and_other_encodings_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a");
    assert!(
        read(dir.path(), 10)
            .unwrap_err()
            .message
            .contains("not a regular file")
    );
    fs::write(&file, "12345678901").unwrap();
    assert!(
        read(&file, 10)
            .unwrap_err()
            .message
            .contains("longer than 10 bytes")
    );
    fs::write(&file, b"ab\xff").unwrap();
    assert!(read(&file, 10).unwrap_err().message.contains("from byte 2"));
    fs::write(&file, "1234567890").unwrap();
    assert_eq!(&*read(&file, 10).unwrap(), "1234567890");
}

#[test]
fn a_pipe_that_nobody_writes_to_is_refused_at_once() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("a.yaml");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert!(
        read(&pipe, 10)
            .unwrap_err()
            .message
            .contains("not a regular file")
    );
}

#[test]
fn dotted_names_are_passed_over_and_links_that_leave_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.cedar"), "x").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("..2026");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("b.cedar"), "b").unwrap();
    fs::write(dir.path().join(".hidden.cedar"), "h").unwrap();
    fs::write(dir.path().join("a.cedar"), "a").unwrap();
    let link = |from: &Path, name: &str| {
        std::os::unix::fs::symlink(from, dir.path().join(name)).unwrap();
    };
    link(Path::new("..2026"), "..data");
    link(Path::new("..data/b.cedar"), "b.cedar");
    link(&outside.path().join("x.cedar"), "evil.cedar");
    link(Path::new("gone"), "loose.cedar");
    let listing = list(dir.path()).unwrap();
    let names: Vec<&str> = listing
        .entries
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    assert_eq!(names, ["a.cedar", "b.cedar"]);
    let mut codes: Vec<&str> = listing.refused.iter().map(|fault| fault.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["file_outside", "file_unreadable"]);
}

#[test]
fn a_policy_in_a_deeper_folder_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("more")).unwrap();
    fs::write(dir.path().join("a.cedar"), "a").unwrap();
    fs::write(dir.path().join("readme.md"), "r").unwrap();
    fs::write(dir.path().join("more/b.cedar"), "b").unwrap();
    let (texts, faults) = Disk::default().read_all(dir.path(), "cedar");
    assert_eq!(texts.len(), 1);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].code, "file_not_read");
}
