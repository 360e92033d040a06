//! `palisade fmt`: files of policies in one layout, whole or not at all.

use crate::support::folder::Folder;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const ACME: &str = "tenants/acme.cedar";
const PLATFORM: &str = "policies/mine.cedar";
const UGLY: &str = "// why\n@id(\"mine\") permit(principal,action,resource) // who\nwhen{principal.mfa};\n// end\n";

#[test]
fn files_of_the_configuration_are_laid_out_and_stay_what_they_are() {
    let folder = Folder::shipped();
    folder.run(&["fmt"]);
    folder.write(PLATFORM, UGLY);
    let path = folder.path(PLATFORM);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
    let said = folder.run(&["fmt", "--check"]);
    assert_eq!(said.code, 4, "{}", said.out);
    assert!(said.out.contains("--- policies/mine.cedar"), "{}", said.out);
    assert!(said.out.contains("-when{principal.mfa};"), "{}", said.out);
    assert_eq!(folder.read(PLATFORM), UGLY);

    let said = folder.run(&["fmt"]);
    assert_eq!((said.code, said.out.as_str()), (0, "policies/mine.cedar\n"));
    let after = folder.read(PLATFORM);
    for part in [
        "// why\n",
        "// who\n",
        "// end\n",
        "when { principal.mfa };",
    ] {
        assert!(after.contains(part), "`{part}` is not in:\n{after}");
    }
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(folder.run(&["fmt", "--check"]).code, 0);
    let names = fs::read_dir(folder.path("policies")).expect("a folder");
    assert!(
        names
            .flatten()
            .all(|name| !name.file_name().to_string_lossy().starts_with('.'))
    );
}

#[test]
fn one_bad_file_leaves_all_as_they_are() {
    let folder = Folder::shipped();
    folder.write(PLATFORM, UGLY);
    folder.write(ACME, "permit (principal, action resource);");
    let said = folder.run(&["fmt"]);
    assert_eq!(said.code, 3, "{}", said.out);
    assert!(said.out.contains("tenants/acme.cedar:1"), "{}", said.out);
    assert_eq!(folder.read(PLATFORM), UGLY);
}

#[test]
fn marks_and_line_ends_of_windows_go() {
    let folder = Folder::empty();
    folder.write("a.cedar", &format!("\u{feff}{UGLY}"));
    folder.write("b.cedar", &UGLY.replace('\n', "\r\n"));
    let said = folder.run(&["fmt", "--check", "."]);
    assert!(said.out.contains("holds a byte order mark"), "{}", said.out);
    assert!(
        said.out.contains("holds CR at the ends of lines"),
        "{}",
        said.out
    );
    let said = folder.run(&["fmt", "a.cedar", "b.cedar"]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert_eq!(folder.read("a.cedar"), folder.read("b.cedar"));
    assert!(!folder.read("a.cedar").contains(['\r', '\u{feff}']));
}

#[test]
fn what_is_no_policy_file_is_told() {
    let folder = Folder::empty();
    fs::write(folder.path("latin.cedar"), b"// caf\xe9\n").expect("a file");
    folder.write("large.cedar", &"// large\n".repeat(1_200_000));
    folder.write("a.txt", "");
    for (path, part) in [
        ("latin.cedar", "is not UTF-8"),
        ("large.cedar", "is longer than"),
        ("a.txt", "is no file of policies"),
        ("none.cedar", "cannot be read"),
    ] {
        let said = folder.run(&["fmt", path]);
        assert!(
            said.code == 3 && said.out.contains(part),
            "{path}: {}",
            said.out
        );
    }
}

#[test]
fn a_link_stays_a_link() {
    let folder = Folder::empty();
    folder.write("real/a.cedar", UGLY);
    std::os::unix::fs::symlink("real/a.cedar", folder.path("b.cedar")).expect("a link");
    assert_eq!(folder.run(&["fmt", "b.cedar"]).code, 0);
    assert!(folder.path("b.cedar").is_symlink());
    assert_ne!(folder.read("real/a.cedar"), UGLY);
}

#[test]
fn what_ships_is_laid_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = |name: &str| root.join(name).display().to_string();
    let folders = ["policies", "examples", "src/policy"].map(path);
    let [policies, examples, guards] = &folders;
    let said = Folder::empty().run(&["fmt", "--check", policies, examples, guards]);
    assert_eq!(said.code, 0, "{}", said.out);
}
