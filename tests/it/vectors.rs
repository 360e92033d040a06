//! Published attacks, sent through the whole gate: the upstream never sees a smuggled request, a
//! spoofed annotation, or a path other than the one that was decided.

use crate::support::client::Request;
use crate::support::eventually;
use crate::support::gate::{HOST, TestGate};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn no_smuggled_request_reaches_the_upstream() {
    let gate = open_gate();
    let decided = || gate.metrics().sum("palisade_requests_total", &[]);
    let cases = cases("h1/portswigger_permutations.json");
    assert!(cases.len() > 50);
    for case in &cases {
        let before = gate.upstream.requests().len();
        let raw = decode(&case["raw_b64"]);
        let mut connection = gate.connect();
        connection.send(&served(&raw));
        connection.replies();
        // Bytes after a message that is framed in one way only (`Content-Encoding: chunked` frames
        // nothing) are the client's own next request, decided as such. What must not be is a request
        // at the upstream that the gate did not see as one, or one that is framed twice.
        eventually(
            &format!("{}: all forwarded was decided", case["id"]),
            || {
                // Over all cases: one that was given up may reach the upstream in the time of the next.
                let seen = u32::try_from(gate.upstream.requests().len()).ok()?;
                (f64::from(seen) <= decided()).then_some(())
            },
        );
        for request in gate.upstream.requests().iter().skip(before) {
            let lengths = request.message.all("content-length").len();
            let codings = request.message.all("transfer-encoding").len();
            assert!(lengths + codings <= 1, "{}: {request:#?}", case["id"]);
        }
    }
}

#[test]
fn severe_heads_are_refused_and_others_never_become_two_requests() {
    let gate = open_gate();
    let cases = cases("h1/desync_guardian.json");
    assert!(cases.len() > 150);
    for case in &cases {
        let before = gate.upstream.requests().len();
        let raw = with_host(&decode(&case["raw_head_b64"]));
        let mut connection = gate.connect();
        connection.send(&raw);
        connection.replies();
        let after = gate.upstream.requests();
        let seen = &after[before..];
        assert!(seen.len() <= 1, "{}: {seen:#?}", case["id"]);
        for request in seen {
            // Whatever was let through left the gate in one reading only.
            let lengths = request.message.all("content-length").len();
            let codings = request.message.all("transfer-encoding").len();
            assert!(lengths + codings <= 1, "{}: {request:#?}", case["id"]);
        }
    }
}

#[test]
fn no_spelling_of_an_annotation_reaches_the_upstream() {
    let gate = TestGate::start();
    gate.upstream.accept_any_header();
    let token = gate.issuer.user("ana").sign();
    for case in &cases("headers/spoof.json") {
        let before = gate.upstream.requests().len();
        let mut raw = format!(
            "GET /app/v1/missions HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n"
        )
        .into_bytes();
        for line in case["lines_b64"].as_array().expect("a list of lines") {
            raw.extend(filled(&decode(line)));
            raw.extend_from_slice(b"\r\n");
        }
        raw.extend_from_slice(b"\r\n");
        let mut connection = gate.connect();
        connection.send(&raw);
        // `Transfer-Encoding: chunked` on a GET announces a body.
        connection.send(b"0\r\nx-palisade-account: spoofed-tenant\r\n\r\n");
        connection.replies();
        let after = gate.upstream.requests();
        for request in after[before..].iter().take(1) {
            let fields = request
                .message
                .headers
                .iter()
                .chain(&request.message.trailers);
            let named: Vec<_> = fields
                .filter(|(name, _)| folded(name) == "x-palisade-account")
                .collect();
            assert_eq!(named.len(), 1, "{}: {request:#?}", case["id"]);
            assert_eq!(named[0].1, "acme", "{}", case["id"]);
            assert_ne!(
                case["expect"], "reject",
                "{} was forwarded: {request:#?}",
                case["id"]
            );
        }
        if case["expect"] == "present" {
            assert!(after.len() > before, "{} was refused", case["id"]);
        }
    }
}

#[test]
fn a_path_is_forwarded_exactly_as_decided_or_refused() {
    let gate = TestGate::builder()
        .set("/routes/-", public("GET /app/{a}"))
        .set("/routes/-", public("GET /app/{a}/{b}"))
        .start();
    gate.upstream.accept_any_header();
    let mut paths: Vec<String> = cases("paths/istio_normalization.json")
        .iter()
        .map(|case| case["in"].as_str().expect("a path").to_owned())
        .collect();
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 20);
    for path in &paths {
        let before = gate.upstream.requests().len();
        let request = Request::new(gate.address(), "GET", path).header("connection", "close");
        let mut connection = gate.connect();
        connection.send(&request.bytes());
        connection.rest();
        let after = gate.upstream.requests();
        for request in &after[before..] {
            let target = request.target();
            let plain = path.split('#').next().unwrap_or_default();
            assert_eq!(target, plain, "decided and forwarded differ");
            assert!(
                !target.contains("//") && !target.contains("..") && !target.contains('\\'),
                "{target}"
            );
        }
    }
}

#[test]
fn every_template_of_a_spoofed_header_is_filled() {
    let cases = cases("headers/spoof.json");
    assert!(cases.len() > 50);
    for case in &cases {
        for line in case["lines_b64"].as_array().expect("a list of lines") {
            assert!(!filled(&decode(line)).is_empty(), "{}", case["id"]);
        }
    }
    assert_eq!(
        filled(b"{h_sep:!}: {V}"),
        b"x!palisade!account: spoofed-tenant"
    );
}

/// A gate whose upstream anybody reaches on any method and path of these corpora: what protects it
/// here is nothing but the reading of heads.
fn open_gate() -> TestGate {
    let mut builder = TestGate::builder().set(
        "/listen/timeouts",
        json!({"head": "300ms", "body": "300ms", "idle": "300ms"}),
    );
    for method in ["GET", "POST", "PUT"] {
        for path in ["/canary", "/foo/bar", "/__smuggled__", "/foo/bar/{rest}"] {
            builder = builder.set("/routes/-", public(&format!("{method} {path}")));
        }
    }
    let gate = builder.start();
    gate.upstream.accept_any_header();
    gate
}

fn public(matched: &str) -> Value {
    let action = matched
        .to_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let action = format!("vectors/{}", action.trim_matches('-'));
    json!({"context": "app", "match": matched, "action": action, "public": true, "upstream": "api"})
}

/// The corpus speaks to `canary`; the gate serves another host.
fn served(raw: &[u8]) -> Vec<u8> {
    let text: String = raw.iter().copied().map(char::from).collect();
    let text = text.replace("Host: canary", &format!("Host: {HOST}"));
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("latin-1"))
        .collect()
}

fn with_host(head: &[u8]) -> Vec<u8> {
    let end = head
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(head.len(), |at| at + 1);
    let (line, rest) = head.split_at(end);
    [line, format!("Host: {HOST}\r\n").as_bytes(), rest].concat()
}

/// The template with `x-palisade-account` as the protected header.
fn filled(template: &[u8]) -> Vec<u8> {
    const NAME: &str = "x-palisade-account";
    let mut text: String = template.iter().copied().map(char::from).collect();
    while let Some(at) = text.find("{h_sep:") {
        let separator = text[at + 7..].chars().next().expect("a separator");
        let name = NAME.replace('-', &separator.to_string());
        text.replace_range(at..at + 9, &name);
    }
    for (place, name) in [
        ("{H}", NAME),
        ("{h_title}", "X-Palisade-Account"),
        ("{h_upper}", "X-PALISADE-ACCOUNT"),
        ("{h_mixed}", "x-PaLiSaDe-AcCoUnT"),
        ("{h_under}", "x_palisade_account"),
        ("{h_under1}", "x_palisade-account"),
        ("{h_underlast}", "x-palisade_account"),
        ("{h_under_upper}", "X_PALISADE_ACCOUNT"),
        ("{h_dot}", "x.palisade.account"),
        ("{h_shy}", "x\u{ad}palisade\u{ad}account"),
        ("{V}", "spoofed-tenant"),
    ] {
        text = text.replace(place, name);
    }
    assert!(!text.contains('{'), "a placeholder is left: {text}");
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("latin-1"))
        .collect()
}

fn folded(name: &str) -> String {
    let fold = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    name.chars().map(fold).collect()
}

fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(file);
    let text = std::fs::read_to_string(path).expect("test data is in the tree");
    let data: Value = serde_json::from_str(&text).expect("test data is JSON");
    data["cases"].as_array().expect("a list of cases").clone()
}

fn decode(value: &Value) -> Vec<u8> {
    STANDARD
        .decode(value.as_str().expect("a text"))
        .expect("base64")
}
