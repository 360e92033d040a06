//! The rules of isolation (`docs/concepts/isolation.md`), one test or more for each that applies, named
//! after the rule. What a module holds alone has its tests there; here the rules are seen from outside.

mod caller;
mod deciding;
mod names;
mod page;
mod staying;

use crate::support::gate::{Builder, TestGate};
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
    let (started, _) = builder.try_start();
    let error = started.err().expect("it must not start");
    assert!(error.contains(word), "`{word}` is not in: {error}");
}

const STOP: &str = "@id(\"stop\")\nforbid (principal, action, resource);\n";

const BROKEN: &str = "@id(\"stop\")\nforbid (principal, acton, resource);\n";
