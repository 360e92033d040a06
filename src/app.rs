//! Wires everything together: the same for the program, the demo and every test.

mod run;
mod start;
mod view;

pub use run::run;
pub(crate) use start::generation;
pub use start::{Addresses, Error, Running, start};
