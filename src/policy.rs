//! The policy store: Cedar text becomes policies that are checked, sliced and ready to be asked.
//!
//! `source` says what the files are; `budget`, `parse`, `review` and `selftest` let nothing through
//! that could weaken isolation or end the process; `slice` and `reads` settle, when the ruleset is
//! built, which policies can apply to an operation and what they can depend on; `evaluate` asks the
//! platform's policies and the account's overlay apart and combines their answers (DESIGN 4).

mod about;
mod annotation;
mod bench;
mod budget;
mod classes;
mod compact;
mod diagnose;
mod environment;
mod evaluate;
mod foreign;
mod form;
mod format;
mod hash;
mod held;
mod loader;
mod one_text;
mod operations;
#[cfg(test)]
pub(crate) mod oracle;
mod overlay;
mod parse;
mod platform;
mod present;
mod reads;
mod report;
mod review;
mod schema;
mod selftest;
mod settled;
mod shelf;
mod slice;
mod slow;
mod source;
mod stack;
mod store;
mod theory;
mod time;
mod tree;
mod validate;

pub use about::About;
pub use bench::{Bench, Judged, Panel, Said, Subject};
pub use environment::{Environment, PrincipalType};
pub use evaluate::{Answer, Consulted, Erring, Ruling, Slow, Whose, evaluate};
pub use format::format;
pub use loader::{Loader, Unloaded};
pub use one_text::one_text;
pub use operations::declaration;
pub use overlay::{Overlay, OverlayState};
pub use reads::{
    Attribute, Bit, Kind, Name, Names, Of, Path, Read, Reads, Root, Step, Term, View, Word,
};
pub use report::{OverlayCounts, OverlayReport};
pub use shelf::OverlayBytes;
pub use slice::Slice;
pub use source::{OverlaySource, Settings, Source};
pub use stack::{EVALUATION_STACK_BYTES_MIN, PARSE_STACK_BYTES};
pub use store::Store;
pub use theory::{Statement, Statements, Theory};
pub use time::{Clockwork, Window};
pub use tree::{Leaf, Node, Reach};
use validate::LEVEL;

#[cfg(test)]
mod tests;
