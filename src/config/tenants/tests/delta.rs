//! A reading after another one comes to what a reading of everything comes to, whatever happened between.

use super::*;
use crate::config::disk::Before;
use crate::config::seen::Seen;
use std::collections::BTreeSet;
use std::time::Duration;

const NAMES: [&str; 12] = [
    "acme.yaml",
    "globex.yaml",
    "initech.yaml",
    "acme.cedar",
    "globex.cedar",
    "acme",
    "globex",
    "acme/one.cedar",
    "acme/two.cedar",
    "globex/one.cedar",
    ".hidden",
    "initech",
];

const TEXTS: [&str; 9] = [
    ACME,
    GLOBEX,
    "account: globex\nplan: standard\nstatus: suspended\n",
    "account: globex\nplan: standard\nworkspaces:\n  - { id: acme-prod }\n",
    "account: initech\nplan: standard\noverlay: none\n",
    "account: acme\nplan: standard\nworkspaces: [{ id: acme-prod }, { id: globex-prod }]\n",
    "account: [",
    "// one",
    "// two",
];

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())]
    }
}

fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir_all(path);
}

/// Does something to the folder; what the system would tell of it. Much of it fails, which is as good.
fn disturb(root: &Path, dice: &mut Dice) -> BTreeSet<PathBuf> {
    let name = dice.of(&NAMES);
    let (path, other) = (root.join(name), root.join(dice.of(&NAMES)));
    let stem = name.split(['.', '/']).next().unwrap();
    let of_accounts = path.extension().is_some_and(|end| end == "yaml");
    let fitting = TEXTS.iter().filter(|text| {
        if of_accounts {
            text.contains(stem) || text.ends_with('[')
        } else {
            text.starts_with("//")
        }
    });
    let fitting: Vec<&str> = fitting.copied().collect();
    let text = match (fitting.is_empty(), dice.roll(8)) {
        (false, 1..) => dice.of(&fitting),
        _ => dice.of(&TEXTS),
    };
    let inside = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let mut told = BTreeSet::from([path.clone()]);
    match dice.roll(10) {
        0 => {
            told.extend(inside(&path));
            remove(&path);
        }
        1 | 2 => {
            told.insert(other.clone());
            let _ = fs::rename(&path, &other);
        }
        3 => {
            let _ = fs::create_dir(&path);
        }
        4 => {
            told.extend(inside(&path));
            remove(&path);
            let target = other.file_name().unwrap();
            let _ = std::os::unix::fs::symlink(target, &path);
        }
        5 => {
            // Another text of the same length, as old as the former.
            let moment = fs::metadata(&path).and_then(|found| found.modified());
            let former = fs::read_to_string(&path).unwrap_or_default();
            if let (Ok(moment), true) = (moment, former.starts_with("//")) {
                let _ = fs::write(&path, former.chars().rev().collect::<String>());
                let file = fs::File::options().write(true).open(&path);
                let _ = file.and_then(|file| file.set_modified(moment));
            }
        }
        6 => {
            let new = root.join(".new");
            let _ = fs::write(&new, text);
            told.insert(new.clone());
            let _ = fs::rename(&new, &path);
        }
        _ => {
            if let Some(folder) = path.parent().filter(|folder| *folder != root) {
                let _ = fs::create_dir(folder);
                told.insert(folder.to_owned());
            }
            let _ = fs::write(&path, text);
        }
    }
    told
}

fn looked(folder: &Path, before: Before, former: &Former) -> (Tenants, Seen) {
    let known = Known {
        issuers: Some(&["cosmos", "partner"]),
        plans: Some(&["standard", "enterprise"]),
    };
    let disk = Disk::after(before);
    let layout = Layout::Folder(folder.to_owned());
    let tenants = read(&layout, known, &disk, former).unwrap();
    (tenants, disk.seen())
}

/// All that others see of it.
fn told(tenants: &Tenants) -> String {
    let mut accounts: Vec<_> = tenants.directory.accounts().collect();
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    let overlay = |one: &Arc<OverlaySource>| {
        let texts: Vec<_> = one.files().iter().map(|file| file.text.clone()).collect();
        (
            one.account().clone(),
            one.mode(),
            texts,
            one.faults().to_vec(),
        )
    };
    let overlays: Vec<_> = tenants.overlays.iter().map(overlay).collect();
    let mut faults: Vec<String> = tenants
        .quarantined
        .iter()
        .map(ToString::to_string)
        .collect();
    faults.sort();
    format!(
        "{accounts:#?}\n{overlays:#?}\n{faults:#?}\n{:?}",
        tenants.digest
    )
}

#[test]
fn a_reading_after_another_comes_to_what_a_whole_one_does() {
    for seed in 1..=6_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let folder = Folder::new(&[("acme.yaml", ACME), ("globex.yaml", GLOBEX)]);
        let root = folder.0.path();
        let (mut last, mut seen) = looked(root, Before::default(), &Former::default());
        for step in 0..60 {
            let mut names = BTreeSet::new();
            for _ in 0..=dice.roll(3) {
                names.extend(disturb(root, &mut dice));
            }
            let by_name = dice.roll(2) == 0;
            let told_names = seen.told(names.clone()).filter(|_| by_name).map(Arc::new);
            let known = Arc::new(if by_name { seen } else { seen.aged() });
            let before = Before {
                known,
                told: told_names,
                ..Before::default()
            };
            let (next, now) = looked(root, before, &last.former);
            let plain = Former {
                directory: Arc::clone(&last.former.directory),
                ..Former::default()
            };
            let (whole, _) = looked(root, Before::default(), &plain);
            assert_eq!(
                told(&next),
                told(&whole),
                "{seed} {step} {by_name} {names:?}"
            );
            (last, seen) = (next, now);
            // File systems tell moments by ticks.
            std::thread::sleep(Duration::from_millis(12));
        }
    }
}
