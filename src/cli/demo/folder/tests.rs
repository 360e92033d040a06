//! Tests of the demo's `folder`.

use super::*;
use std::os::unix::fs::{PermissionsExt as _, symlink};

fn base() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let base = temp.path().join("palisade-demo");
    (temp, base)
}

#[test]
fn a_temporary_folder_is_found_while_it_is_there_and_is_gone_at_the_end() {
    let (_temp, base) = base();
    let folder = Folder::take_at(base.clone(), None, "one").unwrap();
    let path = folder.path().to_owned();
    assert!(folder.is_temporary());
    assert_eq!(current_at(&base).unwrap().as_ref(), Some(&path));
    drop(folder);
    assert!(!path.exists());
    assert_eq!(current_at(&base).unwrap(), None);
}

#[test]
fn a_kept_folder_is_found_after_the_end() {
    let (temp, base) = base();
    let dir = temp.path().join("kept/deep");
    let folder = Folder::take_at(base.clone(), Some(&dir), "one").unwrap();
    let path = folder.path().to_owned();
    drop(folder);
    assert!(dir.is_dir());
    assert_eq!(current_at(&base).unwrap(), Some(path));
}

#[test]
fn a_demo_that_ends_leaves_the_pointer_of_a_later_one() {
    let (_temp, base) = base();
    let first = Folder::take_at(base.clone(), None, "one").unwrap();
    let second = Folder::take_at(base.clone(), None, "two").unwrap();
    drop(first);
    assert_eq!(current_at(&base).unwrap().as_deref(), Some(second.path()));
}

#[test]
fn two_demos_never_share_a_folder() {
    let (temp, base) = base();
    let dir = temp.path().join("kept");
    let _first = Folder::take_at(base.clone(), Some(&dir), "one").unwrap();
    let second = Folder::take_at(base, Some(&dir), "two");
    assert!(matches!(second, Err(Error::FolderInUse { .. })));
}

#[test]
fn what_a_killed_demo_left_is_swept_and_a_running_one_is_not() {
    let (_temp, base) = base();
    let running = Folder::take_at(base.clone(), None, "running").unwrap();
    let killed = base.join("run-killed");
    create_all(&killed).unwrap();
    fs::write(killed.join(LOCK_FILE), "").unwrap();
    let starting = base.join("run-starting");
    create_all(&starting).unwrap();
    let _new = Folder::take_at(base, None, "new").unwrap();
    assert!(!killed.exists());
    assert!(starting.exists());
    assert!(running.path().exists());
}

#[test]
fn a_pointer_folder_that_others_can_write_or_that_is_a_link_is_refused() {
    let (temp, base) = base();
    fs::create_dir(&base).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(
        current_at(&base),
        Err(Error::PointerUnsafe { .. })
    ));
    let elsewhere = temp.path().join("elsewhere");
    create_all(&elsewhere).unwrap();
    let link = temp.path().join("link");
    symlink(&elsewhere, &link).unwrap();
    let taken = Folder::take_at(link, None, "one");
    assert!(matches!(taken, Err(Error::PointerUnsafe { .. })));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let (temp, base) = base();
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    let Err(error) = Folder::take_at(base, Some(&file.join("dir")), "one") else {
        panic!("it was made")
    };
    assert!(error.to_string().contains("file/dir"), "{error}");
}
