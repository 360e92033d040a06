//! What surrounds a decision: how long it may be remembered, and how much its caller may ask.

use crate::clock::Timestamp;
use crate::decision::Keeping;
use crate::limit::{Plan, Rate};
use crate::ruleset::Ruleset;
use crate::token::Caller;
use serde::Serialize;

/// What is remembered of the decision.
#[derive(Clone, Debug, Serialize)]
pub struct Cache {
    /// Whether the answers are remembered now. `None`: no gate that serves was asked.
    pub remembered: Option<bool>,
    /// Whether they can be remembered at all.
    pub rememberable: bool,
    /// Until when they hold by the policies and the grant. `None`: policies set no end.
    pub until: Option<String>,
}

/// How fast the caller may ask. Asking for an explanation counts for nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Limits {
    /// The plan that settles it. `None`: Principals have no plan.
    pub plan: Option<String>,
    /// Of the whole account.
    pub account: Option<Bound>,
    /// Of each workspace.
    pub per_workspace: Option<Bound>,
    /// Of each caller.
    pub per_caller: Option<Bound>,
    /// Requests in flight.
    pub concurrent: Option<u32>,
}

/// A rate.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bound {
    /// Requests a second.
    pub per_second: u32,
    /// How many may come at once.
    pub burst: u32,
}

impl Cache {
    /// Of all questions of a request; `live`: of a gate that serves.
    pub fn of(keeping: &[Keeping], live: bool) -> Option<Self> {
        let windows = keeping.iter().map(|one| one.window);
        let window = windows.reduce(|one, other| Some(one?.and(other?)))?;
        let until = window.map(|window| window.until);
        Some(Self {
            remembered: live.then(|| keeping.iter().all(|one| one.held)),
            rememberable: window.is_some(),
            until: until
                .filter(|at| *at < Timestamp::MAX)
                .map(Timestamp::rfc3339),
        })
    }
}

impl Limits {
    /// Of a caller. `None`: nothing limits it.
    pub fn of(caller: &Caller, rules: &Ruleset) -> Option<Self> {
        let bound = |rate: Rate| Bound {
            per_second: rate.per_second,
            burst: rate.burst,
        };
        let account = match caller {
            Caller::Anonymous => return None,
            Caller::Principal(_) => {
                return Some(Self {
                    plan: None,
                    account: None,
                    per_workspace: None,
                    per_caller: Some(bound(rules.principals)),
                    concurrent: None,
                });
            }
            Caller::User(user) => &user.account,
            Caller::Service(service) => &service.account,
        };
        let name = &rules.directory.account(account)?.plan;
        let Plan {
            account,
            concurrent,
            workspace,
            caller,
        } = *rules.plans.get(name)?;
        Some(Self {
            plan: Some(name.clone()),
            account: Some(bound(account)),
            per_workspace: workspace.map(bound),
            per_caller: caller.map(bound),
            concurrent,
        })
    }
}
