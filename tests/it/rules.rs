//! The rules of isolation (`docs/concepts/isolation.md`), one test or more for each that applies, named
//! after the rule. What a module holds alone has its tests there; here the rules are seen from outside.

mod caller;
mod deciding;
mod names;
mod page;
mod staying;

use crate::support::gate::{Builder, TestGate, refused};
use crate::support::issuer::Token;

const PATH: &str = "/app/v1/missions";

const BOARD: &str = "/dashboard/v1/missions";

const PORTAL: &str = "/portal/v1/accounts/acme";

#[track_caller]
fn ask(gate: &TestGate, path: &str, token: &Token) -> crate::support::client::Reply {
    gate.get(path).bearer(&token.sign()).send()
}

#[track_caller]
fn does_not_start(builder: Builder, word: &str) {
    refused(builder, &[word]);
}

const STOP: &str = "@id(\"stop\")\nforbid (principal, action, resource);\n";

const BROKEN: &str = "@id(\"stop\")\nforbid (principal, acton, resource);\n";
