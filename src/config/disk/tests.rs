//! Readings that hold, and readings that were torn.

use super::*;
use crate::config::seen::Compare;
use std::fs;

fn believing(earlier: &Arc<Seen>) -> Disk {
    Disk::after(Before {
        earlier: Some(Arc::clone(earlier)),
        ..Before::default()
    })
}

#[test]
fn a_reading_holds_until_something_of_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("policies")).unwrap();
    fs::write(at("policies/one.cedar"), "one").unwrap();
    let seen = |missing: bool| {
        let disk = Disk::default();
        assert_eq!(disk.read_all(&at("policies"), "cedar").0.len(), 1);
        assert_eq!(disk.read(&at("later.yaml"), 100).is_err(), missing);
        disk.seen()
    };
    let mut first = seen(true);
    assert!(first.holds(Compare::Stamps));
    fs::write(at("unrelated"), "x").unwrap();
    assert!(first.holds(Compare::Stamps));
    fs::write(at("policies/one.cedar"), "two").unwrap();
    assert!(!first.holds(Compare::Stamps));
    fs::write(at("policies/one.cedar"), "one").unwrap();
    assert!(first.holds(Compare::Stamps));
    fs::write(at("policies/two.cedar"), "two").unwrap();
    assert!(!first.holds(Compare::Stamps));
    fs::remove_file(at("policies/two.cedar")).unwrap();
    fs::write(at("later.yaml"), "here").unwrap();
    assert!(!first.holds(Compare::Stamps));
    assert!(seen(false).holds(Compare::Stamps));
}

#[test]
fn what_was_read_twice_and_differs_is_torn() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        let disk = Disk::default();
        disk.read(&path, 10).unwrap();
        disk.seen()
    };
    let (first, second) = (read("one"), read("two"));
    assert!(!first.and(second.clone()).holds(Compare::Stamps));
    assert!(second.clone().and(second).holds(Compare::Stamps));
    let disk = Disk::default();
    fs::write(&path, "one").unwrap();
    disk.read(&path, 10).unwrap();
    fs::write(&path, "two").unwrap();
    disk.read(&path, 10).unwrap();
    assert!(!disk.seen().holds(Compare::Stamps));
}

#[test]
fn only_what_an_earlier_reading_saw_is_believed_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let disk = Disk::default();
    for name in ["still", "busy"] {
        fs::write(at(name), "one").unwrap();
        disk.read(&at(name), 10).unwrap();
    }
    let earlier = Arc::new(disk.seen());
    fs::write(at("busy"), "two").unwrap();
    fs::write(at("new"), "one").unwrap();
    let disk = believing(&earlier);
    assert!(disk.read(&at("still"), 10).is_ok());
    for name in ["busy", "new"] {
        assert_eq!(disk.read(&at(name), 10).unwrap_err().code, "file_changing");
    }
    // What is not believed may stay as it is by now, and is to be read again.
    let mut seen = disk.seen();
    assert!(!seen.holds(Compare::Stamps));
    assert!(seen.told([at("other")].into()).is_none());
    let believed = believing(&earlier);
    believed.read(&at("still"), 10).unwrap();
    assert!(believed.seen().holds(Compare::Stamps));
}

#[test]
fn a_folder_whose_names_come_and_go_is_not_believed_to_lack_them() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.cedar"), "one").unwrap();
    let disk = Disk::default();
    disk.list(dir.path()).unwrap();
    let earlier = Arc::new(disk.seen());
    assert!(believing(&earlier).list(dir.path()).is_ok());
    fs::remove_file(dir.path().join("a.cedar")).unwrap();
    let disk = believing(&earlier);
    let (texts, faults) = disk.read_all(dir.path(), "cedar");
    assert_eq!((texts.len(), faults[0].code), (0, "file_changing"));
    assert!(disk.list_any(dir.path()).is_ok());
}

#[test]
fn the_folders_of_links_and_of_what_is_missing_are_watched() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("..one")).unwrap();
    fs::write(at("..one/a.yaml"), "a").unwrap();
    std::os::unix::fs::symlink("..one", at("..data")).unwrap();
    std::os::unix::fs::symlink("..data/a.yaml", at("a.yaml")).unwrap();
    let disk = Disk::default();
    disk.read(&at("a.yaml"), 10).unwrap();
    disk.read(&at("no/such/file"), 10).unwrap_err();
    let folders = disk.seen().folders();
    assert!(folders.contains(dir.path()), "{folders:?}");
    let real = at("..one").canonicalize().unwrap();
    assert!(folders.contains(&real), "{folders:?}");
}

#[test]
fn a_folder_in_the_place_of_a_policy_file_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("one.cedar"), "one").unwrap();
    // What a container gets for a file that is not there.
    fs::create_dir(dir.path().join("two.cedar")).unwrap();
    fs::create_dir(dir.path().join("notes")).unwrap();
    let (files, faults) = Disk::default().read_all(dir.path(), "cedar");
    assert_eq!(files.len(), 1);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].place.file.ends_with("two.cedar"), "{faults:?}");
    assert_eq!(faults[0].code, "file_unreadable");
}
