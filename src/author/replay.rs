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
use crate::route::Router;
use crate::tenant::{AccountId, Directory};
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Policies, and the accounts that there are.
pub struct Side {
    /// The policies.
    pub store: Store,
    /// The accounts.
    pub directory: Arc<Directory>,
    /// The routes.
    pub routes: Routes,
}

/// Routes by method and template: their operations. `None`: public, so that no policy is asked.
#[derive(Debug, Default)]
pub struct Routes(HashMap<(String, String), Option<String>>);

impl Routes {
    /// Of that router.
    pub fn of(router: &Router) -> Self {
        let all = router.routes().iter().map(|route| {
            let key = (route.method.to_string(), route.template.to_string());
            let operation = route.operation.name.to_string();
            (key, (!route.set.public).then_some(operation))
        });
        Self(all.collect())
    }

    /// The route of a record, if it still is there.
    fn get(&self, record: &Record) -> Option<&Option<String>> {
        let method = record.method.as_deref()?;
        // `GET` routes answer `HEAD` too.
        let method = if method == "HEAD" { "GET" } else { method };
        self.0.get(&(method.to_owned(), record.route.clone()?))
    }
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
    /// Whether policies were asked.
    asked: bool,
}

impl Said {
    fn unasked(allowed: bool, why: String) -> Self {
        Self {
            allowed,
            by: [why].into(),
            asked: false,
        }
    }
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
    let is_public = |side: &Side| matches!(side.routes.get(record), Some(None));
    if is_public(new) && !is_public(old) {
        // Whoever was refused would be let in, whatever was asked.
        if record.reason.is_some() {
            report.replayed += 1;
            let group = Group {
                change: Change::Opened,
                policies: vec!["the route is public".to_owned()],
                across: true,
                route: named(record),
                ..Group::default()
            };
            report.count(group, at, &record.request_id);
        } else {
            report.replayed += 1;
            report.same += 1;
        }
        return;
    }
    let Some(questions) = record.questions.as_deref().filter(|all| !all.is_empty()) else {
        report.unasked(record.cached.is_some());
        return;
    };
    let answers = old
        .ask(record, questions, at)
        .and_then(|was| Ok((was, new.ask(record, questions, at)?)));
    let (was, is) = match answers {
        Ok(answers) => answers,
        Err(why) => {
            report.unanswered(&record.request_id, &why);
            return;
        }
    };
    if !was.asked && !is.asked {
        let why: Vec<String> = was.by.into_iter().collect();
        report.unanswered(&record.request_id, &Unposed::Misfit(why.join(", ")));
        return;
    }
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
    let of = questions.iter().find_map(Recorded::lies_in);
    let action = questions.first().map(|one| one.action.clone());
    let group = Group {
        change,
        account: of.unwrap_or_default().to_owned(),
        route: named(record),
        action: action.unwrap_or_default(),
        policies: by.into_iter().collect(),
        across: questions.iter().any(is_across),
        ..Group::default()
    };
    report.count(group, at, &record.request_id);
}

/// Whether the caller is of another account than what it asks for, or of none.
fn is_across(question: &Recorded) -> bool {
    question.lies_in() != question.home()
}

fn named(record: &Record) -> String {
    match (&record.method, &record.route) {
        (Some(method), Some(route)) => format!("{method} {route}"),
        _ => String::new(),
    }
}

/// Whether the policies allowed it, as the record says: what failed later was allowed.
fn allowed_then(record: &Record) -> bool {
    !record.reason.as_deref().is_some_and(|reason| {
        ["policy_denied", "policy_error", "overlay_unavailable"].contains(&reason)
    })
}

impl Side {
    /// What is said to all questions of a request: each has to be allowed.
    fn ask(&self, record: &Record, questions: &[Recorded], at: Timestamp) -> Result<Said, Unposed> {
        match self.routes.get(record) {
            Some(Some(operation)) if !questions.iter().any(|one| one.is_of(operation)) => {
                let why = format!("`{}` is of another operation here", named(record));
                return Err(Unposed::Misfit(why));
            }
            // It was public, and no policy was asked here.
            Some(None) => return Ok(Said::unasked(true, "the route is public".to_owned())),
            Some(_) => {}
            None => {
                let why = format!("there is no route `{}`", named(record));
                return Ok(Said::unasked(false, why));
            }
        }
        let mut by = BTreeSet::new();
        for question in questions {
            let said = self.ask_one(question, at)?;
            if !said.allowed {
                return Ok(said);
            }
            by.extend(said.by);
        }
        Ok(Said {
            allowed: true,
            by,
            asked: true,
        })
    }

    fn ask_one(&self, question: &Recorded, at: Timestamp) -> Result<Said, Unposed> {
        let denied = |why: String| Said::unasked(false, why);
        for name in [&question.owner, &question.reader].into_iter().flatten() {
            let account = AccountId::parse(name).ok();
            if account.is_none_or(|id| self.directory.account(&id).is_none()) {
                return Ok(denied(format!("account `{name}` is not there")));
            }
        }
        let put = match question.put(&self.store, at) {
            Ok(put) => put,
            // What the gate would say: its policies are out of force with their account.
            Err(why @ Unposed::Unavailable(_)) => {
                return Ok(Said {
                    asked: true,
                    ..denied(why.to_string())
                });
            }
            Err(why @ Unposed::Unknown(_)) => return Ok(denied(why.to_string())),
            Err(why) => return Err(why),
        };
        let layers: Vec<Consulted<'_>> = put.layers.iter().map(Asking::consulted).collect();
        let answer = evaluate(&layers, &put.request, &put.entities, put.now);
        Ok(Said {
            allowed: answer.ruling == Ruling::Allow,
            by: answer.determining.iter().map(ToString::to_string).collect(),
            asked: true,
        })
    }
}
