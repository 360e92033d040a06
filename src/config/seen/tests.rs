//! Files that are believed unread, and files that are not.

use super::*;
use crate::config::disk::{Before, Disk};
use std::fs;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn read(dir: &Path, before: Before) -> Seen {
    let disk = Disk::after(before);
    disk.read_all(dir, "cedar");
    disk.seen()
}

/// Whether that file would not be read again.
fn is_still(seen: &Seen, path: &Path) -> bool {
    seen.still(path, What::File(files::FILE_BYTES_MAX))
        .is_some()
}

#[test]
fn a_file_is_believed_unread_only_if_it_was_old_when_it_was_read() {
    let dir = folder(&[("a.cedar", "one"), ("b.cedar", "one")]);
    let at = |name: &str| dir.path().join(name);
    let seen = read(dir.path(), Before::default());
    assert!(!is_still(&seen, &at("a.cedar")), "it was just written");
    let seen = seen.aged();
    assert!(is_still(&seen, &at("a.cedar")));
    let known = Arc::new(seen);
    let before = || Before {
        known: Arc::clone(&known),
        ..Before::default()
    };
    let path = at("a.cedar");
    let disk = Disk::after(before());
    let looked = disk.look(&path, files::FILE_BYTES_MAX).unwrap();
    assert_eq!(looked.digest, digest(&[b"text", b"one"]));
    // What is believed unread is so for the next reading too.
    disk.look(&at("b.cedar"), files::FILE_BYTES_MAX).unwrap();
    let next = disk.seen();
    assert!(is_still(&next, &path));
    fs::write(&path, "two").unwrap();
    assert!(!is_still(&next, &path));
    assert!(is_still(&next, &at("b.cedar")));
    let looked = Disk::after(before())
        .look(&path, files::FILE_BYTES_MAX)
        .unwrap();
    assert_eq!(looked.digest, digest(&[b"text", b"two"]));
}

#[test]
fn the_size_and_the_moment_of_the_former_hide_no_other_text() {
    let dir = folder(&[("a.cedar", "one")]);
    let path = dir.path().join("a.cedar");
    let mut seen = read(dir.path(), Before::default()).aged();
    assert!(seen.holds(Compare::Stamps));
    let moment = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "two").unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(moment).unwrap();
    assert!(!seen.holds(Compare::Stamps));
}

#[test]
fn a_link_that_leads_elsewhere_is_seen() {
    let dir = folder(&[(".one", "one"), (".two", "one")]);
    let link = dir.path().join("a.cedar");
    std::os::unix::fs::symlink(".one", &link).unwrap();
    let seen = read(dir.path(), Before::default()).aged();
    assert!(is_still(&seen, &link));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(".two", &link).unwrap();
    assert!(!is_still(&seen, &link));
}

#[test]
fn what_leaves_no_trace_is_found_by_comparing_contents() {
    let dir = folder(&[("a.cedar", "one")]);
    let path = dir.path().join("a.cedar");
    let mut seen = read(dir.path(), Before::default()).aged();
    fs::write(&path, "two").unwrap();
    // As a file system that keeps no moments would describe it.
    let stamp = Stamp::at(&path).unwrap();
    for sight in seen
        .sights
        .values_mut()
        .filter(|sight| sight.names.is_none())
    {
        sight.stamp = Some((stamp, Clock::system().now().plus_millis(60_000)));
    }
    assert!(seen.holds(Compare::Stamps));
    assert!(!seen.holds(Compare::Contents));
}

#[test]
fn of_what_was_told_only_that_is_looked_at() {
    let dir = folder(&[("a.cedar", "one"), ("b.cedar", "one")]);
    let at = |name: &str| dir.path().join(name);
    let names = |names: &[&str]| names.iter().map(|name| at(name)).collect::<BTreeSet<_>>();
    let mut seen = read(dir.path(), Before::default());
    fs::write(at("a.cedar"), "two").unwrap();
    assert_eq!(seen.holds_at(&names(&["b.cedar"])), Some(true));
    assert_eq!(seen.holds_at(&names(&["b.cedar", "a.cedar"])), Some(false));
    fs::write(at("a.cedar"), "one").unwrap();
    assert_eq!(seen.holds_at(&names(&["a.cedar"])), Some(true));
    fs::write(at(".new"), "one").unwrap();
    assert_eq!(
        seen.holds_at(&names(&["a.cedar", ".new", ".gone"])),
        Some(true)
    );
    assert!(Seen::is_passing(&names(&[".new", ".gone"])));
    assert!(!Seen::is_passing(&names(&[".new", "a.cedar"])));
    assert!(!Seen::is_passing(&names(&["..data"])));
    // A name that no listing shows may be one that others lead through.
    std::os::unix::fs::symlink("elsewhere", at(".link")).unwrap();
    assert_eq!(seen.holds_at(&names(&["a.cedar", ".link"])), None);
    assert_eq!(seen.holds_at(&names(&["a.cedar", "..data"])), None);
    assert_eq!(seen.holds_at(&names(&["elsewhere/a.cedar"])), None);
    fs::write(at("c.cedar"), "new").unwrap();
    assert_eq!(seen.holds_at(&names(&["c.cedar"])), Some(false));
}

#[test]
fn a_log_beside_what_was_read_is_nobodys_and_a_way_to_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for folder in ["tenants", "real", "elsewhere"] {
        fs::create_dir(at(folder)).unwrap();
    }
    for file in [
        "palisade.yaml",
        "tenants/a.cedar",
        "real/keys.json",
        "elsewhere/b.cedar",
    ] {
        fs::write(at(file), "one").unwrap();
    }
    std::os::unix::fs::symlink("real/keys.json", at("keys.json")).unwrap();
    std::os::unix::fs::symlink("elsewhere", at("policies")).unwrap();
    let disk = Disk::default();
    for file in ["palisade.yaml", "keys.json"] {
        disk.read(&at(file), files::FILE_BYTES_MAX).unwrap();
    }
    for folder in ["tenants", "policies"] {
        disk.read_all(&at(folder), "cedar");
    }
    let mut seen = disk.seen();
    let mut holds = |name: &str| seen.holds_at(&BTreeSet::from([at(name)]));
    assert_eq!(holds("palisade.yaml"), Some(true));
    assert_eq!(holds("log"), Some(true));
    fs::write(at("log"), "one").unwrap();
    assert_eq!(holds("log"), Some(true));
    assert_eq!(holds("real/other"), Some(true));
    assert_eq!(holds("keys.json"), Some(true));
    for way in ["real", "real/keys.json", "elsewhere", "elsewhere/c.cedar"] {
        assert_eq!(holds(way), None, "{way}");
    }
    // Where something is missing, nobody knows by which name it comes.
    fs::remove_file(at("real/keys.json")).unwrap();
    assert_eq!(holds("log"), None);
}

#[test]
fn what_the_system_did_not_tell_of_is_not_looked_at_until_the_next_whole_look() {
    let dir = folder(&[("a.cedar", "one"), ("b.cedar", "one")]);
    let at = |name: &str| dir.path().join(name);
    // As configurations name it.
    let known = Arc::new(read(&at(""), Before::default()));
    fs::write(at("a.cedar"), "two").unwrap();
    fs::write(at("b.cedar"), "two").unwrap();
    let names = BTreeSet::from([at("a.cedar")]);
    let told = known.told(names);
    assert!(told.is_some());
    assert!(known.told(BTreeSet::from([at("new.cedar")])).is_some());
    assert!(known.told(BTreeSet::from([at("..data")])).is_none());
    let disk = Disk::after(Before {
        known,
        told: told.map(Arc::new),
        ..Before::default()
    });
    let look = |name: &str| disk.look(&at(name), files::FILE_BYTES_MAX).unwrap().digest;
    assert_eq!(look("a.cedar"), digest(&[b"text", b"two"]));
    assert_eq!(look("b.cedar"), digest(&[b"text", b"one"]));
    let mut seen = disk.seen();
    // What was read holds, and what was told since does not.
    assert!(seen.holds_since(Some(&BTreeSet::new())));
    assert!(!seen.holds_since(Some(&BTreeSet::from([at("b.cedar")]))));
    assert!(!seen.holds_since(None));
    fs::write(at("a.cedar"), "three").unwrap();
    assert!(!seen.holds_since(Some(&BTreeSet::new())));
}

#[test]
fn a_folder_that_takes_anothers_name_is_looked_at_whole() {
    let dir = folder(&[]);
    let at = |name: &str| dir.path().join(name);
    let lay = |folder: &str, text: &str| {
        fs::create_dir(at(folder)).unwrap();
        fs::write(at(folder).join("a.cedar"), text).unwrap();
    };
    let look = |before: Before| {
        let disk = Disk::after(before);
        disk.list(dir.path()).unwrap();
        disk.look_all(&at("acme"), "cedar");
        disk.seen()
    };
    lay("acme", "one");
    lay(".next", "two");
    let mut known = look(Before::default());
    fs::rename(at("acme"), at(".old")).unwrap();
    fs::rename(at(".next"), at("acme")).unwrap();
    let names = BTreeSet::from([at("acme")]);
    assert_eq!(known.clone().holds_at(&names), Some(false));
    let told = known.told(names).map(Arc::new);
    let next = look(Before {
        known: Arc::new(known.clone()),
        told,
        ..Before::default()
    });
    let file = key(&at("acme/a.cedar"), What::File(files::FILE_BYTES_MAX));
    assert_eq!(next.sights[&file].digest, digest(&[b"text", b"two"]));
    assert!(!known.holds(Compare::Stamps));
}

#[test]
fn where_there_are_links_no_name_says_what_it_is_about() {
    let dir = folder(&[("a.cedar", "one"), (".c", "one")]);
    let at = |name: &str| dir.path().join(name);
    std::os::unix::fs::symlink("a.cedar", at("b.cedar")).unwrap();
    let mut seen = read(dir.path(), Before::default()).aged();
    for name in ["a.cedar", "b.cedar", ".c"] {
        let names = BTreeSet::from([at(name)]);
        assert_eq!(seen.holds_at(&names), None);
        assert!(seen.told(names).is_none());
    }
    fs::write(at("a.cedar"), "two").unwrap();
    assert!(!seen.holds(Compare::Stamps));
}
