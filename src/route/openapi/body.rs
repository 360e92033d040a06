//! What an operation says of its requests' bodies.

use super::super::BodyRule;
use super::Reader;
use crate::document::child;
use crate::fault::Fault;
use serde_json::Value;

pub(super) const BODY_REFERENCES: &str = "x-palisade-body-references";

impl Reader<'_> {
    /// JSON among the media types of `requestBody` is read for references; what is not JSON has to
    /// say why nobody looks into it, where the table has references in bodies (RULES 13).
    pub(super) fn body(&mut self, operation: &Value, at: &str) -> BodyRule {
        if let Some(mark) = operation.get(BODY_REFERENCES) {
            let pointer = child(at, BODY_REFERENCES);
            if let Some(why) = unchecked(mark) {
                return BodyRule::Unchecked(why.into());
            }
            let message = "not `{unchecked: <reason>}`";
            let fault = self.error("openapi_body_references", &pointer, message);
            let help = "say in a sentence why bodies may pass unread, or remove it";
            self.faults.push(fault.help(help));
            return BodyRule::None;
        }
        let Some(body) = operation.get("requestBody") else {
            return BodyRule::None;
        };
        match self.media_types(body, &child(at, "requestBody")) {
            Ok(types) if types.iter().any(|kind| kind == "application/json") => BodyRule::Json,
            Ok(types) => {
                if self.references.reads_bodies() {
                    self.faults.push(self.unread(&types, at));
                }
                BodyRule::None
            }
            Err(fault) => {
                self.faults.push(*fault);
                BodyRule::None
            }
        }
    }

    /// Media types without their parameters, in lower case.
    fn media_types(&self, body: &Value, pointer: &str) -> Result<Vec<String>, Box<Fault>> {
        let (body, at) = self.resolve(body, pointer)?;
        let Some(Value::Object(content)) = body.get("content") else {
            let message = "a request body without `content`";
            return Err(self.error("openapi_request_body", &at, message).into());
        };
        let essence = |kind: &String| {
            let essence = kind.split(';').next().unwrap_or_default();
            essence.trim().to_ascii_lowercase()
        };
        Ok(content.keys().map(essence).collect())
    }

    fn unread(&self, types: &[String], at: &str) -> Fault {
        let types = types.join(", ");
        let message = format!("a body of `{types}`, in which references cannot be read");
        self.error("openapi_body_unread", &child(at, "requestBody"), message)
            .help(format!(
                "offer `application/json`, or say `{BODY_REFERENCES}: {{ unchecked: <why> }}`: the \
                 service then holds such bodies to the tenant itself"
            ))
    }
}

/// The reason, if it is one.
fn unchecked(mark: &Value) -> Option<&str> {
    let mark = mark.as_object().filter(|mark| mark.len() == 1)?;
    let why = mark.get("unchecked")?.as_str()?.trim();
    (8..=500).contains(&why.len()).then_some(why)
}
