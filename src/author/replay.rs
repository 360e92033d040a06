//! What other policies would have answered to the requests of an audit log.
//!
//! A record that holds what was asked of the policies is asked again, of the old policies and of the new ones, by
//! the code that serves. What a record does not hold is told and never guessed.

mod report;

pub use report::{Change, Group, Report, Unanswered};

use super::log::{self, Line, Unread};
use crate::clock::Timestamp;
use crate::decision::{Asking, Recorded, Unposed};
use crate::policy::{Consulted, Ruling, Store, evaluate};
use crate::tenant::{AccountId, Directory};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Policies, and the accounts that there are.
pub struct Side {
    /// The policies.
    pub store: Store,
    /// The accounts.
    pub directory: Arc<Directory>,
}

/// What counts of a record.
#[derive(Deserialize)]
struct Record {
    time: String,
    request_id: String,
    /// Of a stream's end there is none.
    outcome: Option<String>,
    reason: Option<String>,
    method: Option<String>,
    route: Option<String>,
    /// Whether the answer was remembered; without it no policy was asked.
    cached: Option<bool>,
    questions: Option<Vec<Recorded>>,
}

/// What policies say to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    allowed: bool,
    /// The policies that settle it, or why it was denied before any was asked.
    by: BTreeSet<String>,
}

/// Asks everything that the log holds again, of `old` and of `new`. Evaluates and may parse policies, so call it on a
/// stack of [`crate::policy::PARSE_STACK_BYTES`] only.
pub fn replay(old: &Side, new: &Side, path: &Path) -> Result<Report, Unread> {
    let mut report = Report::default();
    log::read(path, |name, number, line| {
        let record = match line {
            Line::Whole(bytes) => serde_json::from_slice::<Record>(bytes).ok(),
            Line::TooLong => None,
        };
        let whole = record.and_then(|record| {
            let at = Timestamp::parse_rfc3339(&record.time)?;
            Some((record, at))
        });
        match whole {
            Some((record, at)) => one((old, new), &record, at, &mut report),
            None => report.torn(name, number),
        }
    })?;
    report.sort();
    Ok(report)
}

fn one((old, new): (&Side, &Side), record: &Record, at: Timestamp, report: &mut Report) {
    if record.outcome.is_none() {
        return;
    }
    report.seen(at);
    let Some(questions) = record.questions.as_deref().filter(|all| !all.is_empty()) else {
        report.unasked(record.cached.is_some());
        return;
    };
    let answers = old
        .ask(questions, at)
        .and_then(|was| Ok((was, new.ask(questions, at)?)));
    let (was, is) = match answers {
        Ok(answers) => answers,
        Err(why) => {
            report.unanswered(&record.request_id, &why);
            return;
        }
    };
    report.replayed += 1;
    if was.allowed != allowed_then(record) {
        report.differs(&record.request_id);
    }
    let change = match (was.allowed, is.allowed) {
        (false, true) => Change::Opened,
        (true, false) => Change::Closed,
        _ if was.by != is.by => Change::OtherPolicies,
        _ => {
            report.same += 1;
            return;
        }
    };
    // Where no policy denies, the permit that is gone is what made it so.
    let by = if is.by.is_empty() { was.by } else { is.by };
    let of = questions.iter().find_map(|one| one.owner.as_deref());
    let route = match (&record.method, &record.route) {
        (Some(method), Some(route)) => format!("{method} {route}"),
        _ => String::new(),
    };
    let action = questions.first().map(|one| one.action.clone());
    let group = Group {
        change,
        account: of.unwrap_or_default().to_owned(),
        route,
        action: action.unwrap_or_default(),
        policies: by.into_iter().collect(),
        across: questions.iter().any(is_across),
        ..Group::default()
    };
    report.count(group, at, &record.request_id);
}

/// Whether the caller is of another account than what it asks for, or of none.
fn is_across(question: &Recorded) -> bool {
    question.owner.as_deref() != question.home()
}

/// Whether the policies allowed it, as the record says: what failed later was allowed.
fn allowed_then(record: &Record) -> bool {
    !record.reason.as_deref().is_some_and(|reason| {
        ["policy_denied", "policy_error", "overlay_unavailable"].contains(&reason)
    })
}

impl Side {
    /// What is said to all questions of a request: each has to be allowed.
    fn ask(&self, questions: &[Recorded], at: Timestamp) -> Result<Said, Unposed> {
        let mut by = BTreeSet::new();
        for question in questions {
            let said = self.ask_one(question, at)?;
            if !said.allowed {
                return Ok(said);
            }
            by.extend(said.by);
        }
        Ok(Said { allowed: true, by })
    }

    fn ask_one(&self, question: &Recorded, at: Timestamp) -> Result<Said, Unposed> {
        let denied = |why: String| Said {
            allowed: false,
            by: [why].into(),
        };
        for name in [&question.owner, &question.reader].into_iter().flatten() {
            let account = AccountId::parse(name).ok();
            if account.is_none_or(|id| self.directory.account(&id).is_none()) {
                return Ok(denied(format!("account `{name}` is not there")));
            }
        }
        let put = match question.put(&self.store, at) {
            Ok(put) => put,
            // What the gate would say.
            Err(why @ (Unposed::Unknown(_) | Unposed::Unavailable(_))) => {
                return Ok(denied(why.to_string()));
            }
            Err(why) => return Err(why),
        };
        let layers: Vec<Consulted<'_>> = put.layers.iter().map(Asking::consulted).collect();
        let answer = evaluate(&layers, &put.request, &put.entities, put.now);
        Ok(Said {
            allowed: answer.ruling == Ruling::Allow,
            by: answer.determining.iter().map(ToString::to_string).collect(),
        })
    }
}
