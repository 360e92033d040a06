//! Who the token proves.

use crate::clock::Timestamp;
use crate::operation::ApiContext;
use crate::tenant::{AccountId, ClientId, Role, UserId, WorkspaceId, WorkspaceRole};
use std::sync::Arc;

/// Who makes the request. Only `token` makes any but `Anonymous`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody: no token was sent.
    Anonymous,
    /// A person in one account.
    User(User),
    /// A machine client of one account.
    Service(Service),
    /// Someone of the platform, without an account.
    Principal(Principal),
}

/// A person in one account and one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The claim, held against the issuer's and client's binding.
    pub account: AccountId,
    /// The claim; belongs to `account` by the directory.
    pub workspace: WorkspaceId,
    /// The claim.
    pub user: UserId,
    /// The second half of the Cedar uid `account/<subject>` (RULES 6): the user id where the issuer
    /// shares the platform's user ids, else `issuer-alias|sub`.
    pub subject: Arc<str>,
    /// The person's global identity; proves nothing (RULES 3).
    pub principal_id: Option<Arc<str>>,
    /// Roles, own workspace and account only.
    pub roles: Vec<Role>,
    /// Other groups of the account's identity provider, by their full text `account/group`.
    pub groups: Vec<Arc<str>>,
    /// Where the token may be used.
    pub contexts: ContextSet,
    /// The platform's scopes in the token.
    pub scopes: Scopes,
    /// The issuer is configured to grant no scopes at all.
    pub scopeless: bool,
    /// A verified second factor.
    pub mfa: bool,
    /// Verified claim.
    pub email: Option<Arc<str>>,
    /// What only annotates: never decides.
    pub notes: Notes,
    /// The token this was proved by.
    pub proof: Proof,
}

/// A machine client, account and workspace from the directory by its client id (RULES 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// From the directory.
    pub account: AccountId,
    /// From the directory.
    pub workspace: WorkspaceId,
    /// The client.
    pub client: ClientId,
    /// Its role by the directory.
    pub role: Option<WorkspaceRole>,
    /// Where the token may be used.
    pub contexts: ContextSet,
    /// The platform's scopes in the token.
    pub scopes: Scopes,
    /// The issuer is configured to grant no scopes at all.
    pub scopeless: bool,
    /// What only annotates: never decides.
    pub notes: Notes,
    /// The token this was proved by.
    pub proof: Proof,
}

/// Someone of the platform (RULES 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `issuer-alias|sub`: the Cedar uid, and what the grants name.
    pub subject: Arc<str>,
    /// The platform's id of the person, for the annotation.
    pub principal_id: Option<Arc<str>>,
    /// Platform roles.
    pub roles: Vec<PlatformRole>,
    /// What it was granted, from the issuer's entry.
    pub grant: PrincipalGrant,
    /// A verified second factor.
    pub mfa: bool,
    /// Verified claim.
    pub email: Option<Arc<str>>,
    /// What only annotates: never decides.
    pub notes: Notes,
    /// The token this was proved by.
    pub proof: Proof,
}

/// A closed list in the schema (`PlatformRole`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlatformRole {
    /// Does everything in the Portal, with a second factor.
    Operator,
    /// Reads.
    Support,
    /// Reads the audit log.
    Auditor,
}

/// Which accounts a Principal may act on, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalGrant {
    /// Every account, and the platform itself.
    pub all: bool,
    /// Single accounts.
    pub accounts: Vec<AccountId>,
    /// The grant's end; `None`: the token's.
    pub until: Option<Timestamp>,
    /// Whether it may read in App and Dashboard too, inside one workspace of those accounts (RULES 17).
    pub act_in: bool,
}

/// Claims that are passed on and decide nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The role as the token spells it.
    pub role: Option<Arc<str>>,
    /// `web`, `mobile`, `m2m`.
    pub platform: Option<Arc<str>>,
    /// Language.
    pub lang: Option<Arc<str>>,
    /// Time zone.
    pub timezone: Option<Arc<str>>,
}

/// The token behind a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The issuer's name in the configuration.
    pub issuer: Arc<str>,
    /// `sub`.
    pub subject: Arc<str>,
    /// `jti`.
    pub token_id: Option<Arc<str>>,
    /// The client, where the token names one.
    pub client: Option<ClientId>,
    /// `exp`.
    pub expires: Timestamp,
    /// `auth_time`, or `iat`: what `not_before` is held against (RULES 10).
    pub since: Option<Timestamp>,
    /// SHA-256 over everything of this caller that a policy can read, canonically encoded
    /// (length-prefixed): equal fingerprints mean equal Cedar principals.
    pub fingerprint: [u8; 32],
}

/// A set of API contexts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContextSet(u8);

/// A set of the platform's scopes (the closed list of the schema's `Scope`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl ContextSet {
    /// With `context` added.
    #[must_use]
    pub fn with(self, context: ApiContext) -> Self {
        Self(self.0 | 1 << context as u8)
    }

    /// Whether `context` is in it.
    pub fn contains(self, context: ApiContext) -> bool {
        self.0 & (1 << context as u8) != 0
    }

    /// Its members.
    pub fn iter(self) -> impl Iterator<Item = ApiContext> {
        ApiContext::ALL
            .into_iter()
            .filter(move |context| self.contains(*context))
    }
}

impl Scopes {
    /// The closed list, in the order of the bits.
    pub const NAMES: [&'static str; 4] =
        ["app/read", "app/write", "dashboard/read", "dashboard/write"];

    /// Reads the `scope` claim: whole strings, separated by single spaces; names that are not the
    /// platform's are left out (RULES 2).
    pub fn parse(claim: &str) -> Self {
        claim.split(' ').fold(Self::default(), Self::with)
    }

    /// With the scope of that name added, if it is one of the list.
    #[must_use]
    pub fn with(self, name: &str) -> Self {
        let at = Self::NAMES.iter().position(|known| *known == name);
        Self(self.0 | at.map_or(0, |at| 1 << at))
    }

    /// Whether the scope of that name is in it.
    pub fn contains(self, name: &str) -> bool {
        self.iter().any(|have| have == name)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(at, _)| self.0 & (1 << at) != 0)
            .map(|(_, name)| name)
    }
}

impl PlatformRole {
    /// All of the list.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Support, Self::Auditor];

    /// As the schema, the configuration and claims spell it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Support => "support",
            Self::Auditor => "auditor",
        }
    }

    /// The reverse of [`PlatformRole::label`], exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.label() == text)
    }
}

impl Caller {
    /// The account it belongs to. `None`: anonymous, or of the platform.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::User(user) => Some(&user.account),
            Self::Service(service) => Some(&service.account),
            Self::Anonymous | Self::Principal(_) => None,
        }
    }

    /// The workspace it belongs to.
    pub fn workspace(&self) -> Option<&WorkspaceId> {
        match self {
            Self::User(user) => Some(&user.workspace),
            Self::Service(service) => Some(&service.workspace),
            Self::Anonymous | Self::Principal(_) => None,
        }
    }

    /// The token behind it. `None`: anonymous.
    pub fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Anonymous => None,
            Self::User(user) => Some(&user.proof),
            Self::Service(service) => Some(&service.proof),
            Self::Principal(principal) => Some(&principal.proof),
        }
    }

    /// The kind of a user, whoever makes its requests.
    pub const USER: &'static str = "user";

    /// `user`, `service`, `principal`, `anonymous`: for records and limits.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User(_) => Self::USER,
            Self::Service(_) => "service",
            Self::Principal(_) => "principal",
        }
    }
}
