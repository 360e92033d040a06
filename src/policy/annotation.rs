//! Annotations: a closed list, each with its grammar.

use crate::clock::{Timestamp, read_span};
use crate::fault::nearest;
use cedar_policy::{Effect, Policy};

/// Everything that a policy may say about itself.
pub(super) const NAMES: [&str; 9] = [
    "id",
    "reason",
    "description",
    "owner",
    "review_by",
    "not_after",
    "ticket",
    "isolation",
    "cache",
];

/// The longest `@id`, in bytes.
const ID_BYTES_MAX: usize = 100;

/// How long an answer may be kept, as far as one policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing said.
    Unsaid,
    /// `@cache("no")`.
    Never,
    /// `@cache("30s")`.
    Millis(i64),
}

/// What the annotations of one policy say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Annotations {
    pub(super) id: String,
    pub(super) isolation: bool,
    pub(super) not_after: Option<Timestamp>,
    pub(super) keep: Keep,
}

/// What is wrong with an annotation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("a policy without `@id`")]
    IdMissing,
    #[error("`@id(\"{0}\")` is not a policy id: 1 to {ID_BYTES_MAX} of A-Z a-z 0-9 . _ -")]
    Id(String),
    #[error("`@{0}` is not an annotation of Palisade's")]
    Unknown(String),
    #[error("`@not_after(\"{0}\")` is not a moment like `2026-12-31T00:00:00Z`")]
    NotAfter(String),
    #[error("`@not_after` on a forbid: what it forbids would silently be allowed then")]
    NotAfterForbid,
    #[error("`@review_by(\"{0}\")` is not a date like `2026-12-31`")]
    ReviewBy(String),
    #[error("`@cache(\"{0}\")` is neither `no` nor a duration like `30s`")]
    Cache(String),
    #[error("`@isolation` takes no value")]
    IsolationValue,
    #[error("`@isolation` is for guards: it raises the operator's alarm")]
    IsolationOutsideGuards,
}

impl Error {
    /// The annotation that is wrong; `None`: one is missing.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::IdMissing => None,
            Self::Id(_) => Some("id"),
            Self::Unknown(name) => Some(name),
            Self::NotAfter(_) | Self::NotAfterForbid => Some("not_after"),
            Self::ReviewBy(_) => Some("review_by"),
            Self::Cache(_) => Some("cache"),
            Self::IsolationValue | Self::IsolationOutsideGuards => Some("isolation"),
        }
    }

    /// What to do about it.
    pub(super) fn help(&self) -> String {
        match self {
            Self::IdMissing => "name it: `@id(\"editors-create\")` before the policy".to_owned(),
            Self::Id(_) => "write it like `@id(\"editors-create\")`".to_owned(),
            Self::Unknown(name) => suggestion(name),
            Self::NotAfter(_) => "write it like `@not_after(\"2026-12-31T00:00:00Z\")`".to_owned(),
            Self::NotAfterForbid => {
                "remove it, or compare `context.now` in the condition".to_owned()
            }
            Self::ReviewBy(_) => "write it like `@review_by(\"2026-12-31\")`".to_owned(),
            Self::Cache(_) => "write `@cache(\"no\")` or `@cache(\"30s\")`".to_owned(),
            Self::IsolationValue => "write `@isolation`".to_owned(),
            Self::IsolationOutsideGuards => {
                "remove it, or move the policy to `guard.cedar`".to_owned()
            }
        }
    }
}

/// Whether the text can name a policy, or a policy file.
pub(super) fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Reads a policy's annotations, all faults at once.
pub(super) fn read(policy: &Policy, guard: bool) -> Result<Annotations, Vec<Error>> {
    let mut errors = Vec::new();
    let mut read = Annotations {
        id: String::new(),
        isolation: false,
        not_after: None,
        keep: Keep::Unsaid,
    };
    for (name, value) in policy.annotations() {
        match name {
            "id" if is_id(value) => value.clone_into(&mut read.id),
            "id" => errors.push(Error::Id(value.chars().take(ID_BYTES_MAX).collect())),
            "reason" | "description" | "owner" | "ticket" => {}
            "review_by" if is_date(value) => {}
            "review_by" => errors.push(Error::ReviewBy(value.to_owned())),
            "not_after" => match Timestamp::parse_rfc3339(value) {
                None => errors.push(Error::NotAfter(value.to_owned())),
                Some(_) if policy.effect() == Effect::Forbid => errors.push(Error::NotAfterForbid),
                Some(at) => read.not_after = Some(at),
            },
            "isolation" if !value.is_empty() => errors.push(Error::IsolationValue),
            "isolation" if !guard => errors.push(Error::IsolationOutsideGuards),
            "isolation" => read.isolation = true,
            "cache" => match keep(value) {
                Some(keep) => read.keep = keep,
                None => errors.push(Error::Cache(value.to_owned())),
            },
            unknown => errors.push(Error::Unknown(unknown.to_owned())),
        }
    }
    if policy.annotation("id").is_none() {
        errors.push(Error::IdMissing);
    }
    if errors.is_empty() {
        Ok(read)
    } else {
        Err(errors)
    }
}

fn suggestion(given: &str) -> String {
    nearest(given, NAMES).map_or_else(
        || format!("they are @{}", NAMES.join(", @")),
        |name| format!("did you mean `@{name}`?"),
    )
}

fn is_date(text: &str) -> bool {
    chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
        || Timestamp::parse_rfc3339(text).is_some()
}

fn keep(text: &str) -> Option<Keep> {
    if text == "no" {
        return Some(Keep::Never);
    }
    let millis = i64::try_from(read_span(text)?.as_millis()).ok()?;
    Some(if millis == 0 {
        Keep::Never
    } else {
        Keep::Millis(millis)
    })
}
