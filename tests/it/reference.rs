//! Reference pages and JSON schemas are what the binary writes, to the byte.

use std::collections::BTreeMap;
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

/// What codes with a page begin with, and where they stand.
const PAGED: [(&str, &[&str]); 2] = [
    ("policy|schema", &["src/policy"]),
    (
        "route|openapi|reference|tenant|tenants|config|issuer|document",
        &["src/config", "src/route", "src/document", "src/token"],
    ),
];

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used: Vec<String> = Vec::new();
    for (begins, folders) in PAGED {
        let quoted = format!("\"((?:{begins})_[a-z_]+)\"");
        let quoted = regex::Regex::new(&quoted).expect("an expression");
        for folder in folders {
            let mut sources = files(root, &root.join(folder));
            let own = root.join(format!("{folder}.rs"));
            sources.extend(fs::read_to_string(own).map(|text| ((*folder).to_owned(), text)));
            let sources = sources.iter().filter(|(name, _)| !name.contains("tests"));
            used.extend(
                sources.flat_map(|(_, text)| {
                    quoted.captures_iter(text).map(|found| found[1].to_owned())
                }),
            );
        }
    }
    used.sort_unstable();
    used.dedup();
    let mut paged: Vec<&str> = palisade::fault::page::all().map(|page| page.code).collect();
    paged.sort_unstable();
    assert_eq!(used, paged);
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
