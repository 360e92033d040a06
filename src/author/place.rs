//! Places that are known by file and line only.

use crate::config;
use crate::fault::{Place, Span};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Texts of files that were looked at; `None`: one cannot be read.
pub(super) type Texts = BTreeMap<String, Option<Arc<str>>>;

/// The whole of a line, without what surrounds it.
pub(super) fn of_line((file, line): (&str, usize), texts: &mut Texts) -> Place {
    let Some(text) = read(file, texts) else {
        return Place::file(file);
    };
    let mut lines = text.split_inclusive('\n');
    let before = lines.by_ref().take(line.saturating_sub(1));
    let start = before.map(str::len).sum::<usize>();
    let found = lines.next().unwrap_or_default();
    let indent = found.len() - found.trim_start().len();
    Place {
        span: Some(Span {
            start: start + indent,
            len: found.trim().len(),
        }),
        text: Some(Arc::clone(&text)),
        ..Place::file(file)
    }
}

/// The first of these words from a line on; where they are written otherwise, the line.
pub(super) fn of_words(at: (&str, usize), words: &str, texts: &mut Texts) -> Place {
    let line = of_line(at, texts);
    let found = line.text.as_ref().zip(line.span).and_then(|(text, span)| {
        let start = span.start + text.get(span.start..)?.find(words)?;
        Some(Span {
            start,
            len: words.len(),
        })
    });
    Place {
        span: found.or(line.span),
        ..line
    }
}

fn read(file: &str, texts: &mut Texts) -> Option<Arc<str>> {
    let text = texts.entry(file.to_owned()).or_insert_with(|| {
        let read = config::read_file(Path::new(file), config::OPENAPI_BYTES_MAX);
        read.ok()
    });
    text.clone()
}
