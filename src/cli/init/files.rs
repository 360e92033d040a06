//! The files of a new configuration.

use crate::author::init::Draft;
use crate::cli::demo;
use std::borrow::Cow;

/// One file.
pub(super) struct File {
    /// In the folder.
    pub(super) name: Cow<'static, str>,
    pub(super) text: Cow<'static, str>,
    /// Only its owner may read it.
    pub(super) secret: bool,
}

pub(super) const CONFIG: &str = "palisade.yaml";
/// Where editors look for the schemas.
const EDITOR: (&str, &str) = (".vscode/settings.json", include_str!("settings.json"));
/// The schema of all policies in one text, which those settings name. What is in it, the configuration
/// says once it is written.
pub(super) const ONE_SCHEMA: &str = ".cedar/palisade.cedarschema";

/// The least that serves: one API, one account, three roles.
pub(super) fn smallest(control_token: &str) -> Vec<File> {
    let own = [
        (CONFIG, include_str!("palisade.yaml")),
        ("tenants/example.yaml", include_str!("example.yaml")),
        ("apis/app.openapi.json", include_str!("app.openapi.json")),
        ("policies/app.cedar", include_str!("app.cedar")),
        EDITOR,
        (ONE_SCHEMA, ""),
    ];
    let shipped = demo::FILES.iter().filter(|(name, _)| is_common(name));
    let files = own.iter().chain(shipped).map(|file| public(*file));
    files.chain([secret(control_token)]).collect()
}

/// What every configuration has. The shipped policies are for more roles and APIs than these.
fn is_common(name: &str) -> bool {
    name == "policies/README.md" || name.starts_with("schemas/")
}

/// The files of a draft, and those that it needs beside them.
pub(super) fn of_draft(draft: &Draft, control_token: &str) -> Vec<File> {
    let shipped = demo::FILES.iter().filter(|(name, _)| is_common(name));
    let example = [("tenants/example.yaml", include_str!("example.yaml"))];
    let shipped = example.iter().chain(shipped).map(|file| public(*file));
    let own = draft.files.iter().map(|(name, text)| File {
        name: name.clone().into(),
        text: text.clone().into(),
        secret: false,
    });
    own.chain(shipped).chain([secret(control_token)]).collect()
}

/// The demo's files without what makes them a demonstration: its issuer, whose keys everybody has, its
/// upstream, its operator.
pub(super) fn from_demo(control_token: &str) -> Vec<File> {
    // The README is about the demo as it runs, and the cases about its people.
    let of_demo = |name: &str| name == "README.md" || name.starts_with("policies/tests/");
    let shipped = demo::FILES.iter().filter(|(name, _)| !of_demo(name));
    let mut files: Vec<File> = shipped.map(|file| public(*file)).collect();
    for file in &mut files {
        if file.name == CONFIG {
            file.text = earnest(&file.text).into();
        }
    }
    files.extend([EDITOR, (ONE_SCHEMA, "")].map(public));
    files.push(secret(control_token));
    files
}

/// What opens the control listener, under the name that both configurations give it.
fn secret(token: &str) -> File {
    File {
        name: "control.token".into(),
        text: format!("{token}\n").into(),
        secret: true,
    }
}

fn public((name, text): (&'static str, &'static str)) -> File {
    File {
        name: name.into(),
        text: text.into(),
        secret: false,
    }
}

/// What each line of the demo's configuration becomes that belongs to the demo: the line's key, and
/// the value in its place. An empty value: the line goes.
const LINES: [(&str, &str); 12] = [
    ("# The configuration of", ""),
    ("# the demo; remove the mark", ""),
    (
        "hosts:",
        r#"hosts: ["127.0.0.1:8080", "localhost:8080"] # change: the hosts that clients name"#,
    ),
    ("http:", "http: 127.0.0.1:8080"),
    ("metrics:", "metrics: 127.0.0.1:9901"),
    ("control:", "control: 127.0.0.1:9902"),
    ("# The demo's echo", ""),
    (
        "url: http://127.0.0.1:9000",
        "url: http://127.0.0.1:9000 # change: your service",
    ),
    (
        "issuer:",
        "issuer: https://id.example.com/pool # change: the `iss` of your tokens",
    ),
    (
        "url: http://127.0.0.1:9001",
        "url: https://id.example.com/pool/.well-known/jwks.json # change: your issuer's key set",
    ),
    ("# The keys come from this machine", ""),
    ("allow_local:", ""),
];

/// The demo's operator, who is nobody elsewhere.
const OPERATOR: &str = "4e5ba996-b05f-4f42-b19c-906342cfae05:";

fn earnest(text: &str) -> String {
    // The first line is for editors.
    let (first, text) = text.split_once('\n').unwrap_or(("", text));
    let head =
        "# A configuration made from the demo's. Lines marked `change:` are yours to fill in.";
    let mut out = format!("{first}\n{head}\n");
    for line in text.lines() {
        let written = line.trim_start();
        let indent = line.split_at(line.len() - written.len()).0;
        if written.starts_with(OPERATOR) {
            continue;
        }
        if written == "principals:" {
            let principals =
                "principals: {} # change: <sub>: { roles: [operator], all_accounts: true }";
            out.extend([indent, principals, "\n"]);
            continue;
        }
        match LINES.iter().find(|(start, _)| written.starts_with(start)) {
            Some((_, "")) => {}
            Some((_, new)) => out.extend([indent, new, "\n"]),
            None => out.extend([line, "\n"]),
        }
    }
    out
}

#[cfg(test)]
mod tests;
