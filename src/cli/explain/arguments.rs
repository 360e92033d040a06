//! Arguments become the request that is explained.

use super::{Args, Failure};
use crate::author::asked;
use crate::author::test::Answered;
use crate::clock::Timestamp;
use crate::explain::{Asked, Story};
use crate::gate::{self, Generation};
use crate::head::Peer;
use crate::tls;
use crate::x509::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{self, HeaderMap, HeaderValue};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

/// The request, or what is wrong with the arguments.
pub(super) fn read(
    args: &Args,
    generation: &Generation,
    bearer: Option<&str>,
    identity: gate::Identity,
    now: Timestamp,
) -> Result<Asked, Failure> {
    let mut parts = asked::request(&args.request)?;
    for line in &args.headers {
        let (name, value) = asked::field(line)?;
        parts.headers.append(name, value);
    }
    asked::name_host(&mut parts.headers, generation.head.hosts.first());
    if let Some(token) = bearer {
        let (name, value) = asked::bearer(token)?;
        parts.headers.append(name, value);
    }
    let body = args.body.as_deref().map(body).transpose()?;
    let certificate = args.client_certificate.as_deref();
    let certificate = certificate.map(owner).transpose()?.map(Arc::new);
    Ok(Asked {
        parts,
        body,
        peer: Peer {
            secure: certificate.is_some(),
            certificate,
            ..Peer::plain(IpAddr::V4(Ipv4Addr::LOCALHOST))
        },
        identity,
        now,
    })
}

/// The question as it is written into a case: without what is added to every request, and without the
/// token, of which the claims are enough.
pub(super) fn answered<'a>(
    args: &'a Args,
    (fields, token): (&HeaderMap, Option<&str>),
    at: Timestamp,
    story: &'a Story,
) -> Result<Answered<'a>, Failure> {
    let usage = |why: &str| Failure::Usage(why.to_owned());
    let claims = match (&args.claims, token) {
        (Some(claims), _) => Some(inline(claims)?),
        (None, Some(token)) => {
            let claims =
                payload(token).ok_or_else(|| usage("the token holds no claims to write"))?;
            Some(claims)
        }
        (None, None) => None,
    };
    let claims = claims
        .map(|claims| serde_json::from_str(&claims))
        .transpose();
    let claims = claims.map_err(|_| usage("the claims are no JSON object to write"))?;
    let body = args.body.as_deref().map(body).transpose()?;
    let body = body.map(String::from_utf8).transpose();
    let named = args.headers.iter().any(|line| {
        let name = line.split(':').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(header::HOST.as_str())
    });
    let written = fields
        .iter()
        .filter(|(name, _)| *name != header::AUTHORIZATION && (named || *name != header::HOST));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Answered {
        request: &args.request,
        headers: written
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: body.map_err(|_| usage("the body is not UTF-8, and cannot be written"))?,
        claims,
        at,
        story,
    })
}

/// The middle of a token.
fn payload(token: &str) -> Option<String> {
    let middle = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(middle).ok()?;
    String::from_utf8(bytes).ok()
}

/// Whose certificate a file holds.
fn owner(path: &Path) -> Result<Identity, Failure> {
    let bad = |why: &dyn Display| Failure::Usage(format!("`{}`: {why}", path.display()));
    let der = tls::first_certificate(&text(path)?).map_err(|error| bad(&error))?;
    Identity::read(&der).map_err(|error| bad(&error))
}

/// A JSON object as it stands, or the file that holds one.
pub(super) fn inline(argument: &str) -> Result<String, Failure> {
    if argument.trim_start().starts_with('{') {
        return Ok(argument.to_owned());
    }
    text(Path::new(argument))
}

/// The same of a body, which may be a list too.
fn body(argument: &str) -> Result<Vec<u8>, Failure> {
    if argument.trim_start().starts_with(['{', '[']) {
        return Ok(argument.as_bytes().to_owned());
    }
    bytes(Path::new(argument))
}

/// A file of the arguments.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?)
        .map_err(|_| Failure::Usage(format!("`{}` is not UTF-8", path.display())))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}
