//! What is read of single accounts comes to what reading everything comes to.

use super::super::tests::{ACME, Folder, GLOBEX, KNOWN};
use super::super::{Former, Layout, Tenants, read};
use crate::config::disk::{Before, Disk};
use crate::config::seen::{Seen, Told};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// One reading, what it saw, and what the next one starts from.
struct Read {
    tenants: Tenants,
    seen: Arc<Seen>,
}

fn reading(layout: &Layout, before: Before, former: &Former) -> Read {
    let disk = Disk::after(before);
    let tenants = read(layout, KNOWN, &disk, former).unwrap();
    let seen = Arc::new(disk.seen());
    Read { tenants, seen }
}

impl Read {
    /// After `names` may have changed, and no others; and whether only they were looked at.
    fn after(&self, layout: &Layout, told: Told) -> (Self, bool) {
        let before = Before {
            known: Arc::clone(&self.seen),
            told: Some(Arc::new(told)),
            earlier: None,
        };
        let former = &self.tenants.former;
        let delta = super::read(layout, KNOWN, &Disk::after(before.clone()), former);
        let next = reading(layout, before, former);
        let whole = reading(layout, Before::default(), former);
        for (next, whole) in next.said().into_iter().zip(whole.said()) {
            assert_eq!(next, whole);
        }
        (next, delta.is_some())
    }

    /// Everything that may depend on the files.
    fn said(&self) -> [String; 6] {
        let (tenants, seen) = (&self.tenants, &self.seen);
        let mut accounts: Vec<_> = tenants.directory.accounts().collect();
        accounts.sort_by_key(|account| account.id.clone());
        let overlays = tenants.overlays.iter();
        let overlays: Vec<_> = overlays
            .map(|one| (one.account(), one.hash()[0], one.faults()))
            .collect();
        let sights = seen.sights.iter();
        let sights: Vec<_> = sights.map(|(key, sight)| (key, sight.digest[0])).collect();
        [
            format!("{sights:?}"),
            format!("{overlays:?}"),
            format!("{accounts:?}"),
            format!("{:?}", [&tenants.quarantined, &tenants.warnings]),
            format!("{:?}", tenants.digest),
            format!("{:?}", seen.links),
        ]
    }
}

/// The names, whether only they are looked at, and the change.
type Step<'a> = (&'a [&'a str], bool, &'a dyn Fn(&Path));

fn walk(layout: &Layout, folder: &Path, steps: &[Step<'_>]) {
    let mut read = reading(layout, Before::default(), &Former::default());
    for (at, (names, single, change)) in steps.iter().enumerate() {
        change(folder);
        let names = names.iter().map(|name| folder.join(name)).collect();
        let Some(told) = read.seen.told(names) else {
            assert!(!single, "step {at}");
            read = reading(layout, Before::default(), &read.tenants.former);
            continue;
        };
        let (next, stood) = read.after(layout, told);
        assert_eq!(stood, *single, "step {at}");
        read = next;
    }
}

fn put(name: &'static str, text: &'static str) -> impl Fn(&Path) {
    move |folder: &Path| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn gone(name: &'static str) -> impl Fn(&Path) {
    move |folder: &Path| {
        let path = folder.join(name);
        let is_folder = path.is_dir();
        let remove = if is_folder {
            fs::remove_dir_all
        } else {
            fs::remove_file
        };
        remove(path).unwrap();
    }
}

const NONE: &str = "account: mute\nplan: standard\noverlay: none\n";

#[test]
fn what_is_read_of_single_accounts_comes_to_what_all_files_come_to() {
    let folder = Folder::new(&[
        ("acme.yaml", ACME),
        ("acme.cedar", "// one"),
        ("globex.yaml", GLOBEX),
        ("globex/one.cedar", "// one"),
        ("globex/two.cedar", "// two"),
        ("mute.yaml", NONE),
        ("broken.yaml", "account: ["),
        ("stray.cedar", "// whose"),
        ("README.md", "about"),
    ]);
    let steps: &[Step<'_>] = &[
        (&["acme.cedar"], true, &put("acme.cedar", "// two")),
        (&["acme.cedar"], true, &|_| ()),
        (&[".new", "acme.cedar"], true, &gone("acme.cedar")),
        (&["acme.cedar"], true, &put("acme.cedar", "// three")),
        (
            &["globex/one.cedar"],
            true,
            &put("globex/one.cedar", "// three"),
        ),
        (
            &["globex/six.cedar", "acme.cedar"],
            true,
            &put("globex/six.cedar", "// six"),
        ),
        (&["globex/two.cedar"], true, &gone("globex/two.cedar")),
        (
            &["globex/notes.md"],
            true,
            &put("globex/notes.md", "no policies"),
        ),
        (&["README.md", "LICENSE"], true, &put("LICENSE", "anything")),
        // Both a file and a folder: the account has no policies that could be trusted.
        (&["globex.cedar"], true, &put("globex.cedar", "// four")),
        (&["globex.cedar"], true, &gone("globex.cedar")),
        (&["acme.cedar"], true, &|folder| {
            fs::write(folder.join("acme.cedar"), b"\xff").unwrap();
        }),
        (&["acme.cedar"], true, &put("acme.cedar", "// five")),
        // Who is concerned by these, only the whole tells.
        (&["acme.yaml"], false, &put("acme.yaml", GLOBEX)),
        (&["acme.cedar"], false, &put("acme.cedar", "// six")),
        (&["acme.yaml"], false, &put("acme.yaml", ACME)),
        (&["acme.cedar"], true, &put("acme.cedar", "// seven")),
        (&["mute.cedar"], false, &put("mute.cedar", "// not wanted")),
        (&["mute.cedar"], false, &gone("mute.cedar")),
        (&["stray.cedar"], false, &gone("stray.cedar")),
        (&["acme.json"], false, &put("acme.json", "{}")),
        (&["lost"], false, &put("lost/one.cedar", "// whose")),
        (&["lost"], false, &gone("lost")),
        (&["globex"], false, &gone("globex")),
        (&["acme.cedar"], true, &put("acme.cedar", "// eight")),
        // What a link leads to changes under another name.
        (&["globex.cedar"], true, &|folder| {
            std::os::unix::fs::symlink("README.md", folder.join("globex.cedar")).unwrap();
        }),
        (&["acme.cedar"], false, &put("acme.cedar", "// nine")),
    ];
    let path = folder.0.path();
    walk(&Layout::Folder(path.to_owned()), path, steps);
}

/// Accounts of whom there is nothing to say.
fn plain() -> Folder {
    let acme = ACME.replace("catalogs: [catalog-01], ", "");
    Folder::new(&[
        ("acme.yaml", &acme),
        ("acme.cedar", "// one"),
        ("globex.yaml", GLOBEX),
        ("initech.yaml", INITECH),
    ])
}

const INITECH: &str = "account: initech\nplan: standard\n";
const LESS: &str = "account: globex\nplan: standard\n";
const HOOLI: &str = "account: hooli\nplan: standard\n";
const MAY: &str = "account: hooli\nplan: standard\noverlay: permit\n";
const WITH: &str = "account: umbrella\nplan: standard\nworkspaces: [{id: u}]\n";
const WITHOUT: &str = "account: umbrella\nplan: standard\n";
const OWN: &str = "account: initech\nplan: standard\nworkspaces: [{id: v}]\n";
const TAKEN: &str = "account: initech\nplan: standard\nworkspaces: [{id: globex-prod}]\n";
const GOLD: &str = "account: initech\nplan: gold\n";
const READS: &str =
    "account: initech\nplan: standard\nworkspaces: [{id: i, catalogs: [globex-prod]}]\n";

#[test]
fn of_an_entry_that_changed_the_same_holds() {
    let folder = plain();
    let steps: &[Step<'_>] = &[
        (&["globex.yaml"], true, &put("globex.yaml", LESS)),
        (&["globex.yaml"], true, &put("globex.yaml", GLOBEX)),
        (&["globex.yaml"], true, &|_| ()),
        // Policies come before the account that they are of.
        (&["hooli.cedar"], false, &put("hooli.cedar", "// one")),
        (&["hooli.yaml"], false, &put("hooli.yaml", HOOLI)),
        (&["hooli.yaml"], true, &put("hooli.yaml", MAY)),
        (&["umbrella.yaml"], true, &put("umbrella.yaml", WITH)),
        (&["umbrella.yaml", "initech.yaml"], true, &|folder| {
            put("umbrella.yaml", WITHOUT)(folder);
            put("initech.yaml", OWN)(folder);
        }),
        (&["initech.yaml"], false, &gone("initech.yaml")),
        (&["globex.yaml"], true, &put("globex.yaml", LESS)),
    ];
    let path = folder.0.path();
    walk(&Layout::Folder(path.to_owned()), path, steps);
}

#[test]
fn of_an_entry_that_something_is_to_be_said_of_the_same_holds() {
    let folder = plain();
    let none = "account: acme\nplan: standard\noverlay: none\n";
    let steps: &[Step<'_>] = &[
        // What another has, a plan that nobody knows, a catalog that is none, a file that is none.
        (&["initech.yaml"], false, &put("initech.yaml", TAKEN)),
        (&["initech.yaml"], false, &put("initech.yaml", GOLD)),
        (&["initech.yaml"], false, &put("initech.yaml", INITECH)),
        (&["initech.yaml"], true, &put("initech.yaml", READS)),
        (&["globex.yaml"], false, &put("globex.yaml", LESS)),
        (&["initech.yaml"], false, &put("initech.yaml", INITECH)),
        (&["initech.yaml"], false, &put("initech.yaml", "account: [")),
        (&["initech.yaml"], false, &put("initech.yaml", INITECH)),
        (&["acme.yaml"], false, &put("acme.yaml", none)),
        (
            &["acme.yaml"],
            false,
            &put("acme.yaml", "account: acme\nplan: standard\n"),
        ),
        (&["globex.yaml"], true, &put("globex.yaml", GLOBEX)),
    ];
    let path = folder.0.path();
    walk(&Layout::Folder(path.to_owned()), path, steps);
}

#[test]
fn beside_a_file_of_lines_the_same_holds() {
    let lines = "{\"account\": \"acme\", \"plan\": \"standard\"}\n{\"account\": \"globex\", \"plan\": \"standard\"}\n";
    let folder = Folder::new(&[
        ("tenants.ndjson", lines),
        ("overlays/acme.cedar", "// one"),
        ("overlays/lost.cedar", "// whose"),
    ]);
    let steps: &[Step<'_>] = &[
        (
            &["overlays/acme.cedar"],
            true,
            &put("overlays/acme.cedar", "// two"),
        ),
        (
            &["overlays/globex.cedar"],
            true,
            &put("overlays/globex.cedar", "// two"),
        ),
        (
            &["overlays/lost.cedar"],
            false,
            &gone("overlays/lost.cedar"),
        ),
        (&["overlays/acme.cedar"], true, &gone("overlays/acme.cedar")),
        (
            &["tenants.ndjson", "overlays/acme.cedar"],
            false,
            &put(
                "tenants.ndjson",
                "{\"account\": \"acme\", \"plan\": \"standard\"}\n",
            ),
        ),
        (
            &["overlays/globex.cedar"],
            false,
            &gone("overlays/globex.cedar"),
        ),
    ];
    let path = folder.0.path();
    let layout = Layout::Lines {
        file: path.join("tenants.ndjson"),
        overlays: Some(path.join("overlays")),
    };
    walk(&layout, path, steps);
}

#[test]
fn what_was_suspended_since_the_last_reading_is_not_passed_over() {
    let folder = Folder::new(&[("acme.yaml", ACME), ("acme.cedar", "// one")]);
    let layout = Layout::Folder(folder.0.path().to_owned());
    let mut read = reading(&layout, Before::default(), &Former::default());
    let serving = Arc::new((*read.tenants.directory).clone());
    read.tenants.former = read.tenants.former.serving(&serving);
    let names = BTreeSet::from([folder.0.path().join("acme.cedar")]);
    let told = read.seen.told(names).unwrap();
    assert!(!read.after(&layout, told).1);
}
