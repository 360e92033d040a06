//! Templates that serve, and what is said of those that do not.

use super::{BadTemplate, ErrorBody};
use crate::reason::Reason;
use http::HeaderValue;

#[test]
fn each_placeholder_is_filled_in_and_the_rest_stays_as_it_is() {
    let text = "{\n  \"b\": {\"code\": \"${code}\", \"n\": \"${status}\", \"ü\": [1, null]},\n  \"a\": \"E-${status} ${title} ${type} ${request_id}\"\n}\n";
    let body = template(text).unwrap();
    assert_eq!(
        body.render(Reason::PolicyDenied, "r-1"),
        "{\n  \"b\": {\"code\": \"policy_denied\", \"n\": 403, \"ü\": [1, null]},\n  \"a\": \"E-403 Forbidden urn:palisade:reason:policy_denied r-1\"\n}\n"
    );
}

#[test]
fn values_are_escaped() {
    let body = template(r#"{"id": "${request_id}"}"#).unwrap();
    let made = body.render(Reason::Internal, "a\"b\\c\n\u{1}");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["id"], "a\"b\\c\n\u{1}");
}

#[test]
fn quotes_and_backslashes_do_not_end_a_string_early() {
    let text = r#"{"a": "say \"${code}\"\\", "b": "$ {code} \u0024{code}"}"#;
    let made = template(text).unwrap().render(Reason::RateLimited, "r");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["a"], r#"say "rate_limited"\"#);
    assert_eq!(made["b"], "$ {code} ${code}");
}

#[test]
fn every_unknown_placeholder_is_named_at_its_place() {
    let text = r#"{"a": "${detail}", "b": "${request-id}", "c": "${code", "${code}": 1}"#;
    let faults = template(text).unwrap_err();
    let said: Vec<(&str, &str, &str)> = faults
        .iter()
        .map(|fault| {
            (
                text.get(fault.at.clone()).unwrap(),
                &*fault.message,
                &*fault.help,
            )
        })
        .collect();
    let all = "there are `${code}`, `${status}`, `${title}`, `${request_id}`, `${type}`";
    assert_eq!(
        said[..2],
        [
            ("${detail}", "`${detail}` is not a placeholder", all),
            (
                "${request-id}",
                "`${request-id}` is not a placeholder",
                "did you mean `${request_id}`?"
            ),
        ]
    );
    assert_eq!(said[2].0, "${code\"");
    assert_eq!(said[3].1, "`${code}` in the name of a member");
}

#[test]
fn what_is_not_json_is_refused_where_it_breaks() {
    let text = "{\n  \"status\": ${status}\n}";
    let fault = template(text).unwrap_err().remove(0);
    assert!(fault.message.starts_with("not JSON"), "{fault:?}");
    assert_eq!(text.get(fault.at), Some("$"));
    for text in ["", "{", "{\"a\": 1} x", "\"open"] {
        assert!(template(text).is_err(), "`{text}` passes");
    }
}

fn template(text: &str) -> Result<ErrorBody, Vec<BadTemplate>> {
    ErrorBody::parse(text, HeaderValue::from_static("application/json"))
}
