//! The canonical path.

/// A path in its one form: starts with `/`; only unreserved, sub-delimiter, `:`, `@`, `/` characters
/// and upper-case percent escapes of other bytes; no empty, `.` or `..` segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath(pub(super) std::sync::Arc<str>);

impl CanonicalPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
