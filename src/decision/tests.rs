//! Tests of the PDP; each file one concern.

mod answers;
mod caching;
mod histories;
mod history;
mod looks;
mod needs;
mod neighbours;
mod recorded;
mod shadow;
mod world;
