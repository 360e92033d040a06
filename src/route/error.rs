//! Why a request has no target.

use crate::reason::Reason;
use http::Method;
use std::sync::Arc;

/// Why a request has no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No template fits the path.
    #[error("no route")]
    Unknown,
    /// A template fits, with other methods.
    #[error("the path is known, the method is not")]
    MethodNotAllowed {
        /// The methods that it has, sorted.
        allow: Arc<[Method]>,
    },
    /// What stands in a path parameter is not an id (RULES 14).
    #[error("path parameter `{0}` is not an id: 1 to 64 of A-Z a-z 0-9 _ -")]
    Parameter(Arc<str>),
    /// What stands in a path parameter is, in some case, a fixed name at that place (RULES 14).
    #[error("path parameter `{0}` is spelt like a fixed name of the same place")]
    Sibling(Arc<str>),
    /// A reference that stands twice (RULES 12).
    #[error("{0} is given twice")]
    ReferenceRepeated(Arc<str>),
    /// A reference that is not text.
    #[error("{0} is not text")]
    ReferenceUnreadable(Arc<str>),
}

impl Error {
    /// The code that the client gets.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unknown => Reason::RouteUnknown,
            Self::MethodNotAllowed { .. } => Reason::MethodNotAllowed,
            Self::Parameter(_)
            | Self::Sibling(_)
            | Self::ReferenceRepeated(_)
            | Self::ReferenceUnreadable(_) => Reason::RequestAmbiguous,
        }
    }
}
