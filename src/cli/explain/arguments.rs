//! Arguments become the request that is explained.

use super::{Args, Failure};
use crate::author::ask::{self, Who, World};
use crate::author::asked;
use crate::author::test::{self, Answered, Setting};
use crate::clock::Timestamp;
use crate::document::json;
use crate::explain::Story;
use crate::gate::Generation;
use crate::head::Peer;
use crate::tls;
use crate::x509::{BadIdentity, Identity};
use http::header::{self, HeaderValue};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

/// The request and who sends it, or what is wrong with the arguments.
pub(super) fn world(
    args: &Args,
    generation: &Generation,
    setting: &Setting,
    now: Timestamp,
) -> Result<World, Failure> {
    let mut parts = asked::request(args.request.as_deref().unwrap_or_default())?;
    for line in &args.headers {
        let (name, value) = asked::field(line)?;
        asked::append(&mut parts.headers, name, value)?;
    }
    asked::name_host(&mut parts.headers, generation.head.hosts.first());
    let who = who(args, generation, setting, now)?;
    if let Some(token) = token(args)? {
        let (name, value) = asked::bearer(&token)?;
        parts.headers.append(name, value);
    }
    let certificate = args.client_certificate.as_deref();
    let certificate = certificate.map(owner).transpose()?.map(Arc::new);
    let peer = Peer {
        secure: certificate.is_some(),
        certificate,
        ..Peer::plain(IpAddr::V4(Ipv4Addr::LOCALHOST))
    };
    let mut world = World::new(generation.clone(), parts, peer, now);
    world.body = args.body.as_deref().map(body).transpose()?;
    world.who = who;
    Ok(world)
}

fn who(
    args: &Args,
    generation: &Generation,
    setting: &Setting,
    now: Timestamp,
) -> Result<Who, Failure> {
    if let Some(name) = &args.person {
        let fixtures = args.fixtures.as_deref();
        return Ok(Who::Claims(test::person(name, fixtures, setting, now)?));
    }
    if let Some(claims) = &args.claims {
        let claims = json::read_object(inline(claims)?.as_bytes());
        let wrong = |error| Failure::Usage(format!("the claims are no JSON object: {error}"));
        return Ok(Who::Claims(claims.map_err(wrong)?));
    }
    let Some(token) = token(args)? else {
        return Ok(Who::Nobody);
    };
    let found = if args.unverified {
        asked::look(&generation.rules.issuers, &token, now)
    } else {
        super::verified(generation, &token, now).map_err(Failure::Machine)?
    };
    Ok(Who::Token {
        found,
        claims: ask::payload(&token),
    })
}

/// The token that is sent.
fn token(args: &Args) -> Result<Option<String>, Failure> {
    let token = match (&args.token, &args.token_file) {
        (Some(token), _) => Some(token.clone()),
        (None, Some(file)) => Some(text(file)?),
        (None, None) => None,
    };
    Ok(token.map(|token| token.trim().to_owned()))
}

/// The question as it is written into a case: without what is added to every request, and without the
/// token, of which the claims are enough.
pub(super) fn answered<'a>(
    args: &'a Args,
    world: &'a World,
    story: &'a Story,
) -> Result<Answered<'a>, Failure> {
    let usage = |why: &str| Failure::Usage(why.to_owned());
    let claims = world.claims().cloned();
    if claims.is_none() && !matches!(world.who, Who::Nobody) {
        return Err(usage("the token holds no claims to write"));
    }
    let body = args.body.as_deref().map(body).transpose()?;
    let body = body.map(String::from_utf8).transpose();
    let named = args.headers.iter().any(|line| {
        let name = line.split(':').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(header::HOST.as_str())
    });
    // Files of cases are shared.
    let secrets = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::PROXY_AUTHORIZATION,
    ];
    let written = world.parts.headers.iter();
    let written =
        written.filter(|(name, _)| !secrets.contains(name) && (named || *name != header::HOST));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Answered {
        request: args.request.as_deref().unwrap_or_default(),
        headers: written
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: body.map_err(|_| usage("the body is not UTF-8, and cannot be written"))?,
        claims,
        at: world.now,
        certificate: world.peer.certificate.as_deref(),
        story,
    })
}

/// Whose certificate a file holds.
fn owner(argument: &str) -> Result<Identity, Failure> {
    if argument.starts_with("spiffe://") || argument.starts_with("dns:") {
        return named(argument);
    }
    let path = Path::new(argument);
    let bad = |why: &dyn Display| Failure::Usage(format!("`{}`: {why}", path.display()));
    let der = tls::first_certificate(&text(path)?).map_err(|error| bad(&error))?;
    Identity::read(&der).map_err(|error| bad(&error))
}

/// The names of a certificate, separated by commas.
fn named(argument: &str) -> Result<Identity, Failure> {
    let (mut spiffe, mut dns) = (Vec::new(), Vec::new());
    for name in argument.split(',') {
        match name.strip_prefix("dns:") {
            Some(host) => dns.push(host.to_owned()),
            None => spiffe.push(name.to_owned()),
        }
    }
    let bad = |why: &dyn Display| Failure::Usage(format!("`{argument}`: {why}"));
    if spiffe.len() > 1 {
        return Err(bad(&BadIdentity::Uris(spiffe.len())));
    }
    Identity::named(spiffe.pop(), dns, Timestamp::MAX).map_err(|error| bad(&error))
}

/// A JSON object as it stands, or the file that holds one.
fn inline(argument: &str) -> Result<String, Failure> {
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
fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?)
        .map_err(|_| Failure::Usage(format!("`{}` is not UTF-8", path.display())))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}
