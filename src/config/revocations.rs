//! The file of revocations becomes the list that tokens are held against.

use super::disk::Disk;
use super::file::{Revocations as Shape, Revoked as Entry};
use super::findings::Findings;
use super::{misfit, schema};
use crate::clock::Timestamp;
use crate::document::Document;
use crate::fault::{Fault, nearest};
use crate::token::{Revocations, Revoked};
use std::path::Path;
use std::sync::Arc;

/// The list, the text it was read from, and what should be looked at.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) list: Revocations,
    pub(super) text: Arc<str>,
    pub(super) warnings: Vec<Fault>,
}

/// Reads the file whole, or says all that is wrong with it.
pub(super) fn read(path: &Path, issuers: &[&str], disk: &Disk) -> Result<Read, Vec<Fault>> {
    let text = disk
        .read(path, REVOCATIONS_BYTES_MAX)
        .map_err(|fault| vec![*fault])?;
    let document = Document::parse(&path.display().to_string(), Arc::clone(&text))?;
    let shape: Shape = misfit::shape(&document, &schema::REVOCATIONS)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let mut findings = Findings::new(&document, folder, disk);
    for (at, subject) in shape.sub.iter().enumerate() {
        let issuer = subject.issuer.as_str();
        if issuers.contains(&issuer) {
            continue;
        }
        let help = match nearest(issuer, issuers.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name an issuer of `palisade.yaml`".to_owned(),
        };
        let message = format!("there is no issuer `{issuer}`: nobody is revoked by this");
        let pointer = format!("/sub/{at}/issuer");
        findings.warn(&pointer, "revocation_unknown_issuer", message, help);
    }
    Ok(Read {
        list: list(&shape),
        text,
        warnings: findings.into_faults(),
    })
}

fn list(shape: &Shape) -> Revocations {
    let mut list = Revocations::default();
    for entry in &shape.jti {
        let (id, until) = end(entry);
        list.add(Revoked::Token(id), until);
    }
    for entry in &shape.origin_jti {
        let (id, until) = end(entry);
        list.add(Revoked::Session(id), until);
    }
    for entry in &shape.client {
        let (id, until) = end(entry);
        list.add(Revoked::Client(id), until);
    }
    for entry in &shape.sub {
        let subject = Revoked::Subject {
            issuer: &entry.issuer,
            subject: &entry.id,
        };
        list.add(subject, entry.until.map(|until| until.0));
    }
    for entry in &shape.user {
        let user = Revoked::User {
            account: &entry.account,
            user: &entry.id,
        };
        list.add(user, entry.until.map(|until| until.0));
    }
    list
}

fn end(entry: &Entry) -> (&str, Option<Timestamp>) {
    match entry {
        Entry::Id(id) => (id, None),
        Entry::WithEnd(entry) => (&entry.id, entry.until.map(|until| until.0)),
    }
}

/// Some hundred thousand entries would be another kind of list.
const REVOCATIONS_BYTES_MAX: u64 = 8 * 1024 * 1024;
