//! Cases that show what the starter policies do: for each operation who may, who may not, and that nobody
//! reaches another tenant by it.

use super::apis::Written;
use super::survey::Found;
use super::table::Table;
use super::{least_role, parameters};
use crate::operation::{Access, ApiContext, Operation};
use crate::route::{ReferenceKind, Route};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The account, workspace and client of `tenants/example.yaml`.
const ACCOUNT: &str = "example";
const WORKSPACE: &str = "example-main";
const CLIENT: &str = "example-client";
/// A tenant that nobody here belongs to.
const STRANGER: &str = "somebody-else";
/// An id of something inside a workspace.
const ID: &str = "x-1";
/// What may stand where a route has a pattern of its own.
const VALUES: [&str; 16] = [
    ID,
    "x1",
    "1",
    "x",
    "main",
    "2026-01-01",
    "a.b",
    "x@example.com",
    "v1.0",
    "10.0.0.1",
    "x.json",
    "X",
    "12345678",
    "00000000-0000-4000-8000-000000000000",
    "2026-01-01T00:00:00Z",
    "example.com",
];

/// A request, and what must become of it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    who: Option<&'static str>,
    request: String,
    headers: Vec<(String, String)>,
    expect: Value,
    /// The operator's `sub`, in the Portal.
    operator: String,
}

/// The cases of each context.
pub(super) fn of(written: &Written, table: &Table, operator: &str) -> Vec<(ApiContext, Vec<Case>)> {
    let contexts = written.contexts().into_iter();
    let contexts = contexts.map(|context| {
        let here = written.routes.iter();
        let here = here.filter(|(_, route)| route.operation.api_context == context);
        let mut cases = Vec::new();
        for (found, route) in here {
            let asked = Asked {
                found,
                route,
                table,
                operator,
            };
            if cases.is_empty() {
                cases.extend(asked.case(
                    "strangers learn nothing",
                    None,
                    (ACCOUNT, WORKSPACE),
                    &json!("token_missing"),
                ));
            }
            cases.extend(asked.cases());
        }
        (context, cases)
    });
    contexts.collect()
}

struct Asked<'a> {
    found: &'a Found,
    route: &'a Route,
    table: &'a Table,
    operator: &'a str,
}

impl Asked<'_> {
    fn cases(&self) -> Vec<Case> {
        let own = (ACCOUNT, WORKSPACE);
        let denied = json!({ "decision": "policy_denied", "policies": [] });
        let allowed = |policy: &str| json!({ "decision": "allow", "policies": [policy] });
        let operation: &Operation = &self.route.operation;
        let mut cases = Vec::new();
        if operation.api_context == ApiContext::Portal {
            cases.extend(self.case(
                "an operator may",
                Some("operator"),
                own,
                &allowed("operators"),
            ));
            let name = "an operator without a second factor may not";
            cases.extend(self.case(name, Some("one-factor"), own, &denied));
            return cases;
        }
        let (least, policy, lower) = match operation.access {
            Access::Read => ("viewer", "viewers-read", "nobody"),
            Access::Create | Access::Update => ("editor", "editors-write", "viewer"),
            Access::Delete | Access::Manage => ("admin", "admins-manage", "editor"),
        };
        debug_assert_eq!(
            least,
            least_role(operation.access),
            "the policies say the same"
        );
        let words = |who: &str, may: &str| {
            let who = match who {
                "nobody" => "somebody without a role".to_owned(),
                "admin" | "editor" => format!("an {who}"),
                _ => format!("a {who}"),
            };
            format!("{who} {may}")
        };
        cases.extend(self.case(&words(least, "may"), Some(least), own, &allowed(policy)));
        cases.extend(self.case(&words(lower, "may not"), Some(lower), own, &denied));
        if self.names_tenant() {
            let other = (STRANGER, STRANGER);
            let expect = json!("outside_tenant");
            cases.extend(self.case("nobody reaches another tenant", Some(least), other, &expect));
        }
        cases
    }

    fn kind(&self, place: &str, name: &str) -> Option<ReferenceKind> {
        self.table.of(place, name)
    }

    fn names_tenant(&self) -> bool {
        let is = |kind| {
            matches!(
                kind,
                Some(ReferenceKind::Account | ReferenceKind::Workspace)
            )
        };
        let mut path = parameters::names(&self.found.template);
        path.any(|name| is(self.kind("path", name)))
            || self
                .found
                .parameters
                .iter()
                .any(|one| is(self.kind(&one.place, &one.name)))
    }

    /// `None`: no value is known that a parameter may have.
    fn case(
        &self,
        what: &str,
        who: Option<&'static str>,
        tenant: (&str, &str),
        expect: &Value,
    ) -> Option<Case> {
        let (account, workspace) = tenant;
        let value = |kind: ReferenceKind| match kind {
            ReferenceKind::Account => account.to_owned(),
            ReferenceKind::Workspace | ReferenceKind::Catalog => workspace.to_owned(),
            ReferenceKind::User => format!("u-{}", who.unwrap_or("nobody")),
        };
        let mut target = String::new();
        for part in self.found.template.split('/').skip(1) {
            target.push('/');
            match parameters::name_of(part) {
                None => target.push_str(part),
                Some(name) => match self.kind("path", name) {
                    Some(kind) => target.push_str(&value(kind)),
                    None => target.push_str(self.fitting(name)?),
                },
            }
        }
        let mut headers = Vec::new();
        let mut query = Vec::new();
        // What is declared beside the path is given where it names a tenant: in the Portal it has to be.
        for one in &self.found.parameters {
            match (one.place.as_str(), self.kind(&one.place, &one.name)) {
                ("query", Some(ReferenceKind::Account | ReferenceKind::Workspace)) => {
                    let kind = self.kind("query", &one.name)?;
                    query.push(format!("{}={}", encoded(&one.name), value(kind)));
                }
                ("header", Some(kind)) if kind != ReferenceKind::Catalog => {
                    headers.push((one.name.clone(), value(kind)));
                }
                _ => {}
            }
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        Some(Case {
            name: format!("{}: {what}", self.route.operation.name),
            who,
            request: format!("{} {target}", self.route.method),
            headers,
            expect: expect.clone(),
            operator: self.operator.to_owned(),
        })
    }

    fn fitting(&self, name: &str) -> Option<&'static str> {
        let mut patterns = self.route.patterns.iter();
        match patterns.find(|(known, _)| **known == *name) {
            None => Some(ID),
            Some((_, pattern)) => VALUES.into_iter().find(|value| pattern.fits(value)),
        }
    }
}

/// As a key of a query.
fn encoded(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A file of them. JSON is YAML, and quotes what needs it.
pub(super) fn text(context: ApiContext, cases: &[Case]) -> String {
    let operator = cases.first().map_or("", |case| &case.operator);
    let mut text = head(context, operator);
    if cases.is_empty() {
        text.push_str("cases: []\n");
        return text;
    }
    text.push_str("cases:\n");
    for case in cases {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  - name: {}", json!(case.name));
        if let Some(who) = case.who {
            let _ = writeln!(text, "    as: {who}");
        }
        let _ = writeln!(text, "    request: {}", json!(case.request));
        if !case.headers.is_empty() {
            let headers = case.headers.iter().cloned();
            let headers: serde_json::Map<String, Value> =
                headers.map(|(name, value)| (name, json!(value))).collect();
            let _ = writeln!(text, "    headers: {}", Value::Object(headers));
        }
        let _ = writeln!(text, "    expect: {}", case.expect);
    }
    text
}

fn head(context: ApiContext, operator: &str) -> String {
    let label = context.label();
    let about = format!("# What the starter policies do with the operations of `{label}`.\n");
    if context == ApiContext::Portal {
        return format!(
            "{about}everyone: {{ token_use: access, client_id: portal-client, context: portal, scope: openid, sub: {operator} }}\n\
             people:\n  operator: {{ mfa: true }}\n  one-factor: {{ mfa: false }}\n"
        );
    }
    let mut text = format!(
        "{about}everyone: {{ token_use: access, client_id: {CLIENT}, accountId: {ACCOUNT}, workspaceId: {WORKSPACE}, \
         context: {label}, scope: {label}/read {label}/write }}\npeople:\n"
    );
    for role in ["viewer", "editor", "admin"] {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {role}: {{ userId: u-{role}, role: {role} }}");
    }
    text.push_str("  nobody: { userId: u-nobody }\n");
    text
}
