//! Lines of a log, in bounded memory.

use std::io::{self, BufRead};

/// The longest line that is read; the gate writes none that is nearly so long.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// What stands on a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// The whole of it, without its end.
    Whole(&'a [u8]),
    /// More than [`LINE_BYTES_MAX`].
    TooLong,
}

/// Every line that is not empty, with its number.
pub(super) fn each_line(
    mut reader: impl BufRead,
    mut take: impl FnMut(u64, Line<'_>),
) -> io::Result<()> {
    let mut held: Vec<u8> = Vec::new();
    let mut number = 1;
    let mut too_long = false;
    loop {
        let read = match reader.fill_buf() {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = read.iter().position(|byte| *byte == b'\n');
        let part = read.get(..end.unwrap_or(read.len())).unwrap_or_default();
        let (is_end, used) = (read.is_empty(), part.len() + usize::from(end.is_some()));
        if held.len() + part.len() > LINE_BYTES_MAX {
            too_long = true;
            held.clear();
        }
        if !too_long {
            held.extend_from_slice(part);
        }
        reader.consume(used);
        if end.is_none() && !is_end {
            continue;
        }
        if too_long {
            take(number, Line::TooLong);
        } else if !held.trim_ascii().is_empty() {
            take(number, Line::Whole(&held));
        }
        if is_end {
            return Ok(());
        }
        number += 1;
        too_long = false;
        held.clear();
    }
}

#[cfg(test)]
mod tests {
    //! Whatever the pieces, the lines are the same.

    use super::*;
    use std::io::{BufReader, Read};

    fn lines(text: &[u8], piece: usize) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut found = Vec::new();
        let reader = BufReader::with_capacity(piece, text);
        each_line(reader, |number, line| {
            found.push(match line {
                Line::Whole(bytes) => (number, Some(bytes.to_vec())),
                Line::TooLong => (number, None),
            });
        })
        .unwrap();
        found
    }

    #[test]
    fn lines_are_cut_at_their_ends_only() {
        for piece in [1, 2, 3, 64] {
            let found = lines(b"a\n\nbcd\r\n  \nlast", piece);
            let whole = |number, text: &str| (number, Some(text.as_bytes().to_vec()));
            assert_eq!(
                found,
                [whole(1, "a"), whole(3, "bcd\r"), whole(5, "last")],
                "{piece}"
            );
        }
        assert_eq!(lines(b"", 8), []);
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let endless = std::io::repeat(b'x').take(20 * LINE_BYTES_MAX as u64);
        let reader = BufReader::new(endless.chain(&b"\nnext\n"[..]));
        let mut found = Vec::new();
        each_line(reader, |number, line| {
            found.push((number, line == Line::TooLong));
        })
        .unwrap();
        assert_eq!(found, [(1, true), (2, false)]);
    }
}
