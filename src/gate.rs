//! The policy enforcement point: one request, step by step.
//!
//! ```text
//! Request -read-> Head -token-> Caller -limit-> . -route-> Target -scope-> Scope -decision-> Permit -forward-> Response
//! ```
//!
//! Each step's result is what the next one needs, so no step can be left out: `forward` takes a
//! `Permit`, which only `decision` makes, from a `Scope`, which only `scope` makes. Any step may stop
//! with a [`Refusal`]: one reply, one audit record, one metric update. [`decide`] is pure and the
//! same for requests, tests and explanations; [`Gate::serve`] does the I/O around it.

mod body;
mod caught;
mod cold;
mod cors;
mod decide;
mod generation;
mod journal;
mod refusal;
mod reply;
mod serve;
mod site;
mod standing;
mod streams;

pub use decide::{Identity, Input, Learnt, Verdict, decide};
pub use generation::Generation;
pub use refusal::Refusal;
pub use serve::{Gate, Shared};
