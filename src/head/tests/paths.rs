//! Paths.

use crate::head::{CanonicalPath, Error, PathFault};
use proptest::prelude::*;

fn read(path: &str) -> Result<String, PathFault> {
    match CanonicalPath::read(path) {
        Ok(path) => Ok(path.as_str().to_owned()),
        Err(Error::Path(fault)) => Err(fault),
        Err(other) => unreachable!("{other}"),
    }
}

#[test]
fn paths_in_their_one_form_stay_as_they_are() {
    for path in [
        "/",
        "/app/v1/missions",
        "/app/v1/missions/",
        "/a-b_c.d~e/!$&'()*+,=:@",
        "/.a/..b/c./d../...",
        "/%20/%C3%A9/%2A%3F%23%25/%25x",
        "/é".replace('é', "%E2%82%AC").as_str(),
    ] {
        assert_eq!(read(path).as_deref(), Ok(path));
    }
}

#[test]
fn escapes_are_made_upper_case_and_nothing_else_is() {
    assert_eq!(
        read("/%c3%A9/abc/%2a%2B").as_deref(),
        Ok("/%C3%A9/abc/%2A%2B")
    );
    assert_eq!(read("/aB/%e2%82%ac/cD").as_deref(), Ok("/aB/%E2%82%AC/cD"));
}

#[test]
fn paths_with_two_readings_are_refused() {
    use PathFault::{
        Backslash, Character, DotSegment, EmptySegment, Escape, EscapedControl, EscapedSeparator,
        EscapedTwice, EscapedUnreserved, Form, Parameters, Utf8,
    };
    for (path, fault) in [
        ("", Form),
        ("*", Form),
        ("a/b", Form),
        ("//", EmptySegment),
        ("//a", EmptySegment),
        ("/a//b", EmptySegment),
        ("/a//", EmptySegment),
        ("/.", DotSegment),
        ("/..", DotSegment),
        ("/a/.", DotSegment),
        ("/a/..", DotSegment),
        ("/a/./b", DotSegment),
        ("/a/../b", DotSegment),
        ("/../a", DotSegment),
        ("/a\\b", Backslash),
        ("/a;b", Parameters),
        ("/..;/b", Parameters),
        ("/a%3bb", EscapedSeparator),
        ("/a%2fb", EscapedSeparator),
        ("/a%2Fb", EscapedSeparator),
        ("/a%5cb", EscapedSeparator),
        ("/%2e%2e/a", EscapedUnreserved),
        ("/%2E/a", EscapedUnreserved),
        ("/%61", EscapedUnreserved),
        ("/%7e", EscapedUnreserved),
        ("/%5F", EscapedUnreserved),
        ("/%00", EscapedControl),
        ("/%0a", EscapedControl),
        ("/%7F", EscapedControl),
        ("/%", Escape),
        ("/%2", Escape),
        ("/%zz", Escape),
        ("/%u0041", Escape),
        ("/%+1", Escape),
        ("/%252e%252e", EscapedTwice),
        ("/%252F", EscapedTwice),
        ("/%c0%af", Utf8),
        ("/%c0%ae", Utf8),
        ("/%e0%80%af", Utf8),
        ("/%ff", Utf8),
        ("/%C3", Utf8),
        ("/%ed%a0%80", Utf8),
        ("/a b", Character),
        ("/a\u{e9}", Character),
        ("/a\u{7f}", Character),
        ("/a\tb", Character),
        ("/a\"b", Character),
        ("/<a>", Character),
        ("/{a}", Character),
        ("/a|b", Character),
        ("/a^b", Character),
        ("/a`b", Character),
        ("/[a]", Character),
        ("/a?b", Character),
        ("/a#b", Character),
    ] {
        assert_eq!(read(path), Err(fault), "{path}");
    }
}

proptest! {
    #[test]
    fn a_canonical_path_is_its_own_canonical_form(path in "/[a-zA-Z0-9%./;\\\\ ~é-]{0,24}") {
        if let Ok(canonical) = read(&path) {
            prop_assert_eq!(read(&canonical), Ok(canonical.clone()));
            prop_assert!(canonical.eq_ignore_ascii_case(&path));
        }
    }

    /// Whatever an upstream does to a path that was let through (decode once, decode until nothing
    /// changes, resolve dots, merge slashes, cut parameters, turn backslashes), its segments stay.
    #[test]
    fn no_lenient_reader_sees_other_segments(
        path in "/([a-c.]|%[0-9a-fA-F]{2}|%25|%2[eEfF5]|%5[cC]|%3[bB]|[/;\\\\]){0,12}",
    ) {
        if let Ok(canonical) = read(&path) {
            let segments = canonical.split('/').count();
            let mut decoded = canonical;
            for _ in 0..4 {
                decoded = decoded_once(&decoded);
                prop_assert!(!decoded.contains(['\\', ';', '\0']), "{}", decoded);
                prop_assert!(!decoded.contains("//"), "{}", decoded);
                prop_assert_eq!(decoded.split('/').count(), segments, "{}", decoded);
                prop_assert!(!decoded.split('/').any(|s| s == "." || s == ".."), "{}", decoded);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(path in "\\PC{0,40}") {
        let _ = read(&path);
        let _ = read(&format!("/{path}"));
    }
}

fn decoded_once(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes.get(at + 1..at + 3).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        match byte {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
