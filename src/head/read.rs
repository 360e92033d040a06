//! Reading a head: every refusal stands here, in the order in which it is found.

use super::{
    CanonicalPath, Credential, Error, Head, HostList, Opening, Peer, Query, Settings, client, fold,
    folds_to, websocket,
};
use crate::clock::Timestamp;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};
use std::sync::Arc;

/// The user that a machine client acts for.
pub const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
/// The workspace that a Principal acts in.
pub const ACT_IN: HeaderName = HeaderName::from_static("x-palisade-act-in");
/// Why it does.
pub const REASON: HeaderName = HeaderName::from_static("x-palisade-reason");

/// The longest reason that may be stated, in bytes: a sentence and a number of a case.
const REASON_BYTES_MAX: usize = 256;

/// Headers that say where a message ends.
const FRAMING: [&str; 2] = ["transfer-encoding", "content-length"];

/// Headers by which some frameworks replace the method (RULES 15), folded.
const METHOD_OVERRIDES: [&str; 3] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Reads a request's head; `now` is the request's one moment.
pub fn read(
    parts: &Parts,
    peer: &Peer,
    settings: &Settings,
    now: Timestamp,
) -> Result<Head, Error> {
    check_target_size(&parts.uri, settings)?;
    let fields = Fields::read(&parts.headers, settings)?;
    let websocket = websocket(parts, fields.upgrades)?;
    if parts.method == Method::TRACE || (parts.method == Method::CONNECT && websocket.is_none()) {
        return Err(Error::Method(parts.method.clone()));
    }
    Ok(Head {
        authority: authority(parts, fields.host, &settings.hosts)?,
        path: CanonicalPath::read(parts.uri.path())?,
        query: Query::read(parts.uri.query())?,
        credential: credential(parts, fields.authorization, settings)?,
        client: client::address(peer.address, &parts.headers, settings)?,
        certificate: peer.certificate.clone().filter(|one| one.holds(now)),
        secure: peer.secure,
        on_behalf_of: fields
            .user
            .map(|user| text(&X_USER_ID, user).map(str::to_owned))
            .transpose()?,
        act_in: fields
            .act_in
            .map(|workspace| text(&ACT_IN, workspace).map(str::to_owned))
            .transpose()?,
        reason: fields.reason.map(reason).transpose()?.flatten(),
        // However it came: whoever may open a WebSocket there is whoever may GET it.
        method: websocket
            .as_ref()
            .map_or_else(|| parts.method.clone(), |_| Method::GET),
        websocket,
        now,
    })
}

/// The handshake, if it is one of a WebSocket's.
fn websocket(parts: &Parts, upgrades: bool) -> Result<Option<Box<Opening>>, Error> {
    if upgrades {
        return Ok(websocket::upgrade(parts)?);
    }
    if parts.method == Method::CONNECT {
        return Ok(websocket::extended(parts)?);
    }
    Ok(None)
}

fn check_target_size(uri: &Uri, settings: &Settings) -> Result<(), Error> {
    let bytes = uri
        .authority()
        .map_or(0, |authority| authority.as_str().len())
        + uri.path().len()
        + uri.query().map_or(0, |query| query.len() + 1);
    let max = settings.limits.target_bytes;
    if bytes > max {
        return Err(Error::TargetTooLong { bytes, max });
    }
    Ok(())
}

/// The headers that a head is read from.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a HeaderValue>,
    authorization: Option<&'a HeaderValue>,
    user: Option<&'a HeaderValue>,
    act_in: Option<&'a HeaderValue>,
    reason: Option<&'a HeaderValue>,
    upgrades: bool,
}

impl<'a> Fields<'a> {
    fn read(headers: &'a HeaderMap, settings: &Settings) -> Result<Self, Error> {
        let limits = &settings.limits;
        if headers.len() > limits.header_count {
            return Err(Error::HeadersTooMany {
                count: headers.len(),
                max: limits.header_count,
            });
        }
        let mut fields = Self::default();
        let mut bytes = 0;
        for (name, value) in headers {
            // `name: value` and the line's end.
            bytes += name.as_str().len() + value.len() + 4;
            fields.take(name, value)?;
        }
        if bytes > limits.header_bytes {
            return Err(Error::HeadersTooLarge {
                bytes,
                max: limits.header_bytes,
            });
        }
        for name in &settings.header_references {
            single(headers, name)?;
        }
        Ok(fields)
    }

    fn take(&mut self, name: &HeaderName, value: &'a HeaderValue) -> Result<(), Error> {
        let text = name.as_str();
        let slot = match text.len() {
            4 if *name == header::HOST => &mut self.host,
            7 if *name == header::UPGRADE => {
                self.upgrades = true;
                return Ok(());
            }
            13 if *name == header::AUTHORIZATION => &mut self.authorization,
            // By folded name: an upstream that folds would take `x_user_id` for it.
            9 if folds_to(text, X_USER_ID.as_str()) => &mut self.user,
            17 if folds_to(text, ACT_IN.as_str()) => &mut self.act_in,
            17 if folds_to(text, REASON.as_str()) => &mut self.reason,
            // Any other coding would be taken off here and never be told upstream (RFC 9112, section 6.1).
            17 if *name == header::TRANSFER_ENCODING => {
                return if value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                    Ok(())
                } else {
                    Err(Error::Framing(name.clone()))
                };
            }
            // `Transfer_Encoding` frames nothing here and may frame the message for whoever reads `_`
            // as `-`: one request here, two there.
            14 | 17
                if *name != header::TRANSFER_ENCODING
                    && *name != header::CONTENT_LENGTH
                    && FRAMING.iter().any(|known| folds_to(text, known)) =>
            {
                return Err(Error::Framing(name.clone()));
            }
            13 | 17 | 22 if METHOD_OVERRIDES.iter().any(|known| folds_to(text, known)) => {
                return Err(Error::Override(name.clone()));
            }
            _ => return Ok(()),
        };
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err(Error::HeaderRepeated(name.clone())),
        }
    }
}

/// The one header whose name folds to `name`'s; two are refused.
pub fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Error> {
    let folded = fold(name.as_str());
    let mut found = headers
        .iter()
        .filter(|(other, _)| folds_to(other.as_str(), &folded));
    let first = found.next().map(|(_, value)| value);
    match found.next() {
        None => Ok(first),
        Some(_) => Err(Error::HeaderRepeated(name.clone())),
    }
}

fn text<'a>(name: &HeaderName, value: &'a HeaderValue) -> Result<&'a str, Error> {
    value
        .to_str()
        .map_err(|_| Error::HeaderUnreadable(name.clone()))
}

/// A stated reason: printable text. One without a letter or digit states nothing.
fn reason(value: &HeaderValue) -> Result<Option<Arc<str>>, Error> {
    let text = std::str::from_utf8(value.as_bytes()).ok();
    let text = text.filter(|text| !text.chars().any(char::is_control));
    let text = text.ok_or(Error::HeaderUnreadable(REASON))?.trim();
    if text.len() > REASON_BYTES_MAX {
        return Err(Error::HeaderTooLong(REASON, REASON_BYTES_MAX));
    }
    let says = text.chars().any(char::is_alphanumeric);
    Ok(says.then(|| text.into()))
}

/// The `Host`, listed, and the same as the target's authority where that has one. HTTP/2 has
/// `:authority` in its place, and most clients send that alone.
fn authority(
    parts: &Parts,
    host: Option<&HeaderValue>,
    hosts: &HostList,
) -> Result<Arc<str>, Error> {
    let uri = &parts.uri;
    let named = uri.authority().map(http::uri::Authority::as_str);
    let host = match host {
        Some(host) => host.to_str().map_err(|_| Error::HostMalformed)?,
        None if parts.version == Version::HTTP_2 => named.ok_or(Error::HostMissing)?,
        None => return Err(Error::HostMissing),
    };
    let found = hosts.find(host).map_err(|unlisted| {
        if unlisted {
            Error::HostUnlisted(host.to_owned())
        } else {
            Error::HostMalformed
        }
    })?;
    match (uri.scheme_str(), named) {
        (None, None) => Ok(found),
        (Some("http" | "https"), Some(named)) => {
            if named.eq_ignore_ascii_case(&found) {
                Ok(found)
            } else {
                Err(Error::HostContradicted)
            }
        }
        _ => Err(Error::Target),
    }
}

/// The one credential of a request.
fn credential(
    parts: &Parts,
    authorization: Option<&HeaderValue>,
    settings: &Settings,
) -> Result<Credential, Error> {
    let cookies = &settings.token_cookies;
    match (cookies.find(parts)?, authorization) {
        (None, None) => Ok(Credential::None),
        (None, Some(value)) => Ok(authorized(value)),
        (Some(_), Some(_)) => Err(Error::TwoCredentials),
        (Some(found), None) => {
            let token = cookies.token(&found, &parts.headers)?;
            Ok(token.map_or(Credential::Malformed, Credential::Cookie))
        }
    }
}

/// What an `Authorization` presents.
fn authorized(value: &HeaderValue) -> Credential {
    let bytes = value.as_bytes();
    let Some(end) = bytes.iter().position(|b| *b == b' ') else {
        return Credential::Malformed;
    };
    let (scheme, token) = bytes.split_at(end);
    // RFC 9110, section 11.4: one or more spaces.
    let blanks = token.iter().take_while(|b| **b == b' ').count();
    let (_, token) = token.split_at(blanks);
    if scheme.eq_ignore_ascii_case(b"bearer") {
        let token = std::str::from_utf8(token).ok();
        let token = token.filter(|token| is_token68(token));
        return token.map_or(Credential::Malformed, |token| {
            Credential::Bearer(token.into())
        });
    }
    let is_scheme = !scheme.is_empty()
        && scheme
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_');
    if is_scheme && !token.is_empty() {
        Credential::None
    } else {
        Credential::Malformed
    }
}

/// RFC 9110, section 11.2.
pub(super) fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=').as_bytes();
    // Tokens are long: without an early end the compiler looks at many bytes at once.
    let fits = |b: u8| {
        (b | 0x20).wrapping_sub(b'a') < 26
            || (b'-'..=b'9').contains(&b)
            || b == b'_'
            || b == b'~'
            || b == b'+'
    };
    !body.is_empty() && body.iter().fold(true, |all, b| all & fits(*b))
}
