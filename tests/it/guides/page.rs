//! The fenced blocks of a page.

use std::fs;
use std::path::PathBuf;

/// One fenced block.
#[derive(Debug)]
pub(super) struct Block {
    /// `sh`, `text`, `yaml`, ...
    pub(super) kind: String,
    /// The file that its content is for.
    pub(super) file: Option<String>,
    /// It is wrong on purpose.
    pub(super) broken: bool,
    pub(super) text: String,
    /// The text between the block before and this one.
    pub(super) before: String,
    pub(super) line: usize,
}

pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    let mut before = String::new();
    for (at, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), open) {
            (Some(_), true) => open = false,
            (Some(info), false) => {
                let mut words = info.split(' ');
                found.push(Block {
                    kind: words.next().unwrap_or_default().to_owned(),
                    file: words.next().map(str::to_owned),
                    broken: words.next() == Some("broken"),
                    text: String::new(),
                    before: std::mem::take(&mut before),
                    line: at + 1,
                });
                open = true;
            }
            (None, true) => {
                if let Some(block) = found.last_mut() {
                    block.text += line;
                    block.text.push('\n');
                }
            }
            (None, false) => {
                before += line;
                before.push('\n');
            }
        }
    }
    assert!(!open, "a block is not closed");
    found
}

pub(super) fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn blocks_have_kind_file_and_the_text_before() {
    let page = "a `f.yaml`:\n```yaml f.yaml broken\nk: v\n```\nb\n```sh\nc\nd\n```\n";
    let found = blocks(page);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].kind.as_str(), found[0].line), ("yaml", 2));
    assert_eq!(found[0].file.as_deref(), Some("f.yaml"));
    assert!(found[0].broken && found[0].before.contains("`f.yaml`"));
    assert_eq!(
        (found[1].text.as_str(), found[1].before.as_str()),
        ("c\nd\n", "b\n")
    );
}
