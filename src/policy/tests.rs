//! Tests of the store; each file one concern.

mod hostile;
mod model;
mod reading;
mod reviewing;
mod succeeding;
mod support;
