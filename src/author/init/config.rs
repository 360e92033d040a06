//! `palisade.yaml` of the documents.

use super::apis::{UPSTREAM, Written};
use super::table::Table;
use crate::operation::ApiContext;
use serde_json::json;
use std::fmt::Write as _;

/// The whole file.
pub(super) fn text(written: &Written, table: &Table, operator: &str) -> String {
    let has_portal = written.contexts().contains(&ApiContext::Portal);
    include_str!("palisade.yaml")
        .replace("${portal}", &portal(has_portal, operator))
        .replace("${references}", &references(table))
        .replace("${routes}", &routes(written))
}

/// Who runs the Portal. The one who is there in the beginning is nobody: a `sub` that was made up.
fn portal(has_portal: bool, operator: &str) -> String {
    if !has_portal {
        return String::new();
    }
    format!(
        "    # Principals are people of the platform. They come through these clients only, and may do only what\n    \
         # is granted to them here, by `sub`. The one below is nobody; the cases in policies/tests/portal.yaml\n    \
         # are about it.\n    \
         portal: true\n    portal_clients: [portal-client] # change: the client of your console\n    \
         principals:\n      {operator}: {{ roles: [operator], all_accounts: true }} # change: a `sub` of yours\n    \
         claims:\n      # A boolean claim that says whether a second factor was used. Operators need one.\n      \
         mfa: /mfa\n"
    )
}

fn references(table: &Table) -> String {
    if table.rows.is_empty() {
        return " []".to_owned();
    }
    let mut text = String::new();
    for row in &table.rows {
        // JSON is YAML, and quotes what needs it. Writing to a String cannot fail.
        let name = json!(row.name);
        let first: String = row
            .first
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        let _ = write!(
            text,
            "\n  - {{ in: {}, name: {name}, is: {} }} # {first}",
            row.place,
            row.kind.label(),
        );
    }
    text
}

fn routes(written: &Written) -> String {
    let mut text = String::new();
    for api in &written.apis {
        let context = api.context.label();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  - {{ context: {context}, openapi: {}, upstream: {UPSTREAM} }}",
            api.name
        );
    }
    text
}
