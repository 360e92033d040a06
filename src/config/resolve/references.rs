//! `references`: the one table of names that mean a tenant.

use crate::config::file::{Reference, ReferenceIn as In, ReferenceIs};
use crate::config::findings::Findings;
use crate::head::fold_key;
use crate::route::{BodyPlace, HeaderName, ReferenceIn, ReferenceKind, ReferenceRule};

/// All rows that make sense; no two of them are about one name.
pub(super) fn resolve(shapes: &[Reference], findings: &mut Findings<'_>) -> Vec<ReferenceRule> {
    let mut rules: Vec<ReferenceRule> = Vec::new();
    let mut taken: Vec<(In, String, usize)> = Vec::new();
    for (at, shape) in shapes.iter().enumerate() {
        let Some((key, text)) = spelt(shape, at, findings) else {
            continue;
        };
        let pointer = format!("/references/{at}/{key}");
        let Some(place) = place(shape, text, &pointer, findings) else {
            continue;
        };
        let name = match shape.place {
            In::Path => text.to_owned(),
            In::Body if key == "pointer" => text.to_lowercase(),
            In::Query | In::Body => fold_key(text),
            In::Header => text.to_ascii_lowercase(),
        };
        let same = taken
            .iter()
            .find(|(place, other, _)| *place == shape.place && *other == name);
        if let Some((_, _, first)) = same {
            let line = findings.document().line(&format!("/references/{first}"));
            let message = format!("`{text}` is in the table already ({line})");
            findings.error(&pointer, "reference_twice", message, "remove one of them");
            continue;
        }
        taken.push((shape.place, name, at));
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

/// The key that names it, and what stands there.
fn spelt<'s>(
    shape: &'s Reference,
    at: usize,
    findings: &mut Findings<'_>,
) -> Option<(&'static str, &'s str)> {
    match (&shape.name, &shape.pointer, shape.place) {
        (Some(name), None, _) => Some(("name", name)),
        (None, Some(pointer), In::Body) => Some(("pointer", pointer)),
        _ => {
            let message = "a reference is one `name`; in a body, a `name` or a `pointer`";
            let help = "write `{ in: query, name: workspaceId, is: workspace }`, or \
                        `{ in: body, pointer: /workspaceId, is: workspace }`";
            findings.error(
                &format!("/references/{at}"),
                "reference_form",
                message,
                help,
            );
            None
        }
    }
}

fn place(
    shape: &Reference,
    text: &str,
    pointer: &str,
    findings: &mut Findings<'_>,
) -> Option<ReferenceIn> {
    let mut bad = |message: String, help: &str| {
        findings.error(pointer, "config_value", message, help);
        None
    };
    match shape.place {
        In::Path => Some(ReferenceIn::Path(text.into())),
        In::Query => Some(ReferenceIn::Query(text.into())),
        In::Header => match HeaderName::from_bytes(text.as_bytes()) {
            Ok(name) => Some(ReferenceIn::Header(name)),
            Err(_) => bad(
                format!("`{text}` is not the name of a header"),
                "write it like `x-workspace`",
            ),
        },
        In::Body => {
            let place = if shape.pointer.is_some() {
                BodyPlace::pointer(text)
            } else {
                let folded = fold_key(text);
                (!folded.is_empty()).then_some(BodyPlace::Anywhere(folded))
            };
            match place {
                Some(place) => Some(ReferenceIn::Body {
                    place,
                    spelt: text.into(),
                }),
                None => bad(
                    format!("`{text}` is no place in a JSON body"),
                    "write it like `/catalogWorkspaceId` or `/items/*/workspaceId`",
                ),
            }
        }
    }
}
