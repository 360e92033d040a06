//! Queries.

use crate::head::{Error, Query, QueryFault, fold_key, key_names};
use proptest::prelude::*;

fn read(raw: &str) -> Result<Vec<(String, String)>, QueryFault> {
    match Query::read(Some(raw)) {
        Ok(query) => {
            assert_eq!(query.raw.as_deref(), Some(raw));
            let pairs = query.pairs.into_iter();
            Ok(pairs.map(|pair| (pair.key, pair.value)).collect())
        }
        Err(Error::Query(fault)) => Err(fault),
        Err(other) => unreachable!("{other}"),
    }
}

#[test]
fn queries_are_decoded_once() {
    for (raw, expected) in [
        ("", &[][..]),
        ("&&", &[]),
        ("a", &[("a", "")]),
        ("a=", &[("a", "")]),
        ("=b", &[("", "b")]),
        ("a=b=c", &[("a", "b=c")]),
        ("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]),
        ("a+b=c%20d%2Be", &[("a b", "c d+e")]),
        ("a%5B%5D=%3b%26", &[("a[]", ";&")]),
        ("a=%2541", &[("a", "%41")]),
        ("%C3%A9=%e2%82%ac", &[("é", "€")]),
        ("q={a|b}^`<\">\\[]?/:@", &[("q", "{a|b}^`<\">\\[]?/:@")]),
        (
            "method=x&accesstoken=y",
            &[("method", "x"), ("accesstoken", "y")],
        ),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(read(raw), Ok(expected), "{raw}");
    }
}

#[test]
fn queries_with_two_readings_are_refused() {
    use QueryFault::{Character, Control, Escape, Override, Semicolon, Token, Utf8};
    for (raw, fault) in [
        ("a=b;c=d", Semicolon),
        (";", Semicolon),
        ("a=%", Escape),
        ("a=%2", Escape),
        ("a=%u0041", Escape),
        ("%zz=1", Escape),
        ("a=%00", Control),
        ("%00=a", Control),
        ("a=%0d%0ab", Control),
        ("a=%7f", Control),
        ("a=%ff", Utf8),
        ("a=%c0%af", Utf8),
        ("a=%C3&b=%A9", Utf8),
        ("a=\u{e9}", Character),
        ("a=b c", Character),
        ("a=\t", Character),
        ("_method=DELETE", Override),
        ("a=1&_METHOD", Override),
        ("%5Fmethod=DELETE", Override),
        ("_method[]=DELETE", Override),
        (".method=DELETE", Override),
        ("+_method=DELETE", Override),
        ("access_token=x", Token),
        ("Access-Token=", Token),
        ("access%5ftoken=x", Token),
        ("access.token=x", Token),
    ] {
        assert_eq!(read(raw), Err(fault), "{raw}");
    }
}

#[test]
fn no_query_is_not_an_empty_one() {
    assert!(Query::read(None).unwrap().raw.is_none());
    assert_eq!(Query::read(Some("")).unwrap().raw.as_deref(), Some(""));
}

#[test]
fn keys_fold_as_the_most_lenient_reader_reads_them() {
    for key in [
        "workspaceId",
        "WorkspaceID",
        "workspace_id",
        "workspace-id",
        "workspace.id",
        " workspaceId ",
        "workspaceId[]",
        "workspaceId[0]",
        "workspaceId[$ne]",
        "[workspaceId]",
        "filter[workspaceId]",
        "filter[a][workspace_id][]",
        "filter.workspaceId",
        "workspaceId.0",
        "workſpaceId",
        "wor\u{212a}spaceId",
        "workspace\u{200b}Id",
        "workspaceId]",
    ] {
        assert!(key_names(key, "workspaceid"), "{key}");
    }
    for key in [
        "",
        "[",
        "workspace",
        "workspaceIds",
        "myWorkspaceId",
        "catalogWorkspaceId",
        "id",
    ] {
        assert!(!key_names(key, "workspaceid"), "{key}");
    }
    assert_eq!(fold_key("Workspace_Ids[0]"), "workspaceids0");
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(
        pairs in proptest::collection::vec(("k\\PC{0,8}", "\\PC{0,8}"), 0..5),
    ) {
        let escape = |text: &str| -> String {
            text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat()
        };
        let raw: Vec<_> = pairs
            .iter()
            .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
            .collect();
        prop_assert_eq!(read(&raw.join("&")), Ok(pairs));
    }

    #[test]
    fn any_text_is_read_or_refused(raw in "[a-b=&;%0-9A-Fa-f+_.\\[\\] é]{0,40}") {
        if let Ok(pairs) = read(&raw) {
            prop_assert!(pairs.len() <= raw.len());
            let text: String = pairs.into_iter().map(|(key, value)| key + &value).collect();
            let control = text.contains(|c: char| c < ' ' || c == '\u{7f}');
            prop_assert!(!control);
        }
    }
}
