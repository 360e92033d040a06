//! Published vectors: a path is refused, or what is decided is what is forwarded.

use super::settings;
use crate::clock::Timestamp;
use crate::head::{CanonicalPath, HostList, Query, Settings, read};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const ISTIO: &str = include_str!("../../../tests/data/paths/istio_normalization.json");
const ENVOY: &str = include_str!("../../../tests/data/paths/envoy_path_normalizer.json");
const WPT: &str = include_str!("../../../tests/data/paths/wpt_urltestdata.json");
const GUARDIAN: &str = include_str!("../../../tests/data/h1/desync_guardian.json");

fn cases(text: &str) -> Vec<Value> {
    let value: Value = serde_json::from_str(text).unwrap();
    let cases = value.get("cases").unwrap_or(&value);
    cases.as_array().unwrap().clone()
}

/// Reads a target as a server would hand it over. Says whether it was let through.
fn holds(target: &str) -> bool {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let Ok(canonical) = CanonicalPath::read(path) else {
        return false;
    };
    assert_eq!(
        CanonicalPath::read(canonical.as_str()).as_ref(),
        Ok(&canonical)
    );
    // Equal up to the case of escapes: cut them out, and the rest is equal to the letter.
    let rest = |path: &str| {
        let mut pieces = path.split('%');
        let first = pieces.next().map(str::to_owned);
        let others = pieces.map(|piece| piece.get(2..).unwrap().to_owned());
        first.into_iter().chain(others).collect::<Vec<_>>()
    };
    assert_eq!(rest(path), rest(canonical.as_str()));
    assert!(path.eq_ignore_ascii_case(canonical.as_str()));
    if let Ok(query) = Query::read(query) {
        assert_eq!(
            query.raw.as_deref(),
            target.split_once('?').map(|(_, query)| query)
        );
    }
    true
}

#[test]
fn paths_that_proxies_normalise_differently_are_held_to_one_form() {
    let (mut read, mut refused) = (0, 0);
    for case in cases(ISTIO).into_iter().chain(cases(ENVOY)) {
        let path = case["in"].as_str().unwrap();
        if holds(path) {
            read += 1;
            // Where a normaliser would change the path, it is refused; only the case of escapes and
            // what a proxy does beyond the path (cutting `#`) may differ.
            let out = case["out"].as_str().unwrap_or("");
            let changed = out.starts_with('/') && !out.eq_ignore_ascii_case(path);
            assert!(!changed, "{path} -> {out} ({})", case["mode"]);
        } else {
            refused += 1;
        }
    }
    assert!(read > 30 && refused > 200, "{read} read, {refused} refused");
}

#[test]
fn url_test_data_is_held_to_one_form() {
    let mut read = 0;
    for case in cases(WPT) {
        for key in ["input", "pathname"] {
            if let Some(text) = case.get(key).and_then(Value::as_str) {
                read += usize::from(holds(text));
            }
        }
        // Where browsers resolve an input to another path, the input itself is not let through.
        let (Some(input), Some(path)) = (case.get("input"), case.get("pathname")) else {
            continue;
        };
        let (input, path) = (input.as_str().unwrap(), path.as_str().unwrap());
        let input = input.split(['?', '#']).next().unwrap();
        let plain = case["base"]
            .as_str()
            .is_none_or(|base| base.starts_with("http"));
        if plain && input.starts_with('/') && CanonicalPath::read(input).is_ok() {
            assert!(path.eq_ignore_ascii_case(input), "{input} -> {path}");
        }
    }
    assert!(read > 100, "{read} read");
}

#[test]
fn hostile_heads_are_read_or_refused() {
    let settings = Settings {
        hosts: HostList::new(["*"]).unwrap(),
        ..settings()
    };
    let peer = "192.0.2.1".parse().unwrap();
    let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let mut built = 0;
    for case in cases(GUARDIAN) {
        let (Some(method), Some(uri)) = (case["method"].as_str(), case["uri"].as_str()) else {
            continue;
        };
        let mut request = http::Request::builder().method(method).uri(uri);
        request = request.header("host", "a");
        for header in case["headers"].as_array().unwrap() {
            request = request.header(decoded(&header[0]), decoded(&header[1]));
        }
        // What does not even build, the server refuses before a head is read.
        let Ok(request) = request.body(()) else {
            continue;
        };
        built += 1;
        let (parts, ()) = request.into_parts();
        if let Ok(head) = read(
            &parts,
            &crate::head::Peer::plain(peer),
            &settings,
            Timestamp(0),
        ) {
            assert!(holds(head.path.as_str()), "{}", case["id"]);
            assert!(parts.headers.get_all("host").iter().count() == 1);
        }
    }
    assert!(built > 50, "{built} built");
}
