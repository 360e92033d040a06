//! Folders of tenant files, good and bad.

mod delta;

use super::*;
use crate::tenant::{AccountId, OverlayMode, WorkspaceId};
use std::fs;

pub(super) struct Folder(pub(super) tempfile::TempDir);

/// What files may refer to.
pub(super) const KNOWN: Known<'static> = Known {
    issuers: Some(&["cosmos", "partner"]),
    plans: Some(&["standard", "enterprise"]),
};

impl Folder {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn read(&self) -> Tenants {
        self.read_after(&Former::default())
    }

    fn read_after(&self, former: &Former) -> Tenants {
        let layout = Layout::of(self.0.path().to_owned());
        read(&layout, KNOWN, &Disk::default(), former).unwrap()
    }
}

fn accounts(tenants: &Tenants) -> Vec<&str> {
    let mut ids: Vec<&str> = tenants
        .directory
        .accounts()
        .map(|account| account.id.as_str())
        .collect();
    ids.sort_unstable();
    ids
}

pub(super) const ACME: &str = "\
account: acme
plan: enterprise
issuers: [cosmos]
overlay: permit
not_before: { account: 2026-11-01T00:00:00Z, users: { u-123: 2026-11-20T00:00:00Z } }
workspaces:
  - { id: acme-prod, type: custom, catalogs: [catalog-01], clients: [c1], machine_clients: [m1, { id: m2, role: editor }] }
  - { id: acme-dev, status: suspended }
";
pub(super) const GLOBEX: &str = "\
account: globex
plan: standard
workspaces:
  - { id: globex-prod, clients: [c9] }
";

#[test]
fn a_folder_becomes_a_directory() {
    let folder = Folder::new(&[
        ("acme.yaml", ACME),
        ("acme.cedar", "// policies"),
        ("globex.yaml", GLOBEX),
        ("globex/one.cedar", "// one"),
        ("globex/two.cedar", "// two"),
        ("README.md", "about"),
    ]);
    let tenants = folder.read();
    assert_eq!(tenants.quarantined, []);
    // The catalog's owner is not in the folder.
    let warnings = tenants.warnings.iter().map(|warning| warning.code);
    assert_eq!(warnings.collect::<Vec<_>>(), ["tenant_catalog_unknown"]);
    assert_eq!(accounts(&tenants), ["acme", "globex"]);
    let acme = tenants
        .directory
        .account(&AccountId::parse("acme").unwrap())
        .unwrap();
    assert_eq!(
        acme.workspaces[0].machine_clients[1].role,
        Some(crate::tenant::WorkspaceRole::Editor)
    );
    assert_eq!(acme.not_before.users.len(), 1);
    assert_eq!(acme.overlay, OverlayMode::Permit);
    let overlays: Vec<(&str, usize)> = tenants
        .overlays
        .iter()
        .map(|overlay| (overlay.account().as_str(), overlay.files().len()))
        .collect();
    assert_eq!(overlays, [("acme", 1), ("globex", 2)]);
}

#[test]
fn a_duplicate_workspace_names_both_places_and_the_newcomer_is_left_out() {
    let thief = "account: globex\nplan: standard\nworkspaces:\n  - { id: acme-prod }\n";
    let tenants = Folder::new(&[("acme.yaml", ACME), ("globex.yaml", thief)]).read();
    assert_eq!(accounts(&tenants), ["acme"]);
    assert_eq!(tenants.quarantined.len(), 1);
    let fault = &tenants.quarantined[0];
    assert_eq!(fault.code, "tenant_duplicate_id");
    assert!(fault.message.contains("acme.yaml:7"), "{fault}");
    assert!(fault.place.file.ends_with("globex.yaml"), "{fault}");
    assert_eq!(fault.place.line_column().unwrap().0, 4);
}

#[test]
fn a_duplicate_client_names_both_places() {
    let thief = "account: globex\nplan: standard\nworkspaces:\n  - { id: globex-prod, machine_clients: [c1] }\n";
    let tenants = Folder::new(&[("acme.yaml", ACME), ("globex.yaml", thief)]).read();
    assert_eq!(accounts(&tenants), ["acme"]);
    let fault = &tenants.quarantined[0];
    assert!(fault.message.contains("acme.yaml:7"), "{fault}");
    assert_eq!(fault.place.line_column().unwrap().0, 4);
}

#[test]
fn an_id_that_stands_twice_in_one_file_names_both_lines() {
    let twice = "account: globex\nplan: standard\nworkspaces:\n  - { id: w1 }\n  - { id: w1 }\n";
    let tenants = Folder::new(&[("globex.yaml", twice)]).read();
    let fault = &tenants.quarantined[0];
    assert!(fault.message.contains("globex.yaml:4"), "{fault}");
    assert_eq!(fault.place.line_column().unwrap().0, 5);
}

#[test]
fn every_bad_file_is_reported_and_the_others_serve() {
    let tenants = Folder::new(&[
        ("acme.yaml", ACME),
        ("a1.yaml", "account: other-name\nplan: standard\n"),
        ("a2.yaml", "account: a2\nplan: standard\nissuers: [cosmo]\ncolour: red\n"),
        ("a3.yaml", "account: a3\nplan: standard\nissuers: [cosmo]\nworkspaces: [{ id: w, clients: ['a b'] }]\n"),
        ("a4.yaml", "account: [\n"),
        ("platform.yaml", "account: platform\nplan: standard\n"),
        ("lost.cedar", ""),
        ("late.yml", "account: late\nplan: standard\n"),
        ("a5.yaml", "account: a5\nplan: standard\noverlay: none\n"),
        ("a5.cedar", "// p"),
    ])
    .read();
    assert_eq!(accounts(&tenants), ["acme"]);
    let codes = |file: &str| -> Vec<&str> {
        let of = |fault: &&Fault| fault.place.file.ends_with(file);
        tenants
            .quarantined
            .iter()
            .filter(of)
            .map(|fault| fault.code)
            .collect()
    };
    assert_eq!(codes("/a1.yaml"), ["tenant_file_name"]);
    assert_eq!(codes("/a2.yaml"), ["config_unknown_key"]);
    assert_eq!(
        codes("/a3.yaml"),
        ["tenant_unknown_issuer", "tenant_bad_id"]
    );
    assert_eq!(codes("/a4.yaml").len(), 1);
    assert_eq!(codes("/platform.yaml"), ["tenant_duplicate_id"]);
    assert_eq!(codes("/lost.cedar"), ["tenant_stray_file"]);
    assert_eq!(codes("/late.yml"), ["tenant_stray_file"]);
    assert_eq!(codes("/a5.yaml"), ["tenant_overlay"]);
    let near = tenants
        .quarantined
        .iter()
        .find(|fault| fault.code == "tenant_unknown_issuer");
    assert_eq!(
        near.unwrap().help.as_deref(),
        Some("did you mean `cosmos`?")
    );
}

/// A file with these users of its one workspace.
fn with_users(users: &str) -> Tenants {
    let text = format!(
        "account: acme\nplan: standard\nissuers: [cosmos]\nworkspaces:\n  - {{ id: acme-prod, clients: [c1], users: [{users}] }}\n"
    );
    Folder::new(&[("acme.yaml", &text)]).read()
}

#[test]
fn users_that_cannot_be_told_apart_or_lead_nowhere_are_faults() {
    for (users, code) in [
        ("{ id: ana }, { id: ana }", "tenant_duplicate_user"),
        (
            "{ id: ana, subject: partner|1 }, { id: bo, subject: partner|1 }",
            "tenant_duplicate_user",
        ),
        ("{ id: a/b }", "config_value"),
        ("{ id: ana, subject: nobody|1 }", "tenant_bad_subject"),
        ("{ id: ana, subject: 'partner|' }", "tenant_bad_subject"),
        ("{ id: ana, groups: [a/b] }", "tenant_bad_group"),
    ] {
        let tenants = with_users(users);
        let codes: Vec<&str> = tenants.quarantined.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, [code], "{users}: {:?}", tenants.quarantined);
    }
    let tenants = with_users("{ id: ana }, { id: bo, subject: partner|1, groups: [staff] }");
    assert_eq!(tenants.quarantined, []);
}

#[test]
fn a_plan_without_limits_is_a_warning() {
    let tenants = Folder::new(&[("a.yaml", "account: a\nplan: enterprize\n")]).read();
    assert_eq!(accounts(&tenants), ["a"]);
    assert_eq!(
        tenants.warnings[0].help.as_deref(),
        Some("did you mean `enterprise`?")
    );
}

#[test]
fn a_revision_is_of_the_content() {
    let of = |text: &str| {
        let tenants = Folder::new(&[("globex.yaml", text)]).read();
        let account = tenants.directory.accounts().next().unwrap();
        account.revision
    };
    let reordered = "# a comment\nplan: standard\nstatus: active\naccount: globex\nworkspaces: [{ clients: [c9], id: globex-prod }]\n";
    assert_eq!(of(GLOBEX), of(reordered));
    assert_ne!(of(GLOBEX), of(&GLOBEX.replace("c9", "c8")));
}

#[test]
fn the_overlay_of_an_account_that_is_left_out_is_left_out() {
    let tenants = Folder::new(&[("a.yaml", "account: b\nplan: p\n"), ("a.cedar", "//")]).read();
    assert!(tenants.overlays.is_empty());
    assert!(
        tenants
            .directory
            .workspace(&WorkspaceId::parse("w").unwrap())
            .is_none()
    );
}

#[test]
fn a_missing_folder_is_an_error() {
    let known = Known {
        issuers: Some(&[]),
        plans: Some(&[]),
    };
    let fault = read(
        &Layout::of("/nowhere/tenants".into()),
        known,
        &Disk::default(),
        &Former::default(),
    )
    .unwrap_err();
    assert_eq!(fault.code, "folder_unreadable");
}

fn entry(tenants: &Tenants, id: &str) -> Option<Arc<Account>> {
    let id = AccountId::parse(id).unwrap();
    tenants.directory.account(&id).cloned()
}

#[test]
fn only_a_file_that_changed_is_read_anew() {
    let folder = Folder::new(&[("acme.yaml", ACME), ("globex.yaml", GLOBEX)]);
    let first = folder.read();
    fs::write(
        folder.0.path().join("globex.yaml"),
        GLOBEX.replace("c9", "c8"),
    )
    .unwrap();
    let next = folder.read_after(&first.former);
    let same = |id| Arc::ptr_eq(&entry(&first, id).unwrap(), &entry(&next, id).unwrap());
    assert!(same("acme"));
    assert!(!same("globex"));
    assert_ne!(first.digest, next.digest);
}

#[test]
fn an_entry_outlives_its_file_only_while_there_is_a_file() {
    let folder = Folder::new(&[("acme.yaml", ACME), ("globex.yaml", GLOBEX)]);
    let first = folder.read();
    let file = folder.0.path().join("globex.yaml");
    fs::write(&file, "account: [").unwrap();
    let broken = folder.read_after(&first.former);
    assert_eq!(broken.quarantined.len(), 1);
    assert_eq!(entry(&broken, "globex"), entry(&first, "globex"));
    // What still can be read of it makes the entry stricter, and nothing makes it wider again.
    fs::write(&file, "account: globex\nstatus: suspended\ncolour: red\n").unwrap();
    let narrowed = folder.read_after(&broken.former);
    let status = |tenants: &Tenants| entry(tenants, "globex").unwrap().status;
    assert_eq!(status(&narrowed), crate::tenant::Status::Suspended);
    assert_ne!(narrowed.digest, broken.digest);
    fs::write(&file, "account: globex\nstatus: active\ncolour: red\n").unwrap();
    let still = folder.read_after(&narrowed.former);
    assert_eq!(status(&still), crate::tenant::Status::Suspended);
    fs::remove_file(&file).unwrap();
    let gone = folder.read_after(&still.former);
    assert_eq!(entry(&gone, "globex"), None);
    assert_eq!(gone.quarantined, []);
}

#[test]
fn a_folder_or_a_broken_link_in_the_place_of_a_file_leaves_the_entry_that_served() {
    let folder = Folder::new(&[("acme.yaml", ACME), ("globex.yaml", GLOBEX)]);
    fs::write(folder.0.path().join("globex.cedar"), "").unwrap();
    let first = folder.read();
    let file = folder.0.path().join("globex.yaml");
    let replaced: [fn(&Path); 2] = [
        |file| fs::create_dir(file).unwrap(),
        |file| {
            fs::remove_dir(file).unwrap();
            std::os::unix::fs::symlink("globex.yaml", file).unwrap();
        },
    ];
    fs::remove_file(&file).unwrap();
    for replace in replaced {
        replace(&file);
        let next = folder.read_after(&first.former);
        assert_eq!(entry(&next, "globex"), entry(&first, "globex"));
        let codes: Vec<_> = next.quarantined.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["file_unreadable"]);
    }
}

#[test]
fn only_what_changed_is_read_again_and_policies_are_shared() {
    let folder = Folder::new(&[
        ("acme.yaml", ACME),
        ("acme.cedar", "// policies"),
        ("globex.yaml", GLOBEX),
        ("globex/one.cedar", "// one"),
    ]);
    let first = folder.read();
    let overlay = |tenants: &Tenants, id: &str| {
        let found = tenants
            .overlays
            .iter()
            .find(|one| one.account().as_str() == id);
        Arc::clone(found.unwrap())
    };
    let path = folder.0.path().join("globex/one.cedar");
    fs::write(&path, "// two").unwrap();
    let next = folder.read_after(&first.former);
    let shared = |id| Arc::ptr_eq(&overlay(&first, id), &overlay(&next, id));
    assert!(shared("acme"));
    assert!(!shared("globex"));
    assert_eq!(&*overlay(&next, "globex").files()[0].text, "// two");
    // Under another mode the same text is another matter.
    fs::write(
        folder.0.path().join("acme.yaml"),
        ACME.replace("permit", "forbid"),
    )
    .unwrap();
    let third = folder.read_after(&next.former);
    assert!(!Arc::ptr_eq(
        &overlay(&next, "acme"),
        &overlay(&third, "acme")
    ));
    assert!(Arc::ptr_eq(
        &overlay(&next, "globex"),
        &overlay(&third, "globex")
    ));
    let digests = [first.digest, next.digest, third.digest];
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
    fs::write(&path, "// one").unwrap();
    fs::write(folder.0.path().join("acme.yaml"), ACME).unwrap();
    assert_eq!(folder.read_after(&third.former).digest, first.digest);
}

/// `ACME` and `GLOBEX` as lines.
fn lines() -> [String; 2] {
    [ACME, GLOBEX].map(|text| {
        let document = crate::document::Document::parse("tenant", text.into()).unwrap();
        document.value().to_string()
    })
}

fn read_lines(folder: &Folder, former: &Former) -> Tenants {
    let layout = Layout::Lines {
        file: folder.0.path().join("tenants.ndjson"),
        overlays: Some(folder.0.path().join("overlays")),
    };
    read(&layout, KNOWN, &Disk::default(), former).unwrap()
}

#[test]
fn a_line_says_what_a_file_says() {
    let [acme, globex] = lines();
    let folder = Folder::new(&[
        ("tenants.ndjson", &format!("{acme}\n{globex}\n")),
        ("overlays/acme.cedar", "// policies"),
        ("overlays/lost.cedar", "// whose"),
        ("overlays/late.yaml", "account: late"),
    ]);
    let of_lines = read_lines(&folder, &Former::default());
    let files = Folder::new(&[("acme.yaml", ACME), ("globex.yaml", GLOBEX)]).read();
    for id in ["acme", "globex"] {
        assert_eq!(entry(&of_lines, id), entry(&files, id));
    }
    let overlays = of_lines.overlays.iter().map(|one| one.account().as_str());
    assert_eq!(overlays.collect::<Vec<_>>(), ["acme"]);
    let stray = of_lines.quarantined.iter().map(|fault| fault.code);
    assert_eq!(stray.collect::<Vec<_>>(), ["tenant_stray_file"; 2]);
}

#[test]
fn a_line_that_did_not_change_keeps_its_account_wherever_it_stands() {
    let [acme, globex] = lines();
    let folder = Folder::new(&[
        ("tenants.ndjson", &format!("{acme}\n{globex}\n")),
        ("overlays/README.md", ""),
    ]);
    let first = read_lines(&folder, &Former::default());
    let file = folder.0.path().join("tenants.ndjson");
    fs::write(&file, format!("{}\n{acme}\n", globex.replace("c9", "c8"))).unwrap();
    let next = read_lines(&folder, &first.former);
    let same = |id| Arc::ptr_eq(&entry(&first, id).unwrap(), &entry(&next, id).unwrap());
    assert!(same("acme"));
    assert!(!same("globex"));
    // Of a whole file that did not change, nothing is taken apart.
    let third = read_lines(&folder, &next.former);
    assert_eq!(third.digest, next.digest);
    assert!(Arc::ptr_eq(
        third.former.entries.lines.as_ref().unwrap(),
        next.former.entries.lines.as_ref().unwrap()
    ));
}

#[test]
fn many_entries_are_parsed_on_all_cores_in_their_order() {
    let line = |at: usize| {
        let colour = if at == 700 { ", \"colour\": 1" } else { "" };
        format!("{{\"account\": \"t{at}\", \"plan\": \"standard\"{colour}}}\n")
    };
    let text: String = (0..1_000).map(line).collect();
    let folder = Folder::new(&[("tenants.ndjson", &text), ("overlays/README.md", "")]);
    let tenants = read_lines(&folder, &Former::default());
    assert_eq!(tenants.directory.accounts().count(), 999);
    assert_eq!(entry(&tenants, "t700"), None);
    assert_eq!(tenants.quarantined.len(), 1);
    let place = &tenants.quarantined[0].place;
    assert_eq!(
        (place.line_column(), &*place.key),
        (Some((701, 41)), "colour")
    );
}

#[test]
fn a_folder_that_bears_the_name_of_a_policy_file_is_none_and_not_nothing() {
    let folder = Folder::new(&[("acme.yaml", ACME), ("globex.yaml", GLOBEX)]);
    for name in ["acme.cedar", "globex/one.cedar"] {
        fs::create_dir_all(folder.0.path().join(name)).unwrap();
    }
    let tenants = folder.read();
    assert_eq!(tenants.quarantined, []);
    let faults = tenants.overlays.iter().map(|one| one.faults()[0].code);
    assert_eq!(faults.collect::<Vec<_>>(), ["file_unreadable"; 2]);
}

#[test]
fn what_serves_in_the_place_of_a_line_that_clashes_is_as_strict_as_both_lines() {
    let [acme, globex] = lines();
    let folder = Folder::new(&[
        ("tenants.ndjson", &format!("{acme}\n{globex}\n")),
        ("overlays/README.md", ""),
    ]);
    let first = read_lines(&folder, &Former::default());
    let thief = globex.replace("globex-prod", "acme-prod");
    let suspended = r#"{"account": "globex", "plan": "standard", "status": "suspended"}"#;
    fs::write(
        folder.0.path().join("tenants.ndjson"),
        format!("{acme}\n{thief}\n{suspended}\n"),
    )
    .unwrap();
    let next = read_lines(&folder, &first.former);
    let served = entry(&next, "globex").unwrap();
    assert_eq!(served.workspaces[0].id.as_str(), "globex-prod");
    assert_eq!(served.status, crate::tenant::Status::Suspended);
}
