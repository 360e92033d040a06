//! Where a caller stands: what time, files and keys can answer anew while its request or its stream is
//! under way.
//!
//! A request and a look at an open stream ask the same two functions, so that no stream outlives what a
//! new request would be refused for.

use super::refusal::Refusal;
use crate::clock::Timestamp;
use crate::decision::Permit;
use crate::head::Head;
use crate::reason::Reason;
use crate::route::Target;
use crate::ruleset::Ruleset;
use crate::scope::{self, Scope};
use crate::token::{Caller, Verified};
use crate::x509::Identity;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// Who calls: the token is not revoked, holds now, and is bound as the directory stands.
pub(super) fn caller(
    rules: &Ruleset,
    verified: &Arc<Verified>,
    now: Timestamp,
) -> Result<Arc<Caller>, Refusal> {
    rules.revocations.check(verified, now)?;
    let caller = rules.issuers.bind(verified, &rules.directory, now)?;
    rules.revocations.check_caller(&caller, now)?;
    Ok(caller)
}

/// Where the caller may do what `target` says: account and workspace are active, grants live, and
/// whoever is acted for is not revoked. `found` keeps the scope for the record, also of a refusal.
pub(super) fn place(
    rules: &Ruleset,
    caller: &Caller,
    target: &Target,
    head: &Head,
    found: &mut Option<Scope>,
) -> Result<Scope, Refusal> {
    let scope = scope::admit(caller, target, &rules.directory, head)?;
    *found = Some(scope.clone());
    acted_for(rules, caller, &scope, head.now)?;
    Ok(scope)
}

/// A user who is revoked is not acted for either: by its id, and by its `sub` where the directory says
/// that, or where it is the id (RULES 8).
fn acted_for(
    rules: &Ruleset,
    caller: &Caller,
    scope: &Scope,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (Some(acting), Some(account), Some(proof)) =
        (scope.acting(), scope.account(), caller.proof())
    else {
        return Ok(());
    };
    let subject = acting.member.as_ref().map(|member| &*member.subject);
    let (issuer, subject) = subject
        .and_then(|subject| subject.split_once('|'))
        .unwrap_or((&proof.issuer, acting.user.as_str()));
    let revocations = &rules.revocations;
    if revocations.lists_user(account, &acting.user, now)
        || revocations.lists_subject(issuer, subject, now)
    {
        let detail = format!("user `{}` is revoked", acting.user);
        return Err(Refusal::new(Reason::ImpersonationRefused, detail));
    }
    Ok(())
}

/// An allowed request that is not over yet: it can be asked again whether it would be allowed now.
/// Policies are not asked again: what they decided holds for the request that they decided.
pub(super) struct Standing {
    /// Proved again where the issuer's settings have changed.
    verified: RefCell<Arc<Verified>>,
    head: Arc<Head>,
    permit: Permit,
    /// With the last look: a grant may be shortened meanwhile.
    grant_ends: Cell<Timestamp>,
}

impl Standing {
    pub(super) fn new(verified: Arc<Verified>, head: Arc<Head>, permit: Permit) -> Self {
        Self {
            verified: RefCell::new(verified),
            grant_ends: Cell::new(grant_end(permit.scope())),
            head,
            permit,
        }
    }

    /// Whether its connection is the one that was opened with the certificate of `identity`.
    pub(super) fn is_of(&self, identity: &Arc<Identity>) -> bool {
        let shown = self.head.certificate.as_ref();
        shown.is_some_and(|shown| Arc::ptr_eq(shown, identity))
    }

    /// What was allowed.
    pub(super) fn permit(&self) -> &Permit {
        &self.permit
    }

    /// Until when nothing but files and keys can end it; `outlasting` its token, or not.
    pub(super) fn until(&self, outlasting: bool) -> Timestamp {
        let token = self.verified.borrow().valid_until();
        let grant = self.grant_ends.get();
        match outlasting {
            false => token.min(grant),
            true if grant < self.expiry() => grant,
            true => Timestamp::MAX,
        }
    }

    /// Whether the key that signed the token is still published, by an issuer that is what it was. This
    /// is cheap; `false` says only that it takes [`Standing::check`] to tell.
    pub(super) fn key_holds(&self, rules: &Ruleset, now: Timestamp, outlasting: bool) -> bool {
        let now = self.as_of(now, outlasting);
        rules.issuers.holds(&self.verified.borrow(), now) == Some(Ok(()))
    }

    /// Asks everything again.
    pub(super) async fn check(
        &self,
        rules: &Ruleset,
        now: Timestamp,
        outlasting: bool,
    ) -> Result<(), Refusal> {
        let now = self.as_of(now, outlasting);
        let verified = self.prove(rules, now).await?;
        let caller = caller(rules, &verified, now)?;
        let head = Head {
            now,
            ..Head::clone(&self.head)
        };
        let scope = place(rules, &caller, self.permit.target(), &head, &mut None)?;
        let former = self.permit.scope();
        if scope.account() != former.account() || scope.workspace() != former.workspace() {
            let detail = "the caller belongs to another workspace now";
            return Err(Refusal::new(Reason::OutsideTenant, detail));
        }
        self.grant_ends.set(grant_end(&scope));
        Ok(())
    }

    /// The token, proved: again where the issuer is not what it was.
    async fn prove(&self, rules: &Ruleset, now: Timestamp) -> Result<Arc<Verified>, Refusal> {
        let known = Arc::clone(&self.verified.borrow());
        if let Some(held) = rules.issuers.holds(&known, now) {
            return held.map(|()| known).map_err(Refusal::from);
        }
        let token = self.head.credential.token();
        let token = token.ok_or_else(|| Refusal::new(Reason::TokenMissing, "no token"))?;
        let verified = rules.issuers.verify(token, now).await?;
        *self.verified.borrow_mut() = Arc::clone(&verified);
        Ok(verified)
    }

    /// The moment to ask about. Whatever is `outlasting` its token is asked about the token's last one:
    /// what takes a token away before its time ends it, the mere end of the time does not.
    fn as_of(&self, now: Timestamp, outlasting: bool) -> Timestamp {
        let last = self.expiry().plus_millis(-1);
        if outlasting { now.min(last) } else { now }
    }

    fn expiry(&self) -> Timestamp {
        let proof = self.permit.caller().proof();
        proof.map_or(Timestamp::MAX, |proof| proof.expires)
    }
}

/// When a Principal's grant ends; nobody else's reach does.
fn grant_end(scope: &Scope) -> Timestamp {
    scope.grant().map_or(Timestamp::MAX, |grant| grant.until)
}
