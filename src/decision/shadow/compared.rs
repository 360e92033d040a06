//! One decision, and what the policies that are to be say of it.

use super::Shadow;
use crate::clock::Timestamp;
use crate::decision::{Pdp, Question};
use crate::head::Head;
use crate::policy::Store;
use crate::reason::Reason;
use crate::route::Target;
use crate::scope::Scope;
use crate::telemetry::Compared;
use crate::tenant::{AccountId, WorkspaceId};
use crate::token::Caller;
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Policies that are told of one answer.
const POLICIES_MAX: usize = 16;

/// What was asked of what serves, and what it answered.
#[derive(Debug)]
pub struct Asked {
    /// The request.
    pub request_id: Box<str>,
    /// Who.
    pub caller: Arc<Caller>,
    /// What.
    pub target: Arc<Target>,
    /// Where.
    pub scope: Scope,
    /// Its `now` is that of the question.
    pub head: Arc<Head>,
    /// The answer.
    pub answer: Answered,
}

/// An answer of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whether they allow it, or why not.
    pub outcome: Result<(), Reason>,
    /// Ids of those that settled it, sorted.
    pub determining: Arc<[Arc<str>]>,
}

/// A decision that the policies that are to be do not share.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// The request.
    pub request_id: Box<str>,
    /// When.
    pub at: String,
    /// What is different.
    pub change: &'static str,
    /// The account that the request was held to.
    pub account: Option<String>,
    /// The workspace that it was held to.
    pub workspace: Option<String>,
    /// The operation.
    pub action: Arc<str>,
    /// The method and the path of its route; no request's own.
    pub route: String,
    /// The caller as Cedar sees it.
    pub caller: Option<String>,
    /// What was answered.
    pub before: Told,
    /// What would have been.
    pub after: Told,
}

/// An answer, to be told.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// `allow`, or the code of the reason. `None`: there is no answer.
    pub decision: Option<&'static str>,
    /// The first policies that settled it.
    pub policies: Vec<Arc<str>>,
}

impl Asked {
    /// The account that the request was held to.
    pub fn account(&self) -> Option<&AccountId> {
        self.scope.account()
    }

    /// Puts the question to the policies that are to be. `None`: they cannot answer.
    pub(super) fn put(&self, pdp: &Pdp, shadow: &Shadow, store: &Store) -> Option<Answered> {
        let broken = &shadow.built().broken;
        let resource = self.scope.resource_account();
        let mut touched = self.account().into_iter();
        let whose = resource.map(|account| &account.id);
        // Something else stands in for what does not pass: its answer would be about that.
        if touched.any(|one| broken.contains(one)) || whose.is_some_and(|one| broken.contains(one))
        {
            return None;
        }
        // Whatever happens, the thread lives: it looks at everybody's.
        let decide = AssertUnwindSafe(|| match pdp.decide(store, self.question()) {
            Ok(permit) => Answered {
                outcome: Ok(()),
                determining: permit.determining().into(),
            },
            Err(denied) => Answered {
                outcome: Err(denied.reason),
                determining: denied.determining,
            },
        });
        catch_unwind(decide).ok()
    }

    pub(super) fn question(&self) -> Question<'_> {
        Question {
            caller: &self.caller,
            target: &self.target,
            scope: self.scope.clone(),
            head: &self.head,
        }
    }

    /// What is different.
    pub(super) fn compared(&self, after: Option<&Answered>) -> Compared {
        let Some(after) = after else {
            return Compared::Error;
        };
        let before = &self.answer;
        if before == after {
            return Compared::Same;
        }
        match (before.outcome, after.outcome) {
            (Err(_), Ok(())) => Compared::Opened,
            // It would be denied, but nobody wrote that it should.
            (Ok(()), Err(reason)) if reason != Reason::PolicyDenied => Compared::Error,
            (Ok(()), Err(_)) => Compared::Closed,
            (Err(Reason::PolicyDenied), Err(reason)) if reason != Reason::PolicyDenied => {
                Compared::Error
            }
            (Ok(()), Ok(())) | (Err(_), Err(_)) => Compared::OtherPolicies,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.head.now
    }

    /// What is told of it. No token, no path and no query of the request.
    pub(super) fn example(
        &self,
        change: Compared,
        after: Option<&Answered>,
        by: (&Pdp, &Store),
    ) -> Example {
        let (pdp, store) = by;
        let route = &self.target.route;
        let put = || pdp.put_of(store, &self.question());
        let put = catch_unwind(AssertUnwindSafe(put)).unwrap_or_default();
        let principal = put.first().and_then(|put| put.request.principal());
        Example {
            request_id: self.request_id.clone(),
            at: self.now().rfc3339(),
            change: change.label(),
            account: self.account().map(|one| one.as_str().to_owned()),
            workspace: self
                .scope
                .workspace()
                .map(WorkspaceId::as_str)
                .map(str::to_owned),
            action: Arc::clone(&route.operation.name),
            route: format!("{} {}", route.method, route.template),
            caller: principal.map(ToString::to_string),
            before: Told::of(Some(&self.answer)),
            after: Told::of(after),
        }
    }
}

impl Told {
    fn of(answer: Option<&Answered>) -> Self {
        let policies = answer
            .map(|answer| &*answer.determining)
            .unwrap_or_default();
        Self {
            decision: answer.map(|answer| match answer.outcome {
                Ok(()) => "allow",
                Err(reason) => reason.code(),
            }),
            policies: policies.iter().take(POLICIES_MAX).cloned().collect(),
        }
    }
}
