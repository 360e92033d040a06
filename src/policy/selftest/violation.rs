//! For each shipped guard one question that is right in everything but what the guard holds.

use super::uid;
use cedar_policy::{Context, Entities, Request};
use serde_json::{Value, json};

/// A question that breaks one guard.
pub(super) struct Violation {
    /// The guard's id.
    pub(super) guard: &'static str,
    action: Action,
    principal: Value,
    resource: Value,
    context: Value,
}

#[derive(Clone, Copy)]
enum Action {
    AppRead,
    AppCreate,
    PortalRead,
}

const GUARDS: [&str; 9] = [
    "platform/guard/guard.tenant",
    "platform/guard/guard.workspace",
    "platform/guard/guard.member",
    "platform/guard/guard.grant",
    "platform/guard/guard.support",
    "platform/guard/guard.active",
    "platform/guard/guard.context",
    "platform/guard/guard.scope",
    "platform/guard/guard.actor",
];

/// Whether it is the id of a guard that is compiled in.
pub(super) fn is_shipped(id: &str) -> bool {
    GUARDS.contains(&id)
}

/// One for each shipped guard.
pub(super) fn all() -> Vec<Violation> {
    GUARDS.into_iter().map(of).collect()
}

fn of(guard: &'static str) -> Violation {
    let mut violation = Violation {
        guard,
        action: Action::AppRead,
        principal: user(),
        resource: resource("acme/home"),
        context: context(true),
    };
    let foreign = entity("Account", "globex");
    match guard {
        "platform/guard/guard.tenant" => set(&mut violation.principal, "/attrs/account", foreign),
        "platform/guard/guard.workspace" => violation.resource = resource("acme/other"),
        "platform/guard/guard.member" => {
            set(&mut violation.principal, "/attrs/workspaces", json!([]));
        }
        "platform/guard/guard.grant" => {
            violation.action = Action::PortalRead;
            violation.principal = principal();
            violation.context = context(false);
            // It ends with this very moment.
            set(
                &mut violation.context,
                "/grant/until",
                datetime("2026-01-01T00:00:00Z"),
            );
        }
        "platform/guard/guard.support" => {
            violation.action = Action::AppCreate;
            violation.principal = principal();
        }
        "platform/guard/guard.active" => {
            set(&mut violation.context, "/tenant/active", json!(false));
        }
        "platform/guard/guard.context" => {
            let dashboard = json!([entity("ApiContext", "dashboard")]);
            set(&mut violation.principal, "/attrs/contexts", dashboard);
        }
        "platform/guard/guard.scope" => {
            set(&mut violation.principal, "/attrs/scopes", json!([]));
        }
        _ => set(&mut violation.principal, "/attrs/bearer", json!(false)),
    }
    violation
}

impl Violation {
    /// The request and its store.
    pub(super) fn question(&self) -> Option<(Request, Entities)> {
        let (action, groups): (&str, &[&str]) = match self.action {
            Action::AppRead => ("app/selftest/read", &["app", "scoped", "read"]),
            Action::AppCreate => ("app/selftest/create", &["app", "scoped", "create", "write"]),
            Action::PortalRead => ("portal/selftest/read", &["portal", "read"]),
        };
        let parents: Vec<Value> = groups.iter().map(|group| name("Action", group)).collect();
        let store = json!([
            { "uid": name("Action", action), "attrs": {}, "parents": parents },
            self.principal,
            self.resource,
        ]);
        let id = |entity: &Value| {
            let kind = entity.pointer("/uid/type")?.as_str()?;
            uid(
                kind.strip_prefix("Tenancy::")?,
                entity.pointer("/uid/id")?.as_str()?,
            )
        };
        let request = Request::new(
            id(&self.principal)?,
            uid("Action", action)?,
            id(&self.resource)?,
            Context::from_json_value(self.context.clone(), None).ok()?,
            None,
        );
        let entities = Entities::from_json_value(store, None).ok()?;
        Some((request.ok()?, entities))
    }
}

fn set(value: &mut Value, pointer: &str, new: Value) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = new;
    }
}

fn name(kind: &str, id: &str) -> Value {
    json!({ "type": format!("Tenancy::{kind}"), "id": id })
}

fn entity(kind: &str, id: &str) -> Value {
    json!({ "__entity": name(kind, id) })
}

fn datetime(text: &str) -> Value {
    json!({ "__extn": { "fn": "datetime", "arg": text } })
}

fn user() -> Value {
    json!({
        "uid": name("User", "acme/u"),
        "attrs": {
            "account": entity("Account", "acme"),
            "workspaces": [entity("Workspace", "acme/home")],
            "contexts": [entity("ApiContext", "app")],
            "scopes": [entity("Scope", "app/read")],
            "scopeless": false,
            "bearer": true,
            "mfa": true,
        },
        "parents": [],
    })
}

fn principal() -> Value {
    json!({
        "uid": name("Principal", "issuer|p"),
        "attrs": { "bearer": true, "mfa": true },
        "parents": [],
    })
}

fn resource(workspace: &str) -> Value {
    json!({
        "uid": name("Resource", &format!("{workspace}/selftest/1")),
        "attrs": {
            "account": entity("Account", "acme"),
            "workspace": entity("Workspace", workspace),
            "kind": "selftest",
        },
        "parents": [name("Workspace", workspace), name("Account", "acme")],
    })
}

/// A context in which nothing is wrong.
pub(super) fn context(scoped: bool) -> Value {
    let mut context = json!({
        "http": { "method": "GET", "path": "/", "host": "selftest" },
        "now": datetime("2026-01-01T00:00:00Z"),
        "ip": { "__extn": { "fn": "ip", "arg": "192.0.2.1" } },
        "grant": {
            "all": true,
            "account": entity("Account", "acme"),
            "until": datetime("2026-01-02T00:00:00Z"),
        },
        "reason": "selftest",
    });
    let role = |of: &str, role: &str| entity("Role", &format!("{of}#{role}"));
    let further = json!({
        "account": entity("Account", "acme"),
        "workspace": entity("Workspace", "acme/home"),
        "role": {
            "viewer": role("acme/home", "viewer"),
            "editor": role("acme/home", "editor"),
            "admin": role("acme/home", "admin"),
        },
        "accountRole": {
            "member": role("acme", "member"),
            "admin": role("acme", "admin"),
            "owner": role("acme", "owner"),
        },
        "catalogs": [],
        "tenant": { "active": true, "plan": "standard", "kind": "custom", "features": [] },
    });
    if let (true, Some(all), Value::Object(further)) = (scoped, context.as_object_mut(), further) {
        all.extend(further);
    }
    context
}
