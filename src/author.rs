//! What the author of policies and the operator ask of the files, without serving them.

pub mod access;
pub mod ask;
pub mod asked;
mod check;
mod format;
pub mod init;
pub mod log;
mod permits;
mod place;
pub mod promote;
pub mod prove;
pub mod replay;
mod roles;
pub mod test;

pub use check::{check, lint};
pub use format::{Layout, format, format_at};
pub use permits::unpermitted;
