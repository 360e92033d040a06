//! Why a question of access cannot be asked.

use crate::author::asked::Misread;
use crate::fault::Fault;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No account, workspace, operation, person, client, Principal or role of that name.
    #[error("there is no {what} `{name}`{near}")]
    Unknown {
        /// Of what kind.
        what: &'static str,
        /// As written.
        name: String,
        /// What may have been meant.
        near: String,
    },
    /// The request has no route.
    #[error("no route answers `{0}`")]
    NoRoute(String),
    /// No request line.
    #[error(transparent)]
    Request(#[from] Misread),
    /// A workspace of another account.
    #[error("workspace `{0}` belongs to account `{1}`, not to `{2}`")]
    Elsewhere(String, String, String),
    /// It is asked in a workspace, and none is named.
    #[error("`{0}` is asked inside a workspace: add `--workspace`{1}")]
    WorkspaceNeeded(String, String),
    /// It is asked about an account, and none is named.
    #[error("`{0}` is asked about an account: add `--account` or `--workspace`")]
    PlaceNeeded(String),
    /// No path fits the route.
    #[error("no sample was found that `{0}` answers: ask about a request line instead")]
    NoSample(String),
    /// More than one person of that name.
    #[error("`{0}` means different people in {1}: name one of the files with `--fixtures`")]
    Ambiguous(String, String),
    /// Too much at once.
    #[error(
        "that is {0} questions, and at most {1} are asked at once: name a workspace with `--workspace`"
    )]
    TooMany(usize, usize),
    /// A file of people, or an audit log.
    #[error("{0}")]
    File(String),
    /// Files with faults.
    #[error("{} faults", .0.len())]
    Invalid(Vec<Fault>),
}

impl Error {
    pub(super) fn unknown(what: &'static str, name: &str, near: Option<&str>) -> Self {
        let near = near.map(|near| format!("; did you mean `{near}`?"));
        Self::Unknown {
            what,
            name: name.to_owned(),
            near: near.unwrap_or_default(),
        }
    }
}
