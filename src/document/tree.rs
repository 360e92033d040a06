//! Parser events become a value and the spans of its parts.
//!
//! The events come one by one, so that the bounds hold before anything is built, and nothing here
//! recurses: a hostile document costs memory in proportion to its text and no stack.

use super::{Bounds, DEPTH_MAX, Spans, child, scalar};
use crate::fault::{Fault, Place, Span};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// What was read.
pub(super) struct Tree {
    pub(super) value: Value,
    pub(super) spans: HashMap<String, Spans>,
}

/// Reads the one document in `text`.
pub(super) fn read(file: &Arc<str>, text: &Arc<str>, bounds: Bounds) -> Result<Tree, Vec<Fault>> {
    let mut builder = Builder::new(file, text, bounds);
    if let Err(stop) = builder.run() {
        builder.faults.push(*stop);
    }
    if !builder.faults.is_empty() {
        return Err(builder.faults);
    }
    Ok(Tree {
        value: builder.root.unwrap_or_default(),
        spans: builder.spans,
    })
}

struct Builder<'a> {
    file: &'a Arc<str>,
    text: &'a Arc<str>,
    bounds: Bounds,
    offsets: Offsets,
    open: Vec<Open>,
    root: Option<Value>,
    documents: usize,
    nodes: usize,
    spans: HashMap<String, Spans>,
    faults: Vec<Fault>,
}

/// A collection that has not ended yet.
struct Open {
    pointer: String,
    start: usize,
    /// Where its own key stands.
    key: Option<Span>,
    items: Items,
}

enum Items {
    Sequence(Vec<Value>),
    Mapping {
        map: Map<String, Value>,
        key: Option<Key>,
    },
}

/// A key whose value comes next.
struct Key {
    name: String,
    span: Span,
    /// It was there already: its value is read, to find further faults in it, and dropped.
    repeated: bool,
}

impl<'a> Builder<'a> {
    fn new(file: &'a Arc<str>, text: &'a Arc<str>, bounds: Bounds) -> Self {
        Self {
            file,
            text,
            bounds,
            offsets: Offsets::new(text),
            open: Vec::new(),
            root: None,
            documents: 0,
            nodes: 0,
            spans: HashMap::new(),
            faults: Vec::new(),
        }
    }

    /// `Err`: the fault that ends the reading.
    fn run(&mut self) -> Result<(), Box<Fault>> {
        self.check_text()?;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(|error| Box::new(self.syntax(&error)))?;
            let span = self.span(span.start.index(), span.end.index());
            match event {
                Event::DocumentStart(_) => {
                    self.documents += 1;
                    if self.documents > 1 {
                        return Err(self
                            .fault("document_many", span, "a second document")
                            .help("keep one document in the file: remove what follows `---`")
                            .into());
                    }
                }
                Event::Alias(_) => {
                    self.alias(span);
                    self.value(Value::Null, span)?;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.properties(anchor, tag.is_some(), span);
                    self.scalar(&text, style, span)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    self.properties(anchor, tag.is_some(), span);
                    self.begin(Items::Sequence(Vec::new()), span)?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.properties(anchor, tag.is_some(), span);
                    let map = Map::new();
                    self.begin(Items::Mapping { map, key: None }, span)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn check_text(&self) -> Result<(), Box<Fault>> {
        let max = self.bounds.bytes;
        if self.text.len() > max {
            let message = format!("{} bytes, more than {max}", self.text.len());
            return Err(Fault::error("document_size", Place::file(&**self.file), message).into());
        }
        // The parser takes NUL for the end of the text, and would pass over what follows it.
        let control = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
        match self.text.find(control) {
            None => Ok(()),
            Some(start) => Err(self
                .fault(
                    "document_syntax",
                    Span { start, len: 1 },
                    "a control character",
                )
                .help("remove it, or write it as an escape in a double-quoted string")
                .into()),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), Box<Fault>> {
        if self.expects_key() {
            return self.key(text, span);
        }
        let value = match style {
            ScalarStyle::Plain => match scalar::plain(text) {
                Ok(value) => value,
                Err(what) => {
                    let message = format!("`{}` is {what}", cut(text));
                    let fault = self.fault("document_number", span, message);
                    self.faults
                        .push(fault.help("quote it if it is meant as text"));
                    Value::Null
                }
            },
            _ => Value::String(text.to_owned()),
        };
        self.value(value, span)
    }

    fn expects_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| matches!(&open.items, Items::Mapping { key: None, .. }))
    }

    fn key(&mut self, name: &str, span: Span) -> Result<(), Box<Fault>> {
        self.count(span)?;
        let mut first = None;
        if let Some(open) = self.open.last_mut()
            && let Items::Mapping { map, key } = &mut open.items
        {
            let repeated = map.contains_key(name);
            if repeated {
                first = Some(child(&open.pointer, name));
            }
            *key = Some(Key {
                name: name.to_owned(),
                span,
                repeated,
            });
        }
        if let Some(pointer) = first {
            let mut fault = self.fault(
                "document_duplicate_key",
                span,
                format!("`{}` is given twice", cut(name)),
            );
            let first = self.spans.get(&pointer).and_then(|spans| spans.key);
            let first = first.map(|span| self.place(span));
            if let Some((line, column)) = first.and_then(|place| place.line_column()) {
                fault = fault.help(format!(
                    "keep one of the two; the first stands at line {line}, column {column}"
                ));
            }
            self.faults.push(fault);
        }
        Ok(())
    }

    fn begin(&mut self, items: Items, span: Span) -> Result<(), Box<Fault>> {
        self.count(span)?;
        if self.expects_key() {
            return Err(self
                .fault("document_key", span, "a key that is not a text")
                .help("a text that begins with `{`, `[` or `- ` needs quotes")
                .into());
        }
        if self.open.len() >= DEPTH_MAX {
            let message = format!("nested more than {DEPTH_MAX} deep");
            return Err(self.fault("document_depth", span, message).into());
        }
        let (pointer, key) = self.next();
        self.open.push(Open {
            pointer,
            start: span.start,
            key,
            items,
        });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Box<Fault>> {
        let Some(open) = self.open.pop() else {
            return Err(self
                .fault("document_syntax", span, "an end without a beginning")
                .into());
        };
        let value = match open.items {
            Items::Sequence(items) => Value::Array(items),
            Items::Mapping { map, .. } => Value::Object(map),
        };
        let end = span.start + span.len;
        let whole = Span {
            start: open.start,
            len: self.trimmed(open.start, end),
        };
        self.put(value, open.pointer, open.key, whole);
        Ok(())
    }

    fn value(&mut self, value: Value, span: Span) -> Result<(), Box<Fault>> {
        self.count(span)?;
        let (pointer, key) = self.next();
        self.put(value, pointer, key, span);
        Ok(())
    }

    /// Pointer and key of the value that comes next.
    fn next(&self) -> (String, Option<Span>) {
        match self.open.last() {
            None => (String::new(), None),
            Some(open) => match &open.items {
                Items::Sequence(items) => (child(&open.pointer, &items.len().to_string()), None),
                Items::Mapping { key, .. } => match key {
                    Some(key) => (child(&open.pointer, &key.name), Some(key.span)),
                    None => (open.pointer.clone(), None),
                },
            },
        }
    }

    fn put(&mut self, value: Value, pointer: String, key: Option<Span>, span: Span) {
        let spans = Spans { key, value: span };
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(value),
            Some(Items::Sequence(items)) => items.push(value),
            Some(Items::Mapping { map, key }) => match key.take() {
                Some(key) if !key.repeated => {
                    map.insert(key.name, value);
                }
                _ => return,
            },
        }
        self.spans.insert(pointer, spans);
    }

    fn count(&mut self, span: Span) -> Result<(), Box<Fault>> {
        self.nodes += 1;
        let max = self.bounds.nodes;
        if self.nodes <= max {
            return Ok(());
        }
        let message = format!("more than {max} values and keys");
        Err(self
            .fault("document_size", span, message)
            .help("split the file")
            .into())
    }

    fn alias(&mut self, span: Span) {
        let fault = self.fault("document_alias", span, "an alias");
        self.faults
            .push(fault.help("write the value out: aliases are not read"));
    }

    fn properties(&mut self, anchor: usize, tagged: bool, span: Span) {
        if anchor != 0 {
            let fault = self.fault("document_anchor", span, "a value with an anchor");
            self.faults
                .push(fault.help("remove `&name`: aliases are not read"));
        }
        if tagged {
            let fault = self.fault("document_tag", span, "a value with a tag");
            self.faults
                .push(fault.help("remove `!tag`; quote what is meant as text"));
        }
    }

    fn syntax(&self, error: &saphyr_parser::ScanError) -> Fault {
        let at = error.marker().index();
        let span = self.span(at, at + 1);
        let mut fault = self.fault("document_syntax", span, error.info());
        let rest = self.text.get(..span.start).unwrap_or_default();
        let line = rest.rsplit('\n').next().unwrap_or_default();
        let next = self.text.get(span.start..).unwrap_or_default();
        if line.contains('\t') || next.starts_with('\t') {
            fault = fault.help("indent with spaces, not with tabs");
        } else if error.info().contains("Unicode") {
            fault =
                fault.help("write the character itself: pairs of `\\ud800` escapes are not read");
        } else {
            fault = fault.help("the mistake is here or shortly before: a bracket, quote, comma or indent that does not fit");
        }
        fault
    }

    fn fault(&self, code: &'static str, span: Span, message: impl Into<String>) -> Fault {
        Fault::error(code, self.place(span), message)
    }

    fn place(&self, span: Span) -> Place {
        Place {
            file: self.file.to_string(),
            key: String::new(),
            span: Some(span),
            text: Some(Arc::clone(self.text)),
            lines_before: 0,
        }
    }

    /// From character positions to bytes.
    fn span(&self, start: usize, end: usize) -> Span {
        let start = self.offsets.byte(start);
        let end = self.offsets.byte(end).max(start);
        Span {
            start,
            len: self.trimmed(start, end),
        }
    }

    /// How long `start..end` is without the blanks that follow the last visible character.
    fn trimmed(&self, start: usize, end: usize) -> usize {
        let text = self.text.get(start..end).unwrap_or_default();
        text.trim_end().len()
    }
}

/// The parser counts characters, a span counts bytes.
struct Offsets {
    /// The byte offset of every character; `None` while they are the same.
    of: Option<Vec<usize>>,
    end: usize,
}

impl Offsets {
    fn new(text: &str) -> Self {
        let of = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        let end = text.len();
        Self { of, end }
    }

    fn byte(&self, character: usize) -> usize {
        match &self.of {
            None => character.min(self.end),
            Some(of) => of.get(character).copied().unwrap_or(self.end),
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
