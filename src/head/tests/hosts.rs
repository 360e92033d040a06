//! Hosts.

use super::{Error, ambiguous, get, head};
use crate::head::HostList;

fn list(entries: &[&str]) -> HostList {
    HostList::new(entries.iter().copied()).unwrap()
}

fn find(entries: &[&str], authority: &str) -> Option<String> {
    let found = list(entries).find(authority).ok();
    found.map(|authority| authority.to_string())
}

#[test]
fn an_entry_without_a_port_matches_every_port() {
    let entries = ["Api.example.com", "localhost:8080", "[::1]", "10.0.0.1"];
    for (authority, expected) in [
        ("api.example.com", Some("api.example.com")),
        ("API.EXAMPLE.COM", Some("api.example.com")),
        ("api.example.com:8443", Some("api.example.com:8443")),
        ("API.example.com:8443", Some("api.example.com:8443")),
        ("localhost:8080", Some("localhost:8080")),
        ("localhost", None),
        ("localhost:80", None),
        ("[::1]:9", Some("[::1]:9")),
        ("10.0.0.1:80", Some("10.0.0.1:80")),
        ("evil.example", None),
        ("api.example.com.", None),
        ("xapi.example.com", None),
        ("api.example.com:", None),
        ("api.example.com:0", None),
        ("api.example.com:080", None),
        ("api.example.com:65536", None),
        ("api.example.com:80:80", None),
        ("api.example.com:+80", None),
        ("", None),
    ] {
        assert_eq!(
            find(&entries, authority).as_deref(),
            expected,
            "{authority}"
        );
    }
}

#[test]
fn a_star_matches_every_host_and_nothing_else() {
    assert_eq!(find(&["*"], "Any.Host:1").as_deref(), Some("any.host:1"));
    for authority in [
        "", "*", "a b", "u@a", "u:p@a", "a/b", "a?b", "a#b", "a\\b", "a,b", "a%41", "[::1", "::1",
        "[v1.x]", "[::1]x", "a..b", ".a", "é",
    ] {
        assert_eq!(find(&["*"], authority), None, "{authority}");
    }
    assert_eq!(find(&["*"], &"a".repeat(300)), None);
}

#[test]
fn an_empty_list_matches_nothing() {
    assert!(list(&[]).is_empty());
    assert_eq!(find(&[], "api.example.com"), None);
    assert!(!list(&["*"]).is_empty());
}

#[test]
fn entries_that_are_no_hosts_are_refused() {
    for entry in ["", "http://a", "a:", "a:x", "*.example.com", "a/b", "u@a"] {
        let error = HostList::new(["a", entry]).unwrap_err();
        assert_eq!(error.0, entry);
    }
}

#[test]
fn a_request_names_one_listed_host() {
    let none = http::Request::get("/a");
    assert_eq!(ambiguous(none), Error::HostMissing);
    let absolute = http::Request::get("http://api.example.com/a");
    assert_eq!(ambiguous(absolute), Error::HostMissing);
    for (host, malformed) in [
        ("evil.example", false),
        ("api.example.com.", true),
        ("u@api.example.com", true),
        ("api.example.com, evil.example", true),
        ("", true),
    ] {
        let error = ambiguous(http::Request::get("/a").header("host", host));
        assert_eq!(error == Error::HostMalformed, malformed, "{host}: {error}");
    }
    let binary = http::Request::get("/a").header("host", &b"\xff"[..]);
    assert_eq!(ambiguous(binary), Error::HostMalformed);
    assert!(head(get("/a")).is_ok());
}
