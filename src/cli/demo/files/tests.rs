//! Tests of the demo's `files`.

use super::*;
use std::collections::BTreeSet;

const PORTS: Ports = Ports {
    proxy: 11,
    metrics: 12,
    control: 13,
    upstream: 14,
    issuer: 15,
};

/// Every file under `folder` of the source tree that ends with `extension`, by its name in the demo.
fn in_tree(folder: &str, extension: &str, name: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(extension) {
                let inside = path.strip_prefix(&root).unwrap();
                found.insert(format!("{name}{}", inside.display()));
            }
        }
    }
    found
}

#[test]
fn the_demo_has_every_shipped_file() {
    let mut shipped = in_tree("examples/demo", "", "");
    shipped.extend(in_tree("policies", ".cedar", "policies/"));
    // Specs are part of the program, and no copy of theirs proves more.
    shipped.retain(|name| !name.starts_with("policies/specs/"));
    shipped.extend(in_tree("policies", "README.md", "policies/"));
    shipped.extend(in_tree("policies/tests", "", "policies/tests/"));
    shipped.extend(in_tree("schemas", "", "schemas/"));
    let written = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(shipped, written);
}

#[test]
fn marked_lines_get_their_values_and_no_other_line_changes() {
    let shipped = FILES[0].1;
    let text = filled(shipped, PORTS);
    for line in [
        "  http: 127.0.0.1:11 # demo:proxy",
        r#"  hosts: ["127.0.0.1:11", "localhost:11"] # demo:hosts"#,
        "  metrics: 127.0.0.1:12 # demo:metrics",
        "  control: 127.0.0.1:13 # demo:control",
        "    url: http://127.0.0.1:14 # demo:upstream",
        "      url: http://127.0.0.1:15/.well-known/jwks.json # demo:jwks",
    ] {
        assert!(text.lines().any(|there| there == line), "{line}\n{text}");
    }
    let unmarked = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.contains(MARK));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(unmarked(&text), unmarked(shipped));
    assert_eq!(filled(&text, PORTS), text);
}

#[test]
fn a_line_that_lost_its_mark_stays_as_it_is() {
    let own = "    url: http://127.0.0.1:9000\n";
    assert_eq!(filled(own, PORTS), own);
    let unknown = "    url: x # demo:nothing\n";
    assert_eq!(filled(unknown, PORTS), unknown);
}

#[test]
fn what_is_there_is_kept_and_only_marked_lines_are_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(write(dir.path(), PORTS).unwrap(), 0);
    let policy = dir.path().join(POLICY_FILE);
    let config = dir.path().join(CONFIG_FILE);
    std::fs::write(&policy, "// mine\n").unwrap();
    let own = "# mine\nlisten:\n  http: 127.0.0.1:1 # demo:proxy\n";
    std::fs::write(&config, own).unwrap();
    assert_eq!(write(dir.path(), PORTS).unwrap(), FILES.len());
    assert_eq!(std::fs::read_to_string(policy).unwrap(), "// mine\n");
    let again = std::fs::read_to_string(config).unwrap();
    assert_eq!(again, own.replace(":1 ", ":11 "));
}

#[test]
fn the_api_has_what_the_commands_ask_for() {
    for (name, path) in [
        ("apis/app.openapi.json", "/app/v1/missions"),
        (
            "apis/dashboard.openapi.json",
            "/dashboard/v1/missions/{missionId}/publish",
        ),
    ] {
        let (_, text) = FILES.iter().find(|(file, _)| *file == name).unwrap();
        let api: serde_json::Value = serde_json::from_str(text).unwrap();
        assert!(api["paths"].get(path).is_some(), "{path}");
    }
}
