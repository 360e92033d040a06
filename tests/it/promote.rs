//! Policies that are to be come to where they serve, and what served comes back.

use crate::support::eventually;
use crate::support::folder::{Folder, Said};
use crate::support::gate::TestGate;
use palisade::reason::Reason;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PATH: &str = "/app/v1/missions";
const STOP: &str = "@id(\"stop\")\nforbid (principal, action, resource);\n";
const PASS: &str = "@id(\"pass\")\nforbid (principal, action, resource) when { false };\n";

/// The demo with a shadow of its own policies.
fn shadowed() -> Folder {
    let folder = Folder::shipped();
    folder.append("palisade.yaml", "shadow: policies-next/\n");
    for name in cedar(&folder.path("policies")) {
        let text = folder.read(&format!("policies/{name}"));
        folder.write(&format!("policies-next/{name}"), &text);
    }
    folder
}

fn cedar(folder: &Path) -> Vec<String> {
    let names = all(folder).into_keys();
    let names = names.filter(|name| {
        name.strip_suffix(".cedar")
            .is_some_and(|stem| !stem.contains('/'))
    });
    names.collect()
}

/// Every file of a folder, with its bytes.
fn all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside of it");
                let bytes = fs::read(&path).expect("a readable file");
                found.insert(name.display().to_string(), bytes);
            }
        }
    }
    found
}

#[track_caller]
fn good(said: &Said) -> String {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    said.out.clone()
}

#[track_caller]
fn refused(said: &Said, code: i32, word: &str) {
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    let all = format!("{}{}", said.out, said.err);
    assert!(all.contains(word), "`{word}`: {all}");
}

#[test]
fn the_platforms_policies_come_whole_and_go_back_to_the_byte() {
    let folder = shadowed();
    folder.write("policies/tests/own.md", "kept");
    let before = all(&folder.path("policies"));
    let some = cedar(&folder.path("policies"))[0].clone();
    fs::remove_file(folder.path("policies-next").join(&some)).expect("it is there");
    folder.write("policies-next/new.cedar", PASS);
    let shown = good(&folder.run(&["promote", "--dry-run"]));
    assert!(shown.contains(&format!("{some} goes")), "{shown}");
    assert!(shown.contains("new.cedar comes"), "{shown}");
    assert!(shown.contains("+@id(\"pass\")"), "{shown}");
    assert_eq!(all(&folder.path("policies")), before, "nothing was changed");
    let word = shown.split("--expect ").nth(1).expect("a word");
    let word = word.split('`').next().expect("a word");
    good(&folder.run(&["promote", "--expect", word]));
    let now = all(&folder.path("policies"));
    assert_eq!(
        cedar(&folder.path("policies")),
        cedar(&folder.path("policies-next"))
    );
    assert_eq!(now["tests/own.md"], b"kept", "the rest of the folder stays");
    assert!(good(&folder.run(&["promote"])).contains("already"));
    good(&folder.run(&["check"]));
    good(&folder.run(&["rollback"]));
    assert_eq!(all(&folder.path("policies")), before);
    refused(&folder.run(&["rollback"]), 1, "nothing was promoted");
}

#[test]
fn two_promotions_go_back_one_after_the_other() {
    let folder = shadowed();
    let first = all(&folder.path("policies"));
    folder.write("policies-next/one.cedar", PASS);
    good(&folder.run(&["promote"]));
    let second = all(&folder.path("policies"));
    folder.write("policies-next/two.cedar", &PASS.replace("pass", "pass-two"));
    good(&folder.run(&["promote"]));
    good(&folder.run(&["rollback"]));
    assert_eq!(all(&folder.path("policies")), second);
    good(&folder.run(&["rollback"]));
    assert_eq!(all(&folder.path("policies")), first);
}

#[test]
fn accounts_are_promoted_alone_and_all_of_them_or_none() {
    let folder = shadowed();
    folder.write("tenants/acme.cedar", PASS);
    folder.replace("tenants/globex.yaml", "overlay: none", "overlay: forbid");
    folder.write("policies-next/accounts/acme.cedar", STOP);
    folder.write("policies-next/accounts/globex.cedar", STOP);
    folder.write("policies-next/new.cedar", PASS);
    good(&folder.run(&["promote", "--account", "acme", "--account", "globex"]));
    assert_eq!(folder.read("tenants/acme.cedar"), STOP);
    assert_eq!(folder.read("tenants/globex.cedar"), STOP);
    assert!(!folder.path("policies/new.cedar").exists());
    good(&folder.run(&["rollback", "--account", "globex"]));
    assert!(!folder.path("tenants/globex.cedar").exists());
    good(&folder.run(&["rollback", "--account", "acme"]));
    assert_eq!(folder.read("tenants/acme.cedar"), PASS);
    // One that does not load keeps the other back.
    folder.write("policies-next/accounts/globex.cedar", "permit (principal");
    let both = ["promote", "--account", "acme", "--account", "globex"];
    refused(&folder.run(&both), 3, "globex.cedar");
    assert_eq!(folder.read("tenants/acme.cedar"), PASS);
    refused(
        &folder.run(&["promote", "--account", "nobody"]),
        1,
        "nobody",
    );
    assert_eq!(folder.run(&["promote", "--account", "../acme"]).code, 2);
}

#[test]
fn what_would_not_load_is_refused_with_its_faults() {
    let folder = shadowed();
    let before = all(&folder.path("policies"));
    folder.write(
        "policies-next/bad.cedar",
        "@id(\"bad\")\npermit (principal, action, resource) when { context.nothing };\n",
    );
    refused(&folder.run(&["promote"]), 3, "bad.cedar");
    assert_eq!(all(&folder.path("policies")), before);
    fs::remove_file(folder.path("policies-next/bad.cedar")).expect("it is there");
    let none = folder.run(&["promote", "--account", "acme"]);
    refused(&none, 1, "no policies of the account");
    fs::remove_dir_all(folder.path("policies-next")).expect("it is there");
    assert_eq!(folder.run(&["promote"]).code, 3);
    folder.replace("palisade.yaml", "shadow: policies-next/\n", "");
    refused(&folder.run(&["promote"]), 1, "no `shadow`");
}

#[test]
fn what_somebody_wrote_since_is_not_replaced_unasked_and_never_lost() {
    let folder = shadowed();
    let before = all(&folder.path("policies"));
    folder.write("policies-next/new.cedar", PASS);
    let word = good(&folder.run(&["promote", "--dry-run"]));
    let word = word.split("--expect ").nth(1).expect("a word");
    let word = word.split('`').next().expect("a word").to_owned();
    folder.write("policies-next/new.cedar", STOP);
    refused(
        &folder.run(&["promote", "--expect", &word]),
        1,
        "not as it was",
    );
    folder.write("policies-next/new.cedar", PASS);
    good(&folder.run(&["promote"]));
    folder.append("policies/new.cedar", "// somebody's\n");
    refused(&folder.run(&["rollback"]), 1, "--force");
    good(&folder.run(&["rollback", "--force"]));
    assert_eq!(all(&folder.path("policies")), before);
    let kept = all(&folder.path(".palisade"));
    let theirs = kept
        .values()
        .any(|bytes| bytes.ends_with(b"// somebody's\n"));
    assert!(theirs, "{:?}", kept.keys());
}

#[test]
fn nothing_is_promoted_through_links_or_by_two_at_once() {
    let folder = shadowed();
    folder.write("policies/tests/own.md", "kept");
    folder.write("policies-next/new.cedar", PASS);
    let lock = || {
        fs::create_dir_all(folder.path(".palisade")).expect("a folder");
        let file = fs::File::create(folder.path(".palisade/.lock")).expect("a file");
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
        file
    };
    let held = lock();
    refused(&folder.run(&["promote"]), 1, "locked");
    drop(held);
    fs::rename(folder.path("policies"), folder.path("elsewhere")).expect("a rename");
    std::os::unix::fs::symlink("elsewhere", folder.path("policies")).expect("a link");
    let before = all(&folder.path("elsewhere"));
    refused(&folder.run(&["promote"]), 1, "link");
    assert_eq!(all(&folder.path("elsewhere")), before);
    fs::remove_file(folder.path("policies")).expect("it is there");
    fs::rename(folder.path("elsewhere"), folder.path("policies")).expect("a rename");
    std::os::unix::fs::symlink("/etc", folder.path("policies/tests/out")).expect("a link");
    refused(&folder.run(&["promote"]), 1, "link");
    fs::remove_file(folder.path("policies/tests/out")).expect("it is there");
    // The place where is kept what served is somebody else's.
    fs::remove_dir_all(folder.path(".palisade")).expect("it is there");
    std::os::unix::fs::symlink("/tmp", folder.path(".palisade")).expect("a link");
    refused(&folder.run(&["promote"]), 1, "link");
    assert_eq!(all(&folder.path("policies")), before);
}

#[test]
fn forms_do_not_mix_and_a_folder_of_an_account_is_exchanged_whole() {
    let folder = shadowed();
    folder.write("tenants/acme.cedar", PASS);
    folder.write("policies-next/accounts/acme/a.cedar", STOP);
    refused(
        &folder.run(&["promote", "--account", "acme"]),
        1,
        "same form",
    );
    assert_eq!(folder.read("tenants/acme.cedar"), PASS);
    fs::remove_file(folder.path("tenants/acme.cedar")).expect("it is there");
    folder.write("tenants/acme/b.cedar", PASS);
    good(&folder.run(&["promote", "--account", "acme"]));
    assert_eq!(cedar(&folder.path("tenants/acme")), ["a.cedar"]);
    good(&folder.run(&["rollback", "--account", "acme"]));
    assert_eq!(cedar(&folder.path("tenants/acme")), ["b.cedar"]);
}

/// Which form stands there says what comes back, and not which was promoted first.
#[test]
fn an_account_that_went_from_a_file_to_a_folder_goes_back_as_a_folder() {
    let folder = shadowed();
    folder.write("tenants/acme.cedar", PASS);
    folder.write(
        "policies-next/accounts/acme.cedar",
        &PASS.replace("pass", "one"),
    );
    good(&folder.run(&["promote", "--account", "acme"]));
    fs::remove_file(folder.path("tenants/acme.cedar")).expect("it is there");
    fs::remove_file(folder.path("policies-next/accounts/acme.cedar")).expect("it is there");
    folder.write("tenants/acme/own.cedar", &PASS.replace("pass", "two"));
    let before = all(&folder.path("tenants/acme"));
    folder.write(
        "policies-next/accounts/acme/own.cedar",
        &PASS.replace("pass", "three"),
    );
    good(&folder.run(&["promote", "--account", "acme"]));
    good(&folder.run(&["rollback", "--account", "acme"]));
    assert_eq!(all(&folder.path("tenants/acme")), before);
    assert!(!folder.path("tenants/acme.cedar").exists());
    good(&folder.run(&["check"]));
    folder.write("tenants/acme.cedar", PASS);
    refused(
        &folder.run(&["rollback", "--account", "acme"]),
        1,
        "are there: remove one",
    );
}

#[test]
fn a_crash_before_the_step_leaves_nothing_that_counts() {
    let folder = shadowed();
    let before = all(&folder.path("policies"));
    folder.write("policies-next/new.cedar", PASS);
    good(&folder.run(&["promote"]));
    // As if it had ended between the writing and the step: what is to be waits, what served serves.
    let slot = folder.path(".palisade/policies/00000001");
    let spare = folder.path("spare");
    fs::rename(folder.path("policies"), &spare).expect("a rename");
    fs::rename(slot.join("held"), folder.path("policies")).expect("a rename");
    fs::rename(&spare, slot.join("held")).expect("a rename");
    refused(&folder.run(&["rollback"]), 1, "nothing was promoted");
    // And one that did not even get to its record.
    folder.write(".palisade/policies/00000002/held/x.cedar", PASS);
    good(&folder.run(&["promote"]));
    good(&folder.run(&["rollback"]));
    assert_eq!(all(&folder.path("policies")), before);
}

#[test]
fn a_gate_follows_a_promotion_and_its_end() {
    let gate = TestGate::builder()
        .set("/shadow", json!("policies-next/"))
        .file("policies-next/accounts/acme.cedar", STOP)
        .start();
    let config = gate.files.path("palisade.yaml");
    let run = |command: &str, more: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args([command, "--config"])
            .arg(&config)
            .args(more)
            .output()
            .expect("the binary runs");
        let told = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{told}");
    };
    let ask = || {
        let token = gate.issuer.user("ana").sign();
        gate.get(PATH).bearer(&token).send()
    };
    let comes = |status: u16| {
        eventually("the gate follows", || {
            (ask().status == status).then_some(())
        });
    };
    ask().allowed(200);
    run("promote", &["--account", "acme"]);
    comes(403);
    ask().refused(Reason::PolicyDenied);
    run("rollback", &["--account", "acme"]);
    comes(200);
    // The platform's, whose folder is another one by then, twice.
    for name in cedar(&gate.files.path("policies")) {
        let from = gate.files.path(&format!("policies/{name}"));
        fs::copy(from, gate.files.path(&format!("policies-next/{name}"))).expect("a copy");
    }
    fs::write(
        gate.files.path("policies-next/stop.cedar"),
        format!("@reason(\"x\")\n{STOP}"),
    )
    .expect("a file");
    for _ in 0..2 {
        run("promote", &[]);
        comes(403);
        run("rollback", &[]);
        comes(200);
    }
}
