//! Reference pages and JSON schemas are what the binary writes, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const PALISADE: &str = env!("CARGO_BIN_EXE_palisade");

#[test]
fn the_pages_in_the_tree_are_what_the_binary_writes() {
    let folder = TempDir::new().expect("a temporary folder");
    let run = Command::new(PALISADE)
        .args(["reference", "--write", "--dir"])
        .arg(folder.path())
        .output()
        .expect("the binary runs");
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let written = files(folder.path(), folder.path());
    for page in ["config", "metrics", "reasons", "headers", "faults", "cli"] {
        let page = format!("docs/reference/{page}.md");
        assert!(written.contains_key(&page), "{page} is not written");
    }
    for schema in ["schemas/config.schema.json", "schemas/tenant.schema.json"] {
        assert!(written.contains_key(schema), "{schema} is not written");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in written {
        let kept = fs::read_to_string(root.join(&name)).unwrap_or_default();
        assert!(
            kept == text,
            "{name} is not what `palisade reference` writes: run `cargo run -- reference --write`"
        );
    }
}

/// Keys that stand among the arguments of a fault as codes do.
const KEYS: [&str; 4] = [
    "header_bytes_max",
    "shared_with",
    "max_stale",
    "portal_clients",
];

/// Whatever stands in a statement that makes a fault and looks like a code is one.
#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let making = regex::Regex::new(
        r"(?:Fault::(?:error|warning)|findings\s*\.\w+|\.(?:warn|note|fault|keep)|fault)\(",
    );
    let making = making.expect("an expression");
    let code = regex::Regex::new("\"([a-z]+(?:_[a-z]+)+)\"").expect("an expression");
    let (mut used, mut quoted) = (BTreeSet::new(), BTreeSet::new());
    for (name, text) in files(root, &root.join("src")) {
        if name.contains("tests") || name.starts_with("src/fault/page") {
            continue;
        }
        let text = text.split("#[cfg(test)]\nmod tests {").next();
        let text = text.expect("the first part");
        let codes = |text: &str| -> Vec<String> {
            let found = code.captures_iter(text);
            found.map(|found| found[1].to_owned()).collect()
        };
        quoted.extend(codes(text));
        for begin in making.find_iter(text) {
            let statement = text[begin.end()..].split(';').next();
            used.extend(codes(statement.expect("the first part")));
        }
    }
    for key in KEYS {
        assert!(used.remove(key), "{key}");
    }
    let paged: BTreeSet<String> = palisade::fault::page::all()
        .map(|page| page.code.to_owned())
        .collect();
    let missing: Vec<&String> = used.difference(&paged).collect();
    assert!(missing.is_empty(), "no page: {missing:?}");
    let idle: Vec<&String> = paged.difference(&quoted).collect();
    assert!(idle.is_empty(), "no code: {idle:?}");
    assert!(used.len() > 100, "{}", used.len());
}

#[test]
fn a_number_is_of_one_page() {
    let mut numbers: Vec<&str> = palisade::fault::page::all()
        .map(|page| page.number)
        .collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
    for page in palisade::fault::page::all() {
        assert!(
            page.number.len() == 4 && !page.remedy.is_empty(),
            "{}",
            page.code
        );
    }
}

fn files(top: &Path, folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("a folder is readable").path();
        if path.is_dir() {
            found.extend(files(top, &path));
        } else {
            let name = path
                .strip_prefix(top)
                .expect("found below")
                .to_string_lossy();
            let text = fs::read_to_string(&path).expect("a page is text");
            found.insert(name.into_owned(), text);
        }
    }
    found
}
