//! The pages of metrics and reasons, read out of their tables.

use super::cell;
use crate::fault::page;
use crate::reason::{Outcome, Reason};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Stability;
use std::fmt::Write as _;

/// Every page of a fault's code.
pub(super) fn faults() -> String {
    let mut text = String::from(
        "# Faults\n\n\
        Codes of faults in policies (P), schemas (S), routes and OpenAPI documents (R), tenants (T), the configuration (C),\n\
        issuers (I), documents as such (D), files (F), keys and certificates (K), and what authors run: cases, proofs, drafts (V).\n\
        `palisade check --explain P012` prints the same. A number never changes its meaning.\n",
    );
    for one in page::all() {
        let _ = write!(
            text,
            "\n## {}: `{}`\n\n{}.\n\n{}\n\n```text\n{}\n```\n\n{}\n",
            one.number,
            one.code,
            one.title,
            one.meaning,
            one.example.trim_end(),
            one.remedy
        );
    }
    text
}

/// Every series.
pub(super) fn metrics() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
        On `/metrics` of the metrics listener. Stable names and labels change only with a new major\n\
        version; experimental ones may change with any.\n\n\
        | name | type | labels | stability | meaning |\n|---|---|---|---|---|\n",
    );
    for doc in Metrics::reference() {
        let labels: Vec<String> = doc
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let stability = match doc.stability {
            Stability::Stable => "stable",
            Stability::Experimental => "experimental",
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {stability} | {} |",
            doc.name,
            doc.kind,
            labels.join(", "),
            cell(doc.help)
        );
    }
    page
}

/// Every reason of a refusal, and every outcome.
pub(super) fn reasons() -> String {
    let mut page = String::from(
        "# Reasons\n\n\
        Why a request was refused: `code` of the reply (`application/problem+json`), of the audit\n\
        record and of `palisade_refusals_total`.\n\n\
        | code | status | grpc-status | outcome | at fault | meaning |\n|---|---|---|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let row = reason.row();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | `{}` | {} | {} |",
            row.code,
            row.status,
            row.grpc_status,
            row.outcome.label(),
            row.blame.label(),
            cell(row.help)
        );
    }
    let outcomes: Vec<String> = Outcome::ALL
        .iter()
        .map(|one| format!("`{}`", one.label()))
        .collect();
    let _ = write!(
        page,
        "\nOutcomes, the label of `palisade_requests_total`: {}.\n",
        outcomes.join(", ")
    );
    page
}
