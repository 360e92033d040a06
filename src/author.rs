//! What the author of policies and the operator ask of the files, without serving them.

mod check;

pub use check::{check, lint};
