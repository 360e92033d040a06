//! The text of one entry, a file or a line, becomes an account.

use super::{Known, account, narrowing};
use crate::config::disk::Disk;
use crate::config::file::Tenant;
use crate::config::findings::Findings;
use crate::config::{misfit, schema};
use crate::document::{Document, json};
use crate::fault::{Fault, Place, Span};
use crate::tenant::{Account, AccountId, Narrowing};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// An entry that is good, and is not parsed again while its text is the same.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) account: Arc<Account>,
    pub(super) warnings: Vec<Fault>,
}

/// An entry that cannot be used, and what can be read of it all the same.
#[derive(Clone, Debug)]
pub(super) struct Unusable {
    pub(super) faults: Vec<Fault>,
    /// Whose it is, as far as that can be told.
    pub(super) account: Option<AccountId>,
    pub(super) narrowing: Option<Box<Narrowing>>,
}

/// What an entry comes to.
pub(super) type Outcome = Result<Arc<Parsed>, Arc<Unusable>>;

/// An entry to be parsed.
pub(super) struct Text<'a> {
    /// The file, as messages show it.
    pub(super) file: String,
    pub(super) text: Written<'a>,
}

pub(super) enum Written<'a> {
    /// A file of its own, for the account of that name.
    File(Arc<str>, String),
    /// A line of a file, behind so many others.
    Line(&'a str, usize),
}

/// At least so many entries are worth a thread.
const ENTRIES_PER_THREAD: usize = 64;

/// Parses entries, many of them on all cores: nobody is served before the first reading is done.
pub(super) fn parse_all(texts: &[Text<'_>], known: Known<'_>) -> Vec<Outcome> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = texts.len().div_ceil(cores).max(ENTRIES_PER_THREAD);
    std::thread::scope(|scope| {
        let parse = move |texts: &[Text<'_>]| -> Vec<Outcome> {
            texts.iter().map(|text| text.parse(known)).collect()
        };
        let mut shares = texts.chunks(each);
        let own = shares.next().unwrap_or_default();
        let others: Vec<_> = shares
            .map(|share| (share, scope.spawn(move || parse(share))))
            .collect();
        let mut outcomes = parse(own);
        for (share, other) in others {
            // A thread that failed fails here again, where it is seen.
            outcomes.extend(other.join().unwrap_or_else(|_| parse(share)));
        }
        outcomes
    })
}

impl Text<'_> {
    fn parse(&self, known: Known<'_>) -> Outcome {
        let parsed = match &self.text {
            Written::File(text, name) => {
                let document = Document::parse(&self.file, Arc::clone(text));
                let named = AccountId::parse(name).ok();
                match document {
                    Ok(document) => of_document(&document, Some(name), known),
                    Err(faults) => Err(Unusable::new(faults)),
                }
                .map_err(|unusable| Unusable {
                    account: named,
                    ..unusable
                })
            }
            Written::Line(text, before) => self.line(text, *before, known),
        };
        parsed.map(Arc::new).map_err(Arc::new)
    }

    /// A good line is read without places; of a bad one, they are looked for.
    fn line(&self, text: &str, before: usize, known: Known<'_>) -> Result<Parsed, Unusable> {
        let read = json::read_object(text.as_bytes());
        let syntax = match read.map(Value::Object) {
            Ok(value) => match quick(&value, known) {
                Some(parsed) => return Ok(parsed),
                None => None,
            },
            Err(error) => Some(error),
        };
        let document = Document::parse_line(&self.file, text.into(), before);
        let unusable = match (document, syntax) {
            (Ok(document), None) => match of_document(&document, None, known) {
                Ok(parsed) => return Ok(parsed),
                Err(unusable) => unusable,
            },
            (Err(faults), None) => Unusable::new(faults),
            (Err(faults), Some(_)) if faults.iter().all(|fault| fault.code == DOUBLED) => {
                Unusable::new(faults)
            }
            (_, Some(error)) => Unusable::new(vec![self.no_json(text, before, &error)]),
        };
        Err(Unusable {
            account: names(text),
            ..unusable
        })
    }

    fn no_json(&self, text: &str, before: usize, error: &serde_json::Error) -> Fault {
        let at = text.floor_char_boundary(error.column().saturating_sub(1));
        let place = Place {
            file: self.file.clone(),
            span: Some(Span {
                start: at,
                len: text.len().saturating_sub(at).min(1),
            }),
            text: Some(text.into()),
            lines_before: before,
            ..Place::default()
        };
        let message = error.to_string();
        // Its own line is always the first.
        let message = message.split(" at line ").next().unwrap_or_default();
        let message = format!("the line is not one JSON object: {message}");
        Fault::error("tenant_line", place, message).help("write each account on one line, whole")
    }
}

const DOUBLED: &str = "document_duplicate_key";

impl Unusable {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            account: None,
            narrowing: None,
        }
    }
}

/// The entry, if nothing is to be said of it.
fn quick(value: &Value, known: Known<'_>) -> Option<Parsed> {
    if !schema::TENANT.validator.is_valid(value) {
        return None;
    }
    let shape = Tenant::deserialize(value).ok()?;
    let document = Document::without_places(Value::Null);
    let disk = Disk::default();
    let mut findings = Findings::new(&document, Path::new(""), &disk);
    let account = account::resolve(&shape, None, known, &mut findings)?;
    findings.into_faults().is_empty().then(|| Parsed {
        account: Arc::new(account),
        warnings: Vec::new(),
    })
}

fn of_document(
    document: &Document,
    name: Option<&str>,
    known: Known<'_>,
) -> Result<Parsed, Unusable> {
    let broken = |faults| Unusable {
        narrowing: Some(Box::new(narrowing::read(document.value()))),
        ..Unusable::new(faults)
    };
    let shape: Tenant = misfit::shape(document, &schema::TENANT).map_err(broken)?;
    let disk = Disk::default();
    let mut findings = Findings::new(document, Path::new(""), &disk);
    let account = account::resolve(&shape, name, known, &mut findings);
    let faults = findings.into_faults();
    match account {
        Some(account) if !faults.iter().any(Fault::is_error) => Ok(Parsed {
            account: Arc::new(account),
            warnings: faults,
        }),
        _ => Err(broken(faults)),
    }
}

/// Whose line it seems to be, however broken it is. It decides only which entry goes on serving.
fn names(text: &str) -> Option<AccountId> {
    let (_, rest) = text.split_once("\"account\"")?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let (id, _) = rest.strip_prefix('"')?.split_once('"')?;
    AccountId::parse(id).ok()
}
