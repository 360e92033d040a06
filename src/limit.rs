//! Limits of peers, callers, workspaces and accounts: how fast, and how many at once.
//!
//! Strangers are limited by their address before anything of a token is looked at; whoever proved who
//! it is pays from its own buckets (RULES 40).

mod account;
mod bodies;
mod peer;
mod rate;
mod table;

pub use account::InFlight;
pub use bodies::{Bodies, BodyLimits, Full, Room};
pub use peer::{PeerSettings, network};
pub use rate::Rate;

use crate::clock::Timestamp;
use crate::telemetry::LimitScope;
use crate::tenant::{AccountId, WorkspaceId};
use account::Accounts;
use peer::Peers;
use std::hash::Hash;
use std::net::IpAddr;
use table::Table;

/// Callers and workspaces with a limit of their own that are told apart at a time: about 8 MiB.
const CALLERS_MAX: usize = 1 << 18;

/// What a plan allows one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Requests of the whole account.
    pub account: Rate,
    /// Its requests in flight; `None`: any number.
    pub concurrent: Option<u32>,
    /// Requests of each of its workspaces; `None`: the account's bound alone.
    pub workspace: Option<Rate>,
    /// Requests of each of its users and machine clients; `None`: the account's bound alone.
    pub caller: Option<Rate>,
}

/// Who pays for a request.
#[derive(Clone, Copy, Debug)]
pub struct Payer<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// The caller's workspace.
    pub workspace: &'a WorkspaceId,
    /// What kind of caller it is, and its id in the account.
    pub caller: (&'static str, &'a str),
}

/// A limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too fast.
    #[error("over the rate of the {}; try again in {secs} s", scope.label())]
    Rate {
        /// Whose rate.
        scope: LimitScope,
        /// Room again in this many whole seconds, at least 1.
        secs: u32,
    },
    /// Too many at once.
    #[error("{0} requests of the account in flight")]
    Concurrent(u32),
}

impl Error {
    /// What the limit is about.
    pub fn scope(self) -> LimitScope {
        match self {
            Self::Rate { scope, .. } => scope,
            Self::Concurrent(_) => LimitScope::Account,
        }
    }

    /// When to try again, in seconds.
    pub fn retry_after(self) -> u32 {
        match self {
            Self::Rate { secs, .. } => secs,
            Self::Concurrent(_) => 1,
        }
    }
}

/// All limits. One per process: workers and generations of rules share it.
#[derive(Debug)]
pub struct Limits {
    peers: Peers,
    accounts: Accounts,
    callers: Table,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers: Peers::default(),
            accounts: Accounts::default(),
            callers: Table::new(CALLERS_MAX),
        }
    }
}

impl Limits {
    /// Counts a request of `client`, whoever it may turn out to be.
    pub fn admit_peer(
        &self,
        peers: PeerSettings,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.peers.request(peers, client, now)
    }

    /// Counts the check of a token that is not remembered, before it is looked at.
    pub fn admit_signature(
        &self,
        peers: PeerSettings,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.peers.signature(peers, client, now)
    }

    /// That token was bad: it costs more than a good one.
    pub fn bad_signature(&self, peers: PeerSettings, client: IpAddr, now: Timestamp) {
        self.peers.bad_signature(peers, client, now);
    }

    /// Counts a request of an account under its plan. The narrowest limit comes first: a caller over
    /// its own rate spends nothing of its account's.
    pub fn admit(&self, payer: Payer<'_>, plan: Plan, now: Timestamp) -> Result<InFlight, Error> {
        let begun = self.accounts.begin(payer.account, plan.concurrent)?;
        let account = payer.account.as_str();
        if let Some(rate) = plan.caller {
            let key = (LimitScope::Caller, account, payer.caller);
            self.take(LimitScope::Caller, key, rate, now)?;
        }
        if let Some(rate) = plan.workspace {
            let key = (LimitScope::Workspace, account, payer.workspace.as_str());
            self.take(LimitScope::Workspace, key, rate, now)?;
        }
        begun.take(plan.account, now)?;
        Ok(begun)
    }

    /// Counts a request that a machine client makes for `user`, who pays too (RULES 8): once it is known
    /// that the client may, or whoever can name a user could spend what is the user's.
    pub fn admit_acted_for(
        &self,
        account: &AccountId,
        user: (&'static str, &str),
        plan: Plan,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(rate) = plan.caller else {
            return Ok(());
        };
        let key = (LimitScope::Caller, account.as_str(), user);
        self.take(LimitScope::Caller, key, rate, now)
    }

    /// Counts a request of a Principal, who has no account that pays.
    pub fn admit_principal(&self, subject: &str, rate: Rate, now: Timestamp) -> Result<(), Error> {
        let scope = LimitScope::Principal;
        self.take(scope, (scope, subject), rate, now)
    }

    /// How many requests of an account are in flight.
    pub fn in_flight(&self, account: &AccountId) -> u32 {
        self.accounts.in_flight(account)
    }

    fn take(
        &self,
        scope: LimitScope,
        key: impl Hash,
        rate: Rate,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.callers
            .take(key, rate, now)
            .map_err(|secs| Error::Rate { scope, secs })
    }
}

#[cfg(test)]
mod tests;
