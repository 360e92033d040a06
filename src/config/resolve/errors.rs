//! `errors` of a route entry: a template that can be filled in.

use super::Texts;
use crate::config::file::Errors;
use crate::config::findings::Findings;
use crate::fault::{Fault, Place, Span};
use crate::route::{BadTemplate, ErrorBody, TEMPLATE_BYTES_MAX};
use http::HeaderValue;
use std::sync::Arc;

/// The form of a set's refusals; the template's text goes to `texts`.
pub(super) fn resolve(
    shape: &Errors,
    at: &str,
    texts: &mut Texts,
    findings: &mut Findings<'_>,
) -> Option<ErrorBody> {
    let kind = content_type(&shape.content_type);
    if kind.is_none() {
        let message = format!("`{}` is not a JSON media type", shape.content_type);
        let help = "write it like `application/json` or `application/problem+json`";
        findings.error(&format!("{at}/content_type"), "config_value", message, help);
    }
    let path = findings.path(&shape.template);
    let text = match findings.read(&shape.template, TEMPLATE_BYTES_MAX) {
        Ok(text) => text,
        Err(fault) => {
            super::blame(findings, &format!("{at}/template"), *fault);
            return None;
        }
    };
    texts.push((format!("errors/{}", shape.template), Arc::clone(&text)));
    // A template is read even where its media type is wrong: all faults at once.
    let read_as = kind
        .clone()
        .unwrap_or(HeaderValue::from_static("application/json"));
    match ErrorBody::parse(&text, read_as) {
        Ok(body) => kind.map(|_| body),
        Err(faults) => {
            let file = path.display().to_string();
            findings.extend(faults.into_iter().map(|bad| fault(&file, &text, bad)));
            None
        }
    }
}

fn fault(file: &str, text: &Arc<str>, bad: BadTemplate) -> Fault {
    let place = Place {
        file: file.to_owned(),
        span: Some(Span {
            start: bad.at.start,
            len: bad.at.len(),
        }),
        text: Some(Arc::clone(text)),
        ..Place::default()
    };
    Fault::error("error_template", place, bad.message).help(bad.help)
}

/// `application/json`, `application/problem+json`, with parameters.
fn content_type(text: &str) -> Option<HeaderValue> {
    let kind = text.split(';').next().unwrap_or_default().trim();
    let (_, subtype) = kind.split_once('/')?;
    let json =
        subtype.eq_ignore_ascii_case("json") || subtype.to_ascii_lowercase().ends_with("+json");
    HeaderValue::from_str(text).ok().filter(|_| json)
}
