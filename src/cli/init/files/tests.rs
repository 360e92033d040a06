//! What `init` writes is whole, and holds nothing that is the demo's alone.

use super::*;

#[test]
fn nothing_of_the_demonstration_is_left() {
    let files = from_demo("0123");
    let config = files.iter().find(|file| file.name == CONFIG).unwrap();
    for word in ["demo:", "demo-1", "allow_local", "4e5ba996", "9001"] {
        assert!(!config.text.contains(word), "`{word}` in:\n{}", config.text);
    }
    for word in [
        "# change: the hosts",
        "# change: your service",
        "# change: the `iss`",
        "key set",
    ] {
        assert!(
            config.text.contains(word),
            "no `{word}` in:\n{}",
            config.text
        );
    }
}

#[test]
fn every_line_that_is_replaced_is_in_the_demos_configuration() {
    let (_, text) = demo::FILES
        .iter()
        .find(|(name, _)| *name == CONFIG)
        .unwrap();
    for (start, _) in LINES {
        assert!(
            text.lines()
                .any(|line| line.trim_start().starts_with(start)),
            "{start}"
        );
    }
}
