//! Tokens that are void before they expire: by token, session, person, user or client.

use super::caller::Caller;
use super::error::Error;
use super::jwks::sha256;
use super::verified::Verified;
use crate::clock::Timestamp;
use crate::tenant::{AccountId, UserId};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is revoked, and until when. It is asked on every request, after the signature and before any
/// remembered decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    tokens: Until,
    sessions: Until,
    clients: Until,
    /// By the issuer's name: a `sub` means nothing without it (RULES 10).
    subjects: BTreeMap<String, Until>,
    /// By the account's id.
    users: BTreeMap<String, Until>,
}

/// The end of each entry; `Timestamp::MAX`: it has none.
type Until = BTreeMap<String, Timestamp>;

/// One thing that is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked<'a> {
    /// The token of that `jti`.
    Token(&'a str),
    /// Every token of the session of that `origin_jti`: refreshing does not change it.
    Session(&'a str),
    /// Every token that came through that client.
    Client(&'a str),
    /// Every token of that `sub`.
    Subject {
        /// The issuer's name in the configuration.
        issuer: &'a str,
        /// The claim, exactly.
        subject: &'a str,
    },
    /// Every token of that user, and whatever is done for it.
    User {
        /// The account's id.
        account: &'a str,
        /// The user's, in the account.
        user: &'a str,
    },
}

impl Revocations {
    /// Revokes `what` until a moment; `None`: for good. Of two entries for one thing the longer holds.
    pub fn add(&mut self, what: Revoked<'_>, until: Option<Timestamp>) {
        let (list, id) = match what {
            Revoked::Token(id) => (&mut self.tokens, id),
            Revoked::Session(id) => (&mut self.sessions, id),
            Revoked::Client(id) => (&mut self.clients, id),
            Revoked::Subject { issuer, subject } => {
                let list = self.subjects.entry(issuer.to_owned()).or_default();
                (list, subject)
            }
            Revoked::User { account, user } => {
                (self.users.entry(account.to_owned()).or_default(), user)
            }
        };
        insert(list, id, until.unwrap_or(Timestamp::MAX));
    }

    /// Everything that either revokes.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (own, more) in [
            (&mut self.tokens, &other.tokens),
            (&mut self.sessions, &other.sessions),
            (&mut self.clients, &other.clients),
        ] {
            merge(own, more);
        }
        for (lists, more) in [
            (&mut self.subjects, &other.subjects),
            (&mut self.users, &other.users),
        ] {
            for (of, more) in more {
                merge(lists.entry(of.clone()).or_default(), more);
            }
        }
        self
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        let people = self.subjects.values().chain(self.users.values());
        let people: usize = people.map(BTreeMap::len).sum();
        self.tokens.len() + self.sessions.len() + self.clients.len() + people
    }

    /// Equal digests mean equal lists.
    pub fn digest(&self) -> [u8; 32] {
        // Sorted maps, and quoted texts: the text is canonical.
        sha256(format!("{self:?}").as_bytes())
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses a token that is revoked at `now`.
    pub fn check(&self, verified: &Verified, now: Timestamp) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let (claims, issuer) = (&verified.claims, &verified.issuer);
        let client = claims.at(issuer.settings.mapping.client.as_ref());
        let (token, session) = (claims.registered("jti"), claims.registered("origin_jti"));
        let subjects = self.subjects.get(&*issuer.name);
        for (what, list, claim) in [
            ("token", Some(&self.tokens), token),
            ("session", Some(&self.sessions), session),
            ("client", Some(&self.clients), client),
            ("subject", subjects, claims.registered("sub")),
        ] {
            let named = list.zip(claim.and_then(Value::as_str));
            let until = named.and_then(|(list, id)| list.get(id));
            if until.is_some_and(|until| now < *until) {
                return Err(Error::Listed(what));
            }
        }
        Ok(())
    }
}

impl Revocations {
    /// Refuses a user who is revoked at `now`, whichever token proves it.
    pub fn check_caller(&self, caller: &Caller, now: Timestamp) -> Result<(), Error> {
        match caller {
            Caller::User(user) if self.lists_user(&user.account, &user.user, now) => {
                Err(Error::Listed("user"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a user is listed by its account and id at `now`: nobody acts for it then (RULES 8).
    pub fn lists_user(&self, account: &AccountId, user: &UserId, now: Timestamp) -> bool {
        lists(&self.users, (account.as_str(), user.as_str()), now)
    }

    /// Whether a person is listed by `sub` at `now`: nobody acts for them then (RULES 8).
    pub fn lists_subject(&self, issuer: &str, subject: &str, now: Timestamp) -> bool {
        lists(&self.subjects, (issuer, subject), now)
    }
}

fn lists(lists: &BTreeMap<String, Until>, (of, id): (&str, &str), now: Timestamp) -> bool {
    let until = lists.get(of).and_then(|list| list.get(id));
    until.is_some_and(|until| now < *until)
}

fn insert(list: &mut Until, id: &str, until: Timestamp) {
    let own = list.entry(id.to_owned()).or_insert(until);
    *own = (*own).max(until);
}

fn merge(own: &mut Until, more: &Until) {
    for (id, until) in more {
        insert(own, id, *until);
    }
}
