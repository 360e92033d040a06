//! The guides do what they say: each is followed in an empty folder, command by command.
//!
//! A `sh` block is run, in one shell for the whole guide, and fails where a command does. A `text` block
//! right behind it is what it must have said: its lines in this order, anything between them. A block that
//! names a file (`yaml my-gate/tenants/initech.yaml`) is written to it, and what it belongs to is checked.

mod page;
mod shell;

use page::{Block, blocks, read, root};
use shell::Shell;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn a_gate_is_run_from_nothing() {
    follow("run");
}

#[test]
fn a_tenant_is_added() {
    follow("add-a-tenant");
}

#[test]
fn policies_are_written() {
    follow("write-policies");
}

#[test]
fn a_gate_is_operated() {
    follow("operate");
}

#[test]
fn access_is_reviewed() {
    follow("review-access");
}

#[test]
fn editors_are_set_up() {
    follow("editors");
}

#[test]
fn services_behind_the_proxy_scope_their_queries() {
    follow("behind-the-proxy");
}

#[test]
fn every_guide_is_followed_and_linked_from_the_readme() {
    let (own, readme) = (include_str!("guides.rs"), read("README.md"));
    for entry in fs::read_dir(root().join("docs/guides")).expect("there are guides") {
        let name = entry.expect("a guide").file_name();
        let name = name.to_string_lossy();
        let stem = name.strip_suffix(".md").expect("a guide is Markdown");
        assert!(own.contains(&format!("follow(\"{stem}\")")), "{name}");
        assert!(readme.contains(&format!("docs/guides/{name}")), "{name}");
    }
}

#[test]
fn every_metric_and_reason_that_a_guide_names_exists() {
    let metrics = read("docs/reference/metrics.md");
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(root().join("docs/guides")).expect("there are guides") {
        let path = entry.expect("a guide").path();
        let text = fs::read_to_string(&path).expect("a guide is readable");
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if !word.starts_with("palisade_") || word.ends_with('_') {
                continue;
            }
            let family = ["_bucket", "_sum", "_count"]
                .into_iter()
                .find_map(|end| word.strip_suffix(end))
                .unwrap_or(word);
            let known = metrics.contains(&format!("`{family}`"));
            assert!(known, "{}: there is no metric {word}", path.display());
            seen.insert(family.to_owned());
        }
    }
    assert!(seen.len() > 10, "only {seen:?}");
    let operate = read("docs/guides/operate.md");
    for reason in palisade::reason::Reason::ALL {
        let code = format!("`{}`", reason.code());
        assert!(operate.contains(&code), "operate.md says nothing of {code}");
    }
}

/// Follows one guide, from its first block to its last.
fn follow(name: &str) {
    let file = format!("docs/guides/{name}.md");
    let mut shell = Shell::start();
    let mut said: Option<String> = None;
    for block in blocks(&read(&file)) {
        let at = format!("{file}:{}", block.line);
        match (block.kind.as_str(), &block.file) {
            ("sh", None) => said = Some(shell.run(&block.text, &at)),
            ("text", None) => {
                // Only what stands right behind the commands is their answer.
                if let Some(said) = said.take().filter(|_| block.before.trim().is_empty()) {
                    says(&said, &block.text, &at);
                }
            }
            ("yaml" | "cedar" | "json" | "js" | "python" | "lua", Some(_)) => {
                write(&shell, &block, &at);
            }
            ("rust", None) => compiled(&block.text, &at),
            (kind, file) => panic!("{at}: nobody tests a `{kind}` block of {file:?}"),
        }
    }
}

fn says(said: &str, expected: &str, at: &str) {
    let mut rest = said;
    for line in expected.lines().map(str::trim) {
        let found = rest.find(line).map(|start| start + line.len());
        let end =
            found.unwrap_or_else(|| panic!("{at}: `{line}` is not in this order in:\n{said}"));
        rest = &rest[end..];
    }
}

/// Writes a file of the guide, and checks what it becomes part of.
fn write(shell: &Shell, block: &Block, at: &str) {
    let name = block.file.as_deref().expect("the caller looked");
    assert!(
        block.before.contains(&format!("`{name}`")),
        "{at}: the text before does not tell the reader to write `{name}`"
    );
    let path = shell.folder().join(name);
    fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
    fs::write(&path, &block.text).expect("a file can be written");
    if block.kind == "yaml" {
        let parsed = palisade::document::Document::parse(name, block.text.as_str().into());
        assert!(parsed.is_ok(), "{at}: {parsed:?}");
    }
    let gate = name.split('/').next().unwrap_or_default();
    let config = shell.folder().join(gate).join("palisade.yaml");
    if config.is_file() && !block.broken {
        let checked = shell.palisade(&["check", "--config", &config.to_string_lossy()]);
        assert!(checked.status.success(), "{at}: {checked:?}");
    }
}

/// Rust in a guide is made of parts of an example, which the compiler reads.
fn compiled(text: &str, at: &str) {
    let example = read("examples/tenant.rs");
    for part in text.split("\n\n") {
        let there = example.contains(part.trim());
        assert!(there, "{at}: not in examples/tenant.rs:\n{part}");
    }
}
