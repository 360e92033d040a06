//! Palisade: a policy-driven authorization sidecar.
//!
//! It stands in front of a service as a reverse proxy, verifies JWTs, decides every request with
//! Cedar policies in the scope of one account and workspace, caches those decisions, and forwards
//! only what is allowed, annotated with the tenant that was proven.
//!
//! Start reading at [`gate`]: one request, step by step. Modules stand in rows; a module imports
//! only from lower rows (held by `tests/it/architecture.rs`, drawn in `ARCHITECTURE.md`).

// Lowest row: words that everything else is made of.
pub mod clock;
pub mod drain;
pub mod fault;
pub mod reason;
pub mod snapshot;
pub mod socket;
pub mod supervisor;

pub mod x509;

// Text becomes types.
pub mod body;
pub mod document;
pub mod fetch;
pub mod head;
pub mod lease;
pub mod operation;
pub mod tenant;
pub mod tls;

pub mod telemetry;

pub mod limit;
pub mod policy;
pub mod route;
pub mod token;

pub mod ruleset;
pub mod scope;

pub mod decision;

pub mod forward;

pub mod gate;

pub mod explain;

pub mod admin;
pub mod listener;

pub mod config;

pub mod author;

pub mod app;

pub mod cli;

// Tests of several modules roll these dice, and so do those from outside.
#[cfg(test)]
#[path = "../tests/it/support/random.rs"]
pub(crate) mod random;
