//! What is read, what is refused, and where faults point.

use super::{Document, child};
use crate::fault::Fault;
use serde_json::json;

fn read(text: &str) -> Document {
    Document::parse("a.yaml", text.into()).unwrap()
}

fn faults(text: &str) -> Vec<Fault> {
    Document::parse("a.yaml", text.into()).unwrap_err()
}

fn codes(text: &str) -> Vec<&'static str> {
    faults(text).iter().map(|fault| fault.code).collect()
}

/// The text that the place underlines.
fn under(document: &Document, pointer: &str) -> String {
    let place = document.place(pointer);
    let span = place.span.unwrap();
    let end = span.start + span.len;
    place.text.unwrap().get(span.start..end).unwrap().to_owned()
}

#[test]
fn yaml_and_json_read_alike() {
    let yaml = "version: 1\nlist: [a, 'b', \"c\\n\"]\nflag: true\nnothing: ~\nnone:\nrate: 0.5\n\
                text: |\n  one\n  two\nmap: {x: -3, y: {}}\nempty: []\nwhen: 2026-11-01T00:00:00Z\n";
    let json = r#"{"version":1,"list":["a","b","c\n"],"flag":true,"nothing":null,"none":null,
        "rate":0.5,"text":"one\ntwo\n","map":{"x":-3,"y":{}},"empty":[],
        "when":"2026-11-01T00:00:00Z"}"#;
    assert_eq!(read(yaml).value(), read(json).value());
    let expected: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(read(json).value(), &expected);
}

#[test]
fn json_of_every_layout_is_read() {
    let tabs = "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t],\n\t\"b\": {\"c\":\"d\"}\n}\n";
    assert_eq!(read(tabs).value(), &json!({"a": [1, 2], "b": {"c": "d"}}));
    let crlf = "{\r\n  \"a\": 1,\r\n  \"b\": \"x\"\r\n}\r\n";
    assert_eq!(read(crlf).value(), &json!({"a": 1, "b": "x"}));
    let long = format!("{{\"{}\":\"{}\"}}", "k".repeat(900), "v".repeat(70_000));
    assert_eq!(read(&long).value()["k".repeat(900)], "v".repeat(70_000));
    assert_eq!(
        read(r#"{"a":"A\/é","url":"http://x/y?z#w"}"#).value()["a"],
        "A/é"
    );
}

#[test]
fn words_that_only_look_like_numbers_stay_text() {
    for text in [
        "1.2.3", "10s", "6MiB", "0b1", "1_000", "on", "yes", "e5", "0x", ".", "1e",
    ] {
        assert_eq!(
            read(&format!("a: {text}")).value()["a"],
            json!(text),
            "{text}"
        );
    }
    assert_eq!(read("a: 0x1F").value()["a"], json!(31));
    assert_eq!(
        read("a: 18446744073709551615").value()["a"],
        json!(u64::MAX)
    );
    assert_eq!(
        read("a: -9223372036854775808").value()["a"],
        json!(i64::MIN)
    );
    assert_eq!(read("a: 1e3").value()["a"], json!(1000.0));
    assert_eq!(read("a: '1'").value()["a"], json!("1"));
}

#[test]
fn numbers_that_would_change_are_refused() {
    for text in [
        "007",
        "18446744073709551616",
        ".inf",
        "-.INF",
        ".nan",
        "1e999",
    ] {
        assert_eq!(codes(&format!("a: {text}")), ["document_number"], "{text}");
    }
}

#[test]
fn keys_are_texts_whatever_they_look_like() {
    let document = read("200: a\ntrue: b\n0x1: c\n");
    assert_eq!(
        document.value(),
        &json!({"200": "a", "true": "b", "0x1": "c"})
    );
    assert_eq!(codes("200: a\n'200': b\n"), ["document_duplicate_key"]);
    assert_eq!(codes("? [a, b]\n: c\n"), ["document_key"]);
    assert_eq!(codes("{a: 1}: 2\n"), ["document_key"]);
}

#[test]
fn every_duplicate_is_reported_with_both_places() {
    let found = faults("a: 1\nb: {c: 1, c: 2}\na: {d: 1, d: 2}\n");
    let lines: Vec<_> = found
        .iter()
        .map(|f| f.place.line_column().unwrap())
        .collect();
    assert_eq!(lines, [(2, 11), (3, 1), (3, 11)]);
    assert!(found.iter().all(|f| f.code == "document_duplicate_key"));
    assert_eq!(found[1].message, "`a` is given twice");
    assert!(found[1].help.as_ref().unwrap().contains("line 1, column 1"));
    assert_eq!(
        codes(r#"{"account":"a","acc\u006funt":"b"}"#),
        ["document_duplicate_key"]
    );
}

#[test]
fn aliases_anchors_and_tags_are_refused_together() {
    let found = codes("a: &x [1]\nb: *x\nc: !!str 1\nd: !own {}\n");
    assert_eq!(
        found,
        [
            "document_anchor",
            "document_alias",
            "document_tag",
            "document_tag"
        ]
    );
}

#[test]
fn an_alias_bomb_costs_nothing() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (last, next) in ["a", "b", "c", "d", "e", "f", "g"]
        .iter()
        .zip(["b", "c", "d", "e", "f", "g", "h"])
    {
        let row = vec![format!("*{last}"); 10].join(", ");
        text += &[next, ": &", next, " [", &row, "]\n"].concat();
    }
    assert!(codes(&text).contains(&"document_alias"));
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse("a", nested(64).into()).is_ok());
    assert_eq!(codes(&nested(65)), ["document_depth"]);
    assert_eq!(codes(&"[".repeat(200)), ["document_depth"]);
    // The scanner reads ahead and has a bound of its own.
    assert_eq!(codes(&"[".repeat(100_000)), ["document_syntax"]);
    let blocks: Vec<_> = (0..200).map(|i| " ".repeat(i) + "a:\n").collect();
    assert_eq!(codes(&blocks.concat()), ["document_depth"]);
    let wide = format!("[{}]", "1,".repeat(200_001));
    assert_eq!(codes(&wide), ["document_size"]);
}

#[test]
fn what_cannot_be_read_whole_is_refused() {
    assert_eq!(codes("a: 1\n---\nb: 2\n"), ["document_many"]);
    assert_eq!(codes("a: 1\0b: 2"), ["document_syntax"]);
    assert_eq!(codes("a: \u{1b}[31m"), ["document_syntax"]);
    assert_eq!(codes("a: [1, 2\n"), ["document_syntax"]);
    assert_eq!(codes("{\"a\": 1} x"), ["document_syntax"]);
    let pair = faults(r#"{"a": "\ud83d\ude00"}"#);
    assert!(
        pair[0]
            .help
            .as_ref()
            .unwrap()
            .starts_with("write the character itself")
    );
    let tab = faults("a:\n\tb: 1\n");
    assert_eq!(tab[0].code, "document_syntax");
    assert_eq!(
        tab[0].help.as_deref(),
        Some("indent with spaces, not with tabs")
    );
}

#[test]
fn an_empty_document_is_null() {
    for text in ["", "\n", "# only a comment\n", "---\n"] {
        assert!(read(text).value().is_null(), "{text:?}");
    }
}

#[test]
fn places_underline_what_they_name() {
    let text =
        "routes:\n  - { match: \"GET /é\", upstream: api }\n  - match: x\n    upstream: büro # c\n";
    let document = read(text);
    assert_eq!(under(&document, "/routes/0/upstream"), "api");
    assert_eq!(under(&document, "/routes/0/match"), "\"GET /é\"");
    assert_eq!(under(&document, "/routes/1/upstream"), "büro");
    assert_eq!(
        under(&document, "/routes/0"),
        "{ match: \"GET /é\", upstream: api }"
    );
    let place = document.place("/routes/1/upstream");
    assert_eq!(place.key, "routes[1].upstream");
    assert_eq!(place.line_column(), Some((4, 15)));
    assert_eq!(
        document.key_place("/routes/1/upstream").line_column(),
        Some((4, 5))
    );
    assert_eq!(document.line("/routes/1/upstream"), "a.yaml:4");
}

#[test]
fn a_missing_value_is_placed_at_its_parent() {
    let document = read("issuers:\n  - name: a\n");
    let place = document.place("/issuers/0/jwks/url");
    assert_eq!(place.line_column(), Some((2, 5)));
    assert_eq!(place.key, "issuers[0].jwks.url");
    assert_eq!(document.place("/nothing").line_column(), Some((1, 1)));
    assert!(document.get("/nothing").is_none());
}

#[test]
fn keys_with_slashes_and_tildes_have_pointers() {
    let document = read("paths:\n  /a/{b}~:\n    get: 1\n");
    let pointer = child(&child("/paths", "/a/{b}~"), "get");
    assert_eq!(pointer, "/paths/~1a~1{b}~0/get");
    assert_eq!(under(&document, &pointer), "1");
    assert_eq!(document.place(&pointer).key, "paths[\"/a/{b}~\"].get");
    assert_eq!(document.get(&pointer), Some(&json!(1)));
}

#[test]
fn windows_lines_and_a_byte_order_mark_keep_places_right() {
    let document = read("a: 1\r\nb:\r\n  c: x\r\n");
    assert_eq!(under(&document, "/b/c"), "x");
    let marked = Document::parse("a", "\u{feff}a: 1\nb: xyz\n".into()).unwrap();
    assert_eq!(under(&marked, "/b"), "xyz");
}

proptest::proptest! {
    #[test]
    fn reading_never_panics(text in "[-a-c:{}\\[\\],\"'|>&*!#~0-9 \n\té]{0,60}") {
        if let Err(found) = Document::parse("a", text.as_str().into()) {
            for fault in found {
                let _ = crate::fault::render(&[fault]);
            }
        }
    }

    #[test]
    fn what_serde_json_writes_is_read_back(
        names in proptest::collection::btree_map("[a-z~/ é\"\\\\]{0,6}", "\\PC{0,12}", 0..6),
        numbers in proptest::collection::vec(proptest::num::i64::ANY, 0..5),
    ) {
        let value = json!({"names": names, "numbers": numbers});
        let compact = serde_json::to_string(&value).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let read = |text: &str| Document::parse("a", text.into()).map(|d| d.value().clone());
        proptest::prop_assert_eq!(read(&compact), Ok(value.clone()));
        proptest::prop_assert_eq!(read(&pretty), Ok(value));
    }
}
