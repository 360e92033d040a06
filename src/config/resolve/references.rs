//! `references`: the one table of names that mean a tenant.

use crate::config::file::{Reference, ReferenceIn as In, ReferenceIs};
use crate::config::findings::Findings;
use crate::head::fold_key;
use crate::route::{HeaderName, ReferenceIn, ReferenceKind, ReferenceRule};

/// All rows that make sense; no two of them are about one name.
pub(super) fn resolve(shapes: &[Reference], findings: &mut Findings<'_>) -> Vec<ReferenceRule> {
    let mut rules: Vec<ReferenceRule> = Vec::new();
    let mut folded: Vec<(In, String, usize)> = Vec::new();
    for (at, shape) in shapes.iter().enumerate() {
        let pointer = format!("/references/{at}/name");
        let Some(place) = place(shape, &pointer, findings) else {
            continue;
        };
        let name = match shape.place {
            In::Path => shape.name.clone(),
            In::Query => fold_key(&shape.name),
            In::Header => shape.name.to_ascii_lowercase(),
        };
        let same = folded
            .iter()
            .find(|(place, other, _)| *place == shape.place && *other == name);
        if let Some((_, _, first)) = same {
            let line = findings.document().line(&format!("/references/{first}"));
            let message = format!("`{}` is in the table already ({line})", shape.name);
            findings.error(&pointer, "reference_twice", message, "remove one of them");
            continue;
        }
        folded.push((shape.place, name, at));
        rules.push(ReferenceRule {
            place,
            kind: match shape.is {
                ReferenceIs::Account => ReferenceKind::Account,
                ReferenceIs::Workspace => ReferenceKind::Workspace,
                ReferenceIs::User => ReferenceKind::User,
                ReferenceIs::Catalog => ReferenceKind::Catalog,
            },
        });
    }
    rules
}

fn place(shape: &Reference, pointer: &str, findings: &mut Findings<'_>) -> Option<ReferenceIn> {
    match shape.place {
        In::Path => Some(ReferenceIn::Path(shape.name.as_str().into())),
        In::Query => Some(ReferenceIn::Query(shape.name.as_str().into())),
        In::Header => {
            let name = HeaderName::from_bytes(shape.name.as_bytes());
            if name.is_err() {
                let message = format!("`{}` is not the name of a header", shape.name);
                findings.error(
                    pointer,
                    "config_value",
                    message,
                    "write it like `x-workspace`",
                );
            }
            name.ok().map(ReferenceIn::Header)
        }
    }
}
