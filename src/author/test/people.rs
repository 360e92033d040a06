//! People whom cases name, and whoever else asks as one of them.

use super::Setting;
use super::file::{Claims, File, RULES};
use crate::clock::Timestamp;
use crate::config;
use crate::document::Document;
use crate::fault::{Fault, nearest};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How long before a request its token was issued.
const BEFORE_SECS: i64 = 60;
/// How long after a request its token is good.
const AFTER_SECS: i64 = 3_600;

/// People, and what all of them share.
#[derive(Default)]
pub(super) struct People {
    everyone: Claims,
    people: BTreeMap<String, Claims>,
}

/// Nobody can be asked as.
#[derive(Debug, thiserror::Error)]
pub enum Stranger {
    /// There is nobody of that name, or more than one.
    #[error("{0}")]
    Unknown(String),
    /// A file cannot be read.
    #[error("the file of people has faults")]
    Invalid(Vec<Fault>),
}

/// The claims of the token of the person called `name`, at `now`: of `fixtures`, or of whatever file beside
/// the tests of `setting` names people.
pub fn person(
    name: &str,
    fixtures: Option<&Path>,
    setting: &Setting,
    now: Timestamp,
) -> Result<Map<String, Value>, Stranger> {
    let files = match fixtures {
        Some(file) => vec![file.to_owned()],
        None => super::files(std::slice::from_ref(&setting.tests)).map_err(Stranger::Invalid)?,
    };
    let mut known = Vec::new();
    let mut found: Vec<(PathBuf, Claims)> = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        let people = match document(&file) {
            // Lists of cases of Cedar's own form name nobody.
            Ok(document) if fixtures.is_none() && document.value().is_array() => continue,
            Ok(document) => People::read(&document),
            Err(found) => Err(found),
        };
        let people = match people {
            Ok(people) => people,
            // It may name another of that name.
            Err(found) => {
                faults.extend(found);
                continue;
            }
        };
        known.extend(people.people.keys().cloned());
        if let Ok(claims) = people.claims(name)
            && !found.iter().any(|(_, known)| *known == claims)
        {
            found.push((file, claims));
        }
    }
    if !faults.is_empty() {
        return Err(Stranger::Invalid(faults));
    }
    match found.as_slice() {
        [(_, claims)] => Ok(at(
            completed(claims.clone(), setting.issuer.as_deref()),
            now,
        )),
        [] => {
            let known = known.iter().map(String::as_str);
            Err(Stranger::Unknown(unknown(name, known)))
        }
        several => {
            let files = several.iter().map(|(file, _)| file.display().to_string());
            let files: Vec<String> = files.collect();
            Err(Stranger::Unknown(format!(
                "several people are called `{name}` ({}); name one of the files with --fixtures",
                files.join(", ")
            )))
        }
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let mut all: Vec<&str> = known.clone().collect();
    all.sort_unstable();
    all.dedup();
    match nearest(name, known) {
        Some(near) => format!("nobody is called `{name}`; did you mean `{near}`?"),
        None if all.is_empty() => format!(
            "nobody is called `{name}`: no file here names people; name one with --fixtures"
        ),
        None => format!("nobody is called `{name}`; people here: {}", all.join(", ")),
    }
}

fn document(path: &Path) -> Result<Document, Vec<Fault>> {
    let text = config::read_file(path, config::OPENAPI_BYTES_MAX).map_err(|fault| vec![*fault])?;
    Document::parse(&path.display().to_string(), text)
}

impl People {
    /// Everyone of a file.
    pub(super) fn of(path: &Path) -> Result<Self, Vec<Fault>> {
        Self::read(&document(path)?)
    }

    fn read(document: &Document) -> Result<Self, Vec<Fault>> {
        let file: File = config::shape(document, &RULES)?;
        let mut people = Self::default();
        people.meet(&file);
        Ok(people)
    }

    /// And those of a file; they hide others of the same name.
    pub(super) fn meet(&mut self, file: &File) {
        self.everyone.extend(file.everyone.clone());
        self.people.extend(file.people.clone());
    }

    /// The claims of the person of that name; of nobody, who may have been meant.
    pub(super) fn claims(&self, name: &str) -> Result<Claims, String> {
        let Some(own) = self.people.get(name) else {
            let known = self.people.keys().map(String::as_str);
            return Err(match nearest(name, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("people here: {}", known.collect::<Vec<_>>().join(", ")),
            });
        };
        let mut claims = self.everyone.clone();
        claims.extend(own.clone());
        claims
            .entry("sub")
            .or_insert_with(|| Value::String(name.to_owned()));
        Ok(claims)
    }
}

/// With the only issuer, where they name none; `null` takes a claim away.
pub(super) fn completed(mut claims: Claims, issuer: Option<&str>) -> Claims {
    if let Some(issuer) = issuer {
        claims
            .entry("iss")
            .or_insert_with(|| Value::String(issuer.to_owned()));
    }
    claims.retain(|_, value| !value.is_null());
    claims
}

/// With the times that they do not say.
pub(super) fn at(mut claims: Claims, now: Timestamp) -> Claims {
    let secs = now.millis().div_euclid(1000);
    for (name, at) in [
        ("iat", secs - BEFORE_SECS),
        ("auth_time", secs - BEFORE_SECS),
        ("exp", secs + AFTER_SECS),
    ] {
        claims.entry(name).or_insert_with(|| at.into());
    }
    claims
}
