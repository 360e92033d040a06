//! Who the demo's tokens speak for, and the claims in them.
//!
//! The claims are those of Cognito access tokens with the platform's own added, as its
//! pre-token-generation trigger adds them.

use crate::clock::Timestamp;
use crate::operation::ApiContext;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::fmt;

/// `iss` of the demo's tokens. No such region exists, so it can never be a real user pool.
pub(super) const ISSUER: &str = "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade";

/// How long a token of the demo is valid, in seconds: a working day, so that what was pasted once
/// works until the evening.
const TOKEN_SECS: i64 = 12 * 60 * 60;

/// `sub` of root, by which the configuration grants it what it may do.
const ROOT_SUB: &str = "4e5ba996-b05f-4f42-b19c-906342cfae05";

/// Everyone that the demo has a token for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Person {
    /// Viewer in acme-prod
    Ana,
    /// Editor in acme-prod
    Edi,
    /// Admin in acme-prod
    Adi,
    /// Editor in globex-prod
    Bo,
    /// Principal: an operator of the platform
    Root,
    /// Machine client of acme-prod
    HrSync,
}

/// Which API a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Context {
    /// End-user features
    App,
    /// Management
    Dashboard,
    /// Across accounts, for Principals only
    Portal,
}

/// A user of one workspace.
struct Member {
    name: &'static str,
    sub: &'static str,
    account: &'static str,
    workspace: &'static str,
    client: &'static str,
    role: &'static str,
    platform: &'static str,
    lang: &'static str,
    timezone: &'static str,
}

const ANA: Member = Member {
    name: "ana",
    sub: "0a1f6d52-7c1b-4b0e-9d58-5c2f0e8b6a01",
    account: "acme",
    workspace: "acme-prod",
    client: "acme-prod-web",
    role: "viewer",
    platform: "web",
    lang: "en",
    timezone: "Europe/Rome",
};

const EDI: Member = Member {
    name: "edi",
    sub: "1b2e7c63-8d2c-4c1f-8e69-6d301f9c7b02",
    role: "editor",
    ..ANA
};

const ADI: Member = Member {
    name: "adi",
    sub: "2c3d8b74-9e3d-4d20-9f7a-7e4120ad8c03",
    role: "admin",
    ..ANA
};

const BO: Member = Member {
    name: "bo",
    sub: "3d4c9a85-af4e-4e31-a08b-8f5231be9d04",
    account: "globex",
    workspace: "globex-prod",
    client: "globex-prod-web",
    role: "editor",
    platform: "mobile",
    lang: "de",
    timezone: "Europe/Berlin",
};

/// What a token is made of beside the person: nothing here is read from the machine.
pub(super) struct Moment {
    /// When it is issued.
    pub(super) now: Timestamp,
    /// Its own id.
    pub(super) token_id: String,
    /// The id of the session that a person has it from.
    pub(super) session_id: String,
}

impl Person {
    /// As `--user` spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ana => ANA.name,
            Self::Edi => EDI.name,
            Self::Adi => ADI.name,
            Self::Bo => BO.name,
            Self::Root => "root",
            Self::HrSync => "hr-sync",
        }
    }

    /// The context of a token when none is asked for.
    pub(super) fn usual_context(self) -> Context {
        match self {
            Self::Ana | Self::Edi | Self::Adi | Self::Bo | Self::HrSync => Context::App,
            Self::Root => Context::Portal,
        }
    }

    /// The claims of an access token for `context`.
    pub(super) fn claims(self, context: Context, moment: &Moment) -> Value {
        let own = match self {
            Self::Ana => ANA.claims(context, moment),
            Self::Edi => EDI.claims(context, moment),
            Self::Adi => ADI.claims(context, moment),
            Self::Bo => BO.claims(context, moment),
            Self::Root => operator_claims(context, moment),
            Self::HrSync => machine_claims(context),
        };
        merged(token_claims(moment), own)
    }
}

impl Member {
    fn claims(&self, context: Context, moment: &Moment) -> Value {
        json!({
            "sub": self.sub,
            "username": self.sub,
            "origin_jti": moment.session_id,
            "client_id": self.client,
            "cognito:groups": [format!("{}/staff", self.account)],
            "scope": context.scopes(),
            "accountId": self.account,
            "workspaceId": self.workspace,
            "userId": format!("u-{}", self.name),
            // Everyone has one; it makes nobody a Principal.
            "principalId": format!("p-{}", self.name),
            "context": context.label(),
            "platform": self.platform,
            "role": self.role,
            "lang": self.lang,
            "timezone": self.timezone,
        })
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Context {
    fn label(self) -> &'static str {
        ApiContext::from(self).label()
    }

    /// Reading and writing in this API, and in no other: write does not imply read.
    fn scopes(self) -> &'static str {
        match self {
            Self::App => "app/read app/write",
            Self::Dashboard => "dashboard/read dashboard/write",
            Self::Portal => "openid",
        }
    }
}

impl From<Context> for ApiContext {
    fn from(context: Context) -> Self {
        match context {
            Context::App => Self::App,
            Context::Dashboard => Self::Dashboard,
            Context::Portal => Self::Portal,
        }
    }
}

/// What every token carries.
fn token_claims(moment: &Moment) -> Value {
    let now = moment.now.millis() / 1000;
    json!({
        "iss": ISSUER,
        "token_use": "access",
        "version": 2,
        "auth_time": now,
        "iat": now,
        "exp": now.saturating_add(TOKEN_SECS),
        "jti": moment.token_id,
    })
}

/// A Principal: no account, workspace or user, whatever it is asked for.
fn operator_claims(context: Context, moment: &Moment) -> Value {
    json!({
        "sub": ROOT_SUB,
        "username": ROOT_SUB,
        "origin_jti": moment.session_id,
        "client_id": "portal-web",
        "scope": context.scopes(),
        "principalId": "p-root",
        "context": context.label(),
        "platform": "web",
        "lang": "en",
        "timezone": "UTC",
        // A claim of the demo's own: the shipped policies give operators nothing without it.
        "mfa": true,
    })
}

/// As `client_credentials` gives it: no user of any kind. Its account and workspace are known from
/// the tenant directory, by the client.
fn machine_claims(context: Context) -> Value {
    json!({
        "sub": "hr-sync",
        "client_id": "hr-sync",
        "scope": "app/read app/write dashboard/read dashboard/write",
        "context": context.label(),
        "platform": "m2m",
    })
}

fn merged(mut claims: Value, own: Value) -> Value {
    if let (Some(claims), Value::Object(own)) = (claims.as_object_mut(), own) {
        claims.extend(own);
    }
    claims
}

#[cfg(test)]
mod tests;
