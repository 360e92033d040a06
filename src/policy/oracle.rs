//! Cedar itself answers what a question looks like to policies: each atom as an expression of its own.

use super::reads::{Bit, Name, Of, Path, Read, Root, Step, Term, View};
use cedar_policy::{Entities, EvalResult, Expression, Request, eval_expression};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::str::FromStr;

/// A question as Cedar is asked it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oracle<'a> {
    pub(crate) request: &'a Request,
    pub(crate) entities: &'a Entities,
}

thread_local! {
    /// Atoms are asked again and again; each is parsed once.
    static PARSED: RefCell<HashMap<String, Expression>> = RefCell::default();
}

impl Oracle<'_> {
    fn eval(&self, text: &str) -> Option<EvalResult> {
        PARSED.with_borrow_mut(|parsed| {
            let expression = parsed.entry(text.to_owned()).or_insert_with(|| {
                Expression::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
            });
            eval_expression(self.request, self.entities, expression).ok()
        })
    }

    fn is(&self, text: &str) -> Option<bool> {
        match self.eval(text)? {
            EvalResult::Bool(flag) => Some(flag),
            other => panic!("{text} is {other}"),
        }
    }
}

/// As an expression of Cedar's.
pub(crate) fn text(bit: &Bit) -> String {
    match bit {
        Bit::Has(has) => {
            let mut base = has.clone();
            match base.steps.pop() {
                Some(Step::Attribute(name)) => {
                    format!("{} has {}", path(&base), quoted(name.text()))
                }
                Some(Step::Tag(key)) => format!("{}.hasTag({})", path(&base), quoted(&key)),
                None => panic!("{has:?} has no last step"),
            }
        }
        Bit::True(it) => format!("{} && true", path(it)),
        Bit::Empty(it) => format!("{}.isEmpty()", path(it)),
        Bit::Same(one, other) => format!("{} == {}", term(one), term(other)),
        Bit::In(left, Of::One(one)) => format!("{} in {}", path(left), term(one)),
        Bit::In(left, Of::Each(each)) => {
            let each: Vec<String> = each.iter().map(term).collect();
            format!("{} in [{}]", path(left), each.join(", "))
        }
        Bit::Contains(set, one) => format!("{}.contains({})", path(set), term(one)),
    }
}

impl View for Oracle<'_> {
    fn bit(&self, bit: &Bit) -> Option<bool> {
        self.is(&text(bit))
    }

    fn value(&self, read: &Read, out: &mut Vec<u8>) {
        let text = match read {
            Read::Value(it) => self.eval(&path(it)).map(|value| format!("{value:?}")),
            Read::Type(it) => match self.eval(&path(it)) {
                Some(EvalResult::EntityUid(uid)) => Some(uid.type_name().to_string()),
                _ => None,
            },
            Read::Tags(it) => match self.eval(&path(it)) {
                Some(EvalResult::EntityUid(uid)) => {
                    // One that is not in the store has no tags: asking for any of them says the same.
                    let entity = self.entities.get(&uid);
                    let tags: BTreeMap<_, _> = entity.iter().flat_map(|one| one.tags()).collect();
                    Some(format!("{tags:?}"))
                }
                _ => None,
            },
        };
        let text = text.map_or_else(|| "-".to_owned(), |text| format!("+{text}"));
        out.extend_from_slice(&text.len().to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }

    fn everything(&self, out: &mut Vec<u8>) {
        let entities = self.entities.to_json_value().unwrap();
        // Entities are told in no order.
        let mut all: Vec<String> = entities.as_array().unwrap().iter().map(sorted).collect();
        all.sort();
        let request = self.request;
        let mut text = format!(
            "{:?} {:?} {:?} ",
            request.principal(),
            request.action(),
            request.resource()
        );
        write!(
            text,
            "{:?} {all:?}",
            request.context().map(ToString::to_string)
        )
        .unwrap();
        out.extend_from_slice(&text.len().to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

/// An entity as text; the order of its parents says nothing.
fn sorted(entity: &serde_json::Value) -> String {
    let mut entity = entity.clone();
    if let Some(parents) = entity.get_mut("parents").and_then(|all| all.as_array_mut()) {
        parents.sort_by_key(ToString::to_string);
    }
    entity.to_string()
}

pub(crate) fn path(path: &Path) -> String {
    let root = match &path.root {
        Root::Principal => "principal".to_owned(),
        Root::Resource => "resource".to_owned(),
        Root::Context => "context".to_owned(),
        Root::Entity(uid) => name(uid),
    };
    path.steps.iter().fold(root, |base, step| match step {
        Step::Attribute(name) if is_word(name.text()) => format!("{base}.{}", name.text()),
        Step::Attribute(name) => format!("{base}[{}]", quoted(name.text())),
        Step::Tag(key) => format!("{base}.getTag({})", quoted(key)),
    })
}

fn is_word(name: &str) -> bool {
    const RESERVED: [&str; 9] = [
        "true", "false", "if", "then", "else", "in", "like", "has", "is",
    ];
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
    first && bytes.all(|b| b.is_ascii_alphanumeric()) && !RESERVED.contains(&name)
}

fn term(term: &Term) -> String {
    match term {
        Term::Path(it) => path(it),
        Term::Entity(uid) => name(uid),
        Term::Text(text) => quoted(text),
        Term::Number(number) => format!("({number})"),
        Term::Flag(flag) => flag.to_string(),
    }
}

fn name(name: &Name) -> String {
    format!("{}::{}", name.entity_type.text(), quoted(&name.id))
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_ascii_graphic() || c == ' ' => c.to_string(),
        c => format!("\\u{{{:x}}}", u32::from(c)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
