//! `annotate.assertion` and the upstreams' audiences: keys that are read and fit, and URIs.

use crate::config::file::{Assertion as Shape, Config};
use crate::config::findings::Findings;
use crate::config::units::{Duration, SecretRef};
use crate::document::child;
use crate::forward::{Assertion, BadKey, PublicKey, SigningKey};
use std::sync::Arc;

/// How assertions are made. `None`: they are off, or cannot be made.
pub(super) fn resolve(config: &Config, findings: &mut Findings<'_>) -> Option<Assertion> {
    let shape = config.annotate.assertion.as_ref();
    audiences(config, shape.is_some(), findings);
    let shape = shape?;
    ttl(shape.ttl, findings);
    absolute_uri(&shape.issuer, "/annotate/assertion/issuer", findings);
    let key = key(&shape.key, &at("key"), SigningKey::from_pem, findings);
    let also_published = published(shape, findings);
    Some(Assertion {
        issuer: shape.issuer.as_str().into(),
        ttl: shape.ttl.0,
        key: Arc::new(key?),
        also_published,
    })
}

/// An upstream without an audience gets no assertion, so one at least must have one; and an audience
/// means nothing where nothing is signed.
fn audiences(config: &Config, signs: bool, findings: &mut Findings<'_>) {
    let mut named = config
        .upstreams
        .iter()
        .filter(|(_, upstream)| upstream.audience.is_some());
    match (signs, named.next()) {
        (true, None) => {
            let message = "no upstream has an `audience`, so that nobody gets an assertion";
            let help = "say `audience: urn:api` at the upstreams that verify it";
            findings.error("/annotate/assertion", "assertion_audience", message, help);
        }
        (false, Some((name, _))) => {
            let pointer = child(&child("/upstreams", name), "audience");
            let message = "assertions are off, so that the audience is told to nobody";
            let help = "set `annotate.assertion.key`";
            findings.warn(&pointer, "assertion_audience", message, help);
        }
        _ => {}
    }
}

fn ttl(given: Duration, findings: &mut Findings<'_>) {
    let whole = given.0.subsec_nanos() == 0;
    if !whole || given < TTL_MIN || given > TTL_MAX {
        let message =
            format!("`{given}` is not a number of seconds between {TTL_MIN} and {TTL_MAX}");
        let help = "whoever gets hold of an assertion can use it for so long: write `30s`";
        findings.error(&at("ttl"), "config_value", message, help);
    }
}

fn published(shape: &Shape, findings: &mut Findings<'_>) -> Vec<PublicKey> {
    let each = shape.also_publish.iter().enumerate();
    each.filter_map(|(index, named)| {
        let pointer = at(&format!("also_publish/{index}"));
        key(named, &pointer, PublicKey::from_pem, findings)
    })
    .collect()
}

fn key<T>(
    named: &SecretRef,
    pointer: &str,
    read: impl FnOnce(&str) -> Result<T, BadKey>,
    findings: &mut Findings<'_>,
) -> Option<T> {
    let text = super::listen::secret(findings, pointer, named, KEY_BYTES_MAX)?;
    findings.keep(pointer, "assertion_key", read(&text), KEY_HELP)
}

/// A URI with its scheme and without a fragment (RFC 3986, section 4.3): what two parties can agree
/// on without knowing each other's relative names.
pub(super) fn absolute_uri(text: &str, pointer: &str, findings: &mut Findings<'_>) {
    if !is_absolute_uri(text) {
        let message = format!("`{text}` is not an absolute URI");
        let help = "write it like `urn:api` or `https://api.internal`";
        findings.error(pointer, "config_value", message, help);
    }
}

fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let plain = |c: char| c.is_ascii_graphic() && !"\"#<>\\^`{|}".contains(c);
    named && !rest.is_empty() && rest.chars().all(plain) && text.len() <= URI_BYTES_MAX
}

fn at(key: &str) -> String {
    format!("/annotate/assertion/{key}")
}

const KEY_HELP: &str = "make one with `openssl genpkey -algorithm ed25519`, or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`";
const KEY_BYTES_MAX: u64 = 16 * 1024;
const URI_BYTES_MAX: usize = 255;
const TTL_MIN: Duration = Duration::secs(5);
const TTL_MAX: Duration = Duration::secs(60);

#[cfg(test)]
mod tests {
    use super::is_absolute_uri;

    #[test]
    fn an_audience_has_a_scheme_and_no_fragment() {
        for uri in ["urn:api", "https://api.internal/v1?x=1", "a+b-c.d:e"] {
            assert!(is_absolute_uri(uri), "`{uri}`");
        }
        for other in [
            "",
            "api",
            ":a",
            "urn:",
            "1a:b",
            "urn:a b",
            "https://a#b",
            "urn:\u{e4}",
            "/a:b",
        ] {
            assert!(!is_absolute_uri(other), "`{other}`");
        }
    }
}
