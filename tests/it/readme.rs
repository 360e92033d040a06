//! What the README tells a newcomer to type is what CI runs.

use std::fs;
use std::path::Path;

/// The commands of every fenced block that is marked `sh`.
fn commands(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            inside = !inside && line == "```sh";
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            found.push(line.trim_start_matches("$ ").to_owned());
        }
    }
    found
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_test_command_of_the_readme_is_a_line_of_ci() {
    let readme = commands(&read("README.md"));
    let test = readme.iter().find(|line| line.starts_with("tests/run"));
    let test = test.expect("the README says how to test");
    let ci = read(".ci/run");
    assert!(
        ci.lines().any(|line| line.trim().ends_with(test.as_str())),
        "`{test}` is not in .ci/run"
    );
}

#[test]
fn the_readme_starts_the_demo_and_names_no_unknown_subcommand() {
    let readme = commands(&read("README.md"));
    let demo = "cargo run --release -- demo";
    assert!(
        readme.iter().any(|line| line == demo),
        "`{demo}` is not in the README"
    );
    let known = [
        "demo",
        "serve",
        "check",
        "tenants",
        "explain",
        "init",
        "reference",
        "health",
        "healthcheck",
        "help",
    ];
    for line in &readme {
        let Some((_, rest)) = line.split_once("palisade ") else {
            continue;
        };
        let word = rest.split(' ').next().unwrap_or_default();
        assert!(word.starts_with('-') || known.contains(&word), "{line}");
    }
}

#[test]
fn fenced_blocks_are_read_by_their_mark() {
    let text = "```sh\n$ a b\n# no\n```\ntext\n```yaml\nc: d\n```\n```sh\ne\n```\n";
    assert_eq!(commands(text), ["a b", "e"]);
}
