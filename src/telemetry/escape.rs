//! One way to make text from strangers harmless: JSON escapes, for records and for log lines.
//!
//! Beyond what JSON asks for, this escapes DEL, the C1 controls and the characters that break or
//! reverse a line: records and logs are read in terminals too (RULES 44).

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Which of JSON's own characters are escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// `"` and `\` too: the text becomes the inside of a JSON string.
    Escaped,
    /// They stay: the text is a line already.
    Kept,
}

/// Appends `text` with its dangerous characters escaped.
pub(super) fn append(out: &mut Vec<u8>, text: &str, quotes: Quotes) {
    let mut rest = text;
    while let Some(at) = first_suspect(rest.as_bytes()) {
        let (clean, tail) = rest.split_at(at);
        out.extend_from_slice(clean.as_bytes());
        let mut characters = tail.chars();
        if let Some(character) = characters.next() {
            one(out, character, quotes);
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

fn one(out: &mut Vec<u8>, character: char, quotes: Quotes) {
    match character {
        '"' | '\\' if quotes == Quotes::Escaped => {
            out.push(b'\\');
            out.push(character as u8);
        }
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        _ if harmful(character) => {
            out.extend_from_slice(b"\\u");
            let code = character as u32;
            for shift in [12, 8, 4, 0] {
                let digit = HEX.get((code >> shift & 0xf) as usize);
                out.push(digit.copied().unwrap_or(b'0'));
            }
        }
        _ => {
            let mut bytes = [0; 4];
            out.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
        }
    }
}

/// Controls, line separators, and the marks that reorder a line of text.
fn harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Where in `bytes` the first one is at which an escape may begin: JSON's own, DEL, or the lead byte
/// of a character that is not ASCII. Eight at a time: this is most of what a record costs.
fn first_suspect(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        if any_suspect(u64::from_le_bytes(*word))
            && let Some(inside) = word.iter().position(|byte| suspect(*byte))
        {
            return Some(at * 8 + inside);
        }
    }
    let inside = tail.iter().position(|byte| suspect(*byte))?;
    Some(words.len() * 8 + inside)
}

fn suspect(byte: u8) -> bool {
    !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\'
}

/// [`suspect`] of any of eight bytes, by subtractions that borrow from a byte's high bit. Where no
/// byte is 0x80 or more it is exact; where one is, the answer is yes anyway.
fn any_suspect(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |limit: u64, word: u64| word.wrapping_sub(ONES * limit) & !word;
    let quotes = below(1, word ^ (ONES * 0x22));
    let backslashes = below(1, word ^ (ONES * 0x5c));
    let deletes = below(1, word ^ (ONES * 0x7f));
    (word | below(0x20, word) | quotes | backslashes | deletes) & HIGHS != 0
}

#[cfg(test)]
mod tests;
