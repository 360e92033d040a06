//! A question as a JSON object, for whoever asks a gate that serves.

use super::{Cannot, Change, Who, World};
use crate::author::asked;
use crate::clock::Timestamp;
use crate::document::json;
use crate::gate::Generation;
use crate::head::Peer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{self, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// What can be asked; `deny_unknown_fields` names what cannot.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Method and target; without a method, GET.
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    /// A text as it stands, anything else as JSON.
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    claims: Option<Map<String, Value>>,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    client_ip: Option<IpAddr>,
    #[serde(default)]
    what_if: Vec<String>,
}

/// A field that stands once, or several times.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// Keys of what is supposed are short; what is longer is something else, and not told again.
const KEY_BYTES_MAX: usize = 128;

/// Reads a question: the world in which it is asked, and what is supposed to be otherwise. A token is held
/// against the keys that the gate has; it is neither remembered nor told again.
pub fn read(
    bytes: &[u8],
    generation: &Generation,
    now: Timestamp,
) -> Result<(World, Vec<Change>), Cannot> {
    let object = json::read_object(bytes);
    let object =
        object.map_err(|error| Cannot::new(format!("the question is no JSON object: {error}")))?;
    let written: Written = serde_json::from_value(Value::Object(object)).map_err(|error| {
        let why = unquoted(&error.to_string());
        Cannot::new(format!("the question cannot be read: {why}"))
    })?;
    let now = match written.at.as_deref() {
        None => now,
        Some(text) => Timestamp::parse_rfc3339(text).ok_or_else(|| {
            Cannot::new("`at` is no moment; write it like `2026-12-31T12:00:00Z`")
        })?,
    };
    let changes = written.what_if.iter().enumerate().map(|(at, text)| {
        let wrong = || {
            Cannot::new(format!(
                "`what_if[{at}]` is not KEY=VALUE, as in `role=editor`"
            ))
        };
        let (key, _) = text.split_once('=').ok_or_else(wrong)?;
        if key.len() > KEY_BYTES_MAX {
            return Err(wrong());
        }
        Change::parse(text)
    });
    let changes = changes.collect::<Result<Vec<Change>, Cannot>>()?;
    let address = written.client_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let peer = Peer::plain(address.to_canonical());
    let parts = written.parts(generation)?;
    let mut world = World::new(generation.clone(), parts, peer, now);
    world.body = written.body.as_ref().map(|body| match body {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    });
    world.who = written.who(generation, now)?;
    Ok((world, changes))
}

impl Written {
    fn parts(&self, generation: &Generation) -> Result<http::request::Parts, Cannot> {
        // Nothing of a question is told again: a token may stand in the wrong place.
        let wrong = |_| {
            Cannot::new("`request` is none; write it like `GET /app/v1/missions?workspaceId=x`")
        };
        let mut parts = asked::request(&self.request).map_err(wrong)?;
        for (name, values) in &self.headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            for value in values {
                let field = asked::named_field(name, value);
                let wrong = |_| Cannot::new(format!("`{name}` is no header that can be sent"));
                let (name, value) = field.map_err(wrong)?;
                if name == header::AUTHORIZATION {
                    return Err(Cannot::new("a token is given as `token`, not as a header"));
                }
                asked::append(&mut parts.headers, name, value)?;
            }
        }
        asked::name_host(&mut parts.headers, generation.head.hosts.first());
        if self.body.as_ref().is_some_and(|body| !body.is_string()) {
            let json = HeaderValue::from_static("application/json");
            parts.headers.entry(header::CONTENT_TYPE).or_insert(json);
        }
        if let Some(token) = &self.token {
            let (name, value) = asked::bearer(token.trim())?;
            parts.headers.append(name, value);
        }
        Ok(parts)
    }

    fn who(&self, generation: &Generation, now: Timestamp) -> Result<Who, Cannot> {
        match (&self.token, &self.claims) {
            (Some(_), Some(_)) => Err(Cannot::new("give a `token` or `claims`, not both")),
            (None, None) => Ok(Who::Nobody),
            (None, Some(claims)) => Ok(Who::Claims(claims.clone())),
            (Some(token), None) => Ok(Who::Token {
                found: generation.rules.issuers.inspect(token.trim(), now),
                claims: payload(token.trim()),
            }),
        }
    }
}

/// Without what stands in quotes: it may be a token that somebody wrote in the wrong place.
fn unquoted(text: &str) -> String {
    match (text.split_once('"'), text.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}..{after}"),
        _ => text.to_owned(),
    }
}

/// What a token says of itself.
pub fn payload(token: &str) -> Option<Map<String, Value>> {
    let middle = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(middle).ok()?;
    json::read_object(&bytes).ok()
}
