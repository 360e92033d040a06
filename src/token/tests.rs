//! Tokens good and hostile, keys that come and go, and who may be whom.

mod binding;
mod corpora;
mod fetching;
mod keys;
mod rules;
mod settings;
mod succeeding;
mod support;
