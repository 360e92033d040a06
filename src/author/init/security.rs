//! What documents say of credentials, and of calls that are no requests, where the gate does otherwise.

use super::findings::{At, Findings};
use super::source::Source;
use serde_json::{Map, Value};

const CODE: &str = "openapi_security";

/// What holds for the whole document.
pub(super) fn of_document(source: &Source, findings: &mut Findings) {
    let at = |pointer: &str| At::new(source.file(), pointer);
    let schemes = source.get("/components/securitySchemes");
    let schemes = schemes.and_then(Value::as_object);
    match source.get("/security") {
        Some(security) if is_open(security) => findings.warn(
            &at("/security"),
            CODE,
            "the document lets everybody in; the gate asks for a token all the same",
            "routes without a token are declared in `palisade.yaml` alone: `public: true`",
        ),
        None if schemes.is_none() => findings.note(
            &at("/security"),
            CODE,
            "the document says nothing of security; the gate asks for a token everywhere",
            "routes without a token are declared in `palisade.yaml` alone: `public: true`",
        ),
        _ => {}
    }
    for (name, scheme) in schemes.into_iter().flatten() {
        if let Some((message, help)) = otherwise(scheme) {
            let at = at("/components/securitySchemes").child(name);
            findings.warn(&at, CODE, message, help);
        }
    }
    if let Some(Value::Object(hooks)) = source.get("/webhooks") {
        let message = format!("{} webhooks get no route", hooks.len());
        let help = "the service calls these; nobody calls them through the gate";
        findings.note(&at("/webhooks"), "openapi_webhook", &message, help);
    }
}

/// What holds for one operation.
pub(super) fn of_operation(operation: &Map<String, Value>, at: &At, findings: &mut Findings) {
    if operation.get("security").is_some_and(is_open) {
        findings.warn(
            &at.child("security"),
            CODE,
            "the document makes it public; the gate asks for a token all the same",
            "if it is meant, take it out of the file in `apis/` and declare it in `palisade.yaml` with \
             `match`, `action` and `public: true`",
        );
    }
    if operation.contains_key("callbacks") {
        let help = "the service calls them; nobody calls them through the gate";
        let message = "callbacks get no route";
        findings.note(&at.child("callbacks"), "openapi_webhook", message, help);
    }
}

/// No requirement at all, or one that asks for nothing.
fn is_open(security: &Value) -> bool {
    let Some(requirements) = security.as_array() else {
        return false;
    };
    let nothing = |one: &Value| one.as_object().is_some_and(Map::is_empty);
    requirements.is_empty() || requirements.iter().any(nothing)
}

/// How the gate differs from a scheme: it takes a signed token as a bearer, or in a cookie that is configured.
fn otherwise(scheme: &Value) -> Option<(&'static str, &'static str)> {
    let text = |key: &str| scheme.get(key).and_then(Value::as_str);
    let bearer = "send the token as `Authorization: Bearer`";
    match (text("type")?, text("in"), text("scheme")) {
        ("apiKey", Some("query"), _) => Some((
            "a credential in the query; the gate does not read it, and refuses tokens there",
            bearer,
        )),
        ("apiKey", Some("cookie"), _) => Some((
            "a credential in a cookie; the gate reads only those that are configured",
            "name the cookie of the token in `listen.token_cookies`",
        )),
        ("apiKey", Some("header"), _) => {
            let own = text("name").is_some_and(|name| name.eq_ignore_ascii_case("authorization"));
            (!own).then_some((
                "a credential in a header that the gate does not read",
                bearer,
            ))
        }
        ("http", _, Some(kind)) if !kind.eq_ignore_ascii_case("bearer") => {
            Some(("an HTTP authentication that the gate does not take", bearer))
        }
        ("mutualTLS", ..) => Some((
            "clients' certificates; the gate asks for a token as well",
            "`listen.tls.client_ca` verifies them, and policies see `context.certificate`",
        )),
        _ => None,
    }
}
