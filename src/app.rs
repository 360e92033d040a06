//! Wires everything together: the same for the program, the demo and every test.

mod certificates;
mod checks;
mod departure;
mod generation;
mod relaxed;
mod reload;
mod report;
mod resident;
mod run;
mod start;
mod view;

pub(crate) use generation::generation;
pub use run::run;
pub use start::{Addresses, Error, Running, start, start_on};
