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
    /// What stands in a path parameter is not an id, or not what the route's pattern says (RULES 14).
    #[error(
        "path parameter `{0}` does not fit: it is 1 to 64 of A-Z a-z 0-9 _ -, or as the route says"
    )]
    Parameter(Arc<str>),
    /// What stands in a path parameter is, in some case, a fixed name at that place (RULES 14).
    #[error("path parameter `{0}` is spelt like a fixed name of the same place")]
    Sibling(Arc<str>),
    /// A reference that stands twice (RULES 12).
    #[error("{0} is given twice")]
    ReferenceRepeated(Arc<str>),
    /// A reference whose key may be read as more than a name.
    #[error("{0} stands in a key that may be read as a condition")]
    ReferenceBent(Arc<str>),
    /// A reference that is not text.
    #[error("{0} is not text")]
    ReferenceUnreadable(Arc<str>),
    /// A body where the route declares none.
    #[error("a body, and the route declares none")]
    BodyUndeclared,
    /// A body that names tenants, and that was not read.
    #[error("the body was not read for references")]
    BodyUnread,
    /// A body that is not announced as plain JSON.
    #[error("`{0}` is not that of a plain JSON body")]
    BodyKind(&'static str),
    /// A key by which some frameworks replace the method (RULES 15).
    #[error("the body: a key that overrides the method")]
    BodyOverride,
    /// A body that is not one strict JSON document.
    #[error("the body: {0}")]
    BodyMalformed(String),
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
            | Self::ReferenceBent(_)
            | Self::ReferenceUnreadable(_)
            | Self::BodyOverride => Reason::RequestAmbiguous,
            Self::BodyUndeclared | Self::BodyKind(_) | Self::BodyMalformed(_) => {
                Reason::BodyUnreadable
            }
            Self::BodyUnread => Reason::Internal,
        }
    }
}
