//! Everybody who can be: claims as an issuer would sign them, for each role that its table and its groups
//! give, each machine client and each Principal.
//!
//! Claims are made from the issuer's own mapping, and read again by the code that reads tokens: a role that
//! nothing gives, or a workspace without clients, is found out there.

use crate::clock::Timestamp;
use crate::operation::ApiContext;
use crate::tenant::{Account, ClientId, Role, UserId, Workspace, WorkspaceId};
use crate::token::{Binding, IssuerSettings, PrincipalEntry, Scopes};
use serde_json::{Map, Value, json};

/// The user in made-up claims.
const SOMEONE: &str = "someone";
/// How long made-up tokens are good.
const TOKEN_SECS: i64 = 3_600;

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// Of the token; `None`: none is sent.
    pub(super) claims: Option<String>,
    /// The user for whom a machine client acts.
    pub(super) acts_for: Option<UserId>,
    /// Where a Principal acts, with a reason that it states.
    pub(super) acts_in: Option<WorkspaceId>,
    /// Nobody gave the claims: what they say beside who it is, is open.
    pub(super) made_up: bool,
}

/// How a token comes to a role or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It has none.
    Nothing,
    /// The role claim says this.
    Claim(String),
    /// It is in this group.
    Group(String),
}

impl Way {
    /// As somebody who sets up the issuer needs it.
    pub(super) fn words(&self, issuer: &IssuerSettings) -> String {
        let at = |pointer: &Option<String>| {
            let pointer = pointer.as_deref().unwrap_or_default();
            pointer.trim_start_matches('/').to_owned()
        };
        match self {
            Self::Nothing => "no role".to_owned(),
            Self::Claim(name) => format!("{} `{name}`", at(&issuer.mapping.role)),
            Self::Group(name) => format!("{} `{name}`", at(&issuer.mapping.groups)),
        }
    }
}

/// The issuers that may speak for an account, as far as settings say (RULES 5).
pub(super) fn issuers_of<'i>(
    issuers: &'i [IssuerSettings],
    account: &Account,
) -> impl Iterator<Item = &'i IssuerSettings> + Clone {
    let speaks = |issuer: &&IssuerSettings| {
        let listed = match &issuer.accounts {
            Binding::None => false,
            Binding::Directory => true,
            Binding::List(accounts) => accounts.contains(&account.id),
        };
        listed && account.issuers.contains(&issuer.name)
    };
    issuers.iter().filter(speaks)
}

/// Every way to a role of that workspace (RULES 7), the claim first.
pub(super) fn ways(issuer: &IssuerSettings, workspace: &Workspace, role: Option<Role>) -> Vec<Way> {
    let Some(role) = role else {
        return vec![Way::Nothing];
    };
    let table = issuer.roles.iter().filter(|(_, given)| *given == role);
    let claims = table.filter(|_| issuer.mapping.role.is_some());
    let claims = claims.map(|(name, _)| Way::Claim(name.clone()));
    let account = &workspace.account;
    let group = match role {
        Role::Workspace(own) => format!("{account}/{}#{}", workspace.id, own.label()),
        Role::AccountMember => format!("{account}#member"),
        Role::AccountAdmin => format!("{account}#admin"),
        Role::AccountOwner => format!("{account}#owner"),
    };
    let group = issuer.mapping.groups.is_some().then_some(Way::Group(group));
    claims.chain(group).collect()
}

/// The roles to be asked about: none, then all of them.
pub(super) fn roles() -> impl Iterator<Item = Option<Role>> {
    std::iter::once(None).chain(Role::ALL.map(Some))
}

/// A user of a workspace, in one API.
pub(super) fn user(
    issuer: &IssuerSettings,
    (workspace, context): (&Workspace, ApiContext),
    ways: &[Way],
    now: Timestamp,
) -> Person {
    let mapping = &issuer.mapping;
    let mut claims = registered(issuer, SOMEONE, now);
    let client = usable(issuer, &workspace.clients);
    let texts = [
        (&mapping.account, workspace.account.as_str()),
        (&mapping.workspace, workspace.id.as_str()),
        (&mapping.user, SOMEONE),
        (&mapping.username, SOMEONE),
        (&mapping.context, context.label()),
    ];
    for (pointer, text) in texts {
        put(&mut claims, pointer.as_ref(), text.into());
    }
    put(&mut claims, mapping.mfa.as_ref(), true.into());
    speak(&mut claims, issuer, client, context);
    let mut groups = Vec::new();
    for way in ways {
        match way {
            Way::Nothing => {}
            Way::Claim(name) => put(&mut claims, mapping.role.as_ref(), name.as_str().into()),
            Way::Group(name) => groups.push(name.as_str()),
        }
    }
    if !groups.is_empty() {
        put(&mut claims, mapping.groups.as_ref(), json!(groups));
    }
    Person::with(&claims)
}

/// A machine client, in one API; with `acts_for`, for a user.
pub(super) fn service(
    issuer: &IssuerSettings,
    (client, context): (&ClientId, ApiContext),
    acts_for: Option<UserId>,
    now: Timestamp,
) -> Person {
    let mut claims = registered(issuer, client.as_str(), now);
    put(
        &mut claims,
        issuer.mapping.context.as_ref(),
        context.label().into(),
    );
    speak(&mut claims, issuer, Some(client), context);
    Person {
        acts_for,
        ..Person::with(&claims)
    }
}

/// A Principal: in the Portal, or in a workspace of App and Dashboard.
pub(super) fn principal(
    issuer: &IssuerSettings,
    entry: &PrincipalEntry,
    acts_in: Option<WorkspaceId>,
    now: Timestamp,
) -> Person {
    let mapping = &issuer.mapping;
    let mut claims = registered(issuer, &entry.who, now);
    put(
        &mut claims,
        mapping.context.as_ref(),
        ApiContext::Portal.label().into(),
    );
    put(&mut claims, mapping.mfa.as_ref(), true.into());
    speak(
        &mut claims,
        issuer,
        issuer.portal_clients.first(),
        ApiContext::Portal,
    );
    Person {
        acts_in,
        ..Person::with(&claims)
    }
}

impl Person {
    fn with(claims: &Value) -> Self {
        Self {
            made_up: true,
            ..Self::of(Some(claims.to_string()))
        }
    }

    /// Whoever has a token with these claims.
    pub(super) fn of(claims: Option<String>) -> Self {
        Self {
            claims,
            acts_for: None,
            acts_in: None,
            made_up: false,
        }
    }

    /// Nobody in particular.
    pub(super) fn anonymous() -> Self {
        Self::of(None)
    }
}

/// A client that the issuer lists, else any, for the gate to refuse.
fn usable<'c>(issuer: &IssuerSettings, clients: &'c [ClientId]) -> Option<&'c ClientId> {
    let listed = clients.iter().find(|client| lists(issuer, client));
    listed.or_else(|| clients.first())
}

/// Whether tokens of this client come from the issuer.
pub(super) fn lists(issuer: &IssuerSettings, client: &ClientId) -> bool {
    match &issuer.clients {
        Binding::None => false,
        Binding::Directory => true,
        Binding::List(listed) => listed.contains(client),
    }
}

/// What every token of the issuer has.
fn registered(issuer: &IssuerSettings, subject: &str, now: Timestamp) -> Value {
    let secs = now.millis().div_euclid(1000);
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", issuer.issuer.as_str().into());
    set("sub", subject.into());
    set("iat", secs.into());
    set("auth_time", secs.into());
    set("exp", (secs + TOKEN_SECS).into());
    if let Some(kind) = &issuer.token_use {
        set("token_use", kind.as_str().into());
    }
    if let Some(audience) = issuer.audiences.first() {
        set("aud", audience.as_str().into());
    }
    Value::Object(claims)
}

/// Client and scopes.
fn speak(
    claims: &mut Value,
    issuer: &IssuerSettings,
    client: Option<&ClientId>,
    context: ApiContext,
) {
    let mapping = &issuer.mapping;
    if let Some(client) = client {
        put(claims, mapping.client.as_ref(), client.as_str().into());
    }
    let own = |scope: &&str| scope.starts_with(&format!("{}/", context.label()));
    let scopes: Vec<&str> = Scopes::NAMES.into_iter().filter(own).collect();
    if !issuer.scopeless && !scopes.is_empty() {
        put(claims, mapping.scope.as_ref(), scopes.join(" ").into());
    }
}

/// Puts a value where a JSON pointer leads, making what it leads through.
fn put(claims: &mut Value, pointer: Option<&String>, value: Value) {
    let Some(path) = pointer.and_then(|pointer| pointer.strip_prefix('/')) else {
        return;
    };
    let mut at = claims;
    for step in path.split('/') {
        let key = step.replace("~1", "/").replace("~0", "~");
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(fields) = at else { return };
        at = fields.entry(key).or_insert(Value::Null);
    }
    *at = value;
}

/// Whether the caller that came of it has the role that was meant.
pub(super) fn has(caller: &crate::token::Caller, role: Option<Role>) -> bool {
    match (caller, role) {
        (_, None) => true,
        (crate::token::Caller::User(user), Some(role)) => user.roles.contains(&role),
        (_, Some(_)) => false,
    }
}

/// `viewer`, `account-owner`; `no role`.
pub(super) fn label(role: Option<Role>) -> &'static str {
    role.map_or("no role", Role::label)
}

#[cfg(test)]
mod tests {
    //! Claims stand where the mapping says.

    use super::*;

    #[test]
    fn a_pointer_makes_its_way() {
        let mut claims = json!({ "a": 1 });
        for (pointer, value) in [
            ("/realm/roles", json!(["x"])),
            ("/realm/role", json!("y")),
            ("/https:~1~1acme.example~1account", json!("acme")),
            ("/a/b", json!(2)),
        ] {
            put(&mut claims, Some(&pointer.to_owned()), value.clone());
            assert_eq!(claims.pointer(pointer), Some(&value), "{pointer}");
        }
        let before = claims.clone();
        put(&mut claims, None, json!(1));
        put(&mut claims, Some(&String::new()), json!(1));
        assert_eq!(claims, before);
    }
}
