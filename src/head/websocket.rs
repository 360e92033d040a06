//! The opening handshake of a WebSocket (RFC 6455, section 4.2.1; RFC 8441), read once: what is decided
//! is a WebSocket exactly when what is forwarded asks for one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Version};
use hyper::ext::Protocol;

/// The only protocol that connections may become, on both versions of HTTP.
pub const WEBSOCKET: &str = "websocket";

/// The only version of it.
const VERSION: &[u8] = b"13";

/// Bytes of a client's key, decoded.
const KEY_BYTES: usize = 16;

/// A request to open a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What the server has to answer for. `None`: it came over HTTP/2, where nothing has to be proved.
    pub key: Option<HeaderValue>,
    /// Subprotocols on offer.
    pub protocols: Vec<String>,
    /// Names of the extensions on offer, without their parameters.
    pub extensions: Vec<String>,
}

/// Why a request that asks for a WebSocket cannot get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFault {
    /// It asks for something else at the same time, and a server could choose that.
    #[error("`upgrade` names another protocol beside `websocket`")]
    Several,
    /// Not GET.
    #[error("its method is not GET")]
    Method,
    /// Bytes after the head would be a body to one reader, and frames to another.
    #[error("it has a body")]
    Body,
    /// No key, two, or one that is not 16 bytes.
    #[error("`sec-websocket-key` is not one key of 16 bytes")]
    Key,
    /// Another version, none, or two.
    #[error("`sec-websocket-version` is not 13")]
    Version,
    /// A subprotocol or extension that is not a name.
    #[error("`{0}` is not a list of names")]
    Names(&'static str),
}

/// The handshake of a request that has an `Upgrade`. `None`: it asks for no WebSocket, and is served as
/// if it had none (RFC 9110, section 7.8).
pub(super) fn upgrade(parts: &Parts) -> Result<Option<Box<Opening>>, HandshakeFault> {
    let headers = &parts.headers;
    // HTTP/1.0 has no upgrades, and without the option in `Connection` the field is a stranger's.
    if parts.version != Version::HTTP_11
        || !lists(headers, &header::CONNECTION, "upgrade")
        || !lists(headers, &header::UPGRADE, WEBSOCKET)
    {
        return Ok(None);
    }
    if words(headers, &header::UPGRADE).count() > 1 {
        return Err(HandshakeFault::Several);
    }
    if parts.method != Method::GET {
        return Err(HandshakeFault::Method);
    }
    let key = single(headers, header::SEC_WEBSOCKET_KEY)
        .filter(|key| is_key(key))
        .ok_or(HandshakeFault::Key)?;
    Ok(Some(Box::new(opening(headers, Some(key.clone()))?)))
}

/// The handshake of a `CONNECT` (RFC 8441). `None`: it names no protocol that is served.
pub(super) fn extended(parts: &Parts) -> Result<Option<Box<Opening>>, HandshakeFault> {
    let protocol = parts.extensions.get::<Protocol>();
    if protocol.is_none_or(|protocol| protocol.as_str() != WEBSOCKET) {
        return Ok(None);
    }
    Ok(Some(Box::new(opening(&parts.headers, None)?)))
}

fn opening(headers: &HeaderMap, key: Option<HeaderValue>) -> Result<Opening, HandshakeFault> {
    let length = headers.get_all(header::CONTENT_LENGTH);
    if headers.contains_key(header::TRANSFER_ENCODING) || length.iter().any(|length| length != "0")
    {
        return Err(HandshakeFault::Body);
    }
    let version = single(headers, header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version.as_bytes() != VERSION) {
        return Err(HandshakeFault::Version);
    }
    Ok(Opening {
        key,
        protocols: names(headers, header::SEC_WEBSOCKET_PROTOCOL)
            .ok_or(HandshakeFault::Names("sec-websocket-protocol"))?,
        extensions: names(headers, header::SEC_WEBSOCKET_EXTENSIONS)
            .ok_or(HandshakeFault::Names("sec-websocket-extensions"))?,
    })
}

/// The names in a list of subprotocols or extensions, without the extensions' parameters. `None`: one of
/// them is no name.
pub fn names(headers: &HeaderMap, field: HeaderName) -> Option<Vec<String>> {
    let lines = headers.get_all(field);
    if lines.iter().any(|line| line.to_str().is_err()) {
        return None;
    }
    let mut names = Vec::new();
    for value in lines.iter().filter_map(|line| line.to_str().ok()) {
        // A quoted parameter could hide a comma; none of the registered extensions has one.
        for item in value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let name = item.split(';').next().unwrap_or_default().trim();
            // A header name is a token too.
            HeaderName::from_bytes(name.as_bytes()).ok()?;
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// Whether that is among the words of a field.
pub fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    words(headers, name).any(|one| one.eq_ignore_ascii_case(word))
}

fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut all = headers.get_all(name).into_iter();
    all.next().filter(|_| all.next().is_none())
}

fn is_key(key: &HeaderValue) -> bool {
    STANDARD
        .decode(key.as_bytes())
        .is_ok_and(|key| key.len() == KEY_BYTES)
}
