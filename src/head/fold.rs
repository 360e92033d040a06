//! Header names as the most lenient reader would compare them.

use std::borrow::Cow;

/// Lower case, and every character that is not a letter or a digit read as `-`. Borrows what is
/// folded already, as nearly every header name of a request is.
pub fn fold(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| fold_byte(byte) == byte) {
        return Cow::Borrowed(name);
    }
    let folded = name.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    });
    Cow::Owned(folded.collect())
}

/// Whether `name` folds to `folded`, without making the folded name.
pub fn folds_to(name: &str, folded: &str) -> bool {
    name.len() == folded.len()
        && name
            .bytes()
            .zip(folded.bytes())
            .all(|(a, b)| fold_byte(a) == b)
}

fn fold_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}
