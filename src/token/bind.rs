//! Claims become a [`Caller`], held to what issuer and client are bound to (RULES 3-7, 10).

mod machine;
mod person;
mod platform;
mod read;
mod roles;

use super::caller::{Caller, ContextSet, Notes, Proof, Scopes};
use super::error::Error;
use super::verified::{Bound, Claims, Verified};
use super::verify;
use crate::operation::ApiContext;
use crate::tenant::{Account, ClientId, Directory, UserId};
use read::{note, string};
use std::sync::Arc;

/// The caller that a proved token makes, as the directory stands.
pub(super) fn caller(verified: &Verified, directory: &Directory) -> Result<Arc<Caller>, Error> {
    if let Some(bound) = verified.bound.load_full()
        && let Some(caller) = still_bound(&bound, verified, directory)
    {
        return caller;
    }
    let caller = Arc::new(fresh(verified, directory)?);
    let account = caller.account().and_then(|id| directory.account(id));
    verified.bound.store(Some(Arc::new(Bound {
        account_revision: account.map(|account| account.revision),
        caller: Arc::clone(&caller),
    })));
    Ok(caller)
}

/// The caller of an earlier call, if its account's entry is the same. `not_before` is held against
/// the entry of today in any case.
fn still_bound(
    bound: &Bound,
    verified: &Verified,
    directory: &Directory,
) -> Option<Result<Arc<Caller>, Error>> {
    let caller = || Arc::clone(&bound.caller);
    let (user, id) = match &*bound.caller {
        Caller::Anonymous => return None,
        Caller::Principal(_) => return Some(Ok(caller())),
        Caller::User(user) => (Some(&user.user), &user.account),
        Caller::Service(service) => (None, &service.account),
    };
    let account = directory.account(id)?;
    (bound.account_revision == Some(account.revision))
        .then(|| check_not_before(verified, account, user).map(|()| caller()))
}

fn fresh(verified: &Verified, directory: &Directory) -> Result<Caller, Error> {
    let token = Token::read(verified)?;
    if platform::means(&token) {
        return platform::principal(&token).map(Caller::Principal);
    }
    match machine::entry(&token, directory) {
        Some(entry) => machine::service(&token, directory, entry).map(Caller::Service),
        None => person::user(&token, directory).map(Caller::User),
    }
}

/// What every kind of caller takes from its token.
struct Token<'a> {
    verified: &'a Verified,
    claims: &'a Claims,
    subject: Arc<str>,
    client: Option<ClientId>,
    /// The claim, where the token has one.
    context: Option<ApiContext>,
    scopes: Scopes,
    notes: Notes,
}

impl<'a> Token<'a> {
    fn read(verified: &'a Verified) -> Result<Self, Error> {
        let (claims, issuer) = (&verified.claims, &verified.issuer);
        let mapping = &issuer.settings.mapping;
        let context = string(claims, mapping.context.as_ref(), "context")?
            .map(|text| ApiContext::parse(text).ok_or_else(|| read::malformed("context")))
            .transpose()?;
        Ok(Self {
            subject: read::subject(claims)?,
            client: verify::client(issuer, claims)?,
            context,
            scopes: read::scopes(claims, mapping.scope.as_ref())?,
            notes: Notes {
                role: note(claims, mapping.role.as_ref()),
                platform: note(claims, mapping.platform.as_ref()),
                lang: note(claims, mapping.lang.as_ref()),
                timezone: note(claims, mapping.timezone.as_ref()),
            },
            verified,
            claims,
        })
    }

    /// Where it may be used: the claim, else what the issuer's entry says.
    fn contexts(&self) -> ContextSet {
        let listed = &self.verified.issuer.settings.contexts;
        match self.context {
            Some(context) => ContextSet::default().with(context),
            None => listed
                .iter()
                .fold(ContextSet::default(), |set, context| set.with(*context)),
        }
    }

    /// `alias|sub`: the alias holds no `|`, so two issuers never share one.
    fn foreign_subject(&self) -> Arc<str> {
        format!("{}|{}", self.verified.issuer.name, self.subject).into()
    }

    fn proof(&self, fingerprint: [u8; 32]) -> Proof {
        Proof {
            issuer: Arc::clone(&self.verified.issuer.name),
            subject: Arc::clone(&self.subject),
            token_id: read::registered_note(self.claims, "jti"),
            client: self.client.clone(),
            expires: self.verified.times.expires,
            since: self.verified.times.since(),
            fingerprint,
        }
    }
}

/// The issuer must name the account and the account the issuer (RULES 5).
fn check_issuer(token: &Token<'_>, account: &Account) -> Result<(), Error> {
    let issuer = &token.verified.issuer;
    let announced = account.issuers.iter().any(|name| **name == *issuer.name);
    if announced && issuer.lists_account(&account.id) {
        return Ok(());
    }
    Err(Error::IssuerBinding {
        issuer: issuer.name.to_string(),
        account: account.id.clone(),
    })
}

/// A token from before `not_before` is void, and so is one that does not say from when it is.
fn check_not_before(
    verified: &Verified,
    account: &Account,
    user: Option<&UserId>,
) -> Result<(), Error> {
    let since = verified.times.since();
    let of_user = user.and_then(|user| account.not_before.users.get(user).copied());
    for (whose, boundary) in [("account", account.not_before.account), ("user", of_user)] {
        let void = boundary.is_some_and(|boundary| since.is_none_or(|since| since < boundary));
        if void {
            return Err(Error::Revoked(whose));
        }
    }
    Ok(())
}
