//! The page of the rules and the tests of the rules say the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/concepts/isolation.md";
const RULES: usize = 52;

/// One rule as the page has it.
#[derive(Debug)]
struct Rule {
    number: usize,
    text: String,
}

impl Rule {
    /// The item of its list that begins so, on one line, without its mark.
    fn item(&self, mark: &str) -> Option<String> {
        let mark = format!("- {mark}");
        let mut lines = self.text.lines();
        let first = lines.find_map(|line| line.strip_prefix(&mark))?;
        let more = lines.map_while(|line| line.strip_prefix("  "));
        Some(
            std::iter::once(first)
                .chain(more)
                .collect::<Vec<_>>()
                .join(" "),
        )
    }
}

#[test]
fn the_page_has_every_rule_once_with_its_attack_and_its_holder() {
    let rules = rules(&read(PAGE));
    let numbers: Vec<usize> = rules.iter().map(|rule| rule.number).collect();
    assert_eq!(numbers, (1..=RULES).collect::<Vec<_>>());
    for rule in &rules {
        assert!(rule.item("Stops: ").is_some(), "no attack: {rule:?}");
        let held = rule.item("Held by ").is_some();
        let open = rule.item("Not there yet: ").is_some();
        assert!(held || open, "neither held nor open: {rule:?}");
    }
}

#[test]
fn a_rule_is_called_held_where_tests_hold_it_and_nowhere_else() {
    let tests = tests();
    for rule in rules(&read(PAGE)) {
        let named = tests.get(&rule.number).map_or(&[][..], Vec::as_slice);
        let Some(held) = rule.item("Held by ") else {
            assert!(named.is_empty(), "rule {} has {named:?}", rule.number);
            continue;
        };
        assert!(!named.is_empty(), "no test of rule {}", rule.number);
        for quoted in held.split('`').skip(1).step_by(2) {
            let exists = match quoted.strip_prefix("rule_") {
                Some(_) => named.iter().any(|name| name.starts_with(quoted)),
                None => root().join(quoted).exists(),
            };
            assert!(exists, "rule {}: there is no `{quoted}`", rule.number);
        }
        let mark = format!("`rule_{:02}_`", rule.number);
        assert!(held.contains(&mark), "rule {}: {held}", rule.number);
    }
}

#[test]
fn the_page_is_read_by_its_headings() {
    let text =
        "# A\n## Who\n### 1. One\nb\n\n- Stops: c\n  d.\n- Held by `e`.\n## What\n### 2. Two\nf\n";
    let found = rules(text);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].item("Stops: ").as_deref(), Some("c d."));
    assert_eq!(found[0].item("Held by ").as_deref(), Some("`e`."));
    assert_eq!((found[1].number, found[1].text.as_str()), (2, "f\n"));
}

fn rules(page: &str) -> Vec<Rule> {
    let mut found: Vec<Rule> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            let number = heading.split('.').next().and_then(|n| n.parse().ok());
            inside = number.is_some();
            found.extend(number.map(|number| Rule {
                number,
                text: String::new(),
            }));
        } else if line.starts_with('#') {
            inside = false;
        } else if inside && let Some(rule) = found.last_mut() {
            rule.text += line;
            rule.text.push('\n');
        }
    }
    found
}

/// Every test that is named after a rule, by the rule's number.
fn tests() -> BTreeMap<usize, Vec<String>> {
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for folder in ["tests/it", "src"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<usize, Vec<String>>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a source").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("a source is readable");
            let names = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("fn rule_"));
            for rest in names {
                let name = format!("rule_{}", rest.split('(').next().unwrap_or_default());
                let number = rest.split('_').next().and_then(|n| n.parse().ok());
                let number = number.unwrap_or_else(|| panic!("`{name}` has no number"));
                found.entry(number).or_default().push(name);
            }
        }
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
