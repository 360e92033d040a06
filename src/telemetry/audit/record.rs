//! One audit record: who did what where, and why it was allowed or refused.

use super::Line;
use super::json::{self, Object};
use crate::clock::Timestamp;
use crate::operation::ApiContext;
use crate::reason::{Outcome, Reason};
use std::net::IpAddr;
use std::sync::Arc;

/// What is recorded of one request. Everything is borrowed; what is `None` or empty is left out.
///
/// The query is not in it, and no token: of what the client sent only the path, the tenant
/// references and the claims under `claimed` are (RULES 42).
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The request's ONE `now`.
    pub time: Timestamp,
    /// The id that the reply and the upstream carry too.
    pub request_id: &'a str,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// The HTTP status of the reply; `None`: no reply was sent.
    pub status: Option<u16>,
    /// The method.
    pub method: Option<&'a str>,
    /// `host[:port]`.
    pub authority: Option<&'a str>,
    /// The canonical path, without the query.
    pub path: Option<&'a str>,
    /// The template of the route that matched.
    pub route: Option<&'a str>,
    /// The Cedar action.
    pub action: Option<&'a str>,
    /// The API of the route.
    pub api_context: Option<ApiContext>,
    /// The resource: kind and id.
    pub resource_kind: Option<&'a str>,
    /// The id from the path.
    pub resource_id: Option<&'a str>,
    /// `user`, `service`, `principal`, `anonymous`.
    pub caller: Option<&'a str>,
    /// The caller's Cedar uid.
    pub subject: Option<&'a str>,
    /// The name of the issuer that vouched for the caller.
    pub issuer: Option<&'a str>,
    /// The OAuth client.
    pub client: Option<&'a str>,
    /// `jti`.
    pub token_id: Option<&'a str>,
    /// The account the request was held to.
    pub account: Option<&'a str>,
    /// The workspace the request was held to.
    pub workspace: Option<&'a str>,
    /// The user id.
    pub user: Option<&'a str>,
    /// The platform's id of the person.
    pub principal: Option<&'a str>,
    /// The roles that were proved: of a user, of a machine client, of a Principal. Of nobody who is proved, none are told.
    pub roles: &'a [&'static str],
    /// Why a Principal did it, as it said itself.
    pub stated_reason: Option<&'a str>,
    /// The catalog workspace that was read.
    pub catalog: Option<&'a str>,
    /// Every tenant reference of the request: place and value.
    pub references: &'a [(&'a str, &'a str)],
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// Where the connection was going before the kernel led it here.
    pub original_destination: Option<&'a str>,
    /// Whose certificate the peer showed.
    pub certificate: Option<&'a str>,
    /// The policies that determined the decision.
    pub policies: &'a [Arc<str>],
    /// Whether the decision came from the cache.
    pub cached: Option<bool>,
    /// The content hash of the rules that decided.
    pub revision: Option<&'a str>,
    /// What was asked of the policies, a list in JSON: for whoever asks others the same. `None`: nothing was, or it is not
    /// to be recorded.
    pub questions: Option<&'a str>,
    /// What the client is not told.
    pub detail: Option<&'a str>,
    /// The name of the upstream.
    pub upstream: Option<&'a str>,
    /// From the head to the reply's head, in microseconds.
    pub duration_us: Option<u64>,
    /// The part of it that Palisade took.
    pub overhead_us: Option<u64>,
    /// The length of the request's body, where it was announced.
    pub request_bytes: Option<u64>,
    /// The length of the response's body, where it was announced.
    pub response_bytes: Option<u64>,
    /// What an unverified token says of itself.
    pub claimed: Claimed<'a>,
}

/// Claims that nobody has verified: never mixed with what was proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claimed<'a> {
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `sub`.
    pub subject: Option<&'a str>,
    /// The client.
    pub client: Option<&'a str>,
    /// `kid`.
    pub key: Option<&'a str>,
    /// The account.
    pub account: Option<&'a str>,
    /// The workspace.
    pub workspace: Option<&'a str>,
}

// Not derived: a record that nobody completed is a fault of ours, and says so.
impl Default for Record<'_> {
    fn default() -> Self {
        Self {
            time: Timestamp(0),
            request_id: "",
            outcome: Outcome::Error,
            reason: None,
            status: None,
            method: None,
            authority: None,
            path: None,
            route: None,
            action: None,
            api_context: None,
            resource_kind: None,
            resource_id: None,
            caller: None,
            subject: None,
            issuer: None,
            client: None,
            token_id: None,
            account: None,
            workspace: None,
            user: None,
            principal: None,
            roles: &[],
            stated_reason: None,
            catalog: None,
            references: &[],
            client_ip: None,
            original_destination: None,
            certificate: None,
            policies: &[],
            cached: None,
            revision: None,
            questions: None,
            detail: None,
            upstream: None,
            duration_us: None,
            overhead_us: None,
            request_bytes: None,
            response_bytes: None,
            claimed: Claimed::default(),
        }
    }
}

impl Line for Record<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        self.write_request(&mut object);
        self.write_caller(&mut object);
        self.write_decision(&mut object);
        object.close();
        out.push(b'\n');
    }
}

impl Record<'_> {
    fn write_request(&self, object: &mut Object<'_>) {
        object.time("time", self.time);
        object.text("request_id", self.request_id);
        object.text("outcome", self.outcome.label());
        object.text_if("reason", self.reason.map(Reason::code));
        object.number_if("status", self.status.map(u64::from));
        object.text_if("method", self.method);
        object.text_if("authority", self.authority);
        object.text_if("path", self.path);
        object.text_if("route", self.route);
        object.text_if("action", self.action);
        object.text_if("api_context", self.api_context.map(ApiContext::label));
        object.text_if("resource_kind", self.resource_kind);
        object.text_if("resource_id", self.resource_id);
    }

    fn write_caller(&self, object: &mut Object<'_>) {
        object.text_if("caller", self.caller);
        object.text_if("subject", self.subject);
        object.text_if("issuer", self.issuer);
        object.text_if("client", self.client);
        object.text_if("token_id", self.token_id);
        object.text_if("account", self.account);
        object.text_if("workspace", self.workspace);
        object.text_if("user", self.user);
        object.text_if("principal", self.principal);
        // Of somebody who is proved it is known that there are none.
        if self.caller.is_some_and(|kind| kind != "anonymous") {
            object.whole_list("roles", self.roles.iter(), |out, role| {
                json::string(out, role);
            });
        }
        object.text_if("stated_reason", self.stated_reason);
        object.text_if("catalog", self.catalog);
        object.list(
            "references",
            self.references.iter(),
            |out, (place, value)| {
                let mut pair = Object::open(out);
                pair.text("place", place);
                pair.text("value", value);
                pair.close();
            },
        );
        object.address_if("client_ip", self.client_ip);
        object.text_if("original_destination", self.original_destination);
        object.text_if("certificate", self.certificate);
    }

    fn write_decision(&self, object: &mut Object<'_>) {
        object.list("policies", self.policies.iter(), |out, policy| {
            json::string(out, policy);
        });
        object.flag_if("cached", self.cached);
        object.text_if("revision", self.revision);
        object.raw_if("questions", self.questions);
        object.text_if("detail", self.detail);
        object.text_if("upstream", self.upstream);
        object.number_if("duration_us", self.duration_us);
        object.number_if("overhead_us", self.overhead_us);
        object.number_if("request_bytes", self.request_bytes);
        object.number_if("response_bytes", self.response_bytes);
        if self.claimed != Claimed::default() {
            object.object("claimed", |claimed| self.claimed.write(claimed));
        }
    }
}

impl Claimed<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text_if("issuer", self.issuer);
        object.text_if("subject", self.subject);
        object.text_if("client", self.client);
        object.text_if("key", self.key);
        object.text_if("account", self.account);
        object.text_if("workspace", self.workspace);
    }
}
