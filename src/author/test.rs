//! The author's tests: requests, and what must become of them.
//!
//! There are two levels. HTTP cases (`file`, `http`) go through [`crate::gate::decide`], the code that
//! serves; cases of Cedar's own form (`cedar`) are put to the policies alone, which is where guards can
//! be tried that no request reaches. `expected` holds what came of either against what was expected.

mod cedar;
mod coverage;
mod expected;
mod file;
mod find;
mod http;
mod mutant;
mod mutate;
mod people;
mod prover;
mod report;
mod session;
mod trial;
mod write;

pub use coverage::{Coverage, Share, Unseen};
pub use expected::Got;
pub use file::schema;
pub use find::{Stamps, files, stamps};
pub use mutate::{Mutation, Survivor};
pub use people::{Stranger, person};
pub use report::{Report, Shown};
pub use session::{Looks, Session};
pub(super) use write::there;
pub use write::{Answered, Unwritten, add};

use crate::clock::Timestamp;
use crate::config::{self, Resolved};
use crate::decision::Put;
use crate::document::Document;
use crate::explain::Policy;
use crate::fault::{Fault, nearest};
use crate::gate::Generation;
use crate::policy::Store;
use crate::route::Route;
use serde::Serialize;
use serde_json::Value;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is expected of a request that is forwarded.
const ALLOW: &str = "allow";
/// What is expected of one that is not.
const DENY: &str = "deny";

/// What a configuration says of its tests.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where cases are, unless somebody says otherwise: `tests` in the folder of the platform's policies.
    pub tests: PathBuf,
    /// Whom tokens come from, where there is only one.
    pub issuer: Option<String>,
}

impl Setting {
    /// Of that configuration.
    pub fn of(resolved: &Resolved) -> Self {
        let issuer = match resolved.issuers.as_slice() {
            [only] => Some(only.issuer.clone()),
            _ => None,
        };
        Self {
            tests: resolved.kept.policies().join("tests"),
            issuer,
        }
    }
}

/// What cases are read with.
pub struct Desk {
    issuer: Option<String>,
    /// The first that is served.
    host: Option<String>,
    store: Arc<Store>,
    of_accounts: OnceCell<Vec<Arc<str>>>,
    now: Timestamp,
}

/// A case, read.
#[derive(Clone, Debug)]
pub struct Case {
    name: String,
    file: Arc<str>,
    line: usize,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Http(Box<http::Case>),
    Cedar(cedar::Case),
}

/// What came of a case.
#[derive(Clone, Debug)]
struct Ran {
    got: Got,
    policies: Vec<Policy>,
    detail: Option<String>,
    puts: Vec<Arc<Put>>,
    route: Option<Arc<Route>>,
}

/// What came of a case, and what should have.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What the case shows.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its line there.
    pub line: usize,
    /// `http` or `cedar`.
    pub level: &'static str,
    /// Whether it is as expected.
    pub passed: bool,
    /// What must come of it.
    pub expected: String,
    /// What came of it.
    pub got: String,
    /// How the two differ.
    pub differences: Vec<String>,
    /// What exactly happened; clients do not get it.
    pub detail: Option<String>,
    /// The policies that settled it.
    pub policies: Vec<Policy>,
    /// The command that tells more.
    pub command: Option<String>,
}

impl Desk {
    /// For cases that are asked of `generation`.
    pub fn new(setting: &Setting, generation: &Generation, now: Timestamp) -> Self {
        Self {
            issuer: setting.issuer.clone(),
            host: generation.head.hosts.first().map(str::to_owned),
            store: Arc::clone(&generation.rules.store),
            of_accounts: OnceCell::new(),
            now,
        }
    }

    /// Whether there is such a policy, by `@id` or by its whole id; if not, what may have been meant.
    fn knows(&self, written: &str) -> Result<(), String> {
        let platform = self.store.platform_policy_ids();
        let means = |id: &Arc<str>| expected::means(written, id);
        if platform.iter().any(means) || self.of_accounts().iter().any(means) {
            return Ok(());
        }
        let known = platform.iter().chain(self.of_accounts());
        let known = known.filter_map(|id| id.rsplit('/').next());
        Err(match nearest(written, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write its `@id`, or its id as `explain` tells it".to_owned(),
        })
    }

    /// Ids of the accounts' policies. All of these are parsed for it, so only where a case may mean one.
    fn of_accounts(&self) -> &[Arc<str>] {
        let ids = || self.store.overlay_policy_ids();
        self.of_accounts.get_or_init(ids)
    }
}

/// All cases of these files, or everything that is wrong with any of them.
pub fn read(files: &[PathBuf], desk: &Desk) -> Result<Vec<Case>, Vec<Fault>> {
    let mut cases = Vec::new();
    let mut faults = Vec::new();
    for path in files {
        match read_one(path, desk) {
            Ok(found) => cases.extend(found),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() {
        Ok(cases)
    } else {
        Err(faults)
    }
}

fn read_one(path: &Path, desk: &Desk) -> Result<Vec<Case>, Vec<Fault>> {
    let text = config::read_file(path, config::OPENAPI_BYTES_MAX).map_err(|fault| vec![*fault])?;
    read_text(path, text, desk)
}

/// The cases of a text that is, or will be, the file at `path`.
pub(super) fn read_text(path: &Path, text: Arc<str>, desk: &Desk) -> Result<Vec<Case>, Vec<Fault>> {
    let document = Document::parse(&path.display().to_string(), text)?;
    let file: Arc<str> = document.file().into();
    let mut lines = Lines::of(&document);
    let mut case = |at: &str, name, kind| Case {
        name,
        file: Arc::clone(&file),
        line: lines.at(at),
        kind,
    };
    if !matches!(document.value(), Value::Array(_)) {
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let found = http::read(&document, folder, desk)?.into_iter();
        let found = found.map(|(at, name, one)| case(&at, name, Kind::Http(Box::new(one))));
        return Ok(found.collect());
    }
    if cedar::are_entities(document.value()) {
        return Ok(Vec::new());
    }
    let found = cedar::read(&document, path, desk)?.into_iter();
    let found = found.map(|(at, name, one)| case(&at, name, Kind::Cedar(one)));
    Ok(found.collect())
}

/// Lines of a document, asked for from top to bottom: each is counted once.
struct Lines<'a> {
    document: &'a Document,
    byte: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn of(document: &'a Document) -> Self {
        let (byte, line) = (0, 1);
        Self {
            document,
            byte,
            line,
        }
    }

    /// The line of the value at `pointer`.
    fn at(&mut self, pointer: &str) -> usize {
        let start = self
            .document
            .place(pointer)
            .span
            .map_or(0, |span| span.start);
        if let Some(passed) = self.document.text().get(self.byte..start) {
            self.line += passed.matches('\n').count();
            self.byte = start;
        }
        self.line
    }
}

impl Case {
    /// What it shows.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn run(&self, session: &Session<'_>) -> Ran {
        match &self.kind {
            Kind::Http(case) => case.run(session),
            Kind::Cedar(case) => case.run(&session.generation.rules.store, session.keeps()),
        }
    }

    fn outcome(&self, session: &Session<'_>, ran: &Ran) -> Outcome {
        let differences = self.differences(&ran.got);
        let passed = differences.is_empty();
        Outcome {
            name: self.name.clone(),
            file: self.file.to_string(),
            line: self.line,
            level: self.level(),
            passed,
            expected: self.words(),
            got: ran.got.words(),
            differences,
            detail: ran.detail.clone(),
            policies: ran.policies.clone(),
            command: (!passed).then(|| self.command(session)),
        }
    }

    fn differences(&self, got: &Got) -> Vec<String> {
        match &self.kind {
            Kind::Http(case) => case.expected.differences(got),
            Kind::Cedar(case) => case.expected.differences(got),
        }
    }

    fn level(&self) -> &'static str {
        match &self.kind {
            Kind::Http(_) => "http",
            Kind::Cedar(_) => "cedar",
        }
    }

    fn words(&self) -> String {
        match &self.kind {
            Kind::Http(case) => case.expected.words(),
            Kind::Cedar(case) => case.expected.words(),
        }
    }

    /// The command that tells more of it.
    fn command(&self, session: &Session<'_>) -> String {
        match &self.kind {
            Kind::Http(case) => report::explain(case, session.now, session.config),
            Kind::Cedar(_) => report::alone(&self.file, &self.name, session.config),
        }
    }
}
