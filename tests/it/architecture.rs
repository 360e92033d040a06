//! The shape of the code: modules stand in rows and import only from lower ones, files stay small,
//! and every file begins by saying what it is.

use std::fs;
use std::path::{Path, PathBuf};

/// The rows, top to bottom. A module may import from rows below its own and from nowhere else.
const ROWS: [&[&str]; 16] = [
    &["main"],
    &["cli"],
    &["app"],
    &["author"],
    &["config"],
    &["admin", "listener"],
    &["explain"],
    &["gate"],
    &["forward"],
    &["decision"],
    &["scope", "ruleset"],
    &["token", "route", "policy", "limit"],
    &["telemetry"],
    &[
        "head",
        "tenant",
        "document",
        "operation",
        "body",
        "fetch",
        "lease",
        "tls",
    ],
    &["x509"],
    &[
        "fault",
        "reason",
        "snapshot",
        "drain",
        "clock",
        "supervisor",
        "socket",
    ],
];

/// More than this many lines that are neither empty nor a comment: the file has a second room in it.
const CODE_LINES_MAX: usize = 500;

struct Source {
    /// `src/token/claims.rs`
    name: String,
    /// `token`: the top-level module it belongs to.
    module: String,
    /// How many modules deep: `src/token.rs` 1, `src/token/claims.rs` 2.
    depth: usize,
    text: String,
}

#[test]
fn modules_import_only_from_lower_rows() {
    let mut faults = Vec::new();
    for source in sources() {
        if source.module == "lib" {
            continue;
        }
        let Some(own) = row_of(&source.module) else {
            faults.push(format!(
                "{}: module `{}` stands in no row; add it to ROWS and to ARCHITECTURE.md",
                source.name, source.module
            ));
            continue;
        };
        for used in imports(&source) {
            if used == source.module || used.is_empty() {
                continue;
            }
            match row_of(&used) {
                Some(row) if row > own => {}
                Some(row) if row == own => faults.push(format!(
                    "{}: `{}` and `{used}` stand in one row and must not meet",
                    source.name, source.module
                )),
                Some(_) => faults.push(format!(
                    "{}: `{}` imports `{used}`, which stands above it",
                    source.name, source.module
                )),
                None => faults.push(format!("{}: `crate::{used}` is no module", source.name)),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_module_of_the_library_stands_in_exactly_one_row() {
    let declared = modules_of_lib();
    for module in &declared {
        let rows = ROWS.iter().filter(|row| row.contains(&module.as_str()));
        assert_eq!(rows.count(), 1, "module `{module}`");
    }
    for module in ROWS.iter().flat_map(|row| row.iter()) {
        let known = *module == "main" || declared.iter().any(|name| name == module);
        assert!(known, "row module `{module}` does not exist");
    }
}

/// Explanations and tests may take claims on trust; a request never.
#[test]
fn only_explanations_and_tests_take_claims_without_a_signature() {
    for source in sources() {
        let trusts = ["assume_claims(", "assume_claims_with(", "assume_signed("]
            .iter()
            .any(|call| source.text.contains(call));
        let may = ["src/token/assume.rs", "src/author/asked.rs"];
        assert_eq!(
            trusts,
            may.contains(&source.name.as_str()),
            "{}",
            source.name
        );
    }
}

/// Whoever reads the program for what could corrupt memory has one place to look at.
#[test]
fn only_giving_back_pages_is_unsafe() {
    for source in sources() {
        let is_unsafe = source.text.contains("unsafe {") || source.text.contains("unsafe fn");
        assert_eq!(
            is_unsafe,
            source.name == "src/app/resident.rs",
            "{}",
            source.name
        );
    }
}

#[test]
fn no_file_has_more_than_five_hundred_lines_of_code() {
    for source in sources() {
        let code = source.text.lines().map(str::trim);
        let code = code.filter(|line| !line.is_empty() && !line.starts_with("//"));
        let count = code.count();
        assert!(
            count <= CODE_LINES_MAX,
            "{} has {count} lines of code: which part is a room of its own?",
            source.name
        );
    }
}

#[test]
fn every_file_opens_with_a_sentence_about_itself() {
    for source in sources() {
        let first = source.text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") && first.len() > 8,
            "{} does not open with a `//!` sentence",
            source.name
        );
    }
}

#[test]
fn the_import_scanner_sees_groups_and_ignores_comments_strings_and_tests() {
    let source = Source {
        name: "src/route/openapi.rs".to_owned(),
        module: "route".to_owned(),
        depth: 2,
        text: r#"//! See [`crate::gate`].
use crate::{
    clock::{Clock, Timestamp},
    head::Head, // crate::app
};
use crate::tenant;
use super::super::forward;
const A: &str = "crate::config";
/* crate::admin */
fn f<'a>(_: &'a str) -> char { '"' }
fn g() { crate::scope::admit() }
#[cfg(test)]
mod tests {
    use crate::cli;
    fn inner() { let _ = "}"; }
}
fn h() { crate::policy::x() }
"#
        .to_owned(),
    };
    let mut seen = imports(&source);
    seen.sort();
    seen.dedup();
    assert_eq!(
        seen,
        ["clock", "forward", "head", "policy", "scope", "tenant"]
    );
}

fn row_of(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

fn modules_of_lib() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is readable");
    let names = lib.lines().filter_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    names.map(str::to_owned).collect()
}

/// Every top-level module that the code of `source` names, tests left out.
fn imports(source: &Source) -> Vec<String> {
    let code = without_tests(&plain(&source.text));
    let mut found = Vec::new();
    for root in ["crate::", "palisade::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            names_after(&code[at + root.len()..], &mut found);
        }
    }
    // Enough `super`s reach the crate's root too.
    let root = "super::".repeat(source.depth);
    for (at, _) in code.match_indices(&root) {
        if !code[..at].ends_with("::") {
            names_after(&code[at + root.len()..], &mut found);
        }
    }
    found
}

/// The first names of a path, or of each path of a `{..}` group.
fn names_after(rest: &str, found: &mut Vec<String>) {
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else {
        found.push(identifier(rest));
        return;
    };
    let mut depth = 0;
    let mut at_name = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return,
            '}' => depth -= 1,
            ',' if depth == 0 => at_name = true,
            c if depth == 0 && at_name && !c.is_whitespace() => {
                found.push(identifier(&group[at..]));
                at_name = false;
            }
            _ => {}
        }
    }
}

fn identifier(text: &str) -> String {
    let name = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_');
    name.collect()
}

/// The text without comments and without what stands in strings and character literals.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(len) = raw_string(rest) {
            len
        } else if c == '"' {
            string(rest)
        } else if c == '\'' {
            character(rest)
        } else {
            0
        };
        if skip == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            rest = &rest[skip..];
        }
    }
    out
}

fn raw_string(text: &str) -> Option<usize> {
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inner.find(&close)?;
    Some(text.len() - inner.len() + end + close.len())
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal; 0: it is a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => text[3..].find('\'').map_or(0, |end| end + 4),
        (Some((_, _)), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// The code without `#[cfg(test)]` modules.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        let item = &rest[at + "#[cfg(test)]".len()..];
        let open = item.find('{').unwrap_or(item.len());
        let end = item.find(';').unwrap_or(item.len());
        rest = if end < open {
            &item[end..]
        } else {
            &item[open + block(&item[open..])..]
        };
    }
    out.push_str(rest);
    out
}

/// The length of the `{..}` block that `text` starts with.
fn block(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn sources() -> Vec<Source> {
    let top = root().join("src");
    let mut found = Vec::new();
    collect(&top, &mut found);
    assert!(found.len() > 20, "src/ was not found");
    found
        .iter()
        .filter(|path| path.file_name().is_none_or(|name| name != "tests.rs"))
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
        .map(|path| read(&top, path))
        .collect()
}

fn read(top: &Path, path: &Path) -> Source {
    let inner = path.strip_prefix(top).expect("found under src");
    let inner = inner.with_extension("");
    let parts: Vec<String> = inner
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    Source {
        name: format!("src/{}.rs", parts.join("/")),
        module: parts[0].clone(),
        depth: parts.len(),
        text: fs::read_to_string(path).expect("a source file is readable"),
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src/ is readable") {
        let path = entry.expect("src/ is readable").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
