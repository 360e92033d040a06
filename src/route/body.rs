//! References in a JSON body (RULES 13): one pass over the text, nothing is built of it.
//!
//! Keys are compared unescaped and folded, as the keys of a query are. Whatever two readers of one
//! body could take differently is refused: a second match at one place, a value that is no text,
//! anything but one document.

use super::reference::Row;
use super::{Error, Reference};
use crate::head;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// The deepest nesting that is read (RULES 13).
const DEPTH_MAX: usize = 32;
/// The most different values that the references of one body may have.
const REFERENCES_MAX: usize = 32;

/// Where a reference stands in a body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BodyPlace {
    /// At that path from the root.
    At(Vec<Step>),
    /// As a key of that name, folded, however deep.
    Anywhere(String),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A key of that name, folded.
    Key(String),
    /// Every element of an array.
    Each,
}

impl Step {
    fn is_key(&self, folded: &str) -> bool {
        matches!(self, Self::Key(name) if name == folded)
    }
}

impl BodyPlace {
    /// Reads a JSON pointer (RFC 6901) in which `*` stands for every element of an array. `None`: it
    /// is not one, or leads nowhere.
    pub fn pointer(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('/')?;
        let step = |token: &str| {
            if token == "*" {
                return Some(Step::Each);
            }
            let folded = head::fold_key(&token.replace("~1", "/").replace("~0", "~"));
            (!folded.is_empty()).then_some(Step::Key(folded))
        };
        let steps: Vec<Step> = rest.split('/').map(step).collect::<Option<_>>()?;
        (steps.len() <= DEPTH_MAX).then_some(Self::At(steps))
    }

    /// Whether `path`, keys from the root with `*` for the elements of a list, leads here.
    pub(super) fn is_at(&self, path: &[&str]) -> bool {
        let folded = |step: &str, name: &str| head::fold_key(step) == name;
        match self {
            Self::Anywhere(name) => path.last().is_some_and(|last| folded(last, name)),
            Self::At(steps) => {
                steps.len() == path.len()
                    && steps.iter().zip(path).all(|(step, given)| match step {
                        Step::Each => *given == "*",
                        Step::Key(name) => folded(given, name),
                    })
            }
        }
    }

    fn name_anywhere(&self) -> Option<&str> {
        match self {
            Self::Anywhere(name) => Some(name),
            Self::At(_) => None,
        }
    }

    /// The name of the key that holds the reference.
    fn last_name(&self) -> Option<&str> {
        match self {
            Self::Anywhere(name) => Some(name),
            Self::At(steps) => steps.iter().rev().find_map(|step| match step {
                Step::Key(name) => Some(name.as_str()),
                Step::Each => None,
            }),
        }
    }
}

/// Every reference of `rows` in the JSON document `bytes`.
pub(super) fn read(bytes: &[u8], rows: &[(BodyPlace, Row)]) -> Result<Vec<Reference>, Error> {
    let found = Found {
        rows,
        references: RefCell::default(),
        stop: RefCell::default(),
    };
    let at_a_path = |row: &usize| matches!(rows.get(*row), Some((BodyPlace::At(_), _)));
    let root = Value {
        found: &found,
        depth: 0,
        at: (0..rows.len())
            .filter(at_a_path)
            .map(|row| (row, 0))
            .collect(),
        named: None,
    };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = root.deserialize(&mut reader).and_then(|()| reader.end());
    match (found.stop.take(), read) {
        (Some(stop), _) => Err(stop),
        (None, Err(error)) => Err(Error::BodyMalformed(error.to_string())),
        (None, Ok(())) => Ok(found.references.take()),
    }
}

struct Found<'r> {
    rows: &'r [(BodyPlace, Row)],
    references: RefCell<Vec<Reference>>,
    /// What ended the reading, where it was not the JSON.
    stop: RefCell<Option<Error>>,
}

/// One value on the way, and the rows whose path leads to it or through it.
struct Value<'w> {
    found: &'w Found<'w>,
    depth: usize,
    /// A row, and how many of its steps were taken.
    at: Vec<(usize, usize)>,
    /// The row of [`BodyPlace::Anywhere`] whose name the value has.
    named: Option<usize>,
}

impl Found<'_> {
    /// The path of a row; empty for one that holds at every depth.
    fn steps(&self, row: usize) -> &[Step] {
        match self.rows.get(row) {
            Some((BodyPlace::At(steps), _)) => steps,
            _ => &[],
        }
    }

    fn stop<E: serde::de::Error>(&self, error: Error) -> E {
        self.stop.borrow_mut().get_or_insert(error);
        E::custom("refused")
    }

    fn place(&self, row: usize) -> Arc<str> {
        self.rows
            .get(row)
            .map(|(_, row)| Arc::clone(&row.place))
            .unwrap_or_default()
    }

    fn keep<E: serde::de::Error>(&self, row: usize, value: &str) -> Result<(), E> {
        let Some((_, row)) = self.rows.get(row) else {
            return Ok(());
        };
        let mut references = self.references.borrow_mut();
        let known = |one: &Reference| Arc::ptr_eq(&one.place, &row.place) && one.value == value;
        if references.iter().any(known) {
            return Ok(());
        }
        if references.len() == REFERENCES_MAX {
            return Err(self.stop(Error::BodyMalformed("too many references".to_owned())));
        }
        references.push(Reference {
            kind: row.kind,
            value: value.to_owned(),
            place: Arc::clone(&row.place),
            in_body: true,
        });
        Ok(())
    }
}

impl Value<'_> {
    /// The rows that name this very value, if `ends` says so of the steps that are left of their path.
    fn rows(&self, ends: impl Fn(&[Step]) -> bool) -> impl Iterator<Item = usize> {
        let at = self.at.iter().filter(move |(row, steps)| {
            let left = self.found.steps(*row).get(*steps..);
            left.is_some_and(&ends)
        });
        at.map(|(row, _)| *row).chain(self.named)
    }

    fn keep<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        self.rows(may_end)
            .try_for_each(|row| self.found.keep(row, text))
    }

    /// A value that is not text names no tenant that anybody could compare.
    fn no_text<E: serde::de::Error>(&self, ends: impl Fn(&[Step]) -> bool) -> Result<(), E> {
        match self.rows(ends).next() {
            None => Ok(()),
            Some(row) => {
                let place = self.found.place(row);
                Err(self.found.stop(Error::ReferenceUnreadable(place)))
            }
        }
    }

    fn enter<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.no_text(<[Step]>::is_empty)?;
        if self.depth == DEPTH_MAX {
            let deep = format!("nested more than {DEPTH_MAX} deep");
            return Err(self.found.stop(Error::BodyMalformed(deep)));
        }
        Ok(self.depth + 1)
    }

    /// What leads on to the value of a key. Some readers take an object for the list of its values, or
    /// for a list of itself alone.
    fn under(&self, key: &str) -> Vec<(usize, usize)> {
        let mut next = Vec::new();
        for (row, steps) in &self.at {
            let left = self.found.steps(*row).get(*steps..).unwrap_or_default();
            for (ahead, step) in left.iter().enumerate() {
                let on = (*row, steps + ahead + 1);
                if (*step == Step::Each || step.is_key(key)) && !next.contains(&on) {
                    next.push(on);
                }
                if *step != Step::Each {
                    break;
                }
            }
        }
        next
    }

    /// What leads on to an element of a list. Some readers take a list for the object in it.
    fn element(&self, index: usize) -> Vec<(usize, usize)> {
        let mut next = Vec::new();
        for (row, steps) in &self.at {
            let step = self.found.steps(*row).get(*steps);
            let here = step.filter(|step| **step != Step::Each).map(|_| *steps);
            let on = step.filter(|step| **step == Step::Each || step.is_key(&index.to_string()));
            for steps in here.into_iter().chain(on.map(|_| steps + 1)) {
                if !next.contains(&(*row, steps)) {
                    next.push((*row, steps));
                }
            }
        }
        next
    }

    /// The rows of which the key is the next name.
    fn next_name(&self, key: &str) -> impl Iterator<Item = usize> {
        let rows = self.at.iter().filter(move |(row, steps)| {
            let left = self.found.steps(*row).iter().skip(*steps);
            let mut names = left.skip_while(|step| **step == Step::Each);
            names.next().is_some_and(|step| step.is_key(key))
        });
        rows.map(|(row, _)| *row)
    }

    /// The row whose name the key has, at whatever depth.
    fn named(&self, folded: &str) -> Option<usize> {
        let named = |(place, _): &(BodyPlace, Row)| place.name_anywhere() == Some(folded);
        self.found.rows.iter().position(named)
    }

    /// Keys that some readers take apart (`filter.workspaceId`), or take for the kind of the object
    /// and find its keys in the object then.
    fn check_key<E: serde::de::Error>(&self, key: &str) -> Result<(), E> {
        if self.depth == 0 && head::folds_to(key, "-method") {
            return Err(self.found.stop(Error::BodyOverride));
        }
        let compound = key.contains(['[', ']', '.']);
        let names = |(place, _): &(BodyPlace, Row)| {
            place
                .last_name()
                .is_some_and(|name| head::key_names(key, name))
        };
        if key == "__proto__" || compound && self.found.rows.iter().any(names) {
            let why = "a key that some readers take apart".to_owned();
            return Err(self.found.stop(Error::BodyMalformed(why)));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.no_text(<[Step]>::is_empty)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.no_text(may_end)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.no_text(may_end)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.no_text(may_end)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.no_text(may_end)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.keep(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let depth = self.enter()?;
        for index in 0.. {
            let element = Value {
                found: self.found,
                depth,
                at: self.element(index),
                named: None,
            };
            if seq.next_element_seed(element)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let depth = self.enter()?;
        let mut taken: Vec<usize> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            self.check_key(&key)?;
            let folded = head::fold_key(&key);
            let named = self.named(&folded);
            let rows: Vec<usize> = self.next_name(&folded).chain(named).collect();
            if let Some(row) = rows.iter().find(|row| taken.contains(row)) {
                let place = self.found.place(*row);
                return Err(self.found.stop(Error::ReferenceRepeated(place)));
            }
            taken.extend(rows);
            map.next_value_seed(Value {
                found: self.found,
                depth,
                at: self.under(&folded),
                named,
            })?;
        }
        Ok(())
    }
}

/// Only elements of a list are left: some readers take one value for a list of it.
fn may_end(left: &[Step]) -> bool {
    left.iter().all(|step| *step == Step::Each)
}

#[cfg(test)]
mod tests;
