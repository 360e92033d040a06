//! The global table of names that mean a tenant (RULES 12).

use super::{Error, Reference, ReferenceIn, ReferenceKind, ReferenceRule};
use crate::head::{self, Query};
use http::HeaderMap;
use std::sync::Arc;

/// The table, folded once, so that a request only compares.
#[derive(Clone, Debug, Default)]
pub struct ReferenceTable {
    path: Vec<Row>,
    query: Vec<Row>,
    header: Vec<(http::HeaderName, Row)>,
}

#[derive(Clone, Debug)]
struct Row {
    folded: String,
    kind: ReferenceKind,
    /// For records: `query workspaceId`.
    place: Arc<str>,
}

impl ReferenceTable {
    /// Prepares the table.
    pub fn new(rules: &[ReferenceRule]) -> Self {
        let mut table = Self::default();
        for rule in rules {
            let row = |place: &str, name: &str| Row {
                folded: head::fold_key(name),
                kind: rule.kind,
                place: format!("{place} {name}").into(),
            };
            match &rule.place {
                ReferenceIn::Path(name) => table.path.push(row("path", name)),
                ReferenceIn::Query(name) => table.query.push(row("query", name)),
                ReferenceIn::Header(name) => {
                    table
                        .header
                        .push((name.clone(), row("header", name.as_str())));
                }
            }
        }
        table
    }

    /// What a path parameter of that name means.
    pub fn of_path(&self, name: &str) -> Option<ReferenceKind> {
        let row = self
            .path
            .iter()
            .find(|row| head::key_names(name, &row.folded));
        row.map(|row| row.kind)
    }

    /// What a query key of that name means.
    pub fn of_query(&self, name: &str) -> Option<ReferenceKind> {
        let row = self
            .query
            .iter()
            .find(|row| head::key_names(name, &row.folded));
        row.map(|row| row.kind)
    }

    /// What a header of that name means.
    pub fn of_header(&self, name: &str) -> Option<ReferenceKind> {
        let folded = head::fold(name);
        let same = |known: &http::HeaderName| head::folds_to(known.as_str(), &folded);
        let row = self.header.iter().find(|(known, _)| same(known));
        row.map(|(_, row)| row.kind)
    }

    /// The headers of the table: `head::Settings::header_references`.
    pub fn headers(&self) -> impl Iterator<Item = &http::HeaderName> {
        self.header.iter().map(|(name, _)| name)
    }

    /// Every reference that a request carries, in the order path, query, header.
    pub(super) fn read(
        &self,
        captures: &[(Arc<str>, String)],
        query: &Query,
        headers: &HeaderMap,
    ) -> Result<Vec<Reference>, Error> {
        let mut found = Vec::new();
        for (name, value) in captures {
            let rows = self.path.iter();
            collect(
                rows.filter(|row| head::key_names(name, &row.folded)),
                value,
                &mut found,
            )?;
        }
        for pair in &query.pairs {
            let rows = self.query.iter();
            collect(
                rows.filter(|row| pair.names(&row.folded)),
                &pair.value,
                &mut found,
            )?;
        }
        for (name, row) in &self.header {
            let value = head::single(headers, name)
                .map_err(|_| Error::ReferenceRepeated(Arc::clone(&row.place)))?;
            if let Some(value) = value {
                let text = value.to_str();
                let text = text.map_err(|_| Error::ReferenceUnreadable(Arc::clone(&row.place)))?;
                collect(std::iter::once(row), text, &mut found)?;
            }
        }
        Ok(found)
    }
}

fn collect<'a>(
    rows: impl Iterator<Item = &'a Row>,
    value: &str,
    found: &mut Vec<Reference>,
) -> Result<(), Error> {
    for row in rows {
        // One row, one allocation: the same place is the same row.
        if found
            .iter()
            .any(|reference| Arc::ptr_eq(&reference.place, &row.place))
        {
            return Err(Error::ReferenceRepeated(Arc::clone(&row.place)));
        }
        found.push(Reference {
            kind: row.kind,
            value: value.to_owned(),
            place: Arc::clone(&row.place),
        });
    }
    Ok(())
}
