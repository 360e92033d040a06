//! Arguments become the request that is explained.

use super::{Args, Failure};
use crate::clock::Timestamp;
use crate::explain::Asked;
use crate::gate::{self, Generation};
use crate::head::Peer;
use crate::tls;
use crate::x509::Identity;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
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
    let mut parts = parts(&args.request)?;
    for line in &args.headers {
        let (name, value) = field(line)?;
        parts.headers.append(name, value);
    }
    if !parts.headers.contains_key(header::HOST) {
        let host = generation.head.hosts.first();
        let value = HeaderValue::from_str(host.unwrap_or("localhost"));
        parts
            .headers
            .extend(value.ok().map(|value| (header::HOST, value)));
    }
    if let Some(token) = bearer {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let value = value.map_err(|_| Failure::Usage("the token is not one line".to_owned()))?;
        parts.headers.append(header::AUTHORIZATION, value);
    }
    let body = args.body.as_deref().map(bytes).transpose()?;
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

/// Whose certificate a file holds.
fn owner(path: &Path) -> Result<Identity, Failure> {
    let bad = |why: &dyn Display| Failure::Usage(format!("`{}`: {why}", path.display()));
    let der = tls::first_certificate(&text(path)?).map_err(|error| bad(&error))?;
    Identity::read(&der).map_err(|error| bad(&error))
}

fn parts(request: &str) -> Result<Parts, Failure> {
    let (method, target) = match request.trim().split_once(' ') {
        Some((method, target)) => (method, target.trim()),
        None => ("GET", request.trim()),
    };
    let built = http::Request::builder().method(method).uri(target).body(());
    match built {
        Ok(request) if target.starts_with('/') => Ok(request.into_parts().0),
        _ => Err(Failure::Usage(format!(
            "`{request}` is not a request; write it like `GET /app/v1/missions?workspaceId=x`"
        ))),
    }
}

fn field(line: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let read = || {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        let value = HeaderValue::from_str(value.trim()).ok()?;
        Some((name, value))
    };
    read().ok_or_else(|| {
        Failure::Usage(format!(
            "`{line}` is not a header; write it like `x-workspace-id: acme-prod`"
        ))
    })
}

/// A JSON object as it stands, or the file that holds one.
pub(super) fn inline(argument: &str) -> Result<String, Failure> {
    if argument.trim_start().starts_with('{') {
        return Ok(argument.to_owned());
    }
    text(Path::new(argument))
}

/// A file of the arguments.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?)
        .map_err(|_| Failure::Usage(format!("`{}` is not UTF-8", path.display())))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}
