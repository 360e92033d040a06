//! Whatever text goes in, JSON reads the same text back and no control character is left.

use super::*;
use proptest::prelude::*;

fn escaped(text: &str, quotes: Quotes) -> String {
    let mut out = Vec::new();
    append(&mut out, text, quotes);
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn controls_and_marks_that_reorder_a_line_are_escaped() {
    for (text, expected) in [
        ("plain", "plain"),
        ("a\"b\\c", "a\\\"b\\\\c"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u{0}\u{1b}[31m\u{7f}", "\\u0000\\u001b[31m\\u007f"),
        ("\u{9b}31m \u{a9}", "\\u009b31m \u{a9}"),
        ("\u{202e}abc\u{2028}\u{2066}", "\\u202eabc\\u2028\\u2066"),
        ("\u{20ac} \u{2026}", "\u{20ac} \u{2026}"),
    ] {
        assert_eq!(escaped(text, Quotes::Escaped), expected);
    }
}

#[test]
fn a_line_keeps_its_quotes() {
    assert_eq!(escaped("a \"b\"\n\\", Quotes::Kept), "a \"b\"\\n\\");
}

#[test]
fn every_byte_is_found_at_every_place_of_a_word() {
    for byte in 0..=255 {
        for at in 0..20 {
            let mut bytes = [b'a'; 20];
            bytes[at] = byte;
            assert_eq!(
                first_suspect(&bytes),
                suspect(byte).then_some(at),
                "{byte} at {at}"
            );
        }
    }
}

proptest! {
    #[test]
    fn words_find_what_bytes_find(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let naive = bytes.iter().position(|byte| suspect(*byte));
        prop_assert_eq!(first_suspect(&bytes), naive);
    }

    #[test]
    fn json_reads_back_what_was_written(text in "\\PC*|[\\x00-\\u{ff}\\u{2000}-\\u{20ff}\"\\\\]{0,40}") {
        let inside = escaped(&text, Quotes::Escaped);
        prop_assert!(!inside.chars().any(harmful));
        let back: String = serde_json::from_str(&format!("\"{inside}\"")).expect("JSON");
        prop_assert_eq!(back, text);
    }
}
