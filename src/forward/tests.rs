//! What a client may not say, and what a reply may not carry.

use super::headers::keep_private;
use super::{Annotate, clean_reply};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderMap, HeaderName, HeaderValue};

const SPOOFS: &str = include_str!("../../tests/data/headers/spoof.json");

#[test]
fn a_spoofed_annotation_is_stripped_however_it_is_spelt() {
    let vectors: serde_json::Value = serde_json::from_str(SPOOFS).unwrap();
    let mut tried = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let lines = case["lines_b64"].as_array().unwrap();
        if case["expect"] != "absent" || lines.len() != 1 {
            continue;
        }
        for name in ["x-palisade-account", "x-palisade-workspace", "x-user-id"] {
            let line = STANDARD.decode(lines[0].as_str().unwrap()).unwrap();
            let spoof = spelt(&String::from_utf8(line).unwrap(), name);
            // Folded lines never become a field of their own: hyper refuses them.
            let Some((field, value)) = spoof.split_once(": ").filter(|_| !spoof.contains('\r'))
            else {
                continue;
            };
            let name = HeaderName::from_bytes(field.as_bytes()).unwrap();
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_str(value).unwrap());
            rules().strip_trailers(&mut headers);
            assert!(headers.is_empty(), "{}: `{field}` passed", case["id"]);
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried} spoofs were tried");
}

#[test]
fn reserved_names_are_known_by_prefix_and_by_list() {
    for name in [
        "x-palisade-anything",
        "x_palisade_account",
        "x-tenant-id",
        "x-aw-role",
        "x-aworld-account",
        "x-forwarded-client-cert",
        "x-original-url",
        "x-rewrite-url",
        "x-override-url",
        "x-http-method-override",
        "x-method-override",
        "forwarded",
        "client-cert",
        "x-amzn-mtls-clientcert",
        "x-arr-clientcert",
        "x-tls-client-cert",
        "cf-client-cert-sha256",
        "ssl-cert",
        "x-legacy-tenant",
    ] {
        let name = HeaderName::from_static(name);
        assert!(rules().is_reserved(&name), "`{name}` passes");
    }
    for name in [
        "x-request-id",
        "accept",
        "x-palisades",
        "x-awake",
        "traceparent",
    ] {
        let name = HeaderName::from_static(name);
        assert!(!rules().is_reserved(&name), "`{name}` is stripped");
    }
}

#[test]
fn a_reply_loses_its_hops_and_what_only_we_may_say() {
    let mut headers = fields(&[
        ("connection", "x-hop, content-length"),
        ("x-hop", "1"),
        ("content-length", "3"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("x-palisade-account", "globex"),
        ("x-palisade-request-id", "theirs"),
        ("content-type", "text/plain"),
    ]);
    clean_reply(&mut headers, &rules(), &HeaderValue::from_static("ours"));
    let expected = fields(&[
        ("content-length", "3"),
        ("content-type", "text/plain"),
        ("x-palisade-request-id", "ours"),
    ]);
    assert_eq!(headers, expected);
}

#[test]
fn a_callers_reply_is_private_unless_the_upstream_says_otherwise() {
    let vary = ("vary", "Authorization, Cookie");
    let mut silent = HeaderMap::new();
    keep_private(&mut silent);
    assert_eq!(silent, fields(&[("cache-control", "private"), vary]));
    let mut said = fields(&[("cache-control", "max-age=60"), ("vary", "cookie")]);
    keep_private(&mut said);
    let vary = [("vary", "cookie"), ("vary", "Authorization")];
    assert_eq!(
        said,
        fields(&[("cache-control", "max-age=60"), vary[0], vary[1]])
    );
}

fn rules() -> Annotate {
    Annotate::new("x-palisade-", &["X-Legacy-Tenant".to_owned()]).unwrap()
}

fn fields(list: &[(&'static str, &'static str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

/// The vector's line with its placeholders filled in (`meta.placeholders` of the file).
fn spelt(line: &str, name: &str) -> String {
    let title: String = name
        .split('-')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect::<Vec<_>>()
        .join("-");
    let mixed: String = (name.char_indices())
        .map(|(at, c)| {
            if at % 2 == 0 {
                c.to_ascii_uppercase()
            } else {
                c
            }
        })
        .collect();
    let (rest, last) = name.rsplit_once('-').unwrap();
    let mut line = line
        .replace("{H}", name)
        .replace("{h_title}", &title)
        .replace("{h_upper}", &name.to_ascii_uppercase())
        .replace("{h_mixed}", &mixed)
        .replace("{h_under}", &name.replace('-', "_"))
        .replace("{h_under1}", &name.replacen('-', "_", 1))
        .replace("{h_underlast}", &format!("{rest}_{last}"))
        .replace("{h_dot}", &name.replace('-', "."))
        .replace("{V}", "globex");
    for separator in ["!", "*", "%"] {
        let placeholder = format!("{{h_sep:{separator}}}");
        line = line.replace(&placeholder, &name.replace('-', separator));
    }
    line
}
