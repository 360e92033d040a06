//! What an assertion says, beside when: pure, and the whole of what reuse goes by.

use crate::decision::Permit;
use crate::forward::said::Said;
use crate::head::Head;
use crate::token::Caller;
use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;

/// Every claim but `jti` and the times. Claims about the tenant are named like the headers.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    method: &'a str,
    path: &'a str,
    query_sha256: String,
    context: &'static str,
    action: &'a str,
    revision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog_workspace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    /// Only beside `actor`: whether the directory knows that user of that workspace (RULES 8).
    #[serde(skip_serializing_if = "Option::is_none")]
    user_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<&'a str>,
}

/// Who says it, and to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parties<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
}

impl<'a> Claims<'a> {
    /// `None`: a public route, of which nothing is asserted, and where nobody is the subject.
    pub(super) fn of(
        parties: Parties<'a>,
        permit: &'a Permit,
        head: &'a Head,
        revision: &'a str,
    ) -> Option<Self> {
        let said = Said::of(permit)?.over(head);
        let operation = &permit.target().route.operation;
        Some(Self {
            iss: parties.issuer,
            aud: parties.audience,
            sub: subject(permit.caller())?,
            method: head.method.as_str(),
            path: head.path.as_str(),
            query_sha256: query_digest(head),
            context: operation.api_context.label(),
            action: &operation.name,
            revision,
            account: said.account,
            workspace: said.workspace,
            catalog_workspace: said.catalog_workspace,
            user: said.user,
            actor: said.actor,
            user_verified: said.actor.map(|_| said.user_verified),
            principal: said.principal,
            role: said.role,
            client_certificate: said.client_certificate,
        })
    }
}

/// Who the request is made by, as policies name them: unique over all issuers (RULES 6).
fn subject(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Anonymous => None,
        Caller::User(user) => Some(format!("{}/{}", user.account, user.subject)),
        Caller::Service(service) => Some(format!("{}/{}", service.account, service.client)),
        Caller::Principal(principal) => Some(principal.subject.to_string()),
    }
}

/// Of the query as it is forwarded, without its `?`; of the empty text where there is none.
fn query_digest(head: &Head) -> String {
    let query = head.query.raw.as_deref().unwrap_or_default();
    super::key::b64(digest(&SHA256, query.as_bytes()).as_ref())
}
