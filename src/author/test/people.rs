//! People of files of cases, for whoever asks about one of them by name.

use super::file::{self, Claims, File};
use super::http::{People, timed};
use super::{Setting, files};
use crate::clock::Timestamp;
use crate::config;
use crate::document::Document;
use crate::fault::{Fault, nearest};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Why there are no claims.
#[derive(Debug, thiserror::Error)]
pub enum Nobody {
    /// There is nobody of that name.
    #[error("nobody is called `{name}` in {place}{near}")]
    Unknown {
        /// As written.
        name: String,
        /// Where was looked.
        place: String,
        /// Who may have been meant.
        near: String,
    },
    /// Files do not agree who that is.
    #[error("`{0}` is not the same in `{1}` and `{2}`: name one of them with `--fixtures`")]
    Ambiguous(String, String, String),
    /// A file cannot be read.
    #[error("{} faults", .0.len())]
    Invalid(Vec<Fault>),
}

/// The claims of somebody, as JSON with times around `now`. Without `fixtures`, every file in the folder
/// of the tests is looked at.
pub fn person(
    setting: &Setting,
    fixtures: Option<&Path>,
    name: &str,
    now: Timestamp,
) -> Result<String, Nobody> {
    let paths = fixtures.map_or_else(|| vec![setting.tests.clone()], |path| vec![path.to_owned()]);
    let paths = files(&paths).map_err(Nobody::Invalid)?;
    let mut found: Option<(PathBuf, Claims)> = None;
    let mut names: Vec<String> = Vec::new();
    for path in paths {
        let people = read(&path).map_err(Nobody::Invalid)?;
        names.extend(people.names().map(str::to_owned));
        let Some(claims) = people.claims(name) else {
            continue;
        };
        match &found {
            Some((other, known)) if *known != claims => {
                let shown = |path: &Path| path.display().to_string();
                return Err(Nobody::Ambiguous(
                    name.to_owned(),
                    shown(other),
                    shown(&path),
                ));
            }
            Some(_) => {}
            None => found = Some((path, claims)),
        }
    }
    let Some((_, mut claims)) = found else {
        let near = nearest(name, names.iter().map(String::as_str));
        let near = near.map(|near| format!("; did you mean `{near}`?"));
        let place = fixtures.unwrap_or(&setting.tests).display();
        return Err(Nobody::Unknown {
            name: name.to_owned(),
            place: format!("`{place}`"),
            near: near.unwrap_or_default(),
        });
    };
    if let Some(issuer) = &setting.issuer {
        let own = || Value::String(issuer.clone());
        claims.entry("iss").or_insert_with(own);
    }
    claims.retain(|_, value| !value.is_null());
    Ok(timed(claims, now))
}

fn read(path: &Path) -> Result<People, Vec<Fault>> {
    let text = config::read_file(path, config::OPENAPI_BYTES_MAX).map_err(|fault| vec![*fault])?;
    let document = Document::parse(&path.display().to_string(), text)?;
    // Cedar's own cases and entities are lists, and name nobody.
    if matches!(document.value(), Value::Array(_)) {
        return Ok(People::default());
    }
    let file: File = config::shape(&document, &file::RULES)?;
    Ok(file.into())
}
