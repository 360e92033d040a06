//! Path templates: `/app/v1/missions/{missionId}`.

use crate::head::CanonicalPath;
use std::sync::Arc;

/// A template taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Exactly this.
    Literal(Arc<str>),
    /// An id, under this name.
    Parameter(Arc<str>),
}

/// The text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTemplate {
    #[error("a template begins with `/`")]
    Form,
    #[error("`{0}` is not a whole segment: a parameter fills the room between two slashes")]
    PartOfSegment(String),
    #[error("`{0}` is not a parameter's name: 1 to 64 of A-Z a-z 0-9 _ - .")]
    Name(String),
    #[error("parameter `{0}` stands twice")]
    Repeated(String),
    #[error("`{0}` is not in its one form, so no request could match it")]
    Literal(String),
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, BadTemplate> {
        let rest = text.strip_prefix('/').ok_or(BadTemplate::Form)?;
        let mut template = Self {
            segments: Vec::new(),
        };
        let mut shape = String::new();
        for part in rest.split('/') {
            let segment = segment(part)?;
            if let Segment::Parameter(name) = &segment
                && template.parameters().any(|known| known == name)
            {
                return Err(BadTemplate::Repeated(name.to_string()));
            }
            shape.push('/');
            shape.push_str(match &segment {
                Segment::Literal(literal) => literal,
                Segment::Parameter(_) => "x",
            });
            template.segments.push(segment);
        }
        // The literals have to stand as the canonical path of a request has them.
        match CanonicalPath::read(&shape) {
            Ok(path) if path.as_str() == shape => Ok(template),
            _ => Err(BadTemplate::Literal(text.to_owned())),
        }
    }

    pub(super) fn parameters(&self) -> impl DoubleEndedIterator<Item = &Arc<str>> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(name),
            Segment::Literal(_) => None,
        })
    }
}

fn segment(part: &str) -> Result<Segment, BadTemplate> {
    let inner = part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'));
    let Some(name) = inner else {
        if part.contains(['{', '}']) {
            return Err(BadTemplate::PartOfSegment(part.to_owned()));
        }
        return Ok(Segment::Literal(part.into()));
    };
    if name.contains(['{', '}']) {
        return Err(BadTemplate::PartOfSegment(part.to_owned()));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(BadTemplate::Name(name.to_owned()));
    }
    Ok(Segment::Parameter(name.into()))
}
