//! Tests of the store; each file one concern.

mod bare;
mod classes;
mod corpora;
mod hostile;
mod model;
mod random;
mod reading;
mod remembered;
mod reviewing;
mod succeeding;
mod support;
mod walk;
