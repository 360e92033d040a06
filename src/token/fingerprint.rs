//! A digest of everything of a caller that a policy can read: equal digests mean equal Cedar
//! principals.
//!
//! The encoding is injective: every value has a length in front, every list a count, and what is
//! absent differs from what is empty.

use super::caller::{ContextSet, Principal, Scopes, Service, User};
use super::jwks::sha256;
use crate::operation::ApiContext;
use crate::tenant::{AccountId, Role, WorkspaceRole};

/// Of a person.
pub(super) fn of_user(user: &User) -> [u8; 32] {
    let mut out = Encoder::of("user");
    out.text(user.account.as_str());
    out.text(user.workspace.as_str());
    out.text(user.user.as_str());
    out.text(&user.subject);
    out.optional(user.principal_id.as_deref());
    out.list(user.roles.iter().map(|role| role_name(*role)));
    out.list(user.groups.iter().map(|group| &**group));
    out.reach(user.contexts, user.scopes, user.scopeless);
    out.flag(user.mfa);
    out.optional(user.email.as_deref());
    out.digest()
}

/// Of a machine client.
pub(super) fn of_service(service: &Service) -> [u8; 32] {
    let mut out = Encoder::of("service");
    out.text(service.account.as_str());
    out.text(service.workspace.as_str());
    out.text(service.client.as_str());
    out.optional(service.role.map(WorkspaceRole::label));
    out.reach(service.contexts, service.scopes, service.scopeless);
    out.digest()
}

/// Of someone of the platform.
pub(super) fn of_principal(principal: &Principal) -> [u8; 32] {
    let mut out = Encoder::of("principal");
    out.text(&principal.subject);
    out.optional(principal.principal_id.as_deref());
    out.list(principal.roles.iter().map(|role| role.label()));
    out.flag(principal.grant.all);
    out.list(principal.grant.accounts.iter().map(AccountId::as_str));
    let until = principal
        .grant
        .until
        .map(|until| until.millis().to_string());
    out.optional(until.as_deref());
    out.flag(principal.mfa);
    out.optional(principal.email.as_deref());
    out.digest()
}

struct Encoder(Vec<u8>);

impl Encoder {
    fn of(kind: &str) -> Self {
        let mut out = Self(Vec::with_capacity(256));
        out.text(kind);
        out
    }

    fn length(&mut self, length: usize) {
        self.0.extend_from_slice(&(length as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    fn optional(&mut self, text: Option<&str>) {
        self.flag(text.is_some());
        self.text(text.unwrap_or_default());
    }

    fn list<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        let texts: Vec<&str> = texts.collect();
        self.length(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    fn reach(&mut self, contexts: ContextSet, scopes: Scopes, scopeless: bool) {
        self.list(contexts.iter().map(ApiContext::label));
        self.list(scopes.iter());
        self.flag(scopeless);
    }

    fn digest(self) -> [u8; 32] {
        sha256(&self.0)
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Workspace(role) => role.label(),
        Role::AccountMember => "account-member",
        Role::AccountAdmin => "account-admin",
        Role::AccountOwner => "account-owner",
    }
}
