//! Tests of the store; each file one concern.

mod bare;
mod classes;
mod corpora;
mod costly;
mod hostile;
mod lazy;
mod model;
mod reading;
mod remembered;
mod reviewing;
mod succeeding;
pub(super) mod support;
mod walk;
