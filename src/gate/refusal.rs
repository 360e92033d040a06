//! A request that was stopped, and why.

use crate::reason::Reason;
use crate::telemetry::LimitScope;
use crate::{body, decision, forward, head, limit, route, scope, token};
use std::sync::Arc;

/// Two texts for two audiences: the client gets the reason's code, log and audit get the detail.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The closed code.
    pub reason: Reason,
    /// What exactly happened. Never holds a token.
    pub detail: String,
    /// For `Allow` on 405 and `Retry-After` on 429.
    pub hint: Hint,
}

/// What a reply may add to its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Nothing.
    None,
    /// Methods that the path has.
    Allow(Arc<str>),
    /// There is room again in so many whole seconds.
    RetryAfter {
        /// Whose limit it is; `None`: the gate's own.
        scope: Option<LimitScope>,
        /// When.
        secs: u32,
    },
}

impl Refusal {
    /// With no hint.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            hint: Hint::None,
        }
    }
}

impl From<head::Error> for Refusal {
    fn from(error: head::Error) -> Self {
        Self::new(error.reason(), error.to_string())
    }
}

impl From<token::Error> for Refusal {
    fn from(error: token::Error) -> Self {
        Self::new(error.reason(), error.to_string())
    }
}

impl From<limit::Error> for Refusal {
    fn from(error: limit::Error) -> Self {
        let hint = Hint::RetryAfter {
            scope: Some(error.scope()),
            secs: error.retry_after(),
        };
        Self {
            hint,
            ..Self::new(Reason::RateLimited, error.to_string())
        }
    }
}

impl From<limit::Full> for Refusal {
    fn from(error: limit::Full) -> Self {
        let (reason, scope) = match error {
            limit::Full::Account(_) => (Reason::RateLimited, Some(LimitScope::Account)),
            limit::Full::All(_) => (Reason::Overloaded, None),
        };
        Self {
            hint: Hint::RetryAfter { scope, secs: 1 },
            ..Self::new(reason, error.to_string())
        }
    }
}

impl From<body::Error> for Refusal {
    fn from(error: body::Error) -> Self {
        let reason = match error {
            body::Error::Gone => Reason::BodyIncomplete,
            body::Error::Slow(_) => Reason::BodyTimeout,
            body::Error::TooLong(_) | body::Error::Broken(_) => Reason::BodyUnreadable,
        };
        Self::new(reason, format!("the body: {error}"))
    }
}

impl From<route::Error> for Refusal {
    fn from(error: route::Error) -> Self {
        let hint = match &error {
            route::Error::MethodNotAllowed { allow } => {
                let methods: Vec<&str> = allow.iter().map(http::Method::as_str).collect();
                Hint::Allow(methods.join(", ").into())
            }
            _ => Hint::None,
        };
        Self {
            hint,
            ..Self::new(error.reason(), error.to_string())
        }
    }
}

impl From<scope::Error> for Refusal {
    fn from(error: scope::Error) -> Self {
        Self::new(error.reason(), error.to_string())
    }
}

impl From<decision::Denied> for Refusal {
    fn from(denied: decision::Denied) -> Self {
        Self::new(
            denied.reason,
            denied
                .errors
                .iter()
                .map(|error| &**error)
                .collect::<Vec<_>>()
                .join("; "),
        )
    }
}

impl From<forward::Error> for Refusal {
    fn from(error: forward::Error) -> Self {
        let hint = match &error {
            forward::Error::Full(..) => Hint::RetryAfter {
                scope: None,
                secs: 1,
            },
            _ => Hint::None,
        };
        Self {
            hint,
            ..Self::new(error.reason(), error.to_string())
        }
    }
}
