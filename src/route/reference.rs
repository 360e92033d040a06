//! The global table of names that mean a tenant (RULES 12).

use super::{
    BodyPlace, BodyRule, Error, Reference, ReferenceIn, ReferenceKind, ReferenceRule, Route, body,
};
use crate::body::{Seen, WHOLE_BYTES_MAX};
use crate::head::{self, Query};
use http::{HeaderMap, header};
use std::sync::Arc;

/// The table, folded once, so that a request only compares.
#[derive(Clone, Debug, Default)]
pub struct ReferenceTable {
    path: Vec<Row>,
    query: Vec<Row>,
    header: Vec<(http::HeaderName, Row)>,
    body: Vec<(BodyPlace, Row)>,
}

/// One name that means a tenant.
#[derive(Clone, Debug)]
pub(super) struct Row {
    folded: String,
    pub(super) kind: ReferenceKind,
    /// For records: `query workspaceId`.
    pub(super) place: Arc<str>,
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
                ReferenceIn::Body { place, spelt } => {
                    table.body.push((place.clone(), row("body", spelt)));
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

    /// Whether bodies can hold references at all.
    pub(super) fn reads_bodies(&self) -> bool {
        !self.body.is_empty()
    }

    #[cfg(test)]
    pub(super) fn body_rows(&self) -> &[(BodyPlace, Row)] {
        &self.body
    }

    /// What a body's key at that place means: `path` has the keys from the root, `*` for the elements
    /// of a list.
    pub fn of_body_path(&self, path: &[&str]) -> Option<ReferenceKind> {
        let row = self.body.iter().find(|(place, _)| place.is_at(path));
        row.map(|(_, row)| row.kind)
    }

    /// Whether a request on `route` is to be read to its end before it is decided.
    pub fn wants_body(&self, route: &Route) -> bool {
        !self.body.is_empty() && !route.set.public && route.body == BodyRule::Json
    }

    /// Every reference in a request's body (RULES 13).
    pub(super) fn of_body(
        &self,
        route: &Route,
        headers: &HeaderMap,
        seen: Seen<'_>,
    ) -> Result<Vec<Reference>, Error> {
        if self.body.is_empty() || route.set.public {
            return Ok(Vec::new());
        }
        match (&route.body, seen) {
            (BodyRule::Unchecked(_), _) | (_, Seen::Nothing) => Ok(Vec::new()),
            (BodyRule::None, Seen::Unread | Seen::Whole(_)) => Err(Error::BodyUndeclared),
            (BodyRule::Json, Seen::Unread) => Err(Error::BodyUnread),
            (BodyRule::Json, Seen::Whole(bytes)) => {
                // The gate reads no further; whoever only explains has all of it.
                if bytes.len() > WHOLE_BYTES_MAX {
                    let why = format!("longer than {WHOLE_BYTES_MAX} bytes");
                    return Err(Error::BodyMalformed(why));
                }
                plain_json(headers)?;
                body::read(bytes, &self.body)
            }
        }
    }

    /// Every reference that a request's head carries, in the order path, query, header.
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
            let rows = self.query.iter().filter(|row| pair.names(&row.folded));
            if let Some(row) = rows.clone().find(|row| !pair.only_names(&row.folded)) {
                return Err(Error::ReferenceBent(Arc::clone(&row.place)));
            }
            collect(rows, &pair.value, &mut found)?;
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

/// Announced as JSON in UTF-8, once, and in no coding: what is read here is what is read upstream.
fn plain_json(headers: &HeaderMap) -> Result<(), Error> {
    for (name, _) in headers {
        if head::folds_to(name.as_str(), "content-encoding") {
            return Err(Error::BodyKind("content-encoding"));
        }
    }
    // Once, in any spelling, and in its own: `content_type` alone says nothing to most readers.
    let sole = head::single(headers, &header::CONTENT_TYPE).is_ok();
    let kind = headers.get(header::CONTENT_TYPE).filter(|_| sole);
    let kind = kind.and_then(|value| value.to_str().ok());
    let (essence, parameters) = match kind.map(|text| text.split_once(';')) {
        Some(Some((essence, parameters))) => (essence, Some(parameters)),
        Some(None) => (kind.unwrap_or_default(), None),
        None => return Err(Error::BodyKind("content-type")),
    };
    let utf8 = |parameters: &str| {
        let charset = parameters.trim().split_once('=');
        charset.is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset")
                && ["utf-8", "\"utf-8\""]
                    .iter()
                    .any(|known| value.eq_ignore_ascii_case(known))
        })
    };
    if essence.trim().eq_ignore_ascii_case("application/json") && parameters.is_none_or(utf8) {
        return Ok(());
    }
    Err(Error::BodyKind("content-type"))
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
            in_body: false,
        });
    }
    Ok(())
}
