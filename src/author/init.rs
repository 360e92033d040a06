//! From OpenAPI documents to a first configuration: routes, the table of references, starter policies and
//! cases that show what these do.
//!
//! `survey` reads what documents say, `names` gives every operation its action, `shapes` settles paths
//! that mean one another, `table` finds the names that mean a tenant, and `apis` writes what the gate reads.
//! Each operation is put to the gate's own reader before it is taken; what that refuses is left out and
//! told. Policies and cases are made from the routes as the gate read them.

mod actions;
mod apis;
mod cases;
mod config;
mod findings;
mod kept;
mod names;
mod parameters;
mod policies;
mod schemas;
mod security;
mod shapes;
mod source;
mod survey;
mod table;

#[cfg(test)]
mod tests;

pub use source::Input;

use crate::fault::Fault;
use crate::operation::{Access, ApiContext};
use cases::Case;
use findings::Findings;
use serde::Serialize;

/// The most operations of all documents: the largest API that is published has a third of it.
const OPERATIONS_MAX: usize = 5_000;

/// A configuration to be written, and what there is to say of it.
#[derive(Debug)]
pub struct Draft {
    /// Names in the folder, and texts.
    pub files: Vec<(String, String)>,
    /// What was left out, named otherwise, or means something else than the document says. Places are a file
    /// and a JSON pointer.
    pub warnings: Vec<Fault>,
    /// What is good to know, and asks for nothing.
    pub notes: Vec<Fault>,
    /// What the gate can be asked for.
    pub actions: Vec<Action>,
    /// Rows of the table of references.
    pub references: usize,
    cases: Vec<(ApiContext, Vec<Case>)>,
}

/// An action, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// With its context.
    pub action: String,
    /// What it does.
    pub access: &'static str,
    /// The least role that the starter policies give it to.
    pub role: &'static str,
    /// As requests have it.
    pub method: String,
    /// With the base path.
    pub path: String,
    /// `api.yaml#/paths/~1things/get`.
    pub source: String,
}

/// Why there is no draft, and what else was found.
#[derive(Debug)]
pub struct Refused {
    /// What stops it.
    pub errors: Vec<Fault>,
    /// What would be told otherwise.
    pub warnings: Vec<Fault>,
}

impl From<Vec<Fault>> for Refused {
    fn from(errors: Vec<Fault>) -> Self {
        let warnings = Vec::new();
        Self { errors, warnings }
    }
}

/// Reads the documents. `operator` is the `sub` of a Principal in the cases; nobody else may have it.
pub fn draft(inputs: &[Input], operator: &str) -> Result<Draft, Refused> {
    let documents = source::read(inputs)?;
    let mut findings = Findings::default();
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        match survey::of(index, document, &mut findings) {
            Ok(operations) => found.extend(operations),
            Err(fault) => errors.push(*fault),
        }
    }
    if found.len() > OPERATIONS_MAX {
        errors.push(findings::too_many(&documents, found.len(), OPERATIONS_MAX));
    }
    if !errors.is_empty() {
        let warnings = findings.warnings;
        return Err(Refused { errors, warnings });
    }
    shapes::settle(&mut found, &mut findings);
    names::give(&mut found, &mut findings);
    let table = table::of(&mut found, &mut findings);
    let kept = kept::judged(found, &table, &mut findings);
    let Some(written) = apis::written(kept, &documents, &table, &mut findings)? else {
        return Err(Refused {
            errors: vec![findings::nothing(&documents)],
            warnings: findings.warnings,
        });
    };
    let cases = cases::of(&written, &table, operator);
    let mut files = written.files();
    files.push((
        "palisade.yaml".to_owned(),
        config::text(&written, &table, operator),
    ));
    files.push((actions::FILE.to_owned(), actions::text(&written)));
    files.push((policies::FILE.to_owned(), policies::text(&written)?));
    let mut draft = Draft {
        files,
        warnings: findings.warnings,
        notes: findings.notes,
        actions: written.actions(),
        references: table.rows.len(),
        cases,
    };
    draft.files.extend(draft.files_of_cases());
    Ok(draft)
}

impl Draft {
    /// Takes cases away that do not hold, and gives back the files that say less now.
    pub fn without(&mut self, names: &[String]) -> Vec<(String, String)> {
        for (_, cases) in &mut self.cases {
            cases.retain(|case| !names.contains(&case.name));
        }
        let files = self.files_of_cases();
        self.files
            .retain(|(name, _)| !files.iter().any(|(other, _)| other == name));
        self.files.extend(files.iter().cloned());
        files
    }

    /// How many requests show what the policies do.
    pub fn cases(&self) -> usize {
        self.cases.iter().map(|(_, cases)| cases.len()).sum()
    }

    fn files_of_cases(&self) -> Vec<(String, String)> {
        let files = self.cases.iter();
        let files = files.map(|(context, cases)| {
            let name = format!("policies/tests/{}.yaml", context.label());
            (name, cases::text(*context, cases))
        });
        files.collect()
    }
}

/// The least role that starter policies give an access to.
fn least_role(access: Access) -> &'static str {
    match access {
        Access::Read => "viewer",
        Access::Create | Access::Update => "editor",
        Access::Delete | Access::Manage => "admin",
    }
}
