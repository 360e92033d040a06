//! The gate's part of the opening handshake: what it asks of the upstream, and what it takes for an
//! answer (RFC 6455, section 4.1). The upstream's word alone makes no WebSocket (RULES 20).

use crate::head::{Opening, WEBSOCKET, lists, names};
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

/// What RFC 6455 appends to a key before it is hashed.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");
const PROTOCOL: HeaderValue = HeaderValue::from_static(WEBSOCKET);
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// A handshake under way with an upstream.
pub(in crate::forward) struct Handshake<'a> {
    opening: &'a Opening,
    accept: String,
}

/// What the upstream made of it.
pub(in crate::forward) enum Answer {
    /// A WebSocket.
    Opened,
    /// A reply, and no WebSocket.
    Declined,
}

impl<'a> Handshake<'a> {
    /// Asks for what the client asked for, with its key, or one of the gate's own where HTTP/2 has none.
    /// `None`: the system has no random bytes.
    pub(in crate::forward) fn ask(opening: &'a Opening, headers: &mut HeaderMap) -> Option<Self> {
        let key = match &opening.key {
            Some(key) => key.clone(),
            None => fresh_key()?,
        };
        let accept = accept(key.as_bytes());
        headers.insert(header::SEC_WEBSOCKET_KEY, key);
        headers.insert(header::SEC_WEBSOCKET_VERSION, VERSION);
        headers.insert(header::CONNECTION, UPGRADE);
        headers.insert(header::UPGRADE, PROTOCOL);
        Some(Self { opening, accept })
    }

    /// Holds the answer against what was asked; `Err`: what is wrong with it. It must still have its
    /// fields for this hop.
    pub(in crate::forward) fn check<B>(&self, reply: &Response<B>) -> Result<Answer, &'static str> {
        if reply.status() != StatusCode::SWITCHING_PROTOCOLS {
            // To a client of HTTP/2 that would say that the WebSocket is open.
            let opens = self.opening.key.is_none() && reply.status().is_success();
            return if opens {
                Err("answered a WebSocket's handshake with another success than 101")
            } else {
                Ok(Answer::Declined)
            };
        }
        let headers = reply.headers();
        if single(headers, &header::UPGRADE).is_none_or(|to| !to.eq_ignore_ascii_case(WEBSOCKET))
            || !lists(headers, &header::CONNECTION, "upgrade")
        {
            return Err("switched to another protocol than a WebSocket");
        }
        if single(headers, &header::SEC_WEBSOCKET_ACCEPT) != Some(&self.accept) {
            return Err("opened a WebSocket with the wrong `sec-websocket-accept`");
        }
        if !self.offered(headers) {
            return Err("opened a WebSocket with a subprotocol or extension that was not offered");
        }
        Ok(Answer::Opened)
    }

    fn offered(&self, headers: &HeaderMap) -> bool {
        let among = |field, offered: &[String]| {
            let chosen = names(headers, field)?;
            chosen
                .iter()
                .all(|one| offered.contains(one))
                .then_some(chosen)
        };
        let protocols = among(header::SEC_WEBSOCKET_PROTOCOL, &self.opening.protocols);
        let extensions = among(header::SEC_WEBSOCKET_EXTENSIONS, &self.opening.extensions);
        protocols.is_some_and(|chosen| chosen.len() <= 1) && extensions.is_some()
    }

    /// Makes the answer what the client's version of HTTP has for it.
    pub(in crate::forward) fn tell<B>(&self, reply: &mut Response<B>) {
        let headers = reply.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::SEC_WEBSOCKET_ACCEPT);
        if self.opening.key.is_none() {
            *reply.status_mut() = StatusCode::OK;
            return;
        }
        headers.insert(header::CONNECTION, UPGRADE);
        headers.insert(header::UPGRADE, PROTOCOL);
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
    }
}

fn accept(key: &[u8]) -> String {
    // What the handshake has; nothing secret rests on it.
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
    STANDARD.encode(digest)
}

fn fresh_key() -> Option<HeaderValue> {
    let mut key = [0; 16];
    rand::fill(&mut key).ok()?;
    HeaderValue::from_str(&STANDARD.encode(key)).ok()
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).into_iter();
    let first = all.next().filter(|_| all.next().is_none())?;
    first.to_str().ok()
}

#[cfg(test)]
mod tests {
    //! The example of the RFC.

    use super::accept;

    #[test]
    fn the_key_of_the_rfc_is_accepted_as_the_rfc_says() {
        assert_eq!(
            accept(b"dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
