//! What a configuration says of an issuer, and the presets that fill it in.

use super::algorithm::Algorithm;
use super::caller::{PlatformRole, PrincipalGrant};
use crate::operation::ApiContext;
use crate::tenant::{AccountId, ClientId, Role, WorkspaceRole};
use std::sync::Arc;
use std::time::Duration;

/// One issuer: whose tokens are accepted, and what they may say.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the file, independent of the others"
)]
pub struct IssuerSettings {
    /// Its name in the configuration, in tenant files and in Cedar uids (`[a-z0-9-]`, RULES 6).
    pub name: String,
    /// `iss`, exactly.
    pub issuer: String,
    /// Where its keys are.
    pub keys: KeySource,
    /// How long after a good fetch the next one follows.
    pub refresh: Duration,
    /// How long the last good keys serve when no fetch succeeds any more.
    pub max_stale: Duration,
    /// Which signatures it may use.
    pub algorithms: Vec<Algorithm>,
    /// `aud` must hold one of these; empty: the client stands for the audience.
    pub audiences: Vec<String>,
    /// Through which clients its tokens may come.
    pub clients: Binding<ClientId>,
    /// Which accounts it may speak for.
    pub accounts: Binding<AccountId>,
    /// What the claim `token_use` must be; `None`: it need not be there.
    pub token_use: Option<String>,
    /// Accepted `typ` values, compared without case and without `application/`.
    pub types: Vec<String>,
    /// Whether a token without `typ` is refused.
    pub type_required: bool,
    /// By how much clocks may differ; at most 30 s.
    pub leeway: Duration,
    /// Whether it may prove Principals (RULES 3).
    pub portal: bool,
    /// Clients whose tokens may be a Principal's.
    pub portal_clients: Vec<ClientId>,
    /// What its Principals were granted.
    pub principals: Vec<PrincipalEntry>,
    /// Where in the claims things stand.
    pub mapping: ClaimMapping,
    /// What the role claim, and a bare group, means: exact spelling; what is not listed is no role.
    pub roles: Vec<(String, Role)>,
    /// Where tokens without a context claim may be used.
    pub contexts: Vec<ApiContext>,
    /// It grants no scopes at all: its tokens are not held to them (RULES 2).
    pub scopeless: bool,
    /// Its user claim is the platform's user id (RULES 6).
    pub shares_user_ids: bool,
    /// The gate is not ready without its keys.
    pub required: bool,
    /// Its keys may come over plain `http` and from loopback and link-local addresses.
    pub allow_local: bool,
    /// Further trusted roots for its key server, PEM.
    pub roots: Option<Arc<str>>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A JWKS document.
    Url {
        /// Its address.
        url: String,
    },
    /// An `OpenID` Connect discovery document that names the JWKS.
    Discovery {
        /// Its address, with `/.well-known/openid-configuration`.
        url: String,
    },
    /// A file, read with the configuration.
    File {
        /// Its name, for messages.
        file: String,
        /// Its text.
        text: Arc<str>,
    },
}

/// What an issuer is bound to (RULES 5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Binding<T> {
    /// Nothing: what is omitted is none, never any.
    #[default]
    None,
    /// What the tenant directory says.
    Directory,
    /// What the directory says, and only these of it.
    List(Vec<T>),
}

/// What one Principal was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalEntry {
    /// Its `sub`, exactly.
    pub who: String,
    /// Its platform roles.
    pub roles: Vec<PlatformRole>,
    /// Its accounts, and until when.
    pub grant: PrincipalGrant,
}

/// Where in the claims things stand: JSON pointers (RFC 6901). `None`: the issuer says nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimMapping {
    /// The account.
    pub account: Option<String>,
    /// The workspace.
    pub workspace: Option<String>,
    /// The user inside the account.
    pub user: Option<String>,
    /// The person's global identity.
    pub principal: Option<String>,
    /// The API context that the token was issued for.
    pub context: Option<String>,
    /// `web`, `mobile`, `m2m`.
    pub platform: Option<String>,
    /// One role.
    pub role: Option<String>,
    /// A list of groups.
    pub groups: Option<String>,
    /// Scopes: one string, or a list.
    pub scope: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// A login name: there on a person's tokens, never on a machine's (RULES 4).
    pub username: Option<String>,
    /// Language.
    pub lang: Option<String>,
    /// Time zone.
    pub timezone: Option<String>,
    /// Verified mail address.
    pub email: Option<String>,
    /// A second factor: `true`, or a list that holds `mfa`. `None`: never verified.
    pub mfa: Option<String>,
}

impl ClaimMapping {
    /// Every pointer by its key.
    pub fn pointers(&self) -> [(&'static str, Option<&String>); 15] {
        [
            ("account", self.account.as_ref()),
            ("workspace", self.workspace.as_ref()),
            ("user", self.user.as_ref()),
            ("principal", self.principal.as_ref()),
            ("context", self.context.as_ref()),
            ("platform", self.platform.as_ref()),
            ("role", self.role.as_ref()),
            ("groups", self.groups.as_ref()),
            ("scope", self.scope.as_ref()),
            ("client", self.client.as_ref()),
            ("username", self.username.as_ref()),
            ("lang", self.lang.as_ref()),
            ("timezone", self.timezone.as_ref()),
            ("email", self.email.as_ref()),
            ("mfa", self.mfa.as_ref()),
        ]
    }
}

/// Defaults for a kind of issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The platform's own Cognito pool, with its claims and role names.
    Cosmos,
    /// Any Cognito pool: roles from groups only.
    Cognito,
    /// Any `OpenID` Connect provider.
    Oidc,
}

/// Accepted `typ` values of access tokens, where one is sent.
const ACCESS_TOKEN_TYPES: [&str; 2] = ["JWT", "at+jwt"];

impl Preset {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Cosmos, Self::Cognito, Self::Oidc];

    /// As files spell it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cosmos => "cosmos",
            Self::Cognito => "cognito",
            Self::Oidc => "oidc",
        }
    }

    /// The reverse of [`Preset::label`], exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.label() == text)
    }

    /// An issuer of that kind, bound to nothing yet.
    pub fn issuer(self, name: &str, issuer: &str, keys: KeySource) -> IssuerSettings {
        let cognito = match self {
            Self::Cosmos | Self::Cognito => true,
            Self::Oidc => false,
        };
        IssuerSettings {
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            keys,
            refresh: Duration::from_mins(5),
            max_stale: Duration::from_hours(6),
            algorithms: vec![Algorithm::RS256],
            audiences: Vec::new(),
            clients: Binding::None,
            accounts: Binding::None,
            token_use: cognito.then(|| "access".to_owned()),
            types: ACCESS_TOKEN_TYPES.map(str::to_owned).to_vec(),
            type_required: false,
            leeway: Duration::from_secs(5),
            portal: false,
            portal_clients: Vec::new(),
            principals: Vec::new(),
            mapping: self.mapping(),
            roles: self.roles(),
            contexts: Vec::new(),
            scopeless: false,
            shares_user_ids: self == Self::Cosmos,
            required: false,
            allow_local: false,
            roots: None,
        }
    }

    fn mapping(self) -> ClaimMapping {
        let (groups, username) = match self {
            Self::Cosmos | Self::Cognito => ("/cognito:groups", "/username"),
            Self::Oidc => ("/groups", "/preferred_username"),
        };
        let at = |pointer: &str| Some(pointer.to_owned());
        ClaimMapping {
            account: at("/accountId"),
            workspace: at("/workspaceId"),
            user: at("/userId"),
            principal: at("/principalId"),
            context: at("/context"),
            platform: at("/platform"),
            role: match self {
                Self::Cosmos | Self::Oidc => at("/role"),
                Self::Cognito => None,
            },
            groups: at(groups),
            scope: at("/scope"),
            client: at("/client_id"),
            username: at(username),
            lang: at("/lang"),
            timezone: at("/timezone"),
            email: at("/email"),
            mfa: None,
        }
    }

    fn roles(self) -> Vec<(String, Role)> {
        let table: &[(&str, WorkspaceRole)] = match self {
            Self::Cosmos => &[
                ("viewer", WorkspaceRole::Viewer),
                ("Viewer", WorkspaceRole::Viewer),
                ("Member", WorkspaceRole::Viewer),
                ("editor", WorkspaceRole::Editor),
                ("Manager", WorkspaceRole::Editor),
                ("admin", WorkspaceRole::Admin),
                ("Admin", WorkspaceRole::Admin),
                ("Owner", WorkspaceRole::Admin),
            ],
            Self::Cognito | Self::Oidc => &[],
        };
        table
            .iter()
            .map(|(name, role)| ((*name).to_owned(), Role::Workspace(*role)))
            .collect()
    }
}
