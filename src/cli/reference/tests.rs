//! Generated files in the repository are what the code would write today.

use super::*;
use crate::forward::Annotate;
use http::HeaderName;

#[test]
fn generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stale: Vec<&str> = pages()
        .into_iter()
        .filter(|page| {
            std::fs::read_to_string(root.join(page.path)).ok().as_ref() != Some(&page.text)
        })
        .map(|page| page.path)
        .collect();
    assert!(
        stale.is_empty(),
        "{stale:?} differ from the code; regenerate them with `cargo run -- reference --write` and commit them"
    );
}

#[test]
fn every_header_on_the_page_is_removed_from_requests() {
    let rules = Annotate::new(headers::PREFIX, &[]).unwrap();
    let own = headers::ADDED
        .iter()
        .map(|(name, _)| format!("{}{name}", headers::PREFIX));
    let others = headers::REMOVED
        .iter()
        .map(|(name, _)| match name.strip_suffix('-') {
            Some(_) => format!("{name}any"),
            None => (*name).to_owned(),
        });
    for name in own.chain(others) {
        let header = HeaderName::from_bytes(name.as_bytes()).unwrap();
        assert!(rules.is_reserved(&header), "{name}");
    }
}

#[test]
fn every_key_stands_on_the_page() {
    let page = config::page();
    for key in [
        "listen.timeouts.head",
        "upstreams.<name>.timeouts.response",
        "issuers[].jwks.max_stale",
        "issuers[].principals.<name>.all_accounts",
        "routes[].cors.origins",
        "workspaces[].machine_clients[].role",
    ] {
        assert!(page.contains(&format!("| `{key}` |")), "{key}");
    }
}

#[test]
fn the_page_of_commands_does_not_depend_on_the_machine() {
    let page = cli();
    assert!(page.contains("## palisade check"), "{page}");
    assert!(page.contains("PALISADE_CONFIG"), "{page}");
    assert!(!page.contains("PALISADE_CONFIG="), "{page}");
}
